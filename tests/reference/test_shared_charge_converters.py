"""Judge: charge conservation in closed form, of charge-mode tiles whose columns share converters, run by ngspice."""

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
from aimc_spice.netlist.inputs import BitSerial, MultiLevel
from aimc_spice.netlist.tiles.charge import ChargeTileCircuit
from aimc_spice.netlist.tiles.multiplexer import ChargeMultiplexer
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate import open_simulator

pytestmark = pytest.mark.ngspice
X = np.random.default_rng(5).uniform(-1, 1, (2, 8))


def tile(kind="sar", level="behavioural", n_cols=8, encoding=None):
    """Return a tile of 8 rows with a converter of its own for every column."""
    weights = np.random.default_rng(0).uniform(-1, 1, (8, n_cols))
    cells = map_capacitances(weights, Capacitor(8e-15), n_levels=None)
    crossbar = ChargeCrossbar(cells, Wire(2.0, 3.0, 2e-16, 2e-16), r_driver=50.0, c_par=5e-16)
    c_bl = float(np.mean(crossbar.c_bl))
    c_unit = 2.5e-16 if level == "behavioural" else 1e-15
    sar = SarOnColumn.of(sar_charge(6, level, c_unit=c_unit), c_bl)
    adc = sar if kind == "sar" else ramp_on_column(6, level, c_bl=c_bl)
    return ChargeTileCircuit(crossbar, adc, encoding or MultiLevel(4, "none"), v_read=0.5, v_rest=adc.v_cm)


def shared(own, n_shared=4, **changes):
    """Return the same with `n_shared` columns on each converter."""
    mux = ChargeMultiplexer(n_shared, own.adc.level, **changes)
    reset = mux.reset(float(np.mean(own.crossbar.c_bl)))
    return replace(own, crossbar=replace(own.crossbar, reset=reset), multiplexer=mux)


def run(circuit, x=X):
    with open_simulator("shared", timeout_s=120) as ngspice:
        waves = ngspice.run(circuit.deck(x))
    return read_tile(waves, circuit.probes(x), circuit.adc), waves


def lines(circuit, waves, after, x=X):
    """Return lines p and n above the common mode some time after each slot's start, (2, n_operations, n_cols) [V]."""
    starts = circuit.schedule.conversions(len(circuit.planes(x).sequence())).reshape(-1, circuit.n_shared) + after
    columns = [(c, starts[:, c % circuit.n_shared]) for c in range(circuit.crossbar.cells.shape[1])]
    wave = {name: v - circuit.adc.v_cm for name, v in waves.signals.items()}
    return np.array([np.stack([np.interp(t, waves.axis, wave[f"v(b{x}_{c})"]) for c, t in columns], 1) for x in "pn"])


def held(circuit):
    """Return where the lines settle above the common mode before they are joined, (2, n_operations, n_cols) [V]."""
    steps, cells = circuit.v_read * circuit.planes(X).sequence(), circuit.crossbar.cells
    return np.stack(
        [steps @ c / c_bl for c, c_bl in zip((cells.c_pos, cells.c_neg), circuit.crossbar.c_bl, strict=True)]
    )


@pytest.mark.parametrize("kind", ["sar", "ramp"])
def test_codes_are_those_of_converters_of_their_own(kind):
    own = tile(kind)
    circuit = shared(own, c_port=0.0)
    (one, _), (other, _) = run(own), run(circuit)
    assert np.ptp(one.codes) > 20  # a good part of the range
    assert np.array_equal(one.codes, other.codes)
    assert np.array_equal(other.codes, circuit.ideal_codes(X))
    assert other.t_mvm == pytest.approx(circuit.schedule.t_wait + 4 * one.t_mvm)


def test_codes_of_several_operations_with_a_load_at_the_multiplexer():
    circuit = shared(tile(n_cols=4, encoding=BitSerial(2)), 2, c_port=2e-15)
    found, _ = run(circuit)
    moved = circuit.planes(X).sequence().any(axis=1)  # without any input the column rests on a transition
    assert np.count_nonzero(moved) > 4
    assert np.array_equal(found.codes[moved], circuit.ideal_codes(X)[moved])


