"""Counts and costs by hand; layer errors, views and the fixed-point unit on small networks."""

import gc
import weakref

import numpy as np
import pytest

from aimc_spice.network import graph
from aimc_spice.network.answers import classify, examine, layer_costs, total_cost
from aimc_spice.network.fit import Reading
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.mapping import Mapping
from aimc_spice.network.options import Options
from aimc_spice.network.plain import network_of
from aimc_spice.network.prepare import prepare
from aimc_spice.network.unit import FixedPoint
from aimc_spice.network.view import draw, look, table, to_networkx
from aimc_spice.surrogate.readout import ColumnReadouts
from network_models import MODELS, IdealTile, RoughReadout, cnn, mlp, values


def on_tiles(name="mlp", size=32, readout=None, **options):
    make, shape = MODELS[name]
    x = values(60, 64, *shape)
    return prepare(read_onnx(make()), IdealTile(size, size), readout or RoughReadout(), x, Options(**options)), x


def test_costs_of_a_perceptron_by_hand():
    """60-40-30-10 on 32 × 32: 2 × 2, 2 × 1 and 1 × 1 tiles; tile 10 ns + 10 ns and 2 pJ; converter 1 pJ."""
    prepared, _ = on_tiles()
    rows = layer_costs(prepared)
    assert [r.macs for r in rows] == [2400, 1200, 300]
    assert [r.n_parameters for r in rows] == [2440, 1230, 310]
    assert [r.n_tiles for r in rows] == [4, 2, 1]
    assert [r.n_conversions for r in rows] == [80, 60, 10]
    assert rows[0].utilisation == pytest.approx(2400 / 4096)
    assert rows[0].energy == pytest.approx(4 * 2e-12 + 80e-12)
    total = total_cost(rows)
    assert total.latency == pytest.approx(3 * 20e-9)
    assert total.tops_per_watt == pytest.approx(2 * 3900 / total.energy / 1e12)


def test_slices_cycles_and_replicas_cost():
    prepared, _ = on_tiles(mapping=Mapping(weight_bits=8, slice_bits=4, replicas=2), bits_per_cycle=4)
    one = layer_costs(prepared)[0]
    assert (one.n_tiles, one.n_operations, one.n_conversions) == (16, 8 * 2, 80 * 2 * 2)


def test_convolutions_count_pixels():
    prepared, _ = on_tiles("cnn")
    rows = {r.name: r for r in layer_costs(prepared)}
    assert rows["stem"].macs == 8 * 27 * 144
    assert rows["depth"].macs == 8 * 9 * 144
    assert rows["grouped"].macs == 16 * 36 * 9


def test_more_bits_are_better_and_clipping_is_seen():
    worse, x = on_tiles(readout=RoughReadout(5, 0.0, 0.0))
    better, _ = on_tiles(readout=RoughReadout(10, 0.0, 0.0))
    for low, high in zip(examine(worse, x), examine(better, x)):
        assert high.sqnr_db > low.sqnr_db + 6
        assert 0 <= low.adc_clipped < 0.2
    beyond = examine(better, 4 * x)
    assert beyond[0].dac_clipped > 0.05
    assert beyond[0].adc_clipped > examine(better, x)[0].adc_clipped


def test_accuracy_over_seeds():
    prepared, x = on_tiles(readout=RoughReadout(10))
    labels = prepared.network.run({"x": x})[0].argmax(1)
    found = classify(prepared, x, labels, range(4))
    assert found.digital.accuracy == 1
    assert 0.8 < found.mean <= 1
    assert found.interval[0] <= found.mean <= found.interval[1]


def test_graph_and_table(tmp_path):
    prepared, _ = on_tiles("cnn")
    seen = look(read_onnx(cnn()))
    graph = to_networkx(seen, prepared)
    assert graph.nodes["stem"]["shape"] == (1, 8, 12, 12)
    assert graph.nodes["stem"]["tiles"] == 1
    assert graph.nodes["grouped"]["macs"] == 16 * 36 * 9
    assert graph.has_edge("stem", "norm")
    assert "total" in table(seen, prepared)
    draw(graph, tmp_path / "graph.png")
    assert (tmp_path / "graph.png").stat().st_size > 1000


