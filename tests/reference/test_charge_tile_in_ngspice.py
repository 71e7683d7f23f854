"""Judge: charge conservation and a greedy search in closed form, of whole charge-mode tiles that ngspice runs."""

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.device.capacitance import Capacitor, map_capacitances
from aimc_spice.errors import NetlistError
from aimc_spice.metrology.tile import read_tile
from aimc_spice.netlist.adcs.ramp_on_column import ramp_on_column
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.adcs.sar_column import SarOnColumn
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.inputs import BitSerial, MultiLevel, PulseWidth
from aimc_spice.netlist.tiles.charge import ChargeTileCircuit
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate import open_simulator

pytestmark = pytest.mark.ngspice
X = np.random.default_rng(5).uniform(-1, 1, (2, 8))


def tile(level="behavioural", encoding=None, c_unit=2.5e-16):
    weights = np.random.default_rng(0).uniform(-1, 1, (8, 8))
    cells = map_capacitances(weights, Capacitor(8e-15), n_levels=None)
    crossbar = ChargeCrossbar(cells, Wire(2.0, 3.0, 2e-16, 2e-16), r_driver=50.0, c_par=5e-16)
    adc = SarOnColumn.of(sar_charge(6, level, c_unit=c_unit), float(np.mean(crossbar.c_bl)))
    return ChargeTileCircuit(crossbar, adc, encoding or MultiLevel(4, "none"), v_read=0.5, v_rest=0.9)


def run(circuit, x=X):
    with open_simulator("shared", timeout_s=120) as ngspice:
        return read_tile(ngspice.run(circuit.deck(x)), circuit.probes(x), circuit.adc)


@pytest.mark.parametrize("encoding", [MultiLevel(4, "none"), BitSerial(2)], ids=repr)
def test_codes_are_those_of_conserved_charge(encoding):
    circuit = tile(encoding=encoding)
    found, wanted = run(circuit), circuit.ideal_codes(X)
    assert np.ptp(wanted) > 20  # a good part of the range
    assert np.abs(found.codes - wanted).max() <= 1
    assert np.mean(found.codes != wanted) < 0.05  # at a transition only
    cells, steps = circuit.crossbar.cells, circuit.v_read * circuit.planes(X).sequence()
    c_p, c_n = circuit.crossbar.c_bl
    own, fixed = circuit.adc.loads
    volts = steps @ cells.c_pos / (c_p + own) - steps @ cells.c_neg / (c_n + fixed)
    assert found.columns == pytest.approx(volts, abs=1e-4)
    lsb = (circuit.adc.high - circuit.adc.low) / 64
    gains = circuit.adc.c_column / (c_p + own)  # of each column against the typical one
    planes = circuit.planes(X)
    rest = lsb * np.abs(planes.weights).sum() / planes.divisor
    assert np.abs(found.product - planes.combine(volts / gains)).max() <= rest * (0.5 + 0.05)


def test_energy_of_a_charge_tile_does_not_hang_on_the_time_steps():
    """Printed currents, added up, were wrong by up to 17 % in the last conversion, and the array's by more."""
    circuit = tile()
    parts = replace(circuit.adc.sar.parts, options=("method=gear", "xtrtol=1"))
    fine = replace(circuit, adc=replace(circuit.adc, sar=replace(circuit.adc.sar, parts=parts)))
    coarse, exact = (run(one).energy for one in (circuit, fine))
    assert coarse["adc dac"] == pytest.approx(exact["adc dac"], rel=0.01)
    given, wanted = (energy["array"] + energy["drivers"] for energy in (coarse, exact))
    assert given == pytest.approx(wanted, abs=0.02 * coarse["adc dac"].mean())


def test_transistor_converters_are_within_a_step_of_the_ideal_ones():
    circuit = tile("transistor", c_unit=1e-15)
    found = run(circuit, X[:1])
    assert np.abs(found.codes - circuit.ideal_codes(X[:1])).max() <= 1
    assert found.energy["adc comparator"][0] > 0
    assert found.t_mvm == pytest.approx(circuit.adc.t_conv)


@pytest.mark.parametrize(("level", "within"), [("behavioural", 0), ("transistor", 3)])
def test_one_ramp_serves_all_columns_of_charge(level, within):
    """Gates of the comparators move small bit lines when they trip: up to 3 codes of 64 on 70 fF."""
    weights = np.random.default_rng(0).uniform(-1, 1, (8, 8))
    cells = map_capacitances(weights, Capacitor(8e-15), n_levels=None)
    crossbar = ChargeCrossbar(cells, Wire(2.0, 3.0, 2e-16, 2e-16), r_driver=50.0, c_par=5e-16)
    adc = ramp_on_column(6, level, c_bl=float(np.mean(crossbar.c_bl)))
    circuit = ChargeTileCircuit(crossbar, adc, MultiLevel(4, "none"), v_read=0.5, v_rest=adc.v_cm)
    found, wanted = run(circuit), circuit.ideal_codes(X)
    assert np.ptp(wanted) == 63
    assert np.abs(found.codes - wanted).max() <= within
    assert found.energy["adc ramp"][0] > 0


def test_what_cannot_be_a_charge_tile_is_refused():
    with pytest.raises(NetlistError, match="capacitors"):
        tile(encoding=PulseWidth(4)).deck(X)
    with pytest.raises(NetlistError, match="above zero"):
        SarOnColumn(sar_charge(6))