def test_a_column_spreads_over_the_plates_and_nothing_stays_of_the_one_before():
    circuit = shared(tile())
    found, waves = run(circuit)
    settled = held(circuit)
    assert found.columns == pytest.approx(settled[0] - settled[1], abs=2e-5)
    c_bl, plates = np.stack(circuit.crossbar.c_bl), np.array(circuit.adc.loads) + circuit.multiplexer.c_line
    kept = (c_bl / (c_bl + plates[:, None]))[:, None, :]
    assert 0.4 < kept.min() < kept.max() < 0.7
    after = lines(circuit, waves, circuit.adc.lead + 0.9 * circuit.adc.settle)
    assert after == pytest.approx(kept * settled, abs=2e-5)


def test_a_held_column_droops_through_switches_that_leak():
    circuit, r_off = shared(tile()), 2e8
    leaky = replace(circuit.multiplexer, r_off=r_off).reset(0.0)
    circuit = replace(circuit, crossbar=replace(circuit.crossbar, reset=leaky))
    _, waves = run(circuit)
    schedule, ahead = circuit.schedule, circuit.adc.lead - 1e-10
    times = schedule.conversions(1) - schedule.operations(1) + ahead - schedule.t_reset  # since the word lines moved
    waited = np.tile(times, 2)  # two converters
    wanted = held(circuit) * np.exp(-waited / (r_off * np.stack(circuit.crossbar.c_bl)))[:, None, :]
    assert np.ptp(wanted / held(circuit)) > 0.01
    assert lines(circuit, waves, ahead) == pytest.approx(wanted, abs=5e-5)


@pytest.mark.parametrize(("kind", "n_shared", "within", "droop"), [("sar", 2, 1, 1e-6), ("ramp", 4, 3, 1e-4)])
def test_of_transistors_a_column_keeps_its_charge_and_its_code(kind, n_shared, within, droop):
    """Gates of the ramp's comparators move small bit lines when they trip, in a tile without sharing by as much.

    What is lost in microseconds is what ngspice itself puts across junctions, 1 pS: a hundredth with gmin=1e-14.
    """
    circuit = shared(tile(kind, "transistor", n_cols=4), n_shared)
    found, waves = run(circuit, X[:1])
    assert np.abs(found.codes - circuit.ideal_codes(X[:1])).max() <= within
    assert found.energy["multiplexer"][0] > 0
    assert set(found.energy) >= {"array", "drivers", "column reset", "multiplexer", "adc comparator"}
    before = lines(circuit, waves, circuit.adc.lead - 1e-10, X[:1])
    lost = before[0] - before[1] - found.columns
    assert np.abs(lost).max() < droop


def test_codes_of_lines_of_unequal_capacitance_reckon_with_that_of_transistors():
    """Junctions shrink what one line sees of the other's charge: where that is left out, codes were off by 2 of 64.

    They are there by themselves; equations draw them. Charges of switches leave some 1 mV, the same on both lines.
    """
    real = shared(tile(level="transistor", n_cols=4), 4, c_mos=ChargeMultiplexer.transistors(4))
    found, waves = run(real, X[:1])
    c_bl, plates = np.stack(real.crossbar.c_bl), np.array(real.adc.loads) + real.multiplexer.c_line
    settled = held(real)[:, :1]
    kept = (c_bl / (c_bl + plates[:, None]))[:, None, :]
    after = lines(real, waves, real.adc.lead + real.adc.settle, X[:1])
    assert (after[0] - after[1]) == pytest.approx((kept * settled)[0] - (kept * settled)[1], abs=1e-3)
    assert np.abs(found.codes - real.ideal_codes(X[:1])).max() <= 1
    drawn = replace(real.multiplexer, level="behavioural").columns(4).text
    assert "cmp_0" in drawn
    assert "cmp_0" not in replace(real.multiplexer, c_port=0.0).columns(4).text


def test_what_cannot_be_shared_is_named():
    own = tile()
    with pytest.raises(NetlistError, match="8 columns cannot share converters by 3"):
        shared(own, 3)
    with pytest.raises(NetlistError, match="reset switches of their own"):
        replace(own, multiplexer=ChargeMultiplexer(4))
    with pytest.raises(NetlistError, match="level transistor and converters of level behavioural"):
        replace(shared(own), multiplexer=ChargeMultiplexer(4, "transistor"))
    with pytest.raises(NetlistError, match="reset=None"):
        replace(shared(own), multiplexer=None)
    with pytest.raises(NetlistError, match="2 columns or more"):
        ChargeMultiplexer(1)
    with pytest.raises(NetlistError, match="above zero"):
        ChargeMultiplexer(4, r_on=0.0)
    with pytest.raises(NetlistError, match="t_reset = 100 ps"):
        ChargeMultiplexer(4, t_reset=1e-10)
