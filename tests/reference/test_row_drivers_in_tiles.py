"""Judge: the exact operator behind the drivers' own levels and resistance, of tiles whose lines circuits drive."""

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.device.capacitance import Capacitor, map_capacitances
from aimc_spice.errors import NetlistError
from aimc_spice.metrology.tile import read_tile
from aimc_spice.netlist.adcs.ideal import IdealAdc
from aimc_spice.netlist.adcs.mos import generic
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.adcs.sar_column import SarOnColumn
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.inputs import BitSerial, MultiLevel, PulseWidth
from aimc_spice.netlist.readout import dynamic_tia, integrator
from aimc_spice.netlist.rows.build import Build
from aimc_spice.netlist.rows.ladder import LadderRows
from aimc_spice.netlist.rows.line import LineDriver, SerialRows
from aimc_spice.netlist.rows.pulse import PulseRows
from aimc_spice.netlist.tiles.charge import ChargeTileCircuit
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate import open_simulator
from aimc_spice.surrogate.operator import tile_operator
from aimc_spice.surrogate.ports import linear_ports
from tiles import C_INT, OPAMP, R_1, R_DRIVER, R_F, WIRE, integrating, tile

pytestmark = pytest.mark.ngspice
X = np.random.default_rng(5).uniform(-0.6, 0.6, (1, 8))
ADC = IdealAdc(6, 0.1, 1.7, t_conv=2e-9)
LSB = 1.6 / 64


@pytest.fixture(scope="module")
def ngspice():
    with open_simulator("shared", timeout_s=120) as simulator:
        yield simulator


def run(ngspice, circuit, x=X):
    return read_tile(ngspice.run(circuit.deck(x)), circuit.probes(x), circuit.adc)


def resting(**changes):
    """Return the small tile with lines at rest at 0.9 V and 6 bits around it."""
    return tile(front_end=dynamic_tia(r_f=R_F, r_1=R_1, opamp=OPAMP, v_ref=0.9).macro, v_ref=0.9, adc=ADC, **changes)


def timed(**changes):
    front_end = integrator(c_int=C_INT, r_1=R_1, opamp=OPAMP, r_on=200.0, v_ref=0.9)
    return replace(integrating(), front_end=front_end, v_ref=0.9, adc=ADC, encoding=PulseWidth(2, "none"), **changes)


def columns(circuit, x=X):
    """Return what the columns give [V]: levels and resistance of the drivers in closed form, then the operator."""
    ports = linear_ports(dynamic_tia(r_f=R_F, r_1=R_1, opamp=OPAMP).linear)
    resistance = R_DRIVER + circuit.drivers.r_out
    operator = tile_operator(circuit.cells.g_pos, circuit.cells.g_neg, WIRE, ports, resistance)
    sums = circuit.drivers.levels(circuit.drive(x)) @ operator
    if not circuit.planes(x).timed:
        return circuit.v_ref + sums
    loss = (circuit.cells.g_neg.sum(axis=0) + 1 / R_1) / (2 * np.pi * OPAMP.gbw * C_INT)
    return circuit.v_ref + sums * circuit.t_int / R_F / C_INT / (1 + loss)


def clear(volts):
    """Return where a level of a converter is not within a hundredth of a step."""
    phase = (volts - ADC.low) / LSB % 1
    return np.minimum(phase, 1 - phase) > 0.01


KINDS = {
    "serial": (lambda build: SerialRows(LineDriver(build=build)), BitSerial(2)),
    "ladders": (
        lambda build: LadderRows(3, buffer=None, r=300.0, r_on=20.0, w=1e-4, build=build),
        MultiLevel(3, "none"),
    ),
    "mismatched ladders": (lambda build: LadderRows(3, sigma=0.05, seed=4, build=build), MultiLevel(3, "none")),
    "ladders by phases": (lambda build: LadderRows(3, signed=False, build=build), MultiLevel(3)),
}


