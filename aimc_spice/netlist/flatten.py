"""How does a hierarchy of bodies become one flat circuit?

One idea: all instances that one group of like lines creates are made together. Their node numbers are one matrix
(instance, local node); element terminals are that matrix indexed by the body's own arrays; parameters are arrays over
the instances. So a million cells from one subcircuit cost a handful of NumPy calls. Parameters are looked up as in
ngspice: the instance's own, then those of the instance around it, then the top level.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.body import LINEAR, Array, Body, Calls, Columns, Devices, IntArray, LocalWave, Numbers, Scalar
from aimc_spice.netlist.expression import Expression, Value, compile_expression
from aimc_spice.netlist.flat import DeviceTable, FlatCircuit, Formulas, Table
from aimc_spice.netlist.names import FlatNames, Names, Place
from aimc_spice.netlist.waves import Wave

_BRACES = re.compile(r"\{([^{}]*)\}")


class Scope:
    """Values of the parameters of some instances of one body.

    Parameters
    ----------
    body : Body
        Whose parameters.
    given : dict of str to ndarray (n_instances,)
        What the instance lines set.
    outer : Scope, optional
        Parameters of the instances around; each holds `n_lines` of these instances.
    """

    def __init__(self, body: Body, given: dict[str, Array], outer: Scope | None = None, n_lines: int = 1) -> None:
        self._body, self._known, self._outer, self._n_lines = body, dict[str, Value](given), outer, n_lines
        self._open: set[str] = set()

    def look(self, name: str) -> Value:
        """Return the value of a parameter, a float or an array over the instances."""
        if name not in self._known:
            self._known[name] = self._work_out(name)
        return self._known[name]

    def value(self, scalar: Scalar) -> Value:
        """Return the value of a number or an expression."""
        return scalar.evaluate(self.look) if isinstance(scalar, Expression) else np.float64(scalar)

    def _work_out(self, name: str) -> Value:
        own = {**self._body.defaults, **self._body.params}
        if name in own:
            if name in self._open:
                raise NetlistError(f"parameter {name} is defined by itself")
            self._open.add(name)
            return self.value(own[name])
        if self._outer is None:
            known = ", ".join(sorted(own)) or "none"
            raise NetlistError(f"parameter {name} is not defined", hint=f"top-level parameters: {known}")
        outer = self._outer.look(name)
        return np.repeat(outer, self._n_lines) if np.ndim(outer) else outer


@dataclass(frozen=True)
class _Group:
    """Instances of one body that are made together: node numbers (n, n_local), parameters, where they are."""

    body: Body
    place: Place
    nodes: IntArray
    scope: Scope

    @property
    def n(self) -> int:
        return len(self.nodes)


def flatten(root: Body) -> FlatCircuit:
    """Expand all instances below `root`.

    Raises
    ------
    NetlistError
        An expression that cannot be evaluated. Wrong references are listed in ``problems`` instead.
    """
    return _Flattener(root).circuit()


class _Flattener:
    def __init__(self, root: Body) -> None:
        self.root, self.n_nodes, self.problems = root, 1, dict[str, None]()
        self.groups: list[_Group] = []
        self.node_blocks = [(Place(), 1, Names.pack(["0"]))]
        self._visit(root, Place(), np.empty((1, 0), dtype=np.int32), Scope(root, {}), ())

    def _visit(self, body: Body, place: Place, ports: IntArray, scope: Scope, around: tuple[Body, ...]) -> None:
        nodes = self._number(body, place, ports)
        group = _Group(body, place, nodes, scope)
        self.groups.append(group)
        for devices in body.devices.values():
            self._check_models(body, devices)
        for calls in body.calls.values():
            callee = self._callee(body, calls, (*around, body))
            if callee:
                self._enter(group, calls, callee, (*around, body))

    def _number(self, body: Body, place: Place, ports: IntArray) -> IntArray:
        """Return node numbers (n, n_local): ground, ports, new numbers for the rest."""
        n, n_inner = len(ports), len(body.inner_names)
        new = np.arange(self.n_nodes, self.n_nodes + n * n_inner, dtype=np.int32).reshape(n, n_inner)
        self.n_nodes += n * n_inner
        self.node_blocks.append((place, n, body.inner_names))
        nodes = np.hstack([np.zeros((n, 1), dtype=np.int32), ports, new])
        for name in self.root.global_nodes:
            local = body.inner_names.find(name)
            if local >= 0:  # the root comes first and is numbered 1, 2, …
                nodes[:, 1 + ports.shape[1] + local] = 1 + self.root.inner_names.find(name)
        return nodes

    def _enter(self, group: _Group, calls: Calls, callee: Body, around: tuple[Body, ...]) -> None:
        lines = calls.lines
        ports = group.nodes[:, lines.nodes].reshape(group.n * lines.count, lines.width)
        with _told(group.body, lines.names):
            given = {key: _expand(column, group).ravel() for key, column in calls.params.items()}
        scope = Scope(callee, given, group.scope, lines.count)
        self._visit(callee, Place(group.place, lines.names), ports, scope, around)

    def _callee(self, body: Body, calls: Calls, around: tuple[Body, ...]) -> Body | None:
        callee, n_nodes = body.find_subckt(calls.callee), calls.lines.width
        if callee is None:
            known = ", ".join(sorted(body.known_subckts())[:8]) or "none"
            self._problem(body, calls.lines, f"subcircuit {calls.callee} is not defined (known: {known})")
        elif callee in around:
            self._problem(body, calls.lines, f"subcircuit {calls.callee} contains itself")
        elif len(callee.ports) != n_nodes:
            ports = " ".join(callee.ports)
            self._problem(
                body, calls.lines, f"{calls.callee} has {len(callee.ports)} ports ({ports}), got {n_nodes} nodes"
            )
        else:
            unknown = sorted(set(calls.keys) - set(callee.defaults))
            if unknown:
                known = ", ".join(callee.defaults) or "none"
                self._problem(body, calls.lines, f"{calls.callee} has no parameter {', '.join(unknown)} (has: {known})")
            return callee
        return None

    def _check_models(self, body: Body, devices: Devices) -> None:
        for model in dict.fromkeys(devices.models):
            if model and not body.find_model(model):
                self._problem(body, devices.lines, f"model {model} is not defined", devices.models.index(model))

    def _problem(self, body: Body, lines: Columns, what: str, first: int = 0) -> None:
        scope = f" in subcircuit {body.name}" if body.name else ""
        more = f" and {lines.count - 1} like it" if lines.count > 1 else ""
        self.problems[f"{lines.names[first]}{more}{scope}: {what}"] = None

    def circuit(self) -> FlatCircuit:
        """Put the parts of all groups together."""
        waves: dict[str, dict[int, Wave]] = {"v": {}, "i": {}}
        tables = {kind: self._table(kind, waves.get(kind)) for kind in LINEAR}
        node_names = FlatNames(self.node_blocks, lettered=False)
        formulas, devices, root = self._formulas(), self._devices(), self.root
        return FlatCircuit(
            root.title, node_names, tables, waves, formulas, devices, root.cards, tuple(self.problems), root
        )

    def _table(self, kind: str, waves: dict[int, Wave] | None) -> Table:
        groups = [group for group in self.groups if group.body.columns[kind].count]
        blocks, nodes, values, start = [], [], [], 0
        for group in groups:
            columns = group.body.columns[kind]
            with _told(group.body, columns.names):
                expanded = _expand(columns, group)
                if waves is not None:
                    waves.update(_waves(group, kind, expanded, start))
            blocks.append((group.place, group.n, columns.names))
            nodes.append(group.nodes[:, columns.nodes].reshape(-1, columns.width))
            values.append(expanded.ravel())
            start += expanded.size
        empty = np.empty((0, LINEAR[kind]), dtype=np.int32)
        return Table(kind, FlatNames(blocks, lettered=True), _joined(nodes, empty), _joined(values, np.empty(0)))

    def _devices(self) -> tuple[DeviceTable, ...]:
        kinds: dict[tuple[str, int], list[_Group]] = defaultdict(list)
        for group in self.groups:
            for key in group.body.devices:
                kinds[key].append(group)
        return tuple(_device_table(key, groups) for key, groups in kinds.items())

    def _formulas(self) -> Formulas:
        groups = [group for group in self.groups if group.body.behaviours]
        blocks, nodes, quantities, controls, starts = [], [], [], [], [0]
        for group in groups:
            found = group.body.behaviours
            local = np.array([b.nodes for b in found], dtype=np.int32)
            blocks.append((group.place, group.n, Names.pack([b.name for b in found])))
            nodes.append(group.nodes[:, local].reshape(-1, 2))
            quantities.append(np.tile([b.quantity for b in found], group.n))
            controls.append(_controls(group, starts[-1]))
            starts.append(starts[-1] + group.n * len(found))
        texts = tuple(map(_TextOf, groups))
        pairs = np.empty((0, 2), dtype=np.int32)
        quantity = _joined(quantities, np.empty(0, dtype="U1"))
        names = FlatNames(blocks, lettered=True)
        return Formulas(names, _joined(nodes, pairs), quantity, _joined(controls, pairs), tuple(starts[:-1]), texts)


class _told:  # noqa: N801  a context, used like a function
    """Say in which subcircuit, and near which elements, an expression could not be evaluated."""

    def __init__(self, body: Body, names: Names) -> None:
        self.body, self.names = body, names

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, bad: BaseException | None, trace: object) -> None:
        if isinstance(bad, NetlistError) and not bad.where:
            last = f" … {self.names[len(self.names) - 1]}" if len(self.names) > 1 else ""
            scope = f"subcircuit {self.body.name}" if self.body.name else "top level"
            raise NetlistError(
                bad.what, where=f"{scope}, among {self.names[0]}{last}", cause=bad.cause, hint=bad.hint
            ) from bad


def _joined(parts: list[np.ndarray], empty: np.ndarray) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts or [empty])


def _expand(column: Numbers, group: _Group) -> Array:
    """Return the values for every instance, shape (n_instances, n_rows)."""
    values = np.tile(column.values, (group.n, 1))
    rows: dict[str, list[int]] = defaultdict(list)
    for row, expression in column.deferred.items():
        rows[expression.text].append(row)
    for same in rows.values():
        value = group.scope.value(column.deferred[same[0]])
        values[:, same] = np.reshape(value, (-1, 1))
    return values


def _waves(group: _Group, kind: str, values: Array, start: int) -> Iterator[tuple[int, Wave]]:
    """Yield (flat row, wave); a source without a DC value takes that of time zero, in `values`."""
    n_rows = values.shape[1]
    for row, local in group.body.waves[kind].items():
        for instance, wave in enumerate(_instances_of(local, group)):
            if not local.has_dc:
                values[instance, row] = wave.initial()
            yield start + instance * n_rows + row, wave


def _instances_of(local: LocalWave, group: _Group) -> list[Wave]:
    if isinstance(local.arguments, np.ndarray):
        return [Wave(local.function, local.arguments, local.tail)] * group.n
    columns = [np.broadcast_to(group.scope.value(argument), group.n) for argument in local.arguments]
    return [Wave(local.function, arguments, local.tail) for arguments in np.stack(columns, axis=1)]


def _device_table(key: tuple[str, int], groups: list[_Group]) -> DeviceTable:
    held = [(group, group.body.devices[key]) for group in groups]
    blocks = [(group.place, group.n, devices.lines.names) for group, devices in held]
    nodes = [group.nodes[:, devices.lines.nodes].reshape(-1, key[1]) for group, devices in held]
    models = [np.tile(devices.models, group.n) for group, devices in held]
    return DeviceTable(key[0], FlatNames(blocks, lettered=True), np.concatenate(nodes), np.concatenate(models))


def _controls(group: _Group, start: int) -> IntArray:
    """Return rows (flat element, flat node it reads), shape (m, 2)."""
    found = group.body.behaviours
    pairs = [(row, local) for row, b in enumerate(found) for local in b.controls.values()]
    local = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    first = start + np.arange(group.n, dtype=np.int32) * len(found)
    rows = (first[:, None] + local[:, 0]).ravel()
    return np.stack([rows, group.nodes[:, local[:, 1]].ravel()], axis=1)


@dataclass(frozen=True)
class _TextOf:
    """Gives text, path and local names of the formulas of one group."""

    group: _Group

    def __call__(self, index: int) -> tuple[str, str, list[str]]:
        instance, row = divmod(index, len(self.group.body.behaviours))
        behaviour = self.group.body.behaviours[row]
        text = behaviour.text
        if "{" in text:
            text = _BRACES.sub(lambda match: self._number(match.group(1), instance), text)
        return text, self.group.place.path(instance), list(behaviour.controls)

    def _number(self, text: str, instance: int) -> str:
        value = self.group.scope.value(compile_expression(text))
        return repr(float(value[instance] if np.ndim(value) else value))
