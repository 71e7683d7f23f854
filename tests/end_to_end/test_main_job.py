"""The main job on a small network, as a person runs it: figures written, resumed, errors that say what to do."""

import csv

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from aimc_spice.cli import app
from aimc_spice.simulate.base import Waveforms
from aimc_spice.workloads import NetworkWeights, Workload

STUDY = """
name = "small"
data = "{folder}/data.npz"
weights = "{folder}/weights.npz"
front_end = "diff_amp"

[device]
use = "sot_mram_5k_15k"

[wire]
use = "finfet14"

[front_ends.diff_amp]
kind = "diff_amp"
gain = [30, 10]

[periphery]
use = "imac"

[spice]
n_images = 6
images_per_deck = 3
workers = 1

[spice.transient]
t_stop = "0.2 ns"

[[choices]]
name = "whole"
n_h = [1, 1]
n_v = [1, 1]

[[choices]]
name = "cut"
n_h = [3, 2]
n_v = [2, 1]
"""


@pytest.fixture
def study(tmp_path):
    rng = np.random.default_rng(5)
    w = [rng.choice([-1.0, 1.0], shape) for shape in ((12, 6), (6, 3))]
    b = [rng.choice([-1.0, 1.0], n) for n in (6, 3)]
    NetworkWeights(tuple(w), tuple(b)).save(tmp_path / "weights.npz")
    x = rng.integers(0, 2, (40, 12)).astype(bool)
    y = rng.integers(0, 3, 40)
    Workload("random", x, y, x, y).save(tmp_path / "data.npz")
    path = tmp_path / "study.toml"
    path.write_text(STUDY.format(folder=tmp_path))
    return path


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def sweep(study, *more):
    return run("sweep", study, "--out", study.parent / "out", *more)


@pytest.mark.ngspice
def test_sweep_writes_table_and_figure_and_agrees_with_ngspice(study):
    done = sweep(study)
    assert done.exit_code == 0, done.output
    folder = study.parent / "out" / "small"
    with (folder / "sweep.csv").open(newline="") as lines:
        rows = {row["choice"]: row for row in csv.DictReader(lines)}
    assert set(rows) == {"whole", "cut"}
    assert rows["cut"]["n_sub_arrays"] == "8"
    for row in rows.values():
        assert float(row["label_agreement"]) == 1.0
        assert float(row["rms_output"]) < 1e-4
        assert 0 <= float(row["settling_s"]) < 1e-10
        assert float(row["power_array_w"]) > 0
    with xr.open_dataset(folder / "sweep.nc", engine="h5netcdf") as data:
        assert data["power_array_w"].attrs["units"] == "W"
        assert list(data["choice"].values) == ["whole", "cut"]
    assert (folder / "sweep.png").read_bytes().startswith(b"\x89PNG")


def results(study):
    store = study.parent / "out" / "small" / "store"
    return {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file() and path.stat().st_size > 100}


@pytest.mark.ngspice
def test_second_run_simulates_nothing(study):
    assert sweep(study).exit_code == 0
    stored = results(study)
    assert len(stored) > 6
    assert sweep(study).exit_code == 0
    assert results(study) == stored


@pytest.mark.ngspice
def test_damaged_result_is_simulated_again(study):
    assert sweep(study).exit_code == 0
    victim = max(results(study), key=lambda path: path.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:100])
    assert sweep(study).exit_code == 0
    assert victim.stat().st_size > 100


@pytest.mark.ngspice
def test_deck_of_a_network_and_of_a_tile_run_by_themselves(study, tmp_path):
    for name, more in (("network", ()), ("tile", ("--tile", "0,2,1"))):
        deck = tmp_path / f"{name}.cir"
        done = run("netlist", study, "--choice", "cut", "--images", 2, "--out", deck, *more)
        assert done.exit_code == 0, done.output
        done = run("simulate", deck, "--out", tmp_path / "w.nc", "--backend", "batch", "--runs", tmp_path / "runs")
        assert done.exit_code == 0, done.output
        assert Waveforms.load(tmp_path / "w.nc").axis.shape == (2,)


@pytest.mark.ngspice
def test_evaluate_says_how_far_the_surrogate_is_from_ngspice(study):
    done = run("evaluate", study, "--choice", "cut", "--out", study.parent / "out")
    assert done.exit_code == 0, done.output
    assert "of 40 images" in done.output
    assert "layer 1 neuron" in done.output


