"""Judge: the nodal solver, on the text of the deck; the operator must say the same to 1e-10 of its largest element."""

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.device import Device
from aimc_spice.device.base import ConductanceMap
from aimc_spice.netlist.base import Deck, Lines, Netlist
from aimc_spice.netlist.crossbar import Crossbar
from aimc_spice.netlist.drive import dc_vectors
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import diff_amp, tia
from aimc_spice.netlist.network import tile_deck
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.nodal import NodalSimulator
from aimc_spice.surrogate.layer import program_operators
from aimc_spice.surrogate.operator import crossbar_admittance, tile_operator
from aimc_spice.surrogate.ports import linear_ports
from aimc_spice.surrogate.voltages import node_voltages

EXACT = 1e-10  # of the largest element: the goal; measured 1e-13
FRONT_ENDS = {"diff_amp": diff_amp(gain=30), "tia": tia(r_f=800.0)}
WIRES = [Wire(1.0, 2.0), Wire(0.0, 2.0), Wire(3.0, 0.0), Wire(), Wire(1e-3, 50.0)]


def cells(n_rows, n_cols):
    g = 1 / np.random.default_rng(7).uniform(1e4, 1e6, (2, n_rows, n_cols))
    return ConductanceMap(g[0], g[1], Device.from_resistances(1e4, 1e6))


def check(layer):
    (operator,) = program_operators(layer)
    (block,) = layer.partition.blocks()
    deck = replace(tile_deck(layer, block, np.eye(layer.cells.shape[0])), bound=np.inf)
    judged = NodalSimulator().run(deck).stack(deck.probes)
    np.testing.assert_allclose(operator, judged, rtol=0, atol=EXACT * np.abs(judged).max())


def layer(shape, wire, front_end, r_driver=0.0):
    return Layer(cells(*shape), Partition(*shape, 1, 1), wire, front_end, r_driver=r_driver)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (7, 1), (3, 2), (9, 14), (33, 5), (16, 16)])
@pytest.mark.parametrize("name", FRONT_ENDS)
def test_any_shape(shape, name):
    check(layer(shape, WIRES[0], FRONT_ENDS[name], 20.0))


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("r_driver", [0.0, 300.0])
@pytest.mark.parametrize("name", FRONT_ENDS)
def test_any_wire_and_driver(wire, r_driver, name):
    check(layer((6, 5), wire, FRONT_ENDS[name], r_driver))


def test_drivers_on_both_sides_and_grounded_ends():
    """Far ends of the word lines driven too, those of the bit lines grounded: read off the admittance at all ends."""
    n_rows, n_cols = 6, 4
    wire, g = Wire(2.0, 3.0), cells(n_rows, n_cols)
    found = crossbar_admittance(np.stack([g.g_pos, g.g_neg], -1)[None], wire, wl_far=True, bl_far=True)
    judged = currents(g, wire)
    driven, grounded = (
        np.r_[found.wl_near, found.wl_far],
        np.r_[found.bl_near, found.bl_far],
    )
    into_ground = found.c[0][np.ix_(driven, grounded)]
    np.testing.assert_allclose(into_ground, judged, rtol=0, atol=EXACT * np.abs(judged).max())


def currents(g, wire):
    """Currents into grounded near and far ends of all bit lines, for one volt on each word-line end, near then far."""
    rows, cols = g.shape
    ends = [(f"b{line}_{c}", c, line) for c in range(cols) for line in "pn"]
    tops = [(f"{line}_0_{c}", c, line) for c in range(cols) for line in "pn"]
    lines = [f"v{i} {node} 0 0" for i, (node, _, _) in enumerate([*ends, *tops])]
    drive = dc_vectors([f"wl_{r}" for r in range(rows)] + [f"w_{r}_{cols - 1}" for r in range(rows)], np.eye(2 * rows))
    netlist = Netlist("both sides", (), (drive.lines, Crossbar(g, wire), Lines("\n".join(lines))))
    deck = Deck(netlist, drive.analysis, tuple(f"i(v{i})" for i in range(len(lines))), bound=np.inf)
    return NodalSimulator().run(deck).stack(deck.probes)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("r_driver", [0.0, 300.0])
@pytest.mark.parametrize("name", FRONT_ENDS)
def test_every_node_voltage(wire, r_driver, name):
    one = layer((6, 5), wire, FRONT_ENDS[name], r_driver)
    (block,), v = one.partition.blocks(), np.random.default_rng(2).random((3, 6))
    ports = linear_ports(one.front_end.linear)
    found = node_voltages(one.cells.g_pos, one.cells.g_neg, wire, ports, v, r_driver=r_driver)
    operator = tile_operator(one.cells.g_pos, one.cells.g_neg, wire, ports, r_driver)
    np.testing.assert_allclose(found.out, v @ operator, rtol=0, atol=EXACT * np.abs(v @ operator).max())
    places = [(r, c) for r in range(6) for c in range(5)]
    w = [f"v(xt.w_{r}_{c})" if wire.r_wire_wl else f"v(xt.wd_{r})" if r_driver else f"v(in_{r})" for r, c in places]
    p = [f"v(xt.p_{r}_{c})" if wire.r_wire_bl else f"v(xt.bp_{c})" for r, c in places]
    deck = replace(tile_deck(one, block, v), probes=tuple(dict.fromkeys(w + p)), bound=np.inf)
    judged = NodalSimulator().run(deck)
    for got, probes in ((found.w, w), (found.b[..., 0], p)):
        np.testing.assert_allclose(got.reshape(3, 30), judged.stack(probes), rtol=0, atol=EXACT)
