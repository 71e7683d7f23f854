"""The calibrated tiles and converters that come along: readable, of the circuits they name, as good as is said."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.build.tile import open_tile, resized
from aimc_spice.netlist.adcs.base import RECKONED
from aimc_spice.share import share
from aimc_spice.surrogate.calibrated import CalibratedTile
from aimc_spice.surrogate.readout_archive import load_readout
from aimc_spice.surrogate.timed_archive import load_timed

TILES = sorted(path.parent for path in share("calibration", "surrogates").glob("*/record.json"))
FITTED = sorted(share("calibration", "readouts").glob("*.npz"))
OVER_TIME = [path for path in FITTED if path.stem.endswith("_over_time")]
READOUTS = [path for path in FITTED if path not in OVER_TIME]
MODES = {"current": "current_64", "charge": "charge_64"}
CIRCUIT = ("mode", "v_read", "r_driver", "t_rise", "t_int", "device", "cell", "capacitor", "wire", "front_end")


def test_tiles_of_both_modes_come_along():
    there = {(path.name.split("_")[0], CalibratedTile.load(path).record.description["n_rows"]) for path in TILES}
    assert there >= {(mode, n) for mode in MODES for n in (32, 64, 128, 256)}
    assert len(READOUTS) >= 2


@pytest.mark.parametrize("folder", TILES, ids=lambda path: path.name)
def test_a_calibrated_tile_is_of_its_file_and_within_its_goals(folder):
    found = CalibratedTile.load(folder)
    record, n = found.record, found.record.description["n_rows"]
    name = MODES.get(folder.name.split("_")[0], folder.name)
    config = resized(open_tile(name), n if name in MODES.values() else 0).model_dump(mode="python")  # columns aside
    assert {key: record.description[key] for key in CIRCUIT} == {key: config[key] for key in CIRCUIT}
    assert record.output.rms_of_full_scale <= (5e-4 if record.description["cell"]["kind"] == "resistor" else 3e-3)
    assert record.output.worst <= 0.01 * record.output.full_scale
    assert record.judge is None or (record.judge.settling <= 1e-3 and record.judge.shapes[0][0] == n)  # a full tile
    for fit, goal in ((record.settling, 0.01), (record.energy, 0.03), (record.latency, 0.05)):
        assert fit is None or fit.worst <= goal
    cells = np.full((n, record.box.n_cols[1]), record.box.cells[1])
    assert found.program(cells, cells * 0.5)(np.zeros((1, n))).shape == (1, cells.shape[1])


@pytest.mark.parametrize("path", READOUTS, ids=lambda path: path.stem)
def test_a_fitted_readout_draws_reproducible_converters(path):
    readout = load_readout(path)
    one, again, other = (readout.sample(4, seed, "layer", "tile") for seed in (0, 0, 1))
    assert np.array_equal(one.thresholds, again.thresholds)
    assert not np.array_equal(one.thresholds, other.thresholds)
    assert np.ptp(one.thresholds, axis=0).max() > 0  # mismatch: columns differ
    assert (np.diff(one.thresholds) >= 0).all()
    assert readout.t_conv > 0
    assert readout.e_conv > 0


@pytest.mark.parametrize("path", READOUTS, ids=lambda path: path.stem)
def test_a_fitted_readout_has_noise_logic_and_errors_within_the_goals(path):
    readout = load_readout(path)
    assert 0 < readout.sigma_noise < readout.lsb
    assert readout.e_code[RECKONED].mean() > 0
    assert readout.error_lsb <= (0.5 if "transistor" in path.stem else 0.25)
    assert readout.fit_energy.rms_of_full_scale <= 0.03
    assert readout.fit_time.rms_of_full_scale <= 0.05
    assert readout.fit.n_held_out >= 64


def test_readouts_over_time_of_both_modes_come_along():
    found = {timed.param: timed for timed in map(load_timed, OVER_TIME)}
    assert found.keys() >= {"t_int", "t_clk"}
    assert np.ptp(found["t_clk"].at(1.7e-9).sample(4, 0, "layer").thresholds, axis=0).max() > 0  # columns differ


@pytest.mark.parametrize("path", OVER_TIME, ids=lambda path: path.stem)
def test_a_readout_over_time_is_within_the_goals_at_times_that_were_not_fitted(path):
    timed = load_timed(path)
    assert len(timed.judged) >= 3
    for one in timed.judged:
        assert one.error_lsb <= (0.5 if "transistor" in one.name else 0.25)
        assert one.fit_energy.rms_of_full_scale <= 0.03
        assert one.fit_time.rms_of_full_scale <= 0.05
        assert one.fit.n_held_out >= 64
    fast, slow = (timed.at(float(t)) for t in timed.times[[0, -1]])
    assert fast.t_conv < slow.t_conv
    assert np.abs(fast.levels - slow.levels).max() > 0.5 * slow.lsb  # what it is about: time matters
