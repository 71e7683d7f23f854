"""Charge-mode circuits without a simulator: shapes, ranges, and waveforms that must not be read."""

import numpy as np
import pytest

from aimc_spice.device.capacitance import Capacitor, map_capacitances
from aimc_spice.errors import DeviceError, MeasurementFailed, NetlistError, ShapeError
from aimc_spice.netlist.adcs.meter import meter_probes, sources_of
from aimc_spice.netlist.adcs.ramp_charge import ramp_charge
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.charge_mvm import ChargePhases, charge_mvm_deck
from aimc_spice.netlist.wire import Wire


def test_unit_capacitors_hold_whole_units():
    device = Capacitor.from_units(1e-15, 7)
    cells = map_capacitances(np.linspace(-1, 1, 29)[:, None], device, n_levels=device.n_units + 1)
    units = np.concatenate([cells.c_pos, cells.c_neg]) / 1e-15
    np.testing.assert_allclose(units, np.round(units), atol=1e-9)
    assert np.abs(cells.weights()[:, 0] - np.linspace(-1, 1, 29)).max() <= 0.5 / 7 + 1e-12


def test_weights_survive_the_mapping():
    weights = np.random.default_rng(0).uniform(-1, 1, (5, 4))
    cells = map_capacitances(weights, Capacitor(4e-15, 1e-15), n_levels=None)
    np.testing.assert_allclose(cells.weights(), weights, atol=1e-12)


def test_mismatch_shrinks_with_the_area_and_follows_the_seed():
    big = map_capacitances(np.ones((400, 10)), Capacitor(16e-15), n_levels=2)
    drawn = big.with_mismatch(0.04, seed=3)
    assert np.std(drawn.c_pos / 16e-15) == pytest.approx(0.01, rel=0.05)  # 4000 draws: 1.1 %
    assert np.array_equal(drawn.c_pos, big.with_mismatch(0.04, seed=3).c_pos)
    assert not np.array_equal(drawn.c_pos, big.with_mismatch(0.04, seed=4).c_pos)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: Capacitor(1e-15, 2e-15), DeviceError),
        (lambda: map_capacitances([[2.0]], Capacitor(1e-15)), DeviceError),
        (lambda: map_capacitances([1.0], Capacitor(1e-15)), ShapeError),
        (lambda: ChargeCrossbar(map_capacitances([[0.0]], Capacitor(1e-15))), NetlistError),
        (lambda: ChargeCrossbar(map_capacitances([[1.0]], Capacitor(1e-15)), c_load=-1e-15), NetlistError),
        (lambda: ChargePhases(t_rise=2e-9), NetlistError),
        (lambda: sar_charge(4, errors=(0.1,)), NetlistError),
        (lambda: sar_charge(13), NetlistError),
        (lambda: sar_charge(4, c_unit=0.0), NetlistError),
        (lambda: sar_charge(4, node="g7"), NetlistError),
        (lambda: sar_charge(4, "ideal"), NetlistError),
        (lambda: sar_charge(4).deck(np.array([np.nan])), ShapeError),
        (lambda: ramp_charge(8, i_ref=1e-9), NetlistError),
        (lambda: ramp_charge(8, c_in=0.0), NetlistError),
    ],
)
def test_refused(wrong, error):
    with pytest.raises(error):
        wrong()


def test_inputs_must_fit_the_word_lines():
    crossbar = ChargeCrossbar(map_capacitances([[1.0], [-1.0]], Capacitor(1e-15)), c_par=1e-16)
    for wrong in ([[1.0, 1.0, 1.0]], [1.0, 1.0]):
        with pytest.raises(ShapeError, match="word lines"):
            charge_mvm_deck(crossbar, wrong)
        with pytest.raises(ShapeError, match="word lines"):
            crossbar.bit_lines(wrong)


def test_one_line_of_text_a_capacitor():
    cells = map_capacitances(np.ones((3, 2)), Capacitor(1e-15))
    text = "".join(ChargeCrossbar(cells, Wire(1.0, 1.0, 1e-16, 1e-16), r_driver=10.0, c_load=1e-15).chunks())
    names = [line.split()[0] for line in text.splitlines()]
    assert len(names) == len(set(names)) == 3 * (1 + 2 * (2 + 2 * 3)) + 2 * 2 * 2


def sar_signals(sar, n, *, bit=0.0, flag=True):
    axis = np.linspace(0, n * sar.t_window, 2000 * n)
    phase = axis % sar.t_window / sar.t_window
    signals = {f"v(b{i})": np.full_like(axis, bit) for i in range(sar.n_bits)}
    signals["v(eoc)"] = np.where((phase > 0.9) & flag, sar.parts.v_dd, 0.0)
    return axis, signals | {name: np.zeros_like(axis) for name in meter_probes(sources_of(sar.supplies))}


def test_a_conversion_that_never_finishes_is_named():
    sar = sar_charge(4)
    with pytest.raises(MeasurementFailed, match=r"2 of 2 conversions never finished, first number 0 \(input 0 V\)"):
        sar.read(np.zeros(2), *sar_signals(sar, 2, flag=False))


@pytest.mark.parametrize("t_clk", [1e-9, 2e-9, 3e-9, 5e-9, 1e-8, 1.3e-8, 4e-8])
def test_a_longer_clock_needs_no_other_reset(t_clk):
    """What the error of an undecided latch advises; 10 ns was refused for its default reset of 4 ns."""
    wait = sar_charge(4, t_clk=t_clk).clocking.n_wait
    assert (wait - 0.5) * t_clk > 5e-9 * (1 - 1e-9)
    assert (wait - 1.6) * t_clk < 5e-9


def test_a_bit_between_the_levels_is_named():
    sar = sar_charge(4)
    with pytest.raises(MeasurementFailed, match=r"bit 0 of conversion 0 \(input 0 V\).*neither high nor low"):
        sar.read(np.zeros(2), *sar_signals(sar, 2, bit=0.37 * sar.parts.v_dd))


def test_a_ramp_that_never_meets_the_input_is_named():
    ramp = ramp_charge(4)
    axis = np.linspace(0, ramp.slots.t_slot, 100)
    flat = {"v(xcmp.d)": np.full(100, -0.1), "v(q_vdd_ramp)": np.zeros(100), "v(q_vdd_cmp)": np.zeros(100)}
    with pytest.raises(MeasurementFailed, match="never finished"):
        ramp.read(np.zeros(1), axis, flat)
