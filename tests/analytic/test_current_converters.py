"""Judge: the law of each behavioural converter, worked out by hand, against its circuit in ngspice."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.netlist.adcs.approximation import search
from aimc_spice.netlist.adcs.base import Mismatch, ideal_codes
from aimc_spice.netlist.adcs.cco import cco
from aimc_spice.netlist.adcs.dual_slope import dual_slope
from aimc_spice.netlist.adcs.flash import flash
from aimc_spice.netlist.adcs.ramp import ramp
from aimc_spice.netlist.adcs.sar import sar
from aimc_spice.simulate import open_simulator

pytestmark = pytest.mark.ngspice


@pytest.fixture(scope="module")
def simulator():
    with open_simulator("shared", timeout_s=60) as one:
        yield one


def conversions(simulator, converter, inputs):
    found = simulator.run(converter.deck(inputs))
    return converter.read(inputs, found.axis, found.signals), found


def beside_levels(converter, by):
    """Inputs `by` LSB below and above every ideal level."""
    lsb = (converter.high - converter.low) / 2**converter.n_bits
    levels = converter.low + lsb * np.arange(1, 2**converter.n_bits)
    return np.sort(np.concatenate([levels - by * lsb, levels + by * lsb]))


@pytest.mark.parametrize("n_bits", [4, 6, 8])
def test_flash_levels_within_a_hundredth_of_a_step(simulator, n_bits):
    """0.01 LSB is the goal; resistors are equal and comparators ideal, so only solver tolerance is left."""
    converter = flash(n_bits)
    inputs = beside_levels(converter, 0.01)
    got, _ = conversions(simulator, converter, inputs)
    assert np.array_equal(got.codes, ideal_codes(inputs, n_bits, 0.1, 0.9))


@pytest.mark.parametrize("n_bits", [4, 6, 8])
def test_ramp_levels(simulator, n_bits):
    """0.02 LSB: edges of 20 ps in a clock period of 4 ns (8 bits) are 0.005."""
    converter = ramp(n_bits)
    inputs = beside_levels(converter, 0.02)[:: 2**n_bits // 8 + 1]
    got, _ = conversions(simulator, converter, inputs)
    assert np.array_equal(got.codes, ideal_codes(inputs, n_bits, 0.1, 0.9))
    np.testing.assert_allclose(got.t_conv, 5e-8 + (got.codes + 1) * 1.024e-6 / 2**n_bits, rtol=1e-12)


def test_ramp_slope(simulator):
    """The level of the trip falls by the comparator's offset: 3 LSB of it are 3 codes, everywhere."""
    lsb = 0.8 / 256
    inputs = 0.1 + lsb * (np.array([20, 100, 200]) + 0.5)
    got, _ = conversions(simulator, ramp(8, offset=3 * lsb), inputs)
    assert got.codes.tolist() == [23, 103, 203]


@pytest.mark.parametrize("v_swing", [0.6, 1.2])
def test_dual_slope_is_a_ratio_whatever_the_capacitor(simulator, v_swing):
    """0.1 LSB: reltol of 1e-3 of the start at 0.8 V is 0.3 LSB at worst, and 0.03 were measured."""
    converter = dual_slope(8, v_swing=v_swing)
    inputs = 2e-5 / 256 * (np.array([3, 50, 128, 200, 254])[:, None] + [0.1, 0.9]).ravel()
    got, _ = conversions(simulator, converter, inputs)
    assert np.array_equal(got.codes, np.floor(inputs / 2e-5 * 256))


def test_cco_follows_its_law(simulator):
    c, t_dead, vdd, n_bits = 3.155e-13, 1.27e-9, 1.8, 8
    converter = cco(n_bits)
    inputs = np.linspace(0.03, 0.97, 12) * 2e-5
    _, found = conversions(simulator, converter, inputs)
    t_count = 2**n_bits * (c * vdd / (2 * 2e-5) + t_dead)
    law = t_count * inputs / (c * vdd / 2 + inputs * t_dead)
    ends = converter.slots.edges(len(inputs))[1:] - 1e-10
    phase = np.interp(ends, found.axis, found.signals["v(xcco.phase)"])
    np.testing.assert_allclose(phase, law, atol=0.02)  # edges: 0.1 ns of 16 ns is 0.006


def test_energy_is_supply_times_current_times_time(simulator):
    converter = ramp(6)
    got, _ = conversions(simulator, converter, np.array([0.3, 0.6]))
    t_slot = converter.slots.t_slot
    np.testing.assert_allclose(got.energy["comparator"], 1.8 * 5e-5 * t_slot, rtol=1e-5)  # meters forget
    ramp_time = converter.slots.t_run
    np.testing.assert_allclose(got.energy["ramp"], 1.8 * 3.125e-6 * (t_slot + ramp_time), rtol=1e-3)


@pytest.mark.parametrize("n_bits", [4, 6, 8])
def test_sar_levels(simulator, n_bits):
    inputs = beside_levels(sar(n_bits), 0.01)
    got, _ = conversions(simulator, sar(n_bits), inputs)
    assert np.array_equal(got.codes, ideal_codes(inputs, n_bits, 0.1, 0.9))


def ladder_weights(converter):
    """What each bit adds to the voltage of an R-2R ladder, by its conductance matrix."""
    n = converter.n_bits
    g_rung, g_rail = 1 / (np.array(converter.rungs) + converter.r_on), 1 / np.array(converter.rails)
    g = np.diag(g_rung + g_rail + np.append(g_rail[1:], 0.0))
    g[np.arange(1, n), np.arange(n - 1)] = g[np.arange(n - 1), np.arange(1, n)] = -g_rail[1:]
    return np.linalg.solve(g, np.diag(g_rung))[-1]


def test_sar_with_unequal_resistors_searches_by_the_ladders_own_weights(simulator):
    """0.02 LSB around each level; errors of 1 % make an INL of several LSB and missing codes."""
    converter = sar(8, mismatch=Mismatch(a_r=0.01 * np.sqrt(2e-11)), seed=5)
    weights = ladder_weights(converter) * 0.8
    assert np.abs(weights / (0.8 / 2.0 ** np.arange(8, 0, -1)) - 1).max() > 0.005
    inputs = np.random.default_rng(1).uniform(0.1, 0.9, 1500)
    margin = 0.02 * 0.8 / 256
    sure = search(inputs - 0.1 - margin, weights) == search(inputs - 0.1 + margin, weights)
    got, _ = conversions(simulator, converter, inputs[sure])
    assert np.count_nonzero(sure) > 1300
    assert np.array_equal(got.codes, search(inputs[sure] - 0.1, weights))
