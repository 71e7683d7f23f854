"""A tile file becomes a surrogate with evidence, as a person runs it; what is wrong is named and overwrites nothing."""

import json

import numpy as np
import pytest

from aimc_spice.build.tile import cells_of, circuit_of, open_tile
from aimc_spice.dataset import Store
from aimc_spice.errors import FitError, OutsideValidity
from aimc_spice.simulate import SimulatorPool
from aimc_spice.surrogate.calibrated import CalibratedTile
from aimc_spice.surrogate.experiment import design
from end_to_end.test_main_job import run

TILE = """
name = "small"
mode = "current"
n_rows = 8
n_cols = 8
v_read = "0.2 V"
r_driver = "50 Ω"
t_rise = "50 ps"
[device]
g_on = "100 uS"
g_off = "1 uS"
n_levels = "continuous"
zero = "off"
[wire]
r_wire_wl = "5 Ω"
r_wire_bl = "5 Ω"
c_wire_wl = "0.2 fF"
c_wire_bl = "0.2 fF"
[front_end]
kind = "tia"
r_f = "2 kΩ"
r_1 = "1 kΩ"
a_0 = 1e4
gbw = "2 GHz"
[corners.hot]
temp = "398 K"
r_wire = 2.0
[calibration]
n_fit = 6
n_choose = 2
n_vectors = 6
n_steps = 1
workers = 1
"""


