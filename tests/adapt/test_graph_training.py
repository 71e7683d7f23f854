"""Graphs trained as they stand; onnxruntime judges the forward pass."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from aimc_spice.adapt.fit import Fit, FitPlan, predict
from aimc_spice.adapt.torch_graph import TorchGraph, with_arrays
from aimc_spice.errors import ConfigError, DataError
from aimc_spice.rng import stream
from aimc_spice.workloads.graphs.attention import Width
from aimc_spice.workloads.graphs.base import Graph
from aimc_spice.workloads.graphs.images import mlp, resnet20, small_cnn
from aimc_spice.workloads.graphs.speech import ds_cnn, gru
from aimc_spice.workloads.graphs.text import encoder, gpt
from aimc_spice.workloads.models import about_model, folded, load_model
from aimc_spice.workloads.recipes import RECIPES, Recipe
from aimc_spice.workloads.task import Task
from aimc_spice.workloads.train import main

SMALL = Width(32, 4, 64)
PADDED = np.pad(stream(0, "ids").integers(1, 50, (3, 11)), ((0, 0), (0, 5)))
GRAPHS = {
    "mlp": (mlp, stream(0, "x").random((3, 400))),
    "small_cnn": (small_cnn, stream(0, "x").normal(size=(3, 1, 28, 28))),
    "resnet20": (resnet20, stream(0, "x").normal(size=(2, 3, 32, 32))),
    "ds_cnn": (ds_cnn, stream(0, "x").normal(size=(3, 1, 49, 10))),
    "gru": (gru, stream(0, "x").normal(size=(3, 1, 49, 10))),
    "gpt": (lambda: gpt(50, 16, 2, SMALL), stream(0, "x").integers(0, 50, (3, 16))),
    "encoder with a head": (lambda: encoder(2, SMALL, n_vocabulary=50, n_classes=2), PADDED),
    "encoder of one length": (lambda: encoder(1, SMALL, n_vocabulary=50, n_tokens=16), PADDED),
}


def lively(model):
    """No array is left at its first zero or one: a term that is dropped shows."""
    draws = {
        t.name: stream(1, t.name).uniform(0.5, 1.5, numpy_helper.to_array(t).shape)
        for t in model.graph.initializer
        if t.name.endswith((".scale", ".var", ".bias", ".mean"))
    }
    return with_arrays(model, draws)


def by_onnxruntime(model, x):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {model.graph.input[0].name: x})[0]


@pytest.mark.parametrize("name", GRAPHS)
def test_outputs_equal_those_of_onnxruntime(name):
    build, x = GRAPHS[name]
    model = lively(build())
    x = x if x.dtype == np.int64 else x.astype(np.float32)
    wanted = by_onnxruntime(model, x)
    largest = np.abs(wanted).max()
    assert np.abs(predict(TorchGraph(model), x) - wanted).max() < 1e-5 * largest, "float32, another order of sums"
    assert np.abs(by_onnxruntime(folded(model), x) - wanted).max() < 1e-5 * largest
    assert not any(node.op_type == "BatchNormalization" for node in folded(model).graph.node)


def test_a_text_does_not_depend_on_its_padding():
    model = TorchGraph(lively(encoder(2, SMALL, n_vocabulary=50, n_classes=2)))
    assert predict(model, PADDED) == pytest.approx(predict(model, PADDED[:, :11].copy()), rel=1e-5)


def test_a_token_is_predicted_from_those_before_it_only():
    model, x = TorchGraph(lively(gpt(50, 16, 2, SMALL))), stream(0, "x").integers(0, 49, (1, 16))
    changed = x.copy()
    changed[0, 9] += 1
    before, after = predict(model, x), predict(model, changed)
    assert (before[0, :9] == after[0, :9]).all()
    assert (before[0, 9:] != after[0, 9:]).any(axis=1).all()


def bars(n=400):
    """Two classes of noisy 28×28 images: upright or lying bars."""
    y = stream(2, "y").integers(0, 2, n)
    wave = np.sin(np.arange(28))[:, None] * np.ones(28)
    clean = np.where(y[:, None, None] == 1, wave, wave.T)[:, None]
    return (clean + stream(2, "noise").normal(0, 1, (n, 1, 28, 28))).astype(np.float32), y


PLAN = FitPlan(epochs=3, batch=50, weight_noise=0.02)


def trained(plan, checkpoint=None, stop=None):
    x, y = bars()
    graph = TorchGraph(small_cnn((4, 4, 4), 2))
    fit = Fit(graph, plan, len(x))

    def progress(epoch, loss):
        if epoch == stop:
            raise KeyboardInterrupt

    fit.run(lambda rng: (x, y), progress, checkpoint)
    return graph


@pytest.mark.parametrize("change", [{}, {"low_precision": True}, {"optimiser": "sgd", "learning_rate": 0.05}])
def test_it_learns_bars(change):
    graph, (x, y) = trained(FitPlan(**{"epochs": 3, "batch": 50, "weight_noise": 0.02} | change)), bars()
    assert np.mean(predict(graph, x).argmax(1) == y) > 0.95
    assert np.mean(by_onnxruntime(folded(graph.trained()), x).argmax(1) == y) > 0.95


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(PLAN, tmp_path / "run", stop=2)
    again, whole = trained(PLAN, tmp_path / "run").arrays(), trained(PLAN).arrays()
    assert all((again[name] == whole[name]).all() for name in whole)


def test_a_checkpoint_of_another_plan_is_refused(tmp_path):
    trained(FitPlan(epochs=1, batch=400), tmp_path / "run")
    with pytest.raises(DataError, match="another plan"):
        trained(FitPlan(epochs=2, batch=400), tmp_path / "run")


def test_noise_has_the_stated_size_and_comes_from_its_generator():
    import torch  # noqa: PLC0415

    g = Graph("one")
    x = g.input("x", ["N", 200])
    model = TorchGraph(g.model(g.dense(x, "y", 200, 300), ["N", 300]))
    eye = torch.eye(200)
    draws = [model.forward(eye, weight_noise=0.1, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()
    w = model.arrays()["y.weight"]
    noise = draws[0].detach().numpy() - w
    assert noise.std() == pytest.approx(0.1 * np.abs(w).max(), rel=0.02)  # 60,000 draws: 0.3 % standard error


def test_an_operator_that_cannot_be_trained_is_named():
    node = helper.make_node("Softsign", ["x"], ["y"], name="odd")
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in "xy"]
    model = helper.make_model(helper.make_graph([node], "g", ports[:1], ports[1:]))
    with pytest.raises(ConfigError, match="node odd: the operator Softsign cannot be trained, known are Add"):
        TorchGraph(model)


def test_arrays_of_another_shape_are_refused():
    with pytest.raises(DataError, match=r"fc1.weight: got shape \(2, 2\), wanted \(400, 120\)"):
        with_arrays(mlp(), {"fc1.weight": np.zeros((2, 2))})


def test_the_command_lists_the_networks_for_an_unknown_one(capsys, tmp_path):
    assert main(["alexnet", "--out", str(tmp_path / "a.onnx")]) == 1
    assert "known are mnist_mlp" in capsys.readouterr().err


def test_the_command_writes_a_network_that_says_how_it_was_made(tmp_path, capsys, monkeypatch):
    x, y = bars()
    made = Recipe(
        lambda seed: small_cnn((4, 4, 4), 2, seed),
        lambda: Task("bars", x[:300], y[:300], x[300:], y[300:]),
        "accuracy",
        FitPlan(epochs=9, batch=10),
        lambda task, rng: (task.x_train, task.y_train),
        "a small CNN on bars",
    )
    monkeypatch.setitem(RECIPES, "bars", made)
    monkeypatch.chdir(tmp_path)
    assert main(["bars", "--seed", "2", "--epochs", "3"]) == 0
    assert "on 100 test samples, wrote bars.onnx" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["bars.onnx"], "no checkpoint is left"
    stored = load_model(tmp_path / "bars.onnx")
    about = about_model(stored)
    assert about["command"] == "python -m aimc_spice.workloads.train bars --seed 2 --epochs 3"
    assert about["digital_score"] == np.mean(by_onnxruntime(stored, x[300:]).argmax(1) == y[300:])
    assert about["digital_score"] > 0.9
