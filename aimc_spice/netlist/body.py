"""What does one subcircuit body hold once its text is read?

One idea: columns, not objects. Every node name becomes a number local to the body (0 ground, then the ports, then the
rest), every element kind one integer array of nodes and one float array of values; values that depend on parameters
are kept aside as compiled expressions. A `Body` is filled line by line, then frozen by `close`; `flatten` copies its
arrays once per instance. It does not read lines (see `elements`).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.expression import Expression
from aimc_spice.netlist.names import Names

Array = NDArray[np.float64]
IntArray = NDArray[np.int32]
Scalar = float | Expression
LINEAR = {"r": 2, "c": 2, "l": 2, "v": 2, "i": 2, "e": 4, "g": 4}  # kind, nodes per element
GROUND = ("0", "gnd")


@dataclass(frozen=True)
class LocalWave:
    """A source function whose arguments may still be expressions."""

    function: str
    arguments: Array | tuple[Scalar, ...]
    tail: str
    has_dc: bool


@dataclass(frozen=True)
class Behaviour:
    """A behavioural element: ``b1 a b v=text``; quantity "v", "i", or "r", "c", "l" for a value that is a formula."""

    name: str
    nodes: tuple[int, int]
    quantity: str
    text: str
    controls: Mapping[str, int]  # nodes read by v(…): name as written, local node


class Numbers:
    """A growing column of values; NaN where one waits for parameters."""

    def __init__(self) -> None:
        self.count = 0
        self.deferred: dict[int, Expression] = {}
        self._values = array("d")

    def append(self, value: Scalar) -> None:
        """Append one value."""
        if isinstance(value, Expression):
            self.deferred[self.count] = value
            value = np.nan
        self._values.append(value)
        self.count += 1

    @property
    def values(self) -> Array:
        """Values, shape (n,); NaN where deferred. Ask when nothing more will be appended."""
        return np.frombuffer(self._values, dtype=np.float64)


class Columns(Numbers):
    """Elements of one kind: names, nodes (n, width), values (n,)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width, self.names = width, Names(b"\n", 0)
        self._names: list[str] = []
        self._nodes = array("i")

    def add(self, name: str, nodes: list[int], value: Scalar = np.nan) -> None:
        """Append one element."""
        self._names.append(name)
        self._nodes.extend(nodes)
        self.append(value)

    def extend(self, names: list[str], nodes: IntArray, values: Array) -> None:
        """Append many elements; `nodes` (n, width), `values` (n,)."""
        self._names.append("\n".join(names))
        self._nodes.frombytes(nodes.tobytes())
        self._values.frombytes(values.tobytes())
        self.count += len(names)

    def close(self) -> None:
        """Pack the names."""
        self.names, self._names = Names.joined(self._names), []

    @property
    def nodes(self) -> IntArray:
        """Local nodes, shape (n, width)."""
        return np.frombuffer(self._nodes, dtype=np.int32).reshape(self.count, self.width)


class Calls:
    """Instance lines that name one subcircuit with the same parameter names."""

    def __init__(self, callee: str, n_nodes: int, keys: tuple[str, ...]) -> None:
        self.callee, self.keys = callee, keys
        self.lines = Columns(n_nodes)
        self.params = {key: Numbers() for key in keys}

    def add(self, name: str, nodes: list[int], values: list[Scalar]) -> None:
        """Append one instance line."""
        self.lines.add(name, nodes)
        for key, value in zip(self.keys, values, strict=True):
            self.params[key].append(value)


class Devices:
    """Elements with a model, or of a kind that only ngspice understands: kept for checks and for people."""

    def __init__(self, kind: str, n_nodes: int) -> None:
        self.kind = kind
        self.lines = Columns(n_nodes)
        self.models: list[str] = []

    def add(self, name: str, nodes: list[int], model: str) -> None:
        """Append one device; `model` is "" for kinds without one."""
        self.lines.add(name, nodes)
        self.models.append(model)