@pytest.mark.ngspice
def test_figure_is_drawn_again_from_the_table(study, tmp_path):
    assert sweep(study).exit_code == 0
    done = run("report", study.parent / "out" / "small" / "sweep.csv", "--out", tmp_path / "again.svg")
    assert done.exit_code == 0, done.output
    assert "<svg" in (tmp_path / "again.svg").read_text()


def edited(study, old, new):
    text = study.read_text()
    assert old in text
    study.write_text(text.replace(old, new))
    return study


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('use = "sot_mram_5k_15k"', 'r_low = "5M"\nr_high = "15 kΩ"', "in SPICE M means milli"),
        ('use = "sot_mram_5k_15k"', 'r_low = 5000\nr_high = "15 kΩ"', "a bare number has no unit"),
        ('use = "sot_mram_5k_15k"', 'use = "pcm"', "known: sot_mram_5k_15k, sot_mram_ellipse"),
        ('use = "sot_mram_5k_15k"', 'r_low = "15 kΩ"\nr_high = "5 kΩ"', "wanted g_on > g_off"),
        ('use = "finfet14"', 'use = "finfet14"\npitch_wl = "-108 nm"', "wanted a length above zero"),
        ("n_h = [3, 2]", "n_h = [14, 2]", "got n_h = 14 for 13 rows, wanted 1 to 13"),
        ("n_h = [3, 2]", "n_h = [3]", "n_h has 1 layers, n_v 2"),
        ('front_end = "diff_amp"', 'front_end = "tia"', "[front_ends] has diff_amp"),
        ("gain = [30, 10]", "gains = [30, 10]", "front_ends.diff_amp: unknown key gains; did you mean gain?"),
        ("gain = [30, 10]", "gain = [30]", "gain has 1 entries"),
        ("[spice]", "[spice", "is not valid TOML"),
        ("/weights.npz", "/none.npz", "none.npz is no weight file"),
        ("/data.npz", "/none.npz", "none.npz is no workload"),
    ],
)
def test_wrong_study_gives_one_clear_error_and_writes_nothing(study, old, new, message):
    done = sweep(edited(study, old, new))
    assert done.exit_code == 2
    assert message in done.output.replace("\n", " ").replace("  ", " ") or message in done.output
    assert not (study.parent / "out" / "small" / "sweep.csv").exists()


def test_weights_of_another_size_than_the_images_are_refused(study):
    w = NetworkWeights((np.ones((10, 6)), np.ones((6, 3))), (np.ones(6), np.ones(3)))
    w.save(study.parent / "weights.npz")
    done = sweep(study)
    assert done.exit_code == 2
    assert "the weights take 10 inputs, the images of random have 12" in done.output


def test_subcircuit_with_too_few_ports_is_refused(study):
    (study.parent / "mine.cir").write_text(".subckt mine p out\nr1 p out 1\n.ends\n")
    own = 'kind = "subckt"\nfile = "mine.cir"\nname = "mine"'
    done = sweep(edited(study, 'kind = "diff_amp"\ngain = [30, 10]', own))
    assert done.exit_code == 2
    assert "got 2 ports (p out), wanted 3 for a front_end" in done.output


@pytest.mark.ngspice
def test_own_front_end_takes_the_place_of_the_shipped_one(study):
    text = ".subckt mine p n out params: r=100\nr1 p 0 {r}\nr2 n 0 {r}\ne1 out 0 p n 30\n.ends\n"
    (study.parent / "mine.cir").write_text(text)
    own = 'kind = "subckt"\nfile = "mine.cir"\nname = "mine"\n[front_ends.diff_amp.params]\nr = 200.0'
    done = sweep(edited(study, 'kind = "diff_amp"\ngain = [30, 10]', own))
    assert done.exit_code == 0, done.output
    assert "100.0%" in done.output


def test_missing_ngspice_gives_one_clear_error(study, monkeypatch, tmp_path):
    monkeypatch.setenv("AIMC_SPICE_NGSPICE", str(tmp_path / "nowhere"))
    done = sweep(study)
    assert done.exit_code == 2
    assert "SimulatorNotFound" in done.output
    assert not list((study.parent / "out").rglob("*.csv"))
