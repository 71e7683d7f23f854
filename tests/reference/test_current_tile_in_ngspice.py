"""Judge: the exact operator and an ideal quantiser, of whole tiles that ngspice runs as one deck."""

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.errors import NetlistError
from aimc_spice.metrology.tile import read_tile
from aimc_spice.netlist.adcs import CONVERTERS
from aimc_spice.netlist.adcs.current_column import CcoColumn, DualSlopeColumn
from aimc_spice.netlist.adcs.flash import flash
from aimc_spice.netlist.adcs.flash_column import FlashColumn
from aimc_spice.netlist.adcs.ramp import ramp
from aimc_spice.netlist.adcs.ramp_column import RampColumn
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.adcs.sar_column import SarColumn
from aimc_spice.netlist.inputs import BitSerial, MultiLevel, PulseWidth
from aimc_spice.netlist.parse import parse_netlist
from aimc_spice.netlist.readout import OpAmp, conveyor, current_conveyor, dynamic_tia, sample_hold
from aimc_spice.simulate import open_simulator
from aimc_spice.surrogate.operator import tile_operator
from aimc_spice.surrogate.ports import linear_ports
from aimc_spice.surrogate.reduced import reduced_crossbar
from tiles import C_INT, OPAMP, R_1, R_DRIVER, R_F, V_READ, WIRE, cells, integrating, matrix, tile

pytestmark = pytest.mark.ngspice
X = np.random.default_rng(5).uniform(-0.6, 0.6, (2, 8))  # so that no output leaves the range


@pytest.fixture(scope="module")
def ngspice():
    with open_simulator("shared", timeout_s=120) as simulator:
        yield simulator


def run(ngspice, circuit, x=X):
    return read_tile(ngspice.run(circuit.deck(x)), circuit.probes(x), circuit.adc)


def ideal(circuit, volts):
    lsb = (circuit.adc.high - circuit.adc.low) / 2**circuit.adc.n_bits
    return np.floor((volts + circuit.v_ref - circuit.adc.low) / lsb)


def weight_sum(circuit):
    planes = circuit.planes(X)
    return np.abs(planes.weights).sum() / planes.divisor


@pytest.mark.parametrize("encoding", [MultiLevel(4, "none"), MultiLevel(3), BitSerial(2)], ids=repr)
def test_codes_and_products_are_those_of_the_operator(ngspice, encoding):
    circuit = tile(encoding=encoding)
    found, operator = run(ngspice, circuit), matrix(circuit)
    volts = circuit.planes(X).sequence() @ operator
    assert found.columns == pytest.approx(volts, abs=2e-5)  # settled for 15 ns, time constant about 1 ns
    lsb, phase = 1.6 / 256, volts / (1.6 / 256) % 1
    off = found.codes - ideal(circuit, volts)
    assert np.abs(off[np.minimum(phase, 1 - phase) > 0.004]).max() == 0  # elsewhere an input stands on a transition
    assert np.abs(off).max() <= 1
    wanted = encoding.quantise(X) @ operator
    assert np.abs(found.product - wanted).max() <= weight_sum(circuit) * (lsb / 2 + 2e-5)


def test_pulse_widths_integrate_to_the_product(ngspice):
    circuit = integrating(encoding=PulseWidth(4))
    found = run(ngspice, circuit)
    charge = matrix(circuit) / R_F * circuit.t_int  # of one row at full width
    # a line that moves while the integrator does loses (G + 1/r_1)/(2 pi gbw c_int) of the slope
    loss = (circuit.cells.g_neg.sum(axis=0) + 1 / R_1) / (2 * np.pi * OPAMP.gbw * C_INT)
    volts = charge / C_INT / (1 + loss)
    assert found.columns == pytest.approx(circuit.planes(X).sequence() @ volts, abs=2e-4)  # of 0.5 V
    wanted = circuit.encoding.quantise(X) @ volts
    assert np.abs(found.product - wanted).max() <= 2 * (0.5 * 1.6 / 256 + 2e-4)


def test_columns_that_share_a_converter_give_the_same_codes(ngspice):
    alone = tile()
    shared = tile(n_shared=4, sampler=sample_hold(), t_hold=1e-9)
    assert shared.n_converters == 2
    one, other = run(ngspice, alone), run(ngspice, shared)
    assert np.abs(one.codes - other.codes).max() <= 1
    assert other.latency["operation"] > one.latency["operation"]


