"""A read-out over its time: settling in closed form between the times that were measured, spread, files, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.errors import DataError, FitError, OutsideValidity
from aimc_spice.metrology.characteristic import Characteristic
from aimc_spice.metrology.linearity import Linearity
from aimc_spice.metrology.record import Record
from aimc_spice.netlist.driven import Corner
from aimc_spice.surrogate.fitted import fit_readout
from aimc_spice.surrogate.readout_archive import load_readout, save_readout
from aimc_spice.surrogate.spread import Spread
from aimc_spice.surrogate.timed import Plan, TimedReadout, describe_over_time
from aimc_spice.surrogate.timed_archive import load_timed, save_timed
from converters import ideal_levels

TAU = 1e-8
TIMES = np.array([2e-8, 3e-8, 4.5e-8, 7e-8])


def settled(time):
    """Levels of a converter of 6 bits that sees ``1 - exp(-t / 10 ns)`` of its input."""
    return ideal_levels(6) / (1 - np.exp(-time / TAU))


def readout(time):
    inputs = np.random.default_rng(1).uniform(0, 1, 400)
    line = Linearity(settled(time), 0.0, 1.0, "V", 1e-4, 0)
    codes = line.convert(inputs)
    known = Record(
        inputs, codes, np.append(-1, codes[:-1]), time * (1 + codes), {"x": time * (1e-3 + inputs)}, ("d",), "-", 0.0
    )
    judge = replace(known, decks=("held out",))
    found = fit_readout(Characteristic("x", Corner(), None, line, known), judge, sigma_noise=1e-4 / time)
    factors = 1e-3 * np.stack([settled(time), np.ones(63)])
    return replace(found, name=f"x, t_int {time}", spread=Spread(settled(time), factors, np.full(63, 1e-4), 20))


@pytest.fixture(scope="module")
def timed():
    between = np.array([2.5e-8])
    return TimedReadout("t_int", TIMES, tuple(map(readout, TIMES)), between, (readout(between[0]),))


@pytest.mark.parametrize("time", [2.2e-8, 3.7e-8, 5.5e-8])
def test_settling_between_measured_times(timed, time):
    found = timed.at(time)
    np.testing.assert_allclose(found.levels, settled(time), atol=0.1 / 64)
    reached = np.arange(55)  # codes that the input's range reaches at the shortest time, too
    np.testing.assert_allclose(found.t_code[reached], time * (1 + reached), rtol=1e-12)
    np.testing.assert_allclose(found.spread.mean, found.levels, rtol=1e-12)
    assert found.sigma_noise == pytest.approx(1e-4 / time, rel=0.05)
    assert found.e_slope["x"] == pytest.approx(time, rel=1e-6)
    assert found.name == f"x, t_int {time * 1e9:g} ns"


def test_a_measured_time_is_what_was_measured(timed):
    found, wanted = timed.at(TIMES[1]), timed.readouts[1]
    np.testing.assert_allclose(found.levels, wanted.levels, rtol=1e-12)
    assert (found.fit, found.fit_time, found.fit_energy) == (wanted.fit, wanted.fit_time, wanted.fit_energy)
    assert timed.at(2.45e-8).fit == timed.judged[0].fit


def test_an_instance_is_the_same_converter_at_all_times(timed):
    """A column whose converter is off by so much when it settles is off alike when it has less time."""
    off = [timed.at(t).sample(40, 3, "layer").thresholds - timed.at(t).levels for t in (2.2e-8, 6e-8)]
    assert np.corrcoef(off[0][:, 30], off[1][:, 30])[0, 1] > 0.95
    other = timed.at(6e-8).sample(40, 4, "layer").thresholds - timed.at(6e-8).levels
    assert abs(np.corrcoef(off[0][:, 30], other[:, 30])[0, 1]) < 0.5


def test_it_comes_back_from_its_file(tmp_path, timed):
    save_timed(timed, tmp_path / "x.npz")
    back = load_timed(tmp_path / "x.npz")
    one, again = timed.at(3.3e-8), back.at(3.3e-8)
    np.testing.assert_array_equal(one.sample(5, 1).thresholds, again.sample(5, 1).thresholds)
    assert (one.fit, one.e_conv, one.t_conv, back.error_lsb) == (again.fit, again.e_conv, again.t_conv, timed.error_lsb)
    assert describe_over_time(back) == describe_over_time(timed)


def test_a_file_over_a_time_and_one_without_are_not_taken_for_each_other(tmp_path, timed):
    save_timed(timed, tmp_path / "timed.npz")
    save_readout(timed.readouts[0], tmp_path / "one.npz")
    with pytest.raises(DataError, match=r"(?s)timed.npz.*over a time, t_int: add which, as in NAME@"):
        load_readout(tmp_path / "timed.npz")
    with pytest.raises(DataError, match=r"(?s)one.npz.*of a single time"):
        load_timed(tmp_path / "one.npz")
    with np.load(tmp_path / "timed.npz") as data:
        whole = dict(data)
    np.savez(tmp_path / "timed.npz", **{**whole, "times_s": whole["times_s"][::-1]})
    with pytest.raises(DataError, match="three or more that rise"):
        load_timed(tmp_path / "timed.npz")


def test_times_that_were_not_measured_are_refused(timed):
    for time in (1e-8, 1e-7):
        with pytest.raises(OutsideValidity, match="t_int of the read-out"):
            timed.at(time)


def test_a_plan_says_what_cannot_judge():
    with pytest.raises(FitError, match="got 2 different times"):
        Plan("t_clk", [1e-8, 1e-8, 2e-8])
    for bad in (1e-9, 3e-9, 2e-9):
        with pytest.raises(FitError, match="cannot judge"):
            Plan("t_clk", [1e-9, 2e-9, 3e-9], [1.5e-9, bad])
    np.testing.assert_allclose(Plan("t_clk", [4e-9, 1e-9, 2e-9]).held_out, np.sqrt([2e-18, 8e-18]))