@pytest.mark.parametrize("rounding", ["half_up", "half_even", "floor", "toward_zero"])
def test_fixed_point_unit(rounding):
    """Formats and rounding are exact; the network loses little to eight-bit scales."""
    unit = FixedPoint(rounding=rounding)
    scales = np.array([0, 0.004, 1 / 128, 1.999, 3, -1])
    np.testing.assert_array_equal(unit.scale(scales), np.array([0, 1, 1, 255, 255, 0]) / 128)
    np.testing.assert_array_equal(unit.offset(np.array([-99, -1.3, 0.2, 63.9, 99])), [-64, -1.5, 0, 63.5, 63.5])
    rounded = {"half_up": [3, -2], "half_even": [2, -2], "floor": [2, -3], "toward_zero": [2, -2]}
    np.testing.assert_array_equal(unit.finish(np.array([2.5, -2.5], np.float32)), rounded[rounding])
    prepared, x = on_tiles(readout=RoughReadout(8, 0.0, 0.0), unit=unit)
    assert min(e.sqnr_db for e in examine(prepared, x)) > 20
    out = prepared.layers["fc0"](x, None)
    steps = out / prepared.layers["fc0"].scale[0]
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)


def test_memory_is_counted():
    prepared, _ = on_tiles()
    weights = sum(4 * layer.product.n_weights for layer in prepared.layers.values())
    assert prepared.nbytes > weights
    assert sum(layer.nbytes for layer in prepared.layers.values()) > weights


class EvenReadout:
    """Ideal thresholds, so that zero lies on one, and noise [LSB]."""

    n_bits, t_conv, e_conv = 8, 1e-8, 1e-12

    def __init__(self, noise):
        self.noise = noise

    def sample(self, n_cols, seed, *names):
        return ColumnReadouts(np.tile(np.arange(1, 256) / 256 - 0.5, (n_cols, 1)), self.noise / 256, -0.5, 0.5)


def nearly_at_rest(noise, **reading):
    """Return the second output of a matrix whose second column hardly moves, what it should be, and its LSB."""
    weights, x = np.diag([1.0, 1e-4]).astype(np.float32), np.abs(values(3, 4000, 2))
    options = Options(mapping=Mapping(scale="layer"), reading=Reading(**reading))
    prepared = prepare(network_of([weights], [None], [""]), IdealTile(), EvenReadout(noise), x[:500], options)
    (layer,) = prepared.layers.values()
    lsb = float(layer.parts[0].groups[0].gain[1] * layer.scale[0][1])
    return prepared.run(x, 1)[:, 1], 1e-4 * x[:, 1], lsb


def test_columns_at_rest_beside_a_threshold_were_off_by_half_an_lsb():
    """The second output stays within 0.1 LSB of zero: codes 127 and 128 with noise, 128 alone without."""
    found, wanted, lsb = nearly_at_rest(0.3)
    assert abs(np.mean(found - wanted)) < 0.1 * lsb


def test_zero_in_the_middle_of_a_step_keeps_columns_at_rest_at_zero():
    """Rms in LSB, by hand: half of one on a threshold; in a step nothing, and with noise of 0.3 what leaves it."""
    for noise, zero, least, most in ((0.3, "threshold", 0.45, 0.55), (0, "step", 0, 0.02), (0.3, "step", 0.27, 0.35)):
        found, wanted, lsb = nearly_at_rest(noise, zero=zero)
        assert least <= np.sqrt(np.mean((found - wanted) ** 2)) / lsb <= most


def test_reading_kept_a_second_copy_of_all_weights(monkeypatch):
    """Nodes held the evaluator by its log, and the evaluator the model."""
    seen, make = [], graph._evaluator

    def remembered(model):
        seen.append(weakref.ref(evaluator := make(model)))
        return evaluator

    monkeypatch.setattr(graph, "_evaluator", remembered)
    network = read_onnx(MODELS["transformer"][0]())
    gc.collect()
    assert seen[0]() is None
    assert network.steps


def test_plain_mlp_of_the_tests_is_mapped_whole():
    assert list(on_tiles()[0].layers) == ["fc0", "fc1", "fc2"]
    assert [s.op for s in read_onnx(mlp()).steps] == ["Gemm", "Relu", "Gemm", "Relu", "Gemm"]
