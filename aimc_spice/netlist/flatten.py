"""How does a hierarchy of bodies become one flat circuit?

One idea: all instances that one group of like lines creates are made together. Their node numbers are one matrix
(instance, local node); element terminals are that matrix indexed by the body's own arrays; parameters are arrays over
the instances. So a million cells from one subcircuit cost a handful of NumPy calls. Wrong references
are collected, not raised, so that all can be reported at once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from aimc_spice.netlist.body import LINEAR, Array, Body, Calls, Columns, Devices, IntArray, LocalWave, Numbers
from aimc_spice.netlist.expression import compile_expression
from aimc_spice.netlist.flat import DeviceTable, FlatCircuit, Formulas, Table
from aimc_spice.netlist.names import FlatNames, Names, Place
from aimc_spice.netlist.scope import Scope, told
from aimc_spice.netlist.waves import Wave

_BRACES = re.compile(r"\{([^{}]*)\}")


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
        ports = _terminals(group, lines)
        with told(group.body, lines.names):
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
            with told(group.body, columns.names):
                expanded = _expand(columns, group)
                if waves is not None:
                    waves.update(_waves(group, kind, expanded, start))
            blocks.append((group.place, group.n, columns.names))
            nodes.append(_terminals(group, columns))
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


def _joined(parts: list[np.ndarray], empty: np.ndarray) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts or [empty])


def _terminals(group: _Group, columns: Columns) -> IntArray:
    """Return flat node numbers, shape (n_instances * n_rows, width)."""
    return group.nodes[:, columns.nodes].reshape(group.n * columns.count, columns.width)


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
    nodes = [_terminals(group, devices.lines) for group, devices in held]
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
