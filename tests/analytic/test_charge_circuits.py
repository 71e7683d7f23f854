"""Judges: brute force, charge conservation, hand arithmetic and the nodal solver, on closed forms of charge mode."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimc_spice.device.capacitance import Capacitor, map_capacitances
from aimc_spice.netlist.adcs.approximation import search, search_levels
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.base import Lines
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.charge_mvm import ChargePhases, charge_mvm_deck, read_bit_lines
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.nodal import NodalSimulator


@given(st.lists(st.floats(0.05, 4.0), min_size=1, max_size=6))
def test_levels_of_a_search_by_brute_force(weights):
    inputs = np.linspace(-0.5, sum(weights) + 0.5, 4001)
    codes = search(inputs, weights)
    levels = search_levels(weights)
    assert np.all(np.diff(levels) >= 0)
    for k, level in enumerate(levels, 1):
        clear = np.abs(inputs - level) > 1e-9  # sums of weights round differently in the two
        assert np.array_equal((codes >= k)[clear], (inputs >= level)[clear])


def test_binary_weights_give_even_levels():
    np.testing.assert_allclose(search_levels([1.0, 2.0, 4.0, 8.0]), np.arange(1, 16))


def test_a_first_bit_too_heavy_or_too_light():
    np.testing.assert_allclose(search_levels([1.0, 2.0, 4.5]), [1, 2, 3, 4.5, 5.5, 6.5, 7.5])
    np.testing.assert_allclose(search_levels([1.0, 2.0, 2.5]), [1, 2, 2.5, 2.5, 3.5, 4.5, 5.5])  # code 3 is missing


def test_ideal_converter_has_even_levels():
    sar = sar_charge(6)
    np.testing.assert_allclose(sar.levels(), sar.low + (sar.high - sar.low) * np.arange(1, 64) / 64, atol=1e-15)


def test_parasitics_cost_no_linearity_and_no_gain():
    """Both top plates lose alike, and the comparator asks for zero."""
    np.testing.assert_allclose(sar_charge(6, c_par=50e-15).levels(), sar_charge(6).levels(), atol=1e-15)


def test_a_column_keeps_its_charge():
    """One column by hand: 2 fF and 1 fF at 0.8 V and 0.4 V, 1 fF of load: (1.6 + 0.4) fC over 4 fF."""
    cells = map_capacitances([[1.0], [0.5]], Capacitor(2e-15), n_levels=None)
    (p,), (n,) = ChargeCrossbar(cells, c_load=1e-15).bit_lines([[0.8, 0.4]])
    assert p == pytest.approx(0.5)
    assert n == 0.0


@pytest.mark.parametrize("wire", [Wire(), Wire(50.0, 50.0, 0.1e-15, 0.1e-15)])
@pytest.mark.parametrize("leak", [1e9, 1e10])
def test_the_nodal_judge_finds_the_closed_form(leak, wire):
    """Difference: what the leak takes in the 5 ns after the step; drivers, wires and loads but no reset: linear."""
    rng, phases = np.random.default_rng(0), ChargePhases()
    cells = map_capacitances(rng.uniform(-1, 1, (6, 3)), Capacitor.from_units(0.5e-15, 15), n_levels=16)
    crossbar = ChargeCrossbar(cells, wire, r_driver=500.0, c_par=0.2e-15, c_load=20e-15, r_leak=leak)
    v_wl = rng.uniform(0, 0.8, (1, 6))
    deck = charge_mvm_deck(crossbar, v_wl, phases)
    some_current = Lines("rsome vcm 0 1e3")  # the judge measures its error by the largest current there is
    deck = replace(deck, netlist=replace(deck.netlist, body=(*deck.netlist.body, some_current)))
    found = NodalSimulator().run(deck)
    lines = read_bit_lines(phases, 1, found.axis, found.stack(list(found.signals)))[0]
    pairs = zip(crossbar.bit_lines(v_wl, v_cm=phases.v_cm), crossbar.c_bl, (lines[0::2], lines[1::2]))
    for wanted, c, got in pairs:
        lost = (wanted[0] - phases.v_cm) * 5e-9 / (leak * c)
        np.testing.assert_allclose(got, wanted[0] - lost, atol=0.05 * lost.max())
