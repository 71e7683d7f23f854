"""Judge: the same tile with the equations of the block, for front ends, samplers and multiplexers of transistors.

Codes are compared as the converters give them: nothing is corrected. A step is 28 mV, or 0.3 µA, of 6 bits.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aimc_spice.errors import NetlistError
from aimc_spice.metrology.tile import read_tile
from aimc_spice.netlist.adcs import CONVERTERS
from aimc_spice.netlist.adcs.current_column import CcoColumn, DualSlopeColumn
from aimc_spice.netlist.adcs.flash import flash
from aimc_spice.netlist.adcs.flash_column import FlashColumn
from aimc_spice.netlist.adcs.mos import generic
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.adcs.sar_column import SarColumn
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.inputs import PulseWidth
from aimc_spice.netlist.macro import header
from aimc_spice.netlist.readout import OpAmp, conveyor, current_conveyor, dynamic_tia, integrator, sample_hold
from aimc_spice.netlist.readout_mos import (
    mos_conveyor,
    mos_current_conveyor,
    mos_integrator,
    mos_multiplexer,
    mos_sample_hold,
    mos_tia,
)
from aimc_spice.simulate import open_simulator
from tiles import OPAMP, R_1, cells, tile

pytestmark = pytest.mark.ngspice
X = np.random.default_rng(5).uniform(-1, 1, (1, 8))
FRONT_ENDS = Path(__file__).parents[2] / "netlists" / "frontends"
R, V_REF = 2e4, 0.9
MOS = generic("g180", Corner())


@pytest.fixture(scope="module")
def ngspice():
    with open_simulator("shared", timeout_s=120) as simulator:
        yield simulator


def run(ngspice, circuit):
    return read_tile(ngspice.run(circuit.deck(X)), circuit.probes(X), circuit.adc)


def voltages(level="behavioural", **changes):
    return tile(adc=SarColumn(sar_charge(6, level)), **{"t_int": 4e-8, "v_ref": V_REF, **changes})


def test_tia_of_transistors(ngspice):
    one = run(ngspice, voltages(front_end=dynamic_tia(r_f=R, r_1=R_1, opamp=OPAMP, v_ref=V_REF).macro))
    other = run(ngspice, voltages(front_end=mos_tia(MOS, r_f=R, r_1=R_1)))
    assert np.ptp(one.codes) > 15
    assert np.abs(one.codes - other.codes).max() <= 1
    assert other.columns == pytest.approx(one.columns, abs=3e-3)  # gain of the op-amps 3000, noise gain up to 40
    assert other.energy["front_end"][0] > 100 * one.energy["front_end"][0]  # of a constant current


@pytest.mark.parametrize("level", ["behavioural", "transistor"])
def test_conveyor_of_transistors(ngspice, level):
    one = run(ngspice, voltages(level, front_end=conveyor(r_z=R, r_x=0.1, v_ref=V_REF).macro, cells=cells(8, 4)))
    front_end = mos_conveyor(MOS, r_z=R, c_z=8e-14, i_bias=1e-4)
    other = run(ngspice, voltages(level, front_end=front_end, cells=cells(8, 4)))
    assert np.ptp(one.codes) > 15
    assert np.abs(one.codes - other.codes).max() <= 1
    assert other.columns == pytest.approx(one.columns, abs=2.5e-3)
    per_column = 1.8 * (2.1e-3 + 2 * 0.55e-3 + 6 * 1e-4) * one.t_mvm  # op-amps of the output and lines; mirrors
    assert other.energy["front_end"][0] == pytest.approx(4 * per_column, rel=0.1)


@pytest.mark.parametrize("kind", ["cco", "dual_slope"])
@pytest.mark.parametrize("level", ["behavioural", "transistor"])
def test_conveyor_of_currents_of_transistors(ngspice, kind, level):
    """The oscillator holds its input at 0 V by equations, at 0.4 to 0.9 V of transistors; the dual slope at 0.8 V."""
    adc = {"cco": CcoColumn, "dual_slope": DualSlopeColumn}[kind](CONVERTERS[kind](4 if kind == "cco" else 6, level))
    plain = tile(cells=cells(8, 4), adc=adc, t_int=2e-8, front_end=current_conveyor(i_0=1e-5, copy=0.5, r_x=0.4))
    one = run(ngspice, plain)
    other = run(ngspice, replace(plain, front_end=mos_current_conveyor(MOS, i_0=1e-5, copy=0.5), v_ref=V_REF))
    assert np.ptp(one.codes) > 2**adc.n_bits / 3
    assert np.abs(one.codes - other.codes).max() <= (0 if kind == "cco" else 1)
    assert other.columns == pytest.approx(one.columns, abs=1e-7)  # A, of 20 µA: after 20 ns, below 2 µA not at rest
    assert other.product == pytest.approx(one.product, abs=1.01 * adc.high / 2**adc.n_bits)


@pytest.mark.parametrize("corner", [Corner("ff"), Corner("ss", vdd_scale=0.9)], ids=lambda c: c.name)
def test_conveyor_of_currents_in_corners(ngspice, corner):
    """Its mirrors are ratios: corners move none of 6 bits by more than a step."""
    adc, process = DualSlopeColumn(CONVERTERS["dual_slope"](6)), generic("g180", corner)
    plain = tile(cells=cells(8, 4), adc=adc, t_int=2e-8, front_end=current_conveyor(i_0=1e-5, copy=0.5, r_x=0.4))
    one = run(ngspice, plain)
    front_end = mos_current_conveyor(process, i_0=1e-5, copy=0.5)
    other = run(ngspice, replace(plain, front_end=front_end, v_ref=process.vdd / 2))
    assert np.abs(one.codes - other.codes).max() <= 1
    assert other.columns == pytest.approx(one.columns, abs=1.5e-7)


def test_integrator_of_transistors(ngspice):
    c_int = 1e-11
    times = {"t_int": 1.5e-7, "t_hold": 4e-9, "t_idle": 1.5e-8}
    opamp = OpAmp(3e3, 6.5e8)  # into capacitors, by the bench
    front_end = integrator(c_int=c_int, r_1=2e3, opamp=opamp, r_on=100.0, v_ref=V_REF)
    plain = voltages(front_end=front_end, encoding=PulseWidth(4), cells=cells(8, 4), **times)
    one = run(ngspice, plain)
    other = run(ngspice, replace(plain, front_end=mos_integrator(MOS, c_int=c_int, w=2e-5)))
    assert np.ptp(one.codes) > 10
    assert np.abs(one.codes - other.codes).max() <= 1
    assert other.columns == pytest.approx(one.columns, abs=3e-3)  # pedestal of the reset: -1.5 mV
    assert other.energy["switches"][0] > 0


def test_columns_that_transistors_hold_and_select(ngspice):
    front_end = dynamic_tia(r_f=R, r_1=R_1, opamp=OPAMP, v_ref=V_REF).macro
    shared = voltages(front_end=front_end, n_shared=4, sampler=sample_hold(), t_hold=1e-9)
    one = run(ngspice, shared)
    other = run(ngspice, replace(shared, sampler=mos_sample_hold(MOS), t_hold=1e-8))
    assert np.ptp(one.codes) > 15
    assert np.abs(one.codes - other.codes).max() <= 1
    assert set(other.energy) - set(one.energy) == {"sampler", "switches"}


def test_outputs_rest_where_the_converter_asks(ngspice):
    """Ramp and flash convert 0.1 to 0.9 V, below what the op-amps' n pairs can hold: lines stay at 0.9 V."""
    plain = voltages(front_end=conveyor(r_z=R / 2, r_x=0.1, v_ref=0.5).macro, v_ref=0.5)
    plain = replace(plain, adc=FlashColumn(flash(4)))
    one = run(ngspice, plain)
    for front_end in (mos_conveyor(MOS, r_z=R / 2, c_z=1.6e-13, v_out=0.5), mos_tia(MOS, r_f=R / 2, v_out=0.5)):
        other = run(ngspice, replace(plain, front_end=front_end, v_ref=V_REF))
        assert np.abs(one.codes - other.codes).max() <= 1
        assert other.columns == pytest.approx(one.columns, abs=3e-3)
        assert other.product == pytest.approx(one.product, abs=1.01 * 0.05)


