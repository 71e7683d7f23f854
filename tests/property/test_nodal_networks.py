"""Laws every linear network obeys, on random networks: the nodal judge must keep them."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aimc_spice.netlist.connectivity import components
from aimc_spice.netlist.parse import parse_netlist
from aimc_spice.simulate.nodal import NodalSimulator
from decks import deck

REL = 1e-11  # reason: resistances over 12 decades; the law adds up many rounded outputs
OHMS = st.floats(-3, 9).map(lambda power: 10.0**power)
VOLTS = st.floats(-1, 1)


@st.composite
def resistors(draw):
    """Lines (a, b, ohms) of a connected network of nodes 0 … n."""
    n = draw(st.integers(2, 9))
    tree = [(draw(st.integers(0, node - 1)), node, draw(OHMS)) for node in range(1, n + 1)]
    pairs = st.tuples(st.integers(0, n), st.integers(0, n)).filter(lambda pair: pair[0] != pair[1])
    extra = draw(st.lists(st.tuples(pairs, OHMS), max_size=2 * n))
    return n, tree + [(a, b, ohms) for (a, b), ohms in extra]


def lines(edges):
    return "\n".join(f"r{i} {a} {b} {ohms!r}" for i, (a, b, ohms) in enumerate(edges))


def voltages(body, n):
    found = NodalSimulator().run(deck(body, probes=tuple(f"v({k})" for k in range(1, n + 1)), bound=np.inf))
    return np.array([0.0, *found.stack(list(found.signals))[0]])


@given(resistors(), VOLTS)
def test_currents_into_every_node_add_up_to_zero(network, amps):
    n, edges = network
    v = voltages(f"{lines(edges)}\ni1 0 {n} {amps!r}", n)
    into = np.zeros(n + 1)
    scale = np.full(n + 1, abs(amps))
    for a, b, ohms in edges:
        into[[a, b]] += np.array([-1.0, 1.0]) * (v[a] - v[b]) / ohms
        scale[[a, b]] += np.array([1.0, 1.0]) * max(abs(v[a]), abs(v[b])) / ohms  # what one rounding of v costs
    into[n] += amps
    assert np.all(np.abs(into[1:]) <= 1e-14 * scale[1:])


@given(resistors(), VOLTS, VOLTS)
def test_responses_to_two_sources_add_up(network, amps, volts):
    n, edges = network
    body = f"{lines(edges)}\nrv in 1 10\ni1 0 {n} {{0}}\nv1 in 0 {{1}}"
    both, first, second = (voltages(body.format(*pair), n) for pair in ((amps, volts), (amps, 0.0), (0.0, volts)))
    np.testing.assert_allclose(first + second, both, rtol=REL, atol=1e-13 * np.max(np.abs([first, second])))


@given(resistors())
def test_transfer_resistance_is_the_same_both_ways(network):
    n, edges = network
    there = voltages(f"{lines(edges)}\ni1 0 1 1", n)[n]
    back = voltages(f"{lines(edges)}\ni1 0 {n} 1", n)[1]
    np.testing.assert_allclose(there, back, rtol=REL)


@given(resistors(), st.floats(0.01, 100.0))
def test_more_resistance_everywhere_means_more_voltage(network, factor):
    n, edges = network
    v = voltages(f"{lines(edges)}\ni1 0 {n} 1", n)
    scaled = voltages(f"{lines([(a, b, ohms * factor) for a, b, ohms in edges])}\ni1 0 {n} 1", n)
    np.testing.assert_allclose(scaled, v * factor, rtol=REL, atol=1e-13 * np.max(np.abs(scaled)))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_components_are_those_of_networkx(edges):
    labels = components(np.array(edges, dtype=np.int32).reshape(-1, 2), 31)
    graph = nx.Graph(edges)
    graph.add_nodes_from(range(31))
    wanted = {frozenset(part) for part in nx.connected_components(graph)}
    assert {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())} == wanted


@given(resistors(), st.lists(st.integers(1, 60), max_size=20), st.booleans())
def test_a_text_means_the_same_however_it_is_cut_and_folded(network, cuts, fold):
    _, edges = network
    text = f"title\n.subckt s {' '.join(f'p{k}' for k in range(3))}\n{lines(edges)}\n.ends\nx1 a b 0 s\nr1 a 0 1\n"
    whole = parse_netlist([text])
    if fold:
        text = text.replace(" ", "\n* comment\n+ ").replace("\n+ \n", "\n")
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(text[at : at + cut])
        at += cut
    again = parse_netlist([*pieces, text[at:]])
    assert list(again.tables["r"].names) == list(whole.tables["r"].names)
    assert [again.node_names[i] for i in again.tables["r"].nodes.ravel()] == [
        whole.node_names[i] for i in whole.tables["r"].nodes.ravel()
    ]
    np.testing.assert_array_equal(again.tables["r"].values, whole.tables["r"].values)


@given(resistors(), st.integers(1, 3))
def test_hierarchy_and_a_flat_circuit_are_the_same(network, copies):
    n, edges = network
    cell = f".subckt cell p{1} p{n}x g=1\n" + "\n".join(
        f"r{i} {name(a, n)} {name(b, n)} {{{ohms!r}*g}}" for i, (a, b, ohms) in enumerate(edges)
    )
    calls = "\n".join(f"x{k} a out cell g={k + 1}" for k in range(copies))
    flat = "\n".join(
        f"r{k}_{i} {flat_name(a, n, k)} {flat_name(b, n, k)} {ohms * (k + 1)!r}"
        for k in range(copies)
        for i, (a, b, ohms) in enumerate(edges)
    )
    drive = "v1 a 0 1\nrl out 0 1e3"
    nested = NodalSimulator().run(deck(f"{cell}\n.ends\n{calls}\n{drive}", probes=("v(out)", "i(v1)"), bound=np.inf))
    plain = NodalSimulator().run(deck(f"{flat}\n{drive}", probes=("v(out)", "i(v1)"), bound=np.inf))
    for probe, value in plain.signals.items():
        np.testing.assert_allclose(nested.signals[probe], value, rtol=1e-12, atol=1e-300)


def name(node, n):
    return {0: "0", 1: "p1", n: f"p{n}x"}.get(node, f"m{node}")


def flat_name(node, n, copy):
    return {0: "0", 1: "a", n: "out"}.get(node, f"m{copy}_{node}")
