"""``evaluate`` on a model file: what it prints and writes, and how it ends where something is missing."""

import csv
import json

import numpy as np
import pytest
from matplotlib import image
from typer.testing import CliRunner

from aimc_spice import cli
from aimc_spice.flows.evaluate import Answer
from aimc_spice.flows.evaluate_figure import pareto
from aimc_spice.network.answers import Cost
from aimc_spice.network.graph import read_onnx
from aimc_spice.share import share
from aimc_spice.surrogate.base import OutsideValidityWarning, warn_outside
from network_models import mlp, transformer, values


def run(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)))


@pytest.fixture
def files(tmp_path):
    model, x = mlp(), values(3, 50, 60)
    (tmp_path / "small.onnx").write_bytes(model.SerializeToString())
    y = read_onnx(model).run({"x": x})[0].argmax(1)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    return tmp_path / "small.onnx", tmp_path / "data.npz"


def test_a_model_and_its_data(files, tmp_path):
    model, data = files
    sweep = ("--sweep", "adc_bits=4,8", "--sigma-program", 1e-4)
    done = run("evaluate", model, "--data", data, "--seeds", 2, *sweep, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "adc_bits = 4, digital 1.0000, on tiles" in done.stdout
    assert "TOPS/W (1 MAC = 2 ops), ideal converters not counted" in done.stdout
    with (tmp_path / "out/small/points.csv").open() as file:
        points = list(csv.DictReader(file))
    assert [float(p["adc_bits"]) for p in points] == [4, 8]
    assert float(points[0]["analog_mean"]) <= float(points[1]["analog_mean"]) <= 1
    answers = json.loads((tmp_path / "out/small/answers.json").read_text())
    assert [len(a["scores"]) for a in answers] == [2, 2]
    coarse, fine = (np.mean([e["sqnr_db"] for e in a["errors"]]) for a in answers)
    assert fine > coarse + 12  # 4 bits are 24 dB, less what does not come from converters
    assert (tmp_path / "out/small/evaluate.png").stat().st_size > 1000
    assert (tmp_path / "out/small/network.png").stat().st_size > 1000
    assert "total" in (tmp_path / "out/small/network.txt").read_text()
    cells, lines = 64 * 64 * 108e-9 * 135e-9, 128 * 0.56e-12
    assert [a["area"] for a in answers] == pytest.approx([3 * (cells + lines)] * 2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nothing.onnx"], "there is no file nothing.onnx"),
        (["small.onnx"], "no data"),
        (["nobody"], "not in the zoo"),
        (["small.onnx", "--data", "missing.npz"], "holds no samples"),
        (["small.onnx", "--data", "data.npz", "--tile", "none"], "there is no tile 'none'"),
        (["small.onnx", "--data", "data.npz", "--sweep", "odd=3"], "sweep 'odd' is unknown"),
        (["small.onnx", "--data", "data.npz", "--digital", "*"], "no matrix to map"),
        (["small.onnx", "--data", "data.npz", "--digital", "fc9"], "the pattern 'fc9' fits no layer"),
        (["small.onnx", "--data", "data.npz", "--readout", "none"], "there is no fitted read-out 'none'"),
        (["small.onnx", "--data", "data.npz", "--readout", "sar_charge_6@1ns"], "one of a single time"),
        (["small.onnx", "--data", "data.npz", "--readout", "sar_charge_8_over_time"], "add which, as in NAME@"),
        (["small.onnx", "--data", "data.npz", "--readout", "sar_charge_8_over_time@2"], "time of the read-out"),
        (
            ["small.onnx", "--data", "data.npz", "--readout", "sar_charge_8_over_time@1ns"],
            "the surrogate holds for 1.5 ns",
        ),
        (["small.onnx", "--data", "data.npz", "--readout", "sar_charge_6", "--sweep", "adc_bits=4"], "bits are fixed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_missing_is_said(files, monkeypatch, arguments, text):
    monkeypatch.chdir(files[0].parent)
    done = run("evaluate", *arguments)
    assert done.exit_code == 2
    assert text in done.stderr


def test_sets_of_tiles_that_cannot_differ_are_scored_once(files, tmp_path):
    model, data = files
    done = run("evaluate", model, "--data", data, "--out", tmp_path / "out")
    assert "(one set)" in done.stdout
    fitted = run(
        "evaluate", model, "--data", data, "--readout", "sar_charge_6", "--seeds", 2, "--out", tmp_path / "out"
    )
    assert "2 seeds" in fitted.stdout
    timed = ["--readout", "sar_charge_8_over_time@1.7ns", "--seeds", 2]
    assert "2 seeds" in run("evaluate", model, "--data", data, *timed, "--out", tmp_path / "out").stdout
    assert "not counted" not in fitted.stdout


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"y": np.arange(20)}, "y of shape (20,)"),
        ({"y": np.eye(10)[np.zeros(50, int)]}, "wanted (…, n_classes)"),
        ({"y": np.full(50, "cat")}, "such as cat, wanted class numbers"),
        ({"y": np.full(50, 0.5)}, "such as 0.5, wanted class numbers"),
        ({"y": np.full(50, -1)}, "got targets -1 to -1"),
        ({"y": np.full(50, 40)}, "got targets 40 to 40"),
        ({"x": np.float32(3), "y": np.int64(1)}, "holds no samples"),
    ],
    ids=["few", "one_hot", "names", "halves", "negative", "too_large", "scalars"],
)
def test_targets_that_do_not_fit_give_no_score(files, tmp_path, data, text):
    model, _ = files
    np.savez(tmp_path / "bad.npz", **{"x": values(3, 50, 60), **data})
    done = run("evaluate", model, "--data", tmp_path / "bad.npz", "--seeds", 1, "--out", tmp_path / "out")
    assert done.exit_code == 2, done.output
    assert text in done.stderr


