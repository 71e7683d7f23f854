"""``evaluate`` on a model file: what it prints and writes, and how it ends where something is missing."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from aimc_spice import cli
from aimc_spice.network.graph import read_onnx
from network_models import mlp, values


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
    done = run("evaluate", model, "--data", data, "--seeds", 2, "--sweep", "adc_bits=4,8", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "adc_bits = 4, digital 1.0000, on tiles" in done.stdout
    assert "TOPS/W (1 MAC = 2 ops)" in done.stdout
    with (tmp_path / "out/small/points.csv").open() as file:
        points = list(csv.DictReader(file))
    assert [float(p["adc_bits"]) for p in points] == [4, 8]
    assert float(points[0]["analog_mean"]) <= float(points[1]["analog_mean"]) <= 1
    answers = json.loads((tmp_path / "out/small/answers.json").read_text())
    assert [len(a["scores"]) for a in answers] == [2, 2]
    coarse, fine = (np.mean([e["sqnr_db"] for e in a["errors"]]) for a in answers)
    assert fine > coarse + 12  # 4 bits are 24 dB, less what does not come from converters
    assert (tmp_path / "out/small/evaluate.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nothing.onnx"], "no data"),
        (["nobody"], "not in the zoo"),
        (["small.onnx", "--data", "missing.npz"], "holds no samples"),
        (["small.onnx", "--data", "data.npz", "--tile", "none"], "there is no tile 'none'"),
        (["small.onnx", "--data", "data.npz", "--sweep", "odd=3"], "sweep 'odd' is unknown"),
        (["small.onnx", "--data", "data.npz", "--digital", "*"], "no matrix to map"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_missing_is_said(files, monkeypatch, arguments, text):
    monkeypatch.chdir(files[0].parent)
    done = run("evaluate", *arguments)
    assert done.exit_code == 2
    assert text in done.stderr


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
