"""What is a circuit without hierarchy?

One idea: numbered nodes (0 is ground) and, per element kind, one integer array of nodes and one float array of values;
names are made on demand, as ngspice writes them (node ``x1.n3``, element ``e.x1.x2.e1``). Plain data: `parse` makes it,
`graph`, `rules` and the nodal judge read it. The deck's text is its stored form, so it does not save itself.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.body import Array, Body, IntArray
from aimc_spice.netlist.names import FlatNames
from aimc_spice.netlist.waves import Wave

_REFERENCE = re.compile(r"\b([vi])\s*\(([^()]*)\)")


@dataclass(frozen=True)
class Table:
    """All elements of one linear kind.

    Parameters
    ----------
    kind : str
        "r", "c", "l", "v", "i", "e" or "g".
    names : FlatNames
        Element names, made on demand.
    nodes : ndarray of int, shape (n, 2) or (n, 4)
        Terminals as written: plus, minus, and for E and G the controlling plus and minus.
    values : ndarray, shape (n,)
        Ω, F, H, V, A, V/V or S.
    """

    kind: str
    names: FlatNames
    nodes: IntArray
    values: Array

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Formulas:
    """All behavioural elements: B sources, and E, G, R, C, L whose value is a formula of voltages.

    Parameters
    ----------
    names : FlatNames
        Element names.
    nodes : ndarray of int, shape (n, 2)
        Terminals.
    quantities : ndarray of str, shape (n,)
        What the formula gives: "v", "i", "r", "c" or "l".
    controls : ndarray of int, shape (m, 2)
        Rows (element, node that its formula reads), sorted by element.
    """

    names: FlatNames
    nodes: IntArray
    quantities: NDArray[np.str_]
    controls: IntArray
    _starts: Sequence[int] = field(repr=False)
    _texts: Sequence[Callable[[int], tuple[str, str, list[str]]]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.nodes)

    def reads(self, index: int) -> IntArray:
        """Return the nodes that a formula reads."""
        first, last = np.searchsorted(self.controls[:, 0], [index, index + 1])
        return self.controls[first:last, 1]

    def text(self, index: int, node_names: FlatNames) -> str:
        """Return a formula with flat names and with the values of its parameters."""
        block = bisect_right(self._starts, index) - 1
        text, path, local = self._texts[block](index - self._starts[block])
        flat = {name: node_names[node] for name, node in zip(local, self.reads(index).tolist(), strict=True)}
        return _REFERENCE.sub(lambda match: _flat_reference(match, path, flat), text)


def _flat_reference(match: re.Match[str], path: str, flat: Mapping[str, str]) -> str:
    words = [word.strip() for word in match.group(2).split(",")]
    if match.group(1) == "v":
        return f"v({','.join(flat.get(word, word) for word in words)})"
    return f"i({words[0][0]}.{path}.{words[0]})" if path else f"i({words[0]})"


@dataclass(frozen=True)
class DeviceTable:
    """Devices of one kind and terminal count that only ngspice understands.

    Parameters
    ----------
    kind : str
        First letter: "d", "m", "q", "j", "s", "w", "a", "t", "f", "h", "k", …
    names : FlatNames
        Element names.
    nodes : ndarray of int, shape (n, n_terminals)
        Terminals in the order of the line.
    models : ndarray of str, shape (n,)
        Model names; "" for kinds without one.
    """

    kind: str
    names: FlatNames
    nodes: IntArray
    models: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.nodes)


@dataclass(frozen=True)
class FlatCircuit:
    """A circuit without hierarchy.

    Parameters
    ----------
    title : str
        Title line, lower case.
    node_names : FlatNames
        Names of the nodes; number 0 is ground.
    tables : dict of str to Table
        One per linear kind, all seven present.
    waves : dict of str to dict of int to Wave
        For "v" and "i": row in the table and the source function there.
    formulas : Formulas
        Behavioural elements.
    devices : tuple of DeviceTable
        Everything else.
    cards : tuple of str
        Analysis, option and output cards, as text.
    problems : tuple of str
        Wrong references, left out of the circuit: undefined subcircuits and models, wrong port counts.
    source : Body
        The hierarchy it was made from.
    """

    title: str
    node_names: FlatNames
    tables: Mapping[str, Table]
    waves: Mapping[str, Mapping[int, Wave]]
    formulas: Formulas
    devices: tuple[DeviceTable, ...]
    cards: tuple[str, ...]
    problems: tuple[str, ...]
    source: Body = field(repr=False)

    @property
    def n_nodes(self) -> int:
        """Nodes, ground included."""
        return len(self.node_names)

    @property
    def n_elements(self) -> int:
        """Elements of all kinds."""
        return sum(map(len, self.tables.values())) + len(self.formulas) + sum(map(len, self.devices))

    def node(self, name: str) -> int:
        """Return the number of a node by its flat name; raises `NetlistError` where there is none."""
        lower = name.lower()
        found = 0 if lower == "gnd" else self.node_names.find(lower)
        if found < 0:
            some = ", ".join(self.node_names[:8])
            raise NetlistError(f"the circuit has no node {name}", hint=f"it has {self.n_nodes} nodes: {some}, …")
        return found

    def find(self, name: str) -> tuple[str, int] | None:
        """Return table ("r" … "g", or "b" for a formula) and row of an element by its flat name; None where missing."""
        lower = name.lower()
        table = self.tables.get(lower[:1])
        row = table.names.find(lower) if table else -1
        if row >= 0:
            return lower[0], row
        row = self.formulas.names.find(lower)
        return ("b", row) if row >= 0 else None