@pytest.fixture
def tile(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(TILE)
    return path


def calibrate(tile, *more):
    return run("calibrate", "tile", tile, "--out", tile.parent / "out", "--results", tile.parent / "results", *more)


@pytest.mark.ngspice
def test_linear_tile_is_its_operator_and_its_time_is_known(tile):
    done = calibrate(tile)
    assert done.exit_code == 0, done.output
    folder = tile.parent / "out" / "small"
    assert {path.name for path in folder.iterdir()} == {"record.json", "family.npz", "report.md", "report.png"}
    record = CalibratedTile.load(folder).record
    assert record.output.rms_of_full_scale < 1e-9  # rounding
    assert record.settling.worst < 0.01  # of full scale at any time
    assert record.energy.worst < 0.03
    assert record.latency.worst < 0.05
    assert not {*record.output.fitted_on} & {*record.output.held_out}
    assert record.rounds == (3,)  # it is exact: a second round would look for an error that is not there
    assert record.corners["hot"].rms_of_full_scale > 1e3 * record.output.rms_of_full_scale
    assert record.judge.settling < 1e-3
    runs = sorted((tile.parent / "results" / "small").glob("worst_*"))
    assert [{path.name for path in run.iterdir()} for run in runs] == 3 * [{"deck.cir", "outputs.csv"}]
    vectors, _, spice, model = np.loadtxt(runs[0] / "outputs.csv", delimiter=",", skiprows=1).T
    assert len({*vectors}) == 6
    np.testing.assert_allclose(model, spice, atol=1e-9)
    again = calibrate(tile)
    told = [line for line in again.output.splitlines() if line.startswith("[")]
    assert len(told) >= 3 + 2 + 10 + 3 + 2
    assert all("(stored)" in line for line in told)  # nothing is simulated twice


@pytest.mark.ngspice
def test_interval_of_a_nonlinear_tile_holds_on_five_tiles_of_other_seeds(tile):
    tile.write_text(TILE.replace("[calibration]", '[cell]\nkind = "sinh"\nparams = { v0 = 0.25 }\n[calibration]'))
    assert calibrate(tile, "--steps", 2).exit_code == 0
    found = CalibratedTile.load(tile.parent / "out" / "small")
    assert found.record.output.rms_of_full_scale < 3e-3
    assert found.record.settling.worst < 0.01  # of full scale at any time
    assert found.record.energy.worst < 0.03
    assert found.record.latency.worst < 0.05
    config = open_tile(tile)
    cases = design(5, (8, 8), 40, 99, "new")
    with SimulatorPool(1) as pool:
        tiles = [(cells_of(config, case.weights), case.inputs) for case in cases]
        circuits = circuit_of(config).simulate(tiles, pool, Store(tile.parent / "new"))
    assert found.record.interval.coverage(found.family, circuits) >= 0.8  # 0.9 is asked of the mean over many fives
    linear = [np.abs(found.program(c.g_pos, c.g_neg)(c.x) - c.y).max() for c in circuits]
    assert max(linear) > 0  # it was fitted: an exact answer would mean that the cell was not simulated


@pytest.mark.ngspice
def test_further_rounds_look_where_the_error_is_largest_until_it_is_small(tile):
    sinh = TILE.replace("[corners.hot]", '[cell]\nkind = "sinh"\nparams = { v0 = 0.1 }\n[corners.hot]')
    tile.write_text(sinh.replace("n_fit = 6", "n_fit = 10").replace("n_steps = 1", "n_steps = 0"))
    for goal, rounds, told in ((1e-7, (5, 3, 2), "wanted 1.0e-07"), (0.05, (5,), "none: ")):
        done = calibrate(tile, "--goal", goal)
        assert done.exit_code == 0, done.output
        record = CalibratedTile.load(tile.parent / "out" / "small").record
        assert record.rounds == rounds
        assert len({*record.output.fitted_on}) == sum(rounds)
        assert told in record.more_decks


@pytest.mark.ngspice
def test_a_corner_is_calibrated_by_name_and_an_unknown_one_is_refused(tile):
    done = calibrate(tile, "--corner", "hot", "--steps", 0)
    assert done.exit_code == 0, done.output
    record = CalibratedTile.load(tile.parent / "out" / "small_hot").record
    assert record.output.rms_of_full_scale < 1e-9
    assert record.corners == {}
    done = calibrate(tile, "--corner", "warm")
    assert done.exit_code == 2
    assert "tile small has no corner 'warm'" in done.output
    assert "hot" in done.output


@pytest.mark.ngspice
def test_charge_mode_is_a_divider_and_its_time_is_known(tile):
    text = TILE.replace('mode = "current"', 'mode = "charge"\nt_int = "2 ns"').replace("n_vectors = 6", "n_vectors = 2")
    front, cells = text.index("[front_end]"), '[capacitor]\nc_on = "1 fF"\nc_top = "0.1 fF"\nc_load = "5 fF"\n'
    text = text[:front] + text[text.index("[corners.hot]") :]
    tile.write_text(text[: text.index("[device]")] + cells + text[text.index("[wire]") :])
    done = calibrate(tile)
    assert done.exit_code == 0, done.output
    record = CalibratedTile.load(tile.parent / "out" / "small").record
    assert record.family == "capacitive divider"
    assert record.output.rms_of_full_scale < 1e-7
    assert record.corners["hot"].rms_of_full_scale < 1e-7  # whatever the wires
    assert record.settling.worst < 0.01  # of full scale at any time
    assert record.energy.worst < 0.03
    assert record.latency.worst < 0.05


def test_cases_fill_the_space_reproducibly_and_never_are_empty():
    one, again, other = (design(12, (10, 7), 3, seed, "fit") for seed in (0, 0, 1))
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(one, again))
    assert any(
        a.weights.shape != b.weights.shape or not np.array_equal(a.weights, b.weights) for a, b in zip(one, other)
    )
    for case in one:
        assert np.abs(case.weights).max() <= 1
        assert np.abs(case.inputs).max() <= 1
        assert (np.abs(case.weights).max(axis=0) > 0).all()
    points = np.array([case.point for case in one])[2:]
    assert (np.ptp(points, axis=0) > 0.6).all()


