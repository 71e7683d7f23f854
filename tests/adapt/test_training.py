from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.adapt.readout import DiffAmpReadout
from aimc_spice.adapt.training import TrainPlan, train
from aimc_spice.adapt.wired import WiredReadout
from aimc_spice.errors import ConfigError
from aimc_spice.netlist.wire import Wire
from aimc_spice.rng import stream
from aimc_spice.workloads import NetworkWeights, SigmoidMlp, digits
from aimc_spice.workloads.software import trained_readout
from aimc_spice.workloads.train import main

PLAN = TrainPlan(epochs=15, batch=16, learning_rate=1e-2, max_shift=0, held_out=0.2, sharpness=0.3, update_every=10)
DIFF_AMP = DiffAmpReadout((2, 1), r_f=(3e4, 1e4))
WIRED = WiredReadout(DIFF_AMP, (2, 1), Wire(9.24, 11.55))


def stripes(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Three classes of noisy 6×6 images: which third of the rows is inked."""
    y = stream(1, "y").integers(0, 3, n)
    ink = np.repeat(np.arange(3), 12) == y[:, None]
    return ink ^ (stream(1, "noise").random((n, 36)) < 0.1), y


@pytest.mark.parametrize("readout", [None, DIFF_AMP, WIRED], ids=["ideal", "diff_amp", "wired"])
def test_it_learns_stripes(readout):
    result = train(*stripes(), [12], readout, PLAN)
    assert result.held_out_accuracy > 0.9
    assert {int(v) for w in result.weights for v in np.unique(w)} <= {-1, 1}
    assert (result.scale is None) == (readout is not None)


def test_one_seed_gives_one_result():
    first, again = (train(*stripes(), [12], None, PLAN) for _ in range(2))
    other = train(*stripes(), [12], None, TrainPlan(seed=1, epochs=1))
    assert all((a == b).all() for a, b in zip(first.weights, again.weights, strict=True))
    assert any((a != b).any() for a, b in zip(first.weights, other.weights, strict=True))


def test_progress_is_told_every_epoch():
    told = []
    train(*stripes(), [12], None, TrainPlan(epochs=3), progress=lambda *news: told.append(news))
    assert [epoch for epoch, _, _ in told] == [1, 2, 3]


def test_a_plan_that_cannot_run_is_refused():
    with pytest.raises(ConfigError, match="epochs"):
        TrainPlan(epochs=0)


@pytest.mark.parametrize(
    "options", [["--readout", "ideal"], ["--readout", "diff_amp", "--wire", "9.24", "11.55"]], ids=["ideal", "wired"]
)
def test_the_command_writes_a_weight_file(tmp_path, capsys, options):
    out = tmp_path / "w.npz"
    assert main(["--data", "digits", *options, "--epochs", "1", "--out", str(out)]) == 0
    weights, data = NetworkWeights.load(out), digits()
    assert weights.sizes == (400, 120, 84, 10)
    assert weights.is_binary
    assert weights.about["command"].endswith("--epochs 1")
    accuracy = SigmoidMlp.build(weights, trained_readout(weights)).accuracy(data.x_test, data.y_test)
    assert accuracy == weights.about["digital_accuracy"]
    assert "test accuracy" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("aimc_spice.workloads.files.search_path", lambda: [tmp_path])
    assert main(["--data", "mnist", "--readout", "ideal", "--out", str(tmp_path / "w.npz")]) == 1
    assert "is missing" in capsys.readouterr().err