PORTS = [
    ("tia_dynamic", "tia_dynamic", "opamp_mos", "tia_mos"),
    ("conveyor", "conveyor_limited", "conveyor_mos", "conveyor_mos"),
    ("conveyor", "conveyor_current", "conveyor_mos", "conveyor_current_mos"),
    ("integrator", "integrator", "integrator_mos", "integrator_mos"),
    ("switches", "sample_hold", "switches_mos", "sample_hold_mos"),
    ("switches", "sample_hold", "sampler_mos", "sampler_mos"),
    ("multiplexer", "column_multiplexer", "multiplexer_mos", "column_multiplexer_mos"),
]


@pytest.mark.parametrize(("file", "name", "mos_file", "mos_name"), PORTS)
def test_both_levels_have_the_same_ports(file, name, mos_file, mos_name):
    texts = [(FRONT_ENDS / f"{f}.cir").read_text(encoding="utf-8") for f in (file, mos_file)]
    assert header(texts[0], name)[0] == header(texts[1], mos_name)[0]


def test_what_is_not_above_zero_is_named():
    with pytest.raises(NetlistError, match="conveyor_mos: got r_z = -1"):
        mos_conveyor(MOS, r_z=-1.0)
    with pytest.raises(NetlistError, match="got copy = 0, i_bias = 0"):
        mos_current_conveyor(MOS, i_0=1e-5, copy=0.0)
    with pytest.raises(NetlistError, match="at least one"):
        mos_multiplexer(0)
