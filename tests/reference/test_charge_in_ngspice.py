"""Judges: closed forms (charge, kT/C, e^(-t/RC), Q/C, greedy search) on charge-mode circuits in ngspice."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from aimc_spice.device.capacitance import Capacitor, map_capacitances
from aimc_spice.errors import MeasurementFailed
from aimc_spice.netlist.adcs.base import RECKONED, Mismatch, ideal_codes
from aimc_spice.netlist.adcs.charge_parts import Ideal
from aimc_spice.netlist.adcs.meter import metered
from aimc_spice.netlist.adcs.mos import generic
from aimc_spice.netlist.adcs.ramp_charge import ramp_charge
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.charge_mvm import ChargePhases, charge_mvm_deck, read_bit_lines
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.wire import Wire
from aimc_spice.share import share
from aimc_spice.simulate import open_simulator

pytestmark = pytest.mark.ngspice
SWITCHES = share("netlists", "cells", "charge_switch.cir").read_text(encoding="utf-8")
PHASES = ChargePhases()


@pytest.fixture(scope="module")
def ngspice():
    simulator = open_simulator("shared", timeout_s=300)
    yield simulator
    simulator.close()


def ideal_switch(**params):
    return Macro("switch", "charge_switch_ideal", SWITCHES.split("* The same with")[0], params)


def mos_switch(w):
    process = generic("g180", Corner())
    return Macro("switch", "charge_switch_nmos", SWITCHES, {"w": w}, support=(process.text,))


def lines_of(ngspice, crossbar, v_wl, phases=PHASES, t_step=1e-10):
    found = ngspice.run(charge_mvm_deck(crossbar, v_wl, phases, t_step=t_step))
    return read_bit_lines(phases, len(v_wl), found.axis, found.stack(list(found.signals)))


def crossbar(rng, n, **settings):
    cells = map_capacitances(rng.uniform(-1, 1, (n, n)), Capacitor.from_units(0.5e-15, 15), n_levels=16)
    return ChargeCrossbar(cells, **{"r_driver": 500.0, "c_par": 0.2e-15, "c_load": 20e-15, **settings})


def codes(ngspice, converter, inputs):
    found = ngspice.run(converter.deck(inputs))
    return converter.read(inputs, found.axis, found.signals)


@pytest.mark.parametrize("wire", [Wire(), Wire(10.0, 10.0, 0.1e-15, 0.1e-15)])
def test_bit_lines_of_a_crossbar(ngspice, wire):
    """Two vectors, reset in between: 10 µV of 0.4 V; wire resistance delays, it does not move the end."""
    rng = np.random.default_rng(1)
    array = crossbar(rng, 16, wire=wire, reset=ideal_switch())
    v_wl = rng.uniform(0, 0.8, (2, 16))
    got = lines_of(ngspice, array, v_wl)
    p, n = array.bit_lines(v_wl, v_cm=PHASES.v_cm)
    np.testing.assert_allclose(got, np.stack([p, n], 2).reshape(2, -1), atol=1e-5)


def test_charge_is_shared_with_a_sampling_capacitor(ngspice):
    """20 µV: before the switch closes the line is where it is without the capacitor, after it where a load puts it."""
    rng, switch = np.random.default_rng(3), ideal_switch()
    array = crossbar(rng, 8, reset=switch, share=switch, c_share=40e-15)
    v_wl = rng.uniform(0, 0.8, (2, 8))
    found = ngspice.run(charge_mvm_deck(array, v_wl, PHASES))
    lines = found.stack(list(found.signals))
    shared = np.stack(array.bit_lines(v_wl, v_cm=PHASES.v_cm), 2).reshape(2, -1)
    alone = np.stack(replace(array, share=None, c_share=0.0).bit_lines(v_wl, v_cm=PHASES.v_cm), 2).reshape(2, -1)
    before = PHASES.t_window * np.arange(1, 3) - PHASES.t_share - PHASES.t_rise
    got = np.stack([np.interp(before, found.axis, line) for line in lines.T], axis=1)
    np.testing.assert_allclose(got, alone, atol=2e-5)
    np.testing.assert_allclose(read_bit_lines(PHASES, 2, found.axis, lines), shared, atol=2e-5)
    assert np.abs(shared - alone).max() > 0.05


def test_injection_of_an_ideal_switch_is_q_over_c(ngspice):
    """The switch opens at v_t, the gate falls on to 0 over c_inj: a line moves by c_inj v_t / (c_bl + c_inj), 1 %."""
    rng, c_inj, v_t = np.random.default_rng(2), 0.5e-15, 0.4
    array = crossbar(rng, 4, reset=ideal_switch(c_inj=c_inj, v_t=v_t, r_on=5.0))  # fast against the edge
    got = lines_of(ngspice, array, np.zeros((1, 4)), t_step=5e-13)[0]
    c = np.stack(array.c_bl, axis=1).ravel()
    np.testing.assert_allclose(got - PHASES.v_cm, -c_inj * v_t / (c + c_inj), rtol=0.01)


def test_injection_of_a_mos_switch_grows_with_its_width(ngspice):
    """Estimate: overlap 0.3 fF/µm over the swing, half of the channel w l c_ox (v_gs - v_t) / 2; within a factor 2."""
    rng, phases = np.random.default_rng(2), ChargePhases(v_high=1.8, v_cm=0.4)
    moved = []
    for w in (1e-6, 2e-6, 4e-6):
        array = crossbar(rng, 4, c_load=200e-15, reset=mos_switch(w))
        got = lines_of(ngspice, array, np.zeros((1, 4)), phases)[0]
        c = np.stack(array.c_bl, axis=1).ravel().mean()
        channel = w * 180e-9 * 3.9 * 8.854e-12 / 4e-9 * (1.8 - 0.4 - 0.45) / 2
        moved.append((phases.v_cm - got.mean(), (3e-10 * w * 1.8 + channel) / c))
    measured, estimated = np.array(moved).T
    assert np.all((measured / estimated > 0.5) & (measured / estimated < 2)), (measured, estimated)
    np.testing.assert_allclose(measured / measured[0], [1, 2, 4], rtol=0.2)


def settling(sar, r_dac, times):
    """Return the top plate after the second bottom plate fell at time zero, from its start, by a matrix exponential.

    Every plate hangs on its own resistor, so the others give way at first: more than one time constant.
    """
    c = np.array(sar.c_bits)
    rest = sar.c_top[0] - c.sum()
    pull = np.eye(len(c)) / (r_dac * c)[:, None] + 1 / (r_dac * rest)  # of the plates, towards their targets
    target = np.zeros(len(c))
    target[-2] = -sar.v_ref
    plates = [target - expm(-pull * t) @ target for t in times]
    return np.array([x @ c / (rest + c.sum()) for x in plates])  # charge of the top plate is kept


def test_converter_settles_with_rc(ngspice):
    """1 % of the step, from half of the way on."""
    r_dac = 20e3
    sar = sar_charge(6, ideal=Ideal(r_dac=r_dac), t_clk=20e-9, t_reset=10e-9)
    deck = sar.deck(np.array([0.3]))  # above zero: the first bit stays, one plate moves at the second trial
    options = (*(o for o in deck.options if "xtrtol" not in o), "reltol=1e-4")
    found = ngspice.run(replace(deck, probes=(*deck.probes, "v(p)"), options=options))
    start = sar.clocking.n_wait * sar.clocking.t_clk
    p = found.signals["v(p)"] - np.interp(start, found.axis, found.signals["v(p)"])
    grid = np.linspace(0, 4e-9, 4001)
    wanted = settling(sar, r_dac, grid)
    half = wanted[-1] / 2
    after = np.flatnonzero((found.axis >= start) & (p <= half))[0]
    t_half = np.interp(-half, -p[after - 1 : after + 1], found.axis[after - 1 : after + 1])
    offset = grid[np.argmax(wanted <= half)]
    got = np.interp(t_half + grid[: 4001 - 500], found.axis, p)
    np.testing.assert_allclose(got, np.interp(offset + grid[:3501], grid, wanted), atol=0.01 * abs(wanted[-1]))


@pytest.mark.parametrize("n_bits", [4, 6, 8])
@pytest.mark.parametrize("build", [sar_charge, ramp_charge])
def test_behavioural_converters_are_ideal(ngspice, build, n_bits):
    """Inputs a twentieth of a step beside the edges."""
    converter = build(n_bits)
    lsb = (converter.high - converter.low) / 2**n_bits
    edges = converter.low + lsb * np.unique(np.linspace(1, 2**n_bits - 1, 12).round())
    inputs = np.sort(np.concatenate([edges - 0.05 * lsb, edges + 0.05 * lsb]))
    found = codes(ngspice, converter, inputs)
    assert np.array_equal(found.codes, ideal_codes(inputs, n_bits, converter.low, converter.high))
    assert np.all(found.t_conv > 0)


@pytest.mark.parametrize(("n_bits", "sigma"), [(6, 0.05), (8, 0.02)])
def test_capacitor_errors_bend_as_predicted(ngspice, n_bits, sigma):
    """Every level lies within 0.02 LSB of the greedy search: the code steps between 0.02 LSB below and above it."""
    errors = tuple(np.random.default_rng(5).normal(0, sigma, n_bits).tolist())
    sar = sar_charge(n_bits, errors=errors, c_par=20e-15)
    levels, lsb = sar.levels(), 2 * sar.high / 2**n_bits
    k = np.unique(np.linspace(1, 2**n_bits - 1, 64).round().astype(int))
    inputs = np.concatenate([levels[k - 1] - 0.02 * lsb, levels[k - 1] + 0.02 * lsb])
    below, above = np.split(codes(ngspice, sar, inputs).codes, 2)
    assert np.all(below < k)
    assert np.all(above >= k)
    assert np.abs(levels / lsb - np.arange(1 - 2 ** (n_bits - 1), 2 ** (n_bits - 1))).max() > 0.3  # it does bend


def test_ramp_with_unequal_capacitors_as_predicted(ngspice):
    """0.03 LSB: half an edge of the ramp is 0.012 LSB."""
    ramp = ramp_charge(8, mismatch=Mismatch(a_c=5e-8), seed=2, offset=1e-3)
    levels, lsb = ramp.levels(), 2 * ramp.high / 256
    assert np.abs(levels - ramp_charge(8).levels()).max() > 0.5 * lsb
    k = np.arange(20, 240, 20)
    below, above = np.split(
        codes(ngspice, ramp, np.concatenate([levels[k - 1] - 0.03 * lsb, levels[k - 1] + 0.03 * lsb])).codes, 2
    )
    assert np.all(below < k)
    assert np.all(above >= k)


def test_the_counter_in_the_deck_counts_the_same(ngspice):
    inputs = np.linspace(-0.49, 0.49, 7)
    counted = codes(ngspice, ramp_charge(5, counter=True), inputs)
    read = codes(ngspice, ramp_charge(5), inputs)
    assert np.array_equal(counted.codes, read.codes)
    assert len(set(counted.codes)) == 7


def reference_energy(sar, decisions):
    """Return what the reference gives in a conversion, decision after decision, by charge conservation [J]."""
    c, bits, energy = np.array(sar.c_bits), np.zeros(sar.n_bits), 0.0
    bits[-1] = 1
    for i in reversed(range(sar.n_bits)):
        new = bits.copy()
        new[i] = decisions[i]
        if i:
            new[i - 1] = 1
        moved = -sar.v_ref * (c @ (new - bits)) / sar.c_top[0]  # of the top plate
        plates = sar.v_ref * (bits - new)
        energy += sar.v_ref * np.sum((c * (plates - moved))[new == 0])
        bits = new
    return energy


def test_energy_of_the_reference_is_its_charge(ngspice):
    """Bit after bit, input at zero so that nothing else moves the top plate; 1 %."""
    sar = sar_charge(6, t_clk=4e-9)
    deck = sar.deck(np.array([0.01 * sar.high / 32]))
    found = ngspice.run(deck)
    code = sar.read(np.zeros(1), found.axis, found.signals).codes[0]
    decisions = [(code >> i) & 1 for i in range(6)]
    wanted = reference_energy(sar, decisions)
    edges = np.array([(sar.clocking.n_wait - 0.1) * sar.clocking.t_clk, found.axis[-1]])
    got = metered(found.axis, found.signals, sar.supplies, edges)["dac"]
    assert got[0] == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize(("build", "n_bits", "n"), [(sar_charge, 6, 12), (sar_charge, 8, 8), (ramp_charge, 8, 16)])
def test_transistors_follow_the_equations(ngspice, build, n_bits, n):
    """Within one code at tt, in the middle of codes all over the range; energy of every block is above zero."""
    converter = build(n_bits, "transistor")
    lsb = 2 * converter.high / 2**n_bits
    inputs = converter.low + lsb * (np.linspace(0, 2**n_bits - 1, n).round() + 0.5)
    found = codes(ngspice, converter, inputs)
    assert np.abs(found.codes - ideal_codes(inputs, n_bits, converter.low, converter.high)).max() <= 1
    assert all(np.all(energy > 0) for block, energy in found.energy.items() if block != RECKONED)


def test_a_comparator_without_time_is_caught(ngspice):
    """A twentieth of the nominal period: the latch cannot decide, which must not look like a code."""
    sar = sar_charge(6, "transistor", t_clk=0.15e-9, t_reset=4e-9)
    with pytest.raises(MeasurementFailed, match="neither high nor low"):
        codes(ngspice, sar, np.linspace(-0.8, 0.8, 4))
