"""Judges: the behavioural level against the transistor level of the same block, and Pelgrom's law against ngspice."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.errors import MeasurementFailed
from aimc_spice.netlist.adcs.base import Mismatch
from aimc_spice.netlist.adcs.cco import cco
from aimc_spice.netlist.adcs.dual_slope import dual_slope
from aimc_spice.netlist.adcs.flash import flash
from aimc_spice.netlist.adcs.mos import generic
from aimc_spice.netlist.adcs.ramp import ramp
from aimc_spice.netlist.adcs.sar import sar
from aimc_spice.netlist.base import Card, Deck, Lines, Netlist
from aimc_spice.netlist.driven import Corner
from aimc_spice.simulate import open_simulator

pytestmark = pytest.mark.ngspice


@pytest.fixture(scope="module")
def simulator():
    with open_simulator("shared", timeout_s=120) as one:
        yield one


def codes(simulator, converter, inputs):
    found = simulator.run(converter.deck(inputs))
    return converter.read(inputs, found.axis, found.signals).codes


@pytest.mark.parametrize(
    ("make", "n_bits", "n_inputs"),
    [(ramp, 8, 8), (ramp, 4, 5), (dual_slope, 8, 6), (flash, 6, 40), (sar, 8, 60), (cco, 6, 3)],
)
def test_transistors_within_one_step_of_the_law(simulator, make, n_bits, n_inputs):
    """Inputs that no design constant was chosen with; one LSB is the goal at the typical corner."""
    law, circuit = make(n_bits), make(n_bits, "transistor")
    share = np.random.default_rng(n_bits).uniform(0.02, 0.98, n_inputs)
    inputs = law.low + share * (law.high - law.low)
    difference = codes(simulator, circuit, inputs) - codes(simulator, law, inputs)
    assert np.abs(difference).max() <= 1


def test_slow_transistors_slow_the_oscillator(simulator):
    inputs = np.array([1.2e-5])
    tt, ss = (codes(simulator, cco(4, "transistor", Corner(p)), inputs)[0] for p in ("tt", "ss"))
    supply = codes(simulator, cco(4, "transistor", Corner(vdd_scale=1.3)), inputs)[0]
    assert ss <= tt
    assert supply < tt  # an edge has farther to go


def test_mismatch_is_the_same_for_the_same_seed_and_differs_between(simulator):
    mismatch = Mismatch(a_vt=2e-8)  # four times a usual one, so that few conversions show it
    inputs = np.linspace(0.15, 0.85, 30)
    first, again, other = (
        codes(simulator, flash(4, "transistor", mismatch=mismatch, seed=seed), inputs) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_draw_moves_threshold_and_current_factor_by_pelgroms_law(simulator):
    """kv and kb over the root of the area: 10 mV and 5 % on 4 µm x 0.25 µm."""
    body = """vd d 0 1.8
vg g 0 1.2
x1 d g 0 0 nch w=4e-6 l=2.5e-7
x2 d g 0 0 nch w=4e-6 l=2.5e-7 kv=1e-8
x3 d g 0 0 nch w=4e-6 l=2.5e-7 kb=5e-8
x4 d s 0 0 nch w=4e-6 l=2.5e-7
vs s 0 1.19
v1 d d1 0"""
    body = (
        body.replace("x1 d ", "x1 d1 ").replace("x2 d ", "x2 d2 ").replace("x3 d ", "x3 d3 ").replace("x4 d ", "x4 d4 ")
    )
    body += "\nv2 d d2 0\nv3 d d3 0\nv4 d d4 0"
    netlist = Netlist("Pelgrom", (Lines(generic("g180", Corner()).text),), (Lines(body),))
    found = simulator.run(Deck(netlist, Card(".op", 1), ("i(v1)", "i(v2)", "i(v3)", "i(v4)"))).signals
    i_1, i_2, i_3, i_4 = (float(found[f"i(v{k})"][0]) for k in (1, 2, 3, 4))
    assert i_2 == pytest.approx(i_4, rel=3e-3)  # 10 mV of threshold are 10 mV of gate, up to the body effect
    assert i_1 < i_3 < 1.05 * i_1  # velocity saturation takes some of the 5 %


@pytest.mark.parametrize(("make", "vdd_scale", "says"), [(ramp, 0.5, "did not trip"), (cco, 0.2, "did not oscillate")])
def test_a_supply_too_low_is_a_conversion_that_never_finishes(simulator, make, vdd_scale, says):
    converter = make(4, "transistor", Corner(vdd_scale=vdd_scale))
    with pytest.raises(MeasurementFailed, match=says):
        codes(simulator, converter, converter.high * np.array([0.2, 0.95]))