@pytest.mark.parametrize("value", ["size=0", "size=-4", "size=4.5", "size=50000", "adc_bits=0", "adc_bits=99"])
def test_a_sweep_beyond_what_a_tile_file_takes(files, tmp_path, value):
    model, data = files
    done = run("evaluate", model, "--data", data, "--sweep", value, "--out", tmp_path / "out")
    assert done.exit_code == 2, done.output
    assert "wanted a whole number from 1 to" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_sweep_given_twice_is_not_half_forgotten(files, tmp_path):
    model, data = files
    done = run("evaluate", model, "--data", data, "--sweep", "size=4", "--sweep", "size=8", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "'size' is given twice" in done.stderr


def test_options_of_studies_are_not_ignored(files, tmp_path):
    model, data = files
    done = run("evaluate", model, "--data", data, "--weights", "mine.npz", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "are for studies" in done.stderr


def test_a_folder_that_cannot_be_had_is_said_before_the_work(files, tmp_path):
    model, data = files
    done = run("evaluate", model, "--data", data, "--out", data)
    assert done.exit_code == 2
    assert "on tiles" not in done.stdout


def test_options_of_a_file_reach_every_layer(files, tmp_path):
    """Slices, offset columns, biases in rows, a layer of its own, ranges, a fixed-point unit: counted in the table."""
    model, data = files
    how = tmp_path / "how.toml"
    how.write_text(
        'dac_bits = 6\nbits_per_cycle = 2\n[mapping]\nweight_bits = 8\nslice_bits = 4\nscale = "layer"\n'
        '[layers."fc2"]\nsigns = "offset"\nbias = "rows"\nreplicas = 2\nscale = "layer"\n'
        '[reading]\nadc_range = "max"\nzero = "step"\n[fixed_point]\nrounding = "floor"\n'
    )
    done = run("evaluate", model, "--data", data, "--seeds", 1, "--options", how, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    with (tmp_path / "out/small/layers.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert [int(row["n_tiles"]) for row in rows.values()] == [2, 2, 2]  # two slices; one tile, twice
    assert int(rows["fc0"]["n_operations"]) == 2 * 3  # slices times cycles of two bits, one of six being the sign


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[mapping]\nslice_bit = 4", "did you mean slice_bits"),
        ("[mapping]\nslice_bits = 4", "slice_bits needs weight_bits"),
        ('[fixed_point]\nrounding = "up"', "fixed_point.rounding"),
        ("[write]\ne_cell = 3", "write.e_cell"),
        ('[reading]\nzero = "code"', "reading.zero"),
        ("[mapping", "is not valid TOML"),
        ('[layers."fc*"]\nn_rows = 400', "got n_rows = 400, the tile has 64"),
    ],
)
def test_options_that_do_not_fit_are_named(files, tmp_path, text, said):
    model, data = files
    (tmp_path / "how.toml").write_text(text)
    done = run("evaluate", model, "--data", data, "--options", tmp_path / "how.toml", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.fixture
def attention(tmp_path):
    given, x = transformer(), values(3, 10, 6, 32)
    (tmp_path / "attention.onnx").write_bytes(given.SerializeToString())
    np.savez(tmp_path / "data.npz", x=x, y=read_onnx(given).run({"x": x})[0].argmax(-1))
    return tmp_path / "attention.onnx", tmp_path / "data.npz"


def test_written_products_and_what_they_cost(attention, tmp_path):
    model, data = attention
    plain = run("evaluate", model, "--data", data, "--seeds", 1, "--out", tmp_path / "out")
    assert "writing" not in plain.stdout
    done = run("evaluate", model, "--data", data, "--seeds", 1, "--written", "*", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "of which writing activations: 768 cells, 7.68 nJ and 4.4 us per inference" in done.stdout


def test_writing_is_never_free_by_silence(attention, tmp_path):
    model, data = attention
    text = (share("calibration", "tiles") / "current_64.toml").read_text()
    (tmp_path / "mine.toml").write_text(text[: text.index("[write]")] + text[text.index("[calibration]") :])
    done = run("evaluate", model, "--data", data, "--tile", tmp_path / "mine.toml", "--written", "*")
    assert done.exit_code == 2
    assert "does not say what it costs to write it" in done.stderr


def test_nonlinear_cells_are_not_silently_linear(files, tmp_path):
    model, data = files
    done = run("evaluate", model, "--data", data, "--tile", "sinh_64", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "cells of kind 'sinh': networks run on linear cells alone" in done.stderr


def test_columns_beyond_the_swing_of_their_front_ends_are_refused(files, tmp_path):
    model, data = files
    text = (share("calibration", "tiles") / "current_64.toml").read_text()
    text = text.replace('r_f = "2 kΩ"', 'r_f = "2 kΩ"\nswing = "10 mV"').replace('gbw = "2 GHz"', "")
    (tmp_path / "mine.toml").write_text(text)
    done = run("evaluate", model, "--data", data, "--tile", tmp_path / "mine.toml", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "swing to 10 mV" in done.stderr
    assert "layer fc0" in done.stderr
    to = ("--out", tmp_path / "out")
    with warn_outside(), pytest.warns(OutsideValidityWarning, match="swing to 10 mV"):
        done = run("evaluate", model, "--data", data, "--tile", tmp_path / "mine.toml", "--seeds", 1, *to)
    assert done.exit_code == 0, done.output


def test_the_front_of_a_sweep():
    def point(energy, mean):
        return Answer({}, 0.9, (mean,), 1, (), (), Cost(1, 1, 0.0, energy))

    cheap, worse, good, best = point(1.0, 0.5), point(2.0, 0.4), point(3.0, 0.8), point(4.0, 0.9)
    assert pareto([best, good, worse, cheap]) == [cheap, good, best]


def test_a_sweep_of_two_keys_is_drawn_as_a_surface(files, tmp_path):
    model, data = files
    sweeps = ("--sweep", "adc_bits=4,8", "--sweep", "size=32,64")
    done = run("evaluate", model, "--data", data, "--seeds", 1, *sweeps, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    wide = image.imread(tmp_path / "out/small/evaluate.png").shape
    assert wide[1] == pytest.approx(3 * 4.5 * 150, abs=2)
