"""Judge: closed forms of op-amps with one pole, on decks that the nodal solver or ngspice runs."""

import numpy as np
import pytest

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.mos import generic
from aimc_spice.netlist.base import Deck, Lines, Netlist, Transient
from aimc_spice.netlist.bench import front_end_deck
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.macro import definitions
from aimc_spice.netlist.readout import (
    OpAmp,
    conveyor,
    dynamic_tia,
    integrator,
    multiplexer,
    sample_hold,
    switch_text,
)
from aimc_spice.netlist.readout_mos import mos_tia
from aimc_spice.simulate import open_simulator
from aimc_spice.simulate.nodal import NodalSimulator

G, R_F, R_1 = 1e-3, 2e3, 1e3  # S of each bit line to its driver, Ω, Ω
NOISE_GAIN = 1 + R_F * (G + 1 / R_1)


def static(front_end, v_p, v_n=0.0):
    return NodalSimulator().run(front_end_deck(front_end.linear, [[v_p, v_n]], 1 / G)).signals["v(out)"][0]


def transient(macro, lines, t_step, t_stop, more=()):
    netlist = Netlist("front end", (definitions([macro]), *more), (Lines("\n".join(lines)),))
    deck = Deck(
        netlist, Transient(t_step, t_stop), ("v(out)",), options=("klu", "pivrel=0.1", "method=gear", "reltol=1e-5")
    )
    with open_simulator("shared", timeout_s=60) as ngspice:
        return ngspice.run(deck)


def at(found, time, probe="v(out)"):
    return np.interp(time, found.axis, found.signals[probe])


@pytest.mark.parametrize("gain", [1e2, 1e4, 1e6])
def test_tia_with_finite_gain(gain):
    found = static(dynamic_tia(r_f=R_F, r_1=R_1, opamp=OpAmp(gain=gain)), 0.1)
    # op1 holds p at -v1/gain; op2 sees k
    v1 = -0.1 * G * R_1 / (1 + (1 + R_1 * G) / gain)
    assert found == pytest.approx(-v1 * R_F / R_1 / (1 + NOISE_GAIN / gain), rel=1e-9)


def test_tia_offset_appears_noise_gain_times():
    found = static(dynamic_tia(r_f=R_F, r_1=R_1, opamp=OpAmp(gain=1e9), offsets=(0.0, 2e-3)), 0.0)
    assert found == pytest.approx(NOISE_GAIN * 2e-3, rel=1e-6)
    found = static(dynamic_tia(r_f=R_F, r_1=R_1, opamp=OpAmp(gain=1e9), offsets=(2e-3, 0.0)), 0.0)
    assert found == pytest.approx(-(R_F / R_1) * 2e-3 * (1 + R_1 * G), rel=1e-6)


def test_reference_shifts_everything_and_changes_nothing():
    plain = static(dynamic_tia(r_f=R_F, r_1=R_1), 0.1, 0.03)
    moved = static(dynamic_tia(r_f=R_F, r_1=R_1, v_ref=0.4), 0.5, 0.43)
    ripple = 2 * NOISE_GAIN / 1e4  # an op-amp of gain 1e4 refers its output to 0 V
    assert moved - 0.4 == pytest.approx(plain, abs=0.4 * ripple)


def test_tia_settles_with_the_noise_gain_bandwidth():
    front_end = dynamic_tia(r_f=R_F, r_1=R_1, opamp=OpAmp(gain=1e6, gbw=1e9))
    lines = ["vn vn 0 pwl(0 0 1e-14 -0.1)", "rn vn n 1e3", "rp p 0 1e3", f"x1 p n out {front_end.macro.call()}"]
    netlist = Netlist("tia step", (definitions([front_end.macro]),), (Lines("\n".join(lines)),))
    found = NodalSimulator().run(Deck(netlist, Transient(1e-11, 4e-9), ("v(out)",)))
    tau = NOISE_GAIN / (2 * np.pi * 1e9)
    # op1 answers to the moving line n through r_1 by 1e-6 of it: the step is of first order
    wanted = 0.2 * -np.expm1(-found.axis / tau)
    assert np.abs(found.signals["v(out)"] - wanted).max() < 2e-5


def test_conveyor_loads_its_lines():
    found = static(conveyor(r_z=2e3, r_x=50.0, copy=1.02), 0.1, 0.04)
    assert found == pytest.approx(1.02 * 2e3 * 0.06 * G / (1 + 50 * G), rel=1e-9)