@pytest.fixture(scope="module")
def with_converters(ngspice):
    """Return the same tile with SAR converters of both levels, and their codes."""
    front_end = dynamic_tia(r_f=R_F, r_1=R_1, opamp=OpAmp(1e5, 5e9), v_ref=0.9).macro
    found = {}
    for level in ("behavioural", "transistor"):
        circuit = tile(front_end=front_end, v_ref=0.9, adc=SarColumn(sar_charge(6, level)), encoding=MultiLevel(4))
        found[level] = circuit, run(ngspice, circuit, X[:1])
    return found


def test_behavioural_converters_in_the_tile_give_the_ideal_codes(with_converters):
    circuit, found = with_converters["behavioural"]
    volts = circuit.planes(X[:1]).sequence() @ matrix(circuit)
    assert np.abs(found.codes - ideal(circuit, volts)).max() <= 1
    assert np.mean(found.codes != ideal(circuit, volts)) < 0.1  # at a transition only


def test_transistor_converters_in_the_tile_are_within_a_step(with_converters):
    (_, one), (_, other) = with_converters["behavioural"], with_converters["transistor"]
    assert np.abs(one.codes - other.codes).max() <= 1
    assert {"adc dac", "adc comparator", "adc drivers"} <= set(other.energy)
    assert other.energy["adc comparator"][0] > 0


@pytest.mark.parametrize("level", ["behavioural", "transistor"])
def test_one_ramp_serves_all_columns(ngspice, level):
    front_end = dynamic_tia(r_f=R_F / 2, r_1=R_1, opamp=OpAmp(1e5, 5e9), v_ref=0.5).macro
    # eight comparators load the ramp: their gates are reckoned to its capacitor (20 fF each, found by trial)
    adc = RampColumn(ramp(6, level, t_ramp=5e-7, c_par=1.8e-13))
    circuit = tile(front_end=front_end, v_ref=0.5, adc=adc)
    found = run(ngspice, circuit, X[:1])
    off = found.codes - ideal(circuit, circuit.planes(X[:1]).sequence() @ matrix(circuit) / 2)
    assert np.abs(off).max() <= (0 if level == "behavioural" else 1)
    assert found.energy["adc ramp"][0] > 0


def test_the_network_of_the_terminals_stands_for_the_crossbar(ngspice):
    circuit = tile(t_idle=3e-9)
    reduced = replace(circuit, network=reduced_crossbar(circuit.cells, circuit.wire, R_DRIVER))
    one, other = run(ngspice, circuit), run(ngspice, reduced)
    assert np.array_equal(one.codes, other.codes)
    assert other.columns == pytest.approx(one.columns, abs=1e-7)
    assert other.energy["array"] == pytest.approx(one.energy["array"], rel=1e-3)
    assert other.latency["columns"] == pytest.approx(one.latency["columns"], rel=0.05)


def test_energy_of_the_array_is_what_its_elements_burn(ngspice):
    circuit = tile(encoding=MultiLevel(2), t_idle=5e-9)
    deck = circuit.deck(X[:1])
    flat = parse_netlist(deck.chunks())
    nodes = [n for n in flat.node_names if n.split("_")[0] in {"wl", "wd", "w", "p", "n", "bp", "bn"}]
    more = tuple(dict.fromkeys([*deck.probes, *(f"v({n})" for n in nodes)]))
    waves = ngspice.run(replace(deck, probes=more, options=(*deck.options, "reltol=1e-5")))
    found = read_tile(waves, circuit.probes(X[:1]), circuit.adc)
    v = {n: waves.signals[f"v({n})"] for n in nodes} | {"0": np.zeros(len(waves.axis))}
    resistors = list(zip(flat.tables["r"].nodes, flat.tables["r"].values, strict=True))
    names = flat.node_names
    burnt = {"drivers": 0.0, "array": 0.0}
    left = np.zeros(len(waves.axis))  # power that leaves the bit lines into the front ends
    for (a, b), r in resistors:
        ends = names[a], names[b]
        if set(ends) <= set(v):
            burnt["drivers" if r == R_DRIVER else "array"] += np.trapezoid(
                (v[ends[0]] - v[ends[1]]) ** 2 / r, waves.axis
            )
            for end, other in (ends, ends[::-1]):
                if end[:3] in {"bp_", "bn_"}:
                    left += v[end] * (v[other] - v[end]) / r
    assert found.energy["drivers"][0] == pytest.approx(burnt["drivers"], rel=5e-3)
    # capacitors end as they began, so what the sources give is burnt or leaves
    assert found.energy["array"][0] == pytest.approx(burnt["array"] + np.trapezoid(left, waves.axis), rel=5e-3)


