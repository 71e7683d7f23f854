"""How can a person look at a circuit as a graph?

One idea: nodes of the circuit are nodes of a networkx multigraph, elements are its edges. For viewing, searching and
drawing; rules and solvers work on arrays (`connectivity`, `rules`), because a Python object per element is slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx

from aimc_spice.netlist.flat import DeviceTable, FlatCircuit, Table

Edge = tuple[int, int, dict[str, Any]]


def to_networkx(circuit: FlatCircuit) -> nx.MultiGraph:
    """Return a circuit as a graph.

    Parameters
    ----------
    circuit : FlatCircuit
        From `parse_netlist`; up to about 10⁵ elements, at some 3 µs and 1 kB each.

    Returns
    -------
    networkx.MultiGraph
        Nodes are node names, ``"0"`` is ground. Edges have ``name``, ``kind`` (first letter) and ``value`` (Ω, F, H,
        V, A, V/V, S; the formula of a behavioural element; the model of a device). E and G sources are edges between
        their outputs, with ``control`` = the two nodes they read; formulas have ``control`` = all nodes they read; a
        device with n terminals is n - 1 edges from its first terminal, with ``terminal`` = 1, 2, ….
    """
    names = list(circuit.node_names)
    graph = nx.MultiGraph(name=circuit.title)
    graph.add_nodes_from(names)
    for a, b, data in _edges(circuit, names):
        graph.add_edge(names[a], names[b], **data)
    return graph


def _edges(circuit: FlatCircuit, names: list[str]) -> Iterator[Edge]:
    for table in circuit.tables.values():
        yield from _linear(table, names)
    yield from _formulas(circuit, names)
    for devices in circuit.devices:
        yield from _devices(devices)


def _linear(table: Table, names: list[str]) -> Iterator[Edge]:
    for name, (a, b, *control), value in zip(table.names, table.nodes.tolist(), table.values.tolist(), strict=True):
        data = {"name": name, "kind": table.kind, "value": value}
        yield a, b, {**data, "control": tuple(names[node] for node in control)} if control else data


def _formulas(circuit: FlatCircuit, names: list[str]) -> Iterator[Edge]:
    formulas = circuit.formulas
    for i, (name, (a, b)) in enumerate(zip(formulas.names, formulas.nodes.tolist(), strict=True)):
        control = tuple(names[int(node)] for node in formulas.reads(i))
        value = formulas.text(i, circuit.node_names)
        yield a, b, {"name": name, "kind": name[0], "value": value, "control": control}


def _devices(devices: DeviceTable) -> Iterator[Edge]:
    for name, nodes, model in zip(devices.names, devices.nodes.tolist(), devices.models.tolist(), strict=True):
        for terminal, node in enumerate(nodes[1:], 1):
            yield nodes[0], node, {"name": name, "kind": devices.kind, "value": model, "terminal": terminal}
