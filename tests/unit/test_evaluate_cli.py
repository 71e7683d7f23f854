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
