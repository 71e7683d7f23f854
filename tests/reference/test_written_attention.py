"""Judges: onnxruntime with exact tiles; the tile's own operator with wires; costs by hand."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from aimc_spice.build.tile import open_tile, tile_of
from aimc_spice.errors import ConfigError, NetworkError
from aimc_spice.network.answers import examine, layer_costs
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.mapping import Mapping
from aimc_spice.network.options import Options, Writing
from aimc_spice.network.prepare import prepare
from network_models import IdealTile, RoughReadout, model, transformer, values

WRITING = Writing(("scores", "mix"), e_cell=2e-12, t_row=1e-7)
X = values(60, 12, 6, 32)


def wanted(given, x):
    session = onnxruntime.InferenceSession(given.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def close(found, judged):
    np.testing.assert_allclose(found, judged, rtol=0, atol=1e-4 * np.abs(judged).max())


@pytest.mark.parametrize(
    "mapping",
    [Mapping(), Mapping(n_rows=5, n_cols=4), Mapping(signs="offset", n_cols=5), Mapping(weight_bits=16, slice_bits=5)],
    ids=["plain", "cut", "offset", "sliced"],
)
def test_attention_on_exact_tiles(mapping):
    options = Options(mapping=mapping, dac_bits=None, written=WRITING)
    prepared = prepare(read_onnx(transformer()), IdealTile(), None, X, options)
    assert list(prepared.parts) == ["linear0", "linear1", "linear2", "scores", "mix", "linear3", "linear4", "linear5"]
    close(prepared.run(X), wanted(transformer(), X))


def test_it_is_digital_unless_asked_for():
    assert not prepare(read_onnx(transformer()), IdealTile(), None, X).written
    some = Options(written=replace(WRITING, layers=("mi*",)))
    assert list(prepare(read_onnx(transformer()), IdealTile(), RoughReadout(), X, some).written) == ["mix"]


def test_errors_are_of_the_sample_whatever_the_batch():
    written = replace(WRITING, sigma=0.05)
    prepared = prepare(read_onnx(transformer()), IdealTile(), RoughReadout(12, 0.0), X, Options(written=written))
    whole = prepared.run(X, 5)
    for chunk in (1, 5):
        np.testing.assert_allclose(prepared.run(X, 5, chunk=chunk), whole, rtol=0, atol=2e-3)
    assert np.abs(prepared.run(X, 6) - whole).max() > 0
    twice = prepared.run(np.repeat(X[:1], 2, axis=0), None)
    assert np.abs(twice[0] - twice[1]).max() > 1e-3  # written twice, with another error


def test_more_error_of_writing_is_worse():
    def sqnr(sigma):
        options = Options(dac_bits=None, written=replace(WRITING, sigma=sigma))
        found = examine(prepare(read_onnx(transformer()), IdealTile(), RoughReadout(12, 0.0, 0.0), X, options), X)
        return {e.name: e.sqnr_db for e in found}

    exact, rough = sqnr(0.0), sqnr(0.1)
    assert exact["scores"] > rough["scores"] + 20
    assert exact["mix"] > rough["mix"] + 20
    assert exact["linear0"] == rough["linear0"]


def test_wires_act_on_what_is_written():
    """Without converters and correction, a product is the operator of the written tile, to single precision."""
    tile, _ = tile_of(open_tile("current_64"))
    a, b = values(1, 3, 4, 8), values(2, 3, 8, 5)
    make = helper.make_node
    nodes = [make("Slice", ["x", f"s{k}", f"e{k}", "axis"], [n]) for k, n in enumerate(("left", "rest"))]
    nodes.append(make("Transpose", ["rest"], ["right"], perm=[0, 2, 1]))
    nodes.append(make("MatMul", ["left", "right"], ["y"], name="both"))
    arrays = {"s0": np.array([0]), "e0": np.array([4]), "s1": np.array([4]), "e1": np.array([9]), "axis": np.array([1])}
    x = np.concatenate([a, b.transpose(0, 2, 1)], axis=1)
    written = Options(dac_bits=None, written=replace(WRITING, layers=("both",)))
    prepared = prepare(read_onnx(model(nodes, arrays, ["n", 9, 8])), tile, None, x, written)
    (head,) = prepared.written["both"].heads
    found, limit = prepared.run(x), prepared.written["both"].limits[0]
    padded = np.zeros((3, 64, 64))
    padded[:, :8, :5] = np.clip(b / limit, -1, 1)
    operator = tile.program(padded)[:, :8, :5]
    judged = (a / head.dac.limit) @ operator * head.parts[0].groups[0].gain * head.scale[0]
    np.testing.assert_allclose(found, judged, rtol=0, atol=1e-5 * np.abs(judged).max())


def test_writing_costs():
    """6 tokens, 2 heads of 16: scores writes 16 x 6 cells a head, mix 6 x 16, two devices each."""
    prepared = prepare(read_onnx(transformer()), IdealTile(32, 32), RoughReadout(), X, Options(written=WRITING))
    rows = {row.name: row for row in layer_costs(prepared)}
    scores, mix = rows["scores"], rows["mix"]
    assert (scores.cells_written, mix.cells_written) == (2 * 2 * 96, 2 * 2 * 96)
    assert scores.write_energy == pytest.approx(2 * 2 * 96 * 2e-12)
    assert (scores.write_latency, mix.write_latency) == (pytest.approx(16e-7), pytest.approx(6e-7))
    assert scores.latency == pytest.approx(16e-7 + 6 * 20e-9)
    assert (scores.macs, scores.n_tiles, scores.n_conversions) == (2 * 6 * 16 * 6, 2, 2 * 6 * 6)
    assert scores.energy == pytest.approx(scores.write_energy + 2 * 6 * (2e-12 + 6e-12))
    assert rows["linear0"].cells_written == 0


@pytest.mark.parametrize("turned", ["transA", "transB"])
def test_gemm_of_two_activations(turned):
    make = helper.make_node
    nodes = [
        make("Gemm", ["x", "w"], ["b"], name="weights"),
        make("Gemm", ["x", "b", "c"], ["y"], name="both", alpha=0.5, beta=2.0, **{turned: 1}),
    ]
    given, x = (
        model(nodes, {"w": values(0, 4, 4), "c": values(1, 4 if turned == "transA" else 1)}, [1, 4]),
        values(2, 1, 4),
    )
    options = Options(dac_bits=None, written=Writing(("both",), 0.0, 0.0))
    prepared = prepare(read_onnx(given), IdealTile(), None, x, options)
    assert list(prepared.parts) == ["weights", "both"]
    close(prepared.run(x), wanted(given, x))


def test_a_matrix_of_several_samples_is_refused():
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["y"], name="gram"),
    ]
    network = read_onnx(model(nodes, {}, ["n", 4]))
    with pytest.raises(NetworkError, match=r"(?s)1 matrices for 3 samples.*node gram.*leave the product digital"):
        prepare(network, IdealTile(), None, values(0, 3, 4), Options(written=Writing(("gram",), 0.0, 0.0)))


def test_another_length_than_calibrated_is_refused():
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["x", "t"], ["y"], name="scores"),
    ]
    network = read_onnx(model(nodes, {}, ["n", "T", 4]))
    options = Options(written=Writing(("scores",), 0.0, 0.0))
    prepared = prepare(network, IdealTile(), None, values(0, 3, 5, 4), options)
    with pytest.raises(NetworkError, match=r"(?s)got 1 heads of 4 x 6, tiles .* for 1 of 4 x 5.*node scores"):
        prepared.run(values(0, 3, 6, 4))


def test_costs_below_zero_are_refused():
    with pytest.raises(ConfigError, match="e_cell = -1 J"):
        Writing(("*",), -1.0, 0.0)