@pytest.mark.ngspice
def test_limited_tia_stops_at_its_swing_and_its_slew_rate():
    opamp = OpAmp(gain=1e4, gbw=1e10, swing=0.15, slew=1e8)
    macro = dynamic_tia(r_f=R_F, r_1=R_1, opamp=opamp).macro
    found = transient(
        macro,
        ["vn vn 0 pwl(0 0 1e-12 -0.2)", "rn vn n 1e3", "rp p 0 1e3", f"x1 p n out {macro.call()}"],
        1e-11,
        4e-9,
    )
    assert at(found, 4e-9) == pytest.approx(0.15, abs=2e-3)  # the clamp yields by 1 mV
    assert (at(found, 1e-9) - at(found, 0.5e-9)) / 0.5e-9 == pytest.approx(1e8, rel=0.01)


@pytest.mark.ngspice
@pytest.mark.parametrize("process", ["tt", "ss", "ff"])
def test_transistor_tia_settles_as_its_gain_and_bandwidth_say(process):
    macro = mos_tia(generic("g180", Corner(process)), r_f=4e3)
    lines = ["vr r 0 0.9", "ip 0 p pwl(0 0 1e-9 0 1.01e-9 1e-4)", "rp p r 1e3", "rn n r 1e3"]
    found = transient(macro, [*lines, f"x1 p n out {macro.call()}"], 2e-11, 4e-8)
    rest, noise_gain = at(found, 0.0), 1 + 4e3 * (1e-3 + 1 / 2e3)
    step = at(found, 4e-8) - rest
    assert rest == pytest.approx(0.9, abs=5e-3)
    assert 0.4 * (1 - 2 * (noise_gain + 3) / 3e3) < step < 0.4  # gains of both op-amps are about 3000
    settled = found.axis[np.flatnonzero(np.abs(found.signals["v(out)"] - rest - step) > 0.01 * step)[-1]] - 1e-9
    assert 0.5 < settled / (noise_gain / (2 * np.pi * 0.46e9) * np.log(100)) < 2


@pytest.mark.ngspice
def test_integrator_slope_pedestal_and_the_error_of_a_slow_opamp():
    c_int, c_inj, gbw, i = 1e-12, 2e-15, 1e10, 1e-5
    macro = integrator(c_int=c_int, r_1=R_1, opamp=OpAmp(1e6, gbw), c_inj=c_inj)
    lines = [f"ip 0 p pwl(0 0 5e-9 0 5.001e-9 {i})", "vr rst 0 pwl(0 1 2e-9 1 2.0001e-9 0)"]
    found = transient(macro, [*lines, f"x1 p n rst out {macro.call()}"], 1e-11, 15e-9)
    pedestal = at(found, 4.9e-9)
    assert pedestal == pytest.approx(c_inj / c_int, rel=0.1)  # switch still conducts for half of the edge
    slope = (at(found, 14e-9) - at(found, 8e-9)) / 6e-9
    assert slope == pytest.approx(i / c_int / (1 + (1 / R_1) / (2 * np.pi * gbw * c_int)), rel=2e-3)


@pytest.mark.ngspice
def test_sample_hold_pedestal_droop_and_tracking():
    c_hold, c_inj, r_leak = 1e-13, 1e-15, 1e7
    macro = sample_hold(c_hold=c_hold, c_inj=c_inj, r_leak=r_leak)
    lines = ["vin in 0 pwl(0 0 1e-13 0.3 7e-9 0.3 7.1e-9 0)", "vc clk 0 pwl(0 1 5e-9 1 5.0001e-9 0)"]
    found = transient(macro, [*lines, f"x1 in clk out {macro.call()}"], 1e-11, 6e-8)
    tau = 1e3 * (c_hold + c_inj)
    assert at(found, tau) == pytest.approx(0.3 * -np.expm1(-1), rel=5e-3)
    held = 0.3 - c_inj / (c_hold + c_inj)
    assert at(found, 5.1e-9) == pytest.approx(held, abs=3e-4)
    droop = np.exp(-5e-8 / (r_leak * (c_hold + c_inj)))
    assert at(found, 5.6e-8) / at(found, 6e-9) == pytest.approx(droop, rel=1e-4)


@pytest.mark.ngspice
def test_multiplexer_gives_one_column_at_a_time():
    macro = sample_hold()
    lines = [f"v{k} in_{k} 0 {0.1 * (k + 1)}" for k in range(3)]
    lines += [f"vs{k} sel_{k} 0 pulse(0 1 {k}e-9 1e-11 1e-11 0.9e-9 1)" for k in range(3)]
    lines += ["x1 in_0 in_1 in_2 sel_0 sel_1 sel_2 out mux_3", "cl out 0 1e-14"]
    found = transient(macro, lines, 1e-11, 3e-9, more=(multiplexer(3),))
    assert [at(found, (k + 0.9) * 1e-9) for k in range(3)] == pytest.approx([0.1, 0.2, 0.3], abs=1e-6)


def test_what_is_no_opamp_is_refused():
    with pytest.raises(NetlistError, match="above zero"):
        OpAmp(gbw=0.0)
    with pytest.raises(NetlistError, match="at least one"):
        multiplexer(0)
    assert "analog_switch" in switch_text()