@pytest.mark.ngspice
def test_files_that_are_wrong_are_refused(tile):
    assert calibrate(tile, "--workers", 1).exit_code == 0
    folder = tile.parent / "out" / "small"
    found = CalibratedTile.load(folder)
    g = np.full((8, 8), 50e-6)
    with pytest.raises(OutsideValidity, match="tile of 9 rows"):
        found.program(np.full((9, 8), 50e-6), np.full((9, 8), 50e-6))
    with pytest.raises(OutsideValidity, match="cells of 50 uS to 200 uS, calibrated for 1 uS to 100 uS"):
        found.program(4 * g, g)
    found.program(4 * g, g, extrapolate=True)
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps({**record, "format": 0}))
    with pytest.raises(FitError, match="format 0"):
        CalibratedTile.load(folder)
    (folder / "record.json").write_text(json.dumps(record)[:-20])
    with pytest.raises(FitError, match="no calibrated tile"):
        CalibratedTile.load(folder)
    (folder / "record.json").write_text(json.dumps({**record, "t_mvm": 2 * record["t_mvm"]}))
    with pytest.raises(FitError, match=r"record\.json is damaged"):
        CalibratedTile.load(folder)
    (folder / "record.json").write_text(json.dumps(record))
    assert CalibratedTile.load(folder).record == found.record
    whole = (folder / "family.npz").read_bytes()
    for damaged in (whole[:-9], whole[:200] + bytes([whole[200] ^ 1]) + whole[201:], b""):
        (folder / "family.npz").write_bytes(damaged)
        with pytest.raises(FitError, match="not the one"):
            CalibratedTile.load(folder)


NOISY = """.subckt odd a b params: g=1e-4
r1 a m {1/g}
vn m b dc 0 trnoise(5m 10p 0 0)
.ends odd
"""
HYSTERESIS = """.subckt odd a b params: g=1e-4
b1 a b i={g}*v(a,b)*(1.5+0.5*v(s))
b2 0 s i=1e-3*tanh(3*v(s)+10*v(a,b))
r1 s 0 1e3
.ends odd
"""


@pytest.mark.ngspice
@pytest.mark.parametrize(
    ("cell", "message"),
    [(NOISY, "two equal cells differ"), (HYSTERESIS, "the way down differs from the way up"), (None, "0 S to 100 uS")],
    ids=["noise in time only", "hysteresis", "no conductance when off"],
)
def test_cells_that_no_surrogate_describes_are_named_and_an_earlier_calibration_stays(tile, cell, message):
    before = tile.parent / "out" / "small" / "record.json"
    before.parent.mkdir(parents=True)
    before.write_text("earlier")
    (tile.parent / "odd.cir").write_text("* odd\n" + (cell or HYSTERESIS))
    kind = '[cell]\nkind = "subckt"\nfile = "odd.cir"\nname = "odd"\n' if cell else '[cell]\nkind = "sinh"\n'
    text = TILE.replace("[calibration]", kind + "[calibration]")
    tile.write_text(text if cell else text.replace('g_off = "1 uS"', 'g_off = "0 S"'))
    done = calibrate(tile)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert message in done.output
    assert before.read_text() == "earlier"


@pytest.mark.ngspice
def test_a_front_end_with_noise_in_time_has_no_judge(tile):
    noisy = "* noisy\n.subckt odd p n out\nrp p 0 1\nrn n 0 1\ne1 m 0 p n 2000\nrm m q 1k\n"
    (tile.parent / "odd.cir").write_text(noisy + "vn q out dc 0 trnoise(5m 10p 0 0)\n.ends odd\n")
    start, end = TILE.index("[front_end]"), TILE.index("[corners.hot]")
    front_end = '[front_end]\nkind = "subckt"\nfile = "odd.cir"\nname = "odd"\n'
    tile.write_text(TILE[:start] + front_end + TILE[end:])
    done = calibrate(tile)
    assert done.exit_code == 2
    assert "ngspice's own answers in time differ by" in done.output
    assert "noise in the circuit" in done.output
    assert not (tile.parent / "out" / "small" / "record.json").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("n_rows = 8", "n_rows = 0", "n_rows"),
        ('v_read = "0.2 V"', 'v_read = "0.2 A"', "v_read"),
        ('r_f = "2 kΩ"', "", "front_end.r_f is missing"),
        ("v_read", "v_write", "unknown key v_write; "),
        ('mode = "current"', 'mode = "charge"', "needs [capacitor]"),
        ("n_fit = 6", "n_fit = 6\nlevel = 0.95", "needs at least 19"),
    ],
)
@pytest.mark.ngspice
def test_wrong_tile_files_are_named_and_nothing_is_written(tile, old, new, message):
    tile.write_text(TILE.replace(old, new))
    done = calibrate(tile)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert message in done.output
    assert not (tile.parent / "out").exists()