def test_latency_by_block(ngspice):
    circuit = tile()
    found = run(ngspice, circuit)
    order = [found.latency[name] for name in ("drivers", "columns", "operation")]
    assert order == sorted(order)
    noise_gain = 1 + R_F * (circuit.cells.g_neg.sum(axis=0).max() + 1 / R_1)
    tau = noise_gain / (2 * np.pi * OPAMP.gbw)
    swing = np.abs(found.columns).max() / (0.5 * 1.6 / 256)
    assert found.latency["columns"] == pytest.approx(tau * np.log(swing), rel=0.5)
    assert found.t_mvm == circuit.schedule.windows.t_window


def test_what_cannot_be_a_tile_is_refused():
    with pytest.raises(NetlistError, match="integrating"):
        tile(encoding=PulseWidth(4)).deck(X)
    with pytest.raises(NetlistError, match="held"):
        tile(n_shared=2)
    with pytest.raises(NetlistError, match="share converters by 3"):
        tile(n_shared=3, sampler=sample_hold(), t_hold=1e-9)
    with pytest.raises(NetlistError, match="t_hold"):
        tile(sampler=sample_hold())
    with pytest.raises(NetlistError, match="reset"):
        replace(integrating(), t_idle=0.0)


@pytest.mark.parametrize("level", ["behavioural", "transistor"])
def test_flash_converters_share_a_ladder(ngspice, level):
    front_end = dynamic_tia(r_f=R_F / 2, r_1=R_1, opamp=OpAmp(1e5, 5e9), v_ref=0.5).macro
    circuit = tile(front_end=front_end, v_ref=0.5, adc=FlashColumn(flash(4, level)))
    found = run(ngspice, circuit, X[:1])
    wanted = ideal(circuit, circuit.planes(X[:1]).sequence() @ matrix(circuit) / 2)
    assert np.array_equal(found.codes, wanted)
    assert found.energy["adc ladder"][0] > 0


CURRENT = {"cco": CcoColumn, "dual_slope": DualSlopeColumn}


@pytest.mark.parametrize("kind", CURRENT)
@pytest.mark.parametrize(("level", "within"), [("behavioural", 0), ("transistor", 1)])
def test_converters_of_currents_read_the_difference_of_the_bit_lines(ngspice, kind, level, within):
    adc = CURRENT[kind](CONVERTERS[kind](4 if level == "transistor" else 6, level))
    front_end = current_conveyor(i_0=adc.high / 2, copy=0.5)
    circuit = tile(cells=cells(8, 4), front_end=front_end, adc=adc, t_int=5e-9)
    found = run(ngspice, circuit, X[:1])
    ports = linear_ports(conveyor(r_z=1.0, copy=0.5).linear)
    operator = V_READ * tile_operator(circuit.cells.g_pos, circuit.cells.g_neg, WIRE, ports, R_DRIVER)
    currents = adc.high / 2 + circuit.planes(X[:1]).sequence() @ operator
    assert found.columns == pytest.approx(currents, abs=1e-3 * adc.high)
    wanted = np.searchsorted(adc.levels(), currents, side="right")
    assert np.ptp(wanted) >= 2**adc.n_bits // 5
    assert np.abs(found.codes - wanted).max() <= within
    lsb = adc.high / 2**adc.n_bits
    straight = np.floor(currents / lsb)  # the oscillator bends
    assert found.product == pytest.approx((found.codes + 0.5) * lsb - adc.high / 2, abs=1e-12)
    assert np.abs(found.codes - straight).max() <= (2 if kind == "cco" else within)


def test_what_does_not_go_together_is_said():
    adc = DualSlopeColumn(CONVERTERS["dual_slope"](4))
    with pytest.raises(NetlistError, match=r"gives \[V\], the converter takes \[A\]"):
        tile(adc=adc)
    with pytest.raises(NetlistError, match=r"gives \[A\], the converter takes \[V\]"):
        tile(front_end=current_conveyor(i_0=1e-5))
    with pytest.raises(NetlistError, match="neither held nor shared"):
        tile(front_end=current_conveyor(i_0=1e-5), adc=adc, n_shared=2)