def driven_tile(kind, build):
    """Return a tile with drivers of a kind, and inputs: those of pulses are positive, so that one phase does."""
    if kind == "pulses":
        return timed(drivers=PulseRows(2, LineDriver(build=build))), np.abs(X)
    rows, encoding = KINDS[kind]
    return resting(encoding=encoding, drivers=rows(build)), X


@pytest.fixture(scope="module")
def driven(ngspice):
    """Return circuits and what they did, of both levels, by kind."""
    found = {}
    for kind in (*KINDS, "pulses"):
        for level in ("behavioural", "transistor"):
            circuit, x = driven_tile(kind, Build(level))
            found[kind, level] = circuit, run(ngspice, circuit, x)
    return found


@pytest.mark.parametrize("kind", [*KINDS, "pulses"])
def test_codes_with_drivers_by_equations_are_those_of_the_operator(driven, kind):
    circuit, found = driven[kind, "behavioural"]
    volts = columns(circuit, np.abs(X) if kind == "pulses" else X)
    assert found.columns == pytest.approx(volts, abs=5e-4 if kind == "pulses" else 1e-4)
    codes = np.floor((volts - ADC.low) / LSB)
    assert np.array_equal(found.codes[clear(volts)], codes[clear(volts)])
    assert np.ptp(codes) > 6


@pytest.mark.parametrize("kind", [*KINDS, "pulses"])
def test_codes_with_drivers_of_transistors_are_within_a_step(driven, kind):
    (_, one), (_, other) = driven[kind, "behavioural"], driven[kind, "transistor"]
    assert np.abs(one.codes - other.codes).max() <= 1
    assert other.columns == pytest.approx(one.columns, abs=0.5 * LSB)
    assert other.latency["drivers"] < 4e-9


@pytest.mark.parametrize("corner", [Corner("ss", vdd_scale=0.95), Corner("fs")], ids=str)
@pytest.mark.parametrize("kind", ["serial", "ladders", "mismatched ladders", "pulses"])
def test_drivers_of_transistors_in_corners(ngspice, driven, kind, corner):
    """On-resistances of line drivers go from 83 Ω (ff) to 160 Ω (ss, 1.71 V) where the equations keep 105 Ω."""
    found = run(ngspice, *driven_tile(kind, Build("transistor", generic("g180", corner))))
    assert found.columns == pytest.approx(driven[kind, "behavioural"][1].columns, abs=0.5 * LSB)


def test_ideal_sources_and_drivers_by_equations_differ_by_resistance_alone(ngspice, driven):
    """With a driver of next to none the columns are those of ideal sources."""
    rows = SerialRows(LineDriver(r_out=1e-3))
    found = [run(ngspice, resting(encoding=BitSerial(2), **drivers)) for drivers in ({}, {"drivers": rows})]
    assert found[1].columns == pytest.approx(found[0].columns, abs=2e-5)
    assert np.abs(driven["serial", "behavioural"][1].columns - found[0].columns).max() > 1e-2


@pytest.mark.parametrize("kind", [*KINDS, "pulses"])
def test_energy_of_drivers_by_block(driven, kind):
    (_, one), (_, other) = driven[kind, "behavioural"], driven[kind, "transistor"]
    assert other.energy["array"] == pytest.approx(one.energy["array"], rel=0.1)
    assert other.energy["driver logic"][0] > other.energy["array"][0]
    if kind in {"serial", "pulses"}:  # what the resistances burn; transistors, what their crossing edges take besides
        circuit = driven[kind, "behavioural"][0]
        assert one.energy["drivers"][0] < other.energy["drivers"][0] < 10 * one.energy["drivers"][0]
        assert circuit.drivers.r_out > R_DRIVER
    else:
        block = "drivers" if kind == "ladders" else "dac ladders"
        assert other.energy[block] == pytest.approx(one.energy[block], rel=0.3)