@dataclass
class Body:
    """The elements between ``.subckt`` and ``.ends``, or the top level (name "").

    Parameters
    ----------
    name : str
        Name of the subcircuit.
    ports : tuple of str
        Its ports; local nodes 1, 2, …
    defaults : dict of str to value
        Parameters an instance may set.
    parent : Body, optional
        The body it is defined in: where names of subcircuits and models are looked up next.
    params, models, subckts : dict
        Local ``.param`` values, ``.model`` cards and subcircuits.
    title, cards, global_nodes
        Of the top level: title line, analysis and output cards, names after ``.global``.
    """

    name: str = ""
    ports: tuple[str, ...] = ()
    defaults: dict[str, Scalar] = field(default_factory=dict)
    parent: Body | None = None
    params: dict[str, Scalar] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    subckts: dict[str, Body] = field(default_factory=dict)
    title: str = ""
    cards: tuple[str, ...] = ()
    global_nodes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.ports)) < len(self.ports) or set(self.ports) & set(GROUND):
            raise NetlistError(f"subcircuit {self.name}: a port is named twice, or is ground: {' '.join(self.ports)}")
        self.ids: dict[str, int] = defaultdict(self._next_id)
        self.ids.update(dict.fromkeys(GROUND, 0))
        self.ids.update({port: i for i, port in enumerate(self.ports, 1)})
        self.columns = {kind: Columns(width) for kind, width in LINEAR.items()}
        self.waves: dict[str, dict[int, LocalWave]] = {"v": {}, "i": {}}
        self.behaviours: list[Behaviour] = []
        self.calls: dict[tuple[str, int, tuple[str, ...]], Calls] = {}
        self.devices: dict[tuple[str, int], Devices] = {}
        self.simple: dict[str, list[str]] = {kind: [] for kind in "rclvi"}  # words of 4-word lines, not yet read
        self.inner_names = Names(b"\n", 0)

    def _next_id(self) -> int:
        return len(self.ids) - len(GROUND) + 1

    @property
    def n_nodes(self) -> int:
        """Local nodes, ground and ports included."""
        return 1 + len(self.ports) + len(self.inner_names)

    def node(self, name: str) -> int:
        """Return the local number of a node, a new one where the name is new."""
        return self.ids[name]

    def nodes(self, names: list[str]) -> list[int]:
        """Return the local numbers of nodes."""
        return [self.ids[name] for name in names]

    def call(self, callee: str, n_nodes: int, keys: tuple[str, ...]) -> Calls:
        """Return the group of like instance lines."""
        key = (callee, n_nodes, keys)
        if key not in self.calls:
            self.calls[key] = Calls(*key)
        return self.calls[key]

    def device(self, kind: str, n_nodes: int) -> Devices:
        """Return the group of like devices."""
        if (kind, n_nodes) not in self.devices:
            self.devices[kind, n_nodes] = Devices(kind, n_nodes)
        return self.devices[kind, n_nodes]

    def close(self) -> None:
        """Freeze: pack names and forget the dictionary of nodes."""
        inner = [name for name, i in self.ids.items() if i > len(self.ports)]
        self.inner_names, self.ids = Names.pack(inner), {}
        for columns in self._all_columns():
            columns.close()

    def scopes(self) -> Iterator[tuple[str, Body]]:
        """Yield this body and all defined in it, each with its name."""
        yield self.name, self
        for body in self.subckts.values():
            yield from body.scopes()

    def element_names(self) -> Iterator[Names]:
        """Yield the names of all elements and instance lines here, kind by kind; kinds differ in the first letter."""
        yield from (columns.names for columns in self._all_columns())
        yield Names.pack([behaviour.name for behaviour in self.behaviours])

    def find_subckt(self, name: str) -> Body | None:
        """Look a subcircuit up here, then outwards."""
        found = self.subckts.get(name)
        return found or (self.parent.find_subckt(name) if self.parent else None)

    def find_model(self, name: str) -> bool:
        """Tell whether a model is defined here or further out."""
        return name in self.models or (self.parent.find_model(name) if self.parent else False)

    def known_subckts(self) -> Mapping[str, Body]:
        """Return all that instance lines here may name."""
        return {**(self.parent.known_subckts() if self.parent else {}), **self.subckts}

    def _all_columns(self) -> Iterator[Columns]:
        yield from self.columns.values()
        yield from (group.lines for group in self.calls.values())
        yield from (group.lines for group in self.devices.values())
