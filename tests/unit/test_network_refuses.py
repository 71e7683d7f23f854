"""What the network evaluator does not take, it names: no silent fallback to digital."""

import numpy as np
import pytest
from onnx import helper

from aimc_spice.build.tile import open_tile
from aimc_spice.errors import ConfigError, NetworkError
from aimc_spice.flows.evaluate import points_of
from aimc_spice.network.answers import classify
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.mapping import Mapping
from aimc_spice.network.options import Options
from aimc_spice.network.plain import network_of
from aimc_spice.network.prepare import prepare
from aimc_spice.network.view import look
from network_models import MODELS, IdealTile, RoughReadout, mlp, model, values

X = values(0, 8, 60)


def prepared(**options):
    return prepare(read_onnx(mlp()), IdealTile(), RoughReadout(), X, Options(**options))


def test_unknown_operator_is_named_with_node_and_list():
    node = helper.make_node("Frobnicate", ["x"], ["y"], name="odd", domain="com.example")
    with pytest.raises(NetworkError, match=r"(?s)'Frobnicate' of domain 'com.example'.*node odd.*supported: Abs"):
        read_onnx(model([node], {}, ["n", 4]))


def test_not_a_model(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(NetworkError, match="is no ONNX model"):
        read_onnx(tmp_path / "x.onnx")


def test_weights_that_are_not_finite():
    bad = values(0, 4, 4)
    bad[1, 2] = np.nan
    with pytest.raises(NetworkError, match=r"'w' of shape \(4, 4\) has 1 values"):
        read_onnx(model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": bad}, ["n", 4]))


def test_nothing_to_map():
    with pytest.raises(NetworkError, match="no matrix to map"):
        prepare(read_onnx(model([helper.make_node("Relu", ["x"], ["y"])], {}, ["n", 4])), IdealTile(), None, X[:, :4])


def test_all_digital_is_nothing_to_map():
    with pytest.raises(NetworkError, match="no matrix to map"):
        prepared(digital=("*",))


@pytest.mark.parametrize("dims", [(3, 4, 5), (4,)])
def test_weights_that_tiles_cannot_hold(dims):
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="stack")
    network = read_onnx(model([node], {"w": values(0, *dims)}, ["n", 3, 2, 4]))
    with pytest.raises(NetworkError, match=r'(?s)node stack.*digital=\("stack",\)'):
        prepare(network, IdealTile(), None, values(1, 2, 3, 2, 4))


def test_recurrent_weights_are_not_silently_digital():
    """Where one of them is computed, the cell cannot be laid on tiles."""
    arrays = {"w": values(0, 1, 12, 3), "r": values(1, 1, 12, 3), "one": np.float32(1)}
    nodes = [
        helper.make_node("ReduceMin", ["x"], ["least"], keepdims=0),
        helper.make_node("Mul", ["r", "least"], ["computed"]),
        helper.make_node("LSTM", ["x", "w", "computed"], ["y"], name="cell", hidden_size=3),
    ]
    with pytest.raises(NetworkError, match=r"(?s)node cell.*one of W, R and B is computed"):
        prepare(read_onnx(model(nodes, arrays, [5, "n", 3])), IdealTile(), None, values(2, 5, 2, 3))


def test_a_size_without_a_value():
    network = read_onnx(model([helper.make_node("Relu", ["x"], ["y"])], {}, ["n", "T", 4]))
    with pytest.raises(NetworkError, match=r"no value for T"):
        look(network)
    assert look(network, {"T": 6})[0].outputs == ((1, 6, 4),)


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        (Mapping(n_h=1), "n_h = 1 for 60 lines"),
        (Mapping(n_rows=400), "n_rows = 400, the tile has 32"),
        (Mapping(n_v=99), "n_v = 99"),
    ],
)
def test_a_tile_too_small(mapping, text):
    with pytest.raises(NetworkError, match=text):
        prepare(read_onnx(mlp()), IdealTile(32, 32), None, X, Options(mapping=mapping))


@pytest.mark.parametrize(
    "wrong", [{"slice_bits": 2}, {"signs": "none"}, {"weight_bits": 1}, {"n_h": 0}, {"bias": "no"}], ids=str
)
def test_mapping_options(wrong):
    with pytest.raises(ConfigError):
        Mapping(**wrong)


@pytest.mark.parametrize("x", [X[:, :5], X[0], np.full((2, 60), np.nan), {"z": X}, X[:0]], ids=range(5))
def test_inputs_that_do_not_fit(x):
    with pytest.raises(NetworkError, match=r"input"):
        prepared().run(x)


@pytest.mark.parametrize("labels", [np.full(8, 10), np.zeros(7, int), np.full(8, -1)], ids=range(3))
def test_labels_that_do_not_fit(labels):
    with pytest.raises(NetworkError, match="labels: got"):
        classify(prepared(), X, labels, [0])


def test_plain_weights_must_chain():
    with pytest.raises(NetworkError, match="layer 1"):
        network_of([values(0, 4, 3), values(1, 4, 2)], [None, None], ["Relu", ""])
    with pytest.raises(NetworkError, match="known: "):
        network_of([values(0, 4, 3)], [None], ["Mish"])


def test_plain_weights_compute():
    w, b, x = [values(0, 4, 3), values(1, 3, 2)], [values(2, 3), None], values(3, 5, 4)
    found = network_of(w, b, ["Relu", ""]).run({"x": x})[0]
    np.testing.assert_allclose(found, np.maximum(x @ w[0] + b[0], 0) @ w[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("text", ["bits=6", "adc_bits=six", "adc_bits"])
def test_sweeps(text):
    with pytest.raises(ConfigError, match="sweep"):
        list(points_of(open_tile("current_64"), [text]))


def test_the_models_of_the_tests_are_small():
    """They stay quick: below 30,000 weights each."""
    for make, _ in MODELS.values():
        assert sum(np.size(v) for v in read_onnx(make()).constants.values()) < 30_000


def test_a_model_fixed_to_one_sample_is_calibrated_with_all_of_them():
    free, fixed = mlp(), mlp()
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    x = values(4, 40, 60)
    one, other = (prepare(read_onnx(m), IdealTile(), RoughReadout(noise=0.0), x) for m in (free, fixed))
    assert [len(s.rows[0]) for s in other.samples.values()] == [40] * len(other.samples)
    np.testing.assert_allclose(other.run(x), one.run(x), rtol=1e-5)  # sums of other batches round differently