def test_what_line_drivers_burn_is_the_current_squared_in_their_resistances(ngspice):
    circuit = resting(encoding=BitSerial(1), drivers=SerialRows(), t_idle=3e-9)
    deck = circuit.deck(X)
    waves = ngspice.run(replace(deck, options=(*deck.options, "reltol=1e-5")))
    found = read_tile(waves, circuit.probes(X), ADC)
    currents = waves.stack([f"i(vin_{r})" for r in range(8)])
    burnt = (R_DRIVER + circuit.drivers.r_out) * np.trapezoid((currents**2).sum(axis=1), waves.axis)
    assert found.energy["drivers"][0] == pytest.approx(burnt, rel=5e-3)


def test_ladders_burn_what_their_resistors_burn(ngspice):
    """A DAC of one bit and sign, code 3 of 4 with rungs to a buffer: its power from Kirchhoff's laws."""
    rows = LadderRows(1, r=1e4, r_on=0.0)
    circuit = resting(encoding=MultiLevel(1, "none"), drivers=rows)
    found = run(ngspice, circuit, np.ones((1, 8)))
    v, legs = 0.4 * 2 / 1, np.array([2e4, 2e4])
    ends = np.array([v, v])
    # nodes: end of the terminator with its rung, output; references 0 and v
    conductance = np.array([[1 / 2e4 + 1 / legs[0] + 1e-4, -1e-4], [-1e-4, 1e-4 + 1 / legs[1]]])
    nodes = np.linalg.solve(conductance, ends / legs)
    power = (ends * (ends - nodes) / legs).sum()
    rest = np.linalg.solve(conductance, np.array([0, v]) / legs)
    at_rest = v * (v - rest[1]) / legs[1]
    windows = circuit.schedule.windows
    wanted = 8 * (power * windows.t_on + at_rest * (windows.t_window - windows.t_on))
    assert found.energy["dac ladders"][0] == pytest.approx(wanted, rel=0.02)  # edges of 20 ps


@pytest.mark.parametrize("kind", ["serial", "ladders"])
def test_drivers_of_charge_mode_tiles(ngspice, kind):
    weights = np.random.default_rng(0).uniform(-1, 1, (8, 8))
    cells = map_capacitances(weights, Capacitor(8e-15), n_levels=None)
    crossbar = ChargeCrossbar(cells, Wire(2.0, 3.0, 2e-16, 2e-16), r_driver=50.0, c_par=5e-16)
    adc = SarOnColumn.of(sar_charge(6, c_unit=2.5e-16), float(np.mean(crossbar.c_bl)))
    x, found = np.random.default_rng(5).uniform(0, 1, (1, 8)), {}
    for level in ("behavioural", "transistor"):
        serial = SerialRows(LineDriver(build=Build(level)))
        rows = serial if kind == "serial" else LadderRows(3, buffer=None, r=2e3, w=2e-5, r_on=100.0, build=Build(level))
        encoding = BitSerial(2, "none") if kind == "serial" else MultiLevel(3, "none")
        circuit = ChargeTileCircuit(crossbar, adc, encoding, v_read=0.5, v_rest=0.9, drivers=rows)
        found[level] = run(ngspice, circuit, x)
        assert np.abs(found[level].codes - circuit.ideal_codes(x)).max() <= (0 if level == "behavioural" else 1)
    assert found["transistor"].energy["driver logic"][0] > 0


def test_what_drivers_cannot_do_in_a_tile_is_said():
    with pytest.raises(NetlistError, match="BitSerial"):
        resting(drivers=SerialRows()).deck(X)
    with pytest.raises(NetlistError, match=r'encoding MultiLevel\(3, "none"\)'):
        resting(drivers=LadderRows(3)).deck(X)
    with pytest.raises(NetlistError, match=r"encoding PulseWidth\(4\)"):
        resting(drivers=PulseRows(4)).deck(X)
