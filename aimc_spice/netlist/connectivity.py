"""Which nodes does a direct current reach?

One idea: a circuit seen as edges between nodes, as integer arrays, so that connected components of 10⁶ elements take a
second. Resistors, inductors, voltage sources and the outputs of E and B-voltage sources conduct; capacitors, current
sources, control inputs and gates do not. A G or a B-current source that reads its own voltage is a conductance
and conducts. Devices only ngspice understands count as ngspice treats them (a diode and a channel conduct); where that
is not known (code models) they are taken to reach ground, so that nothing sound is called floating.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from aimc_spice.netlist.body import IntArray
from aimc_spice.netlist.flat import DeviceTable, FlatCircuit

_CHANNELS: dict[str, tuple[tuple[int, int], ...]] = {  # terminals of a device that conduct
    "d": ((0, 1),),
    "m": ((0, 2), (2, 3)),
    "q": ((0, 1), (1, 2)),
    "j": ((0, 1), (1, 2)),
    "z": ((0, 1), (1, 2)),
    "s": ((0, 1),),
    "w": ((0, 1),),
    "h": ((0, 1),),
    "t": ((0, 2), (1, 3)),
    "f": (),
    "k": (),
}


def conducting_edges(circuit: FlatCircuit) -> IntArray:
    """Return the pairs of nodes between which a direct current can flow, shape (m, 2)."""
    pairs = [circuit.tables[kind].nodes for kind in "rl"]
    return np.concatenate([*pairs, voltage_edges(circuit), _self_controlled(circuit), *_device_edges(circuit)])


def voltage_edges(circuit: FlatCircuit) -> IntArray:
    """Return the terminals of everything that sets a voltage, shape (m, 2), in the order of `voltage_names`."""
    formulas = circuit.formulas
    set_by_formula = formulas.nodes[np.isin(formulas.quantities, ("v", "l"))]
    return np.concatenate([*(circuit.tables[kind].nodes[:, :2] for kind in "vel"), set_by_formula])


def voltage_names(circuit: FlatCircuit) -> Iterator[str]:
    """Yield the names that go with `voltage_edges`."""
    for kind in "vel":
        yield from circuit.tables[kind].names
    formulas = circuit.formulas
    yield from (formulas.names[int(i)] for i in np.flatnonzero(np.isin(formulas.quantities, ("v", "l"))))


def touched(circuit: FlatCircuit) -> IntArray:
    """Return, for each node, how many terminals (control inputs included) meet there, shape (n_nodes,)."""
    ends = [table.nodes.ravel() for table in circuit.tables.values()]
    ends += [devices.nodes.ravel() for devices in circuit.devices]
    ends += [circuit.formulas.nodes.ravel(), circuit.formulas.controls[:, 1]]
    return np.bincount(np.concatenate(ends), minlength=circuit.n_nodes).astype(np.int32)


def components(edges: IntArray, n_nodes: int) -> IntArray:
    """Return the number of the connected component of each node, shape (n_nodes,)."""
    ones = np.ones(len(edges), dtype=np.int8)
    _, labels = connected_components(coo_matrix((ones, (edges[:, 0], edges[:, 1])), (n_nodes, n_nodes)), directed=False)
    return np.asarray(labels, dtype=np.int32)


def floating(circuit: FlatCircuit) -> tuple[IntArray, IntArray]:
    """Return the nodes without a DC path to ground and the island each belongs to, both shape (m,).

    A node that no element touches (an unused port) is no node to a simulator and is left out. A node with a single
    terminal is floating only where that terminal does not conduct: the output of an unread E source is not.
    """
    island = components(conducting_edges(circuit), circuit.n_nodes)
    nodes = np.flatnonzero((island != island[0]) & (touched(circuit) > 0)).astype(np.int32)
    return nodes, island[nodes]


def dead_ends(circuit: FlatCircuit) -> list[str]:
    """Return the nodes that a single terminal touches: legal, but often a misspelt name. For people."""
    return [circuit.node_names[int(node)] for node in np.flatnonzero(touched(circuit) == 1) if node]


def _self_controlled(circuit: FlatCircuit) -> IntArray:
    g, formulas = circuit.tables["g"].nodes, circuit.formulas
    own = g[np.all(np.sort(g[:, :2], axis=1) == np.sort(g[:, 2:], axis=1), axis=1), :2]
    element, node = formulas.controls[:, 0], formulas.controls[:, 1]
    ends = formulas.nodes[element]
    reads_itself = np.zeros(len(formulas), dtype=bool)
    reads_itself[element[(node != 0) & np.any(ends == node[:, None], axis=1)]] = True
    conducts = (formulas.quantities == "r") | ((formulas.quantities == "i") & reads_itself)
    return np.concatenate([own, formulas.nodes[conducts]])


def _device_edges(circuit: FlatCircuit) -> Iterator[IntArray]:
    for devices in circuit.devices:
        yield from _edges_of(devices)


def _edges_of(devices: DeviceTable) -> Iterator[IntArray]:
    n_terminals = devices.nodes.shape[1]
    if devices.kind in _CHANNELS:
        inside = [pair for pair in _CHANNELS[devices.kind] if max(pair) < n_terminals]
        yield from (devices.nodes[:, pair] for pair in inside)
        return
    for terminal in range(n_terminals):
        yield np.stack([devices.nodes[:, terminal], np.zeros(len(devices), dtype=np.int32)], axis=1)
