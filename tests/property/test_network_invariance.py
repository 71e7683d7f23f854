"""The same seed gives the same result, to the last bit, however a batch is cut and on however many threads."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from aimc_spice.network.dac import limit_of
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.mapping import Mapping, place
from aimc_spice.network.options import Options
from aimc_spice.network.prepare import prepare
from network_models import MODELS, IdealTile, RoughReadout, values

CHOICES = {
    "plain": Options(),
    "offset": Options(mapping=Mapping(signs="offset", n_rows=20)),
    "serial": Options(bits_per_cycle=3),
    "sliced": Options(mapping=Mapping(weight_bits=8, slice_bits=4)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("choice", CHOICES)
def test_batch_and_threads_do_not_matter(name, choice):
    make, shape = MODELS[name]
    x = values(60, 40, *shape)
    prepared = prepare(read_onnx(make()), IdealTile(32, 32), RoughReadout(12), x, CHOICES[choice])
    whole = prepared.run(x, 5)
    for chunk in (1, 7, 16):
        np.testing.assert_array_equal(prepared.run(x, 5, chunk=chunk), whole)
    np.testing.assert_array_equal(prepared.run(x[:1], 5), whole[:1])
    for threads in (1, 2):
        with threadpool_limits(threads):
            np.testing.assert_array_equal(prepared.run(x, 5), whole)
    assert not np.array_equal(prepared.run(x, 6), whole)


@pytest.mark.parametrize("n", [1, 17, 304, 700])
def test_a_row_gives_the_same_at_any_place_of_a_batch(n):
    """OpenBLAS adds the first and last 8 rows of what it multiplies at once in another order (AVX2)."""
    make, shape = MODELS["mlp"]
    x = np.repeat(values(60, 1, *shape), n, axis=0)
    prepared = prepare(read_onnx(make()), IdealTile(32, 32), None, values(61, 40, *shape), Options(dac_bits=None))
    found = prepared.run(x, None)
    np.testing.assert_array_equal(found, np.repeat(prepared.run(x[:1], None), n, axis=0))


def test_new_seeds_are_new_converters():
    make, shape = MODELS["mlp"]
    x = values(60, 40, *shape)
    prepared = prepare(read_onnx(make()), IdealTile(), RoughReadout(), x)
    one, two = prepared.redrawn(1), prepared.redrawn(2)
    assert not np.array_equal(one.run(x, None), two.run(x, None))
    np.testing.assert_array_equal(one.run(x, None), prepared.redrawn(1).run(x, None))


SLICED = [Mapping(weight_bits=8, slice_bits=3), Mapping(weight_bits=5), Mapping(scale="layer")]


@pytest.mark.parametrize("mapping", SLICED)
def test_slices_stand_for_the_weights(mapping):
    """To half a step of the weight's resolution, exactly where it is continuous."""
    matrix = values(1, 30, 12).astype(np.float64)
    placement = place(matrix, mapping, 16, 16, "layer")
    step = 1 / (2 ** (mapping.weight_bits - 1) - 1) if mapping.weight_bits else 1e-12
    assert (np.abs(placement.weights - matrix) <= 0.5001 * step * placement.scale).all()
    assert np.abs(placement.digits).max() <= 1


def test_ranges():
    x = np.concatenate([values(0, 10_000), [50.0]])
    assert limit_of(x, "max", 8) == 50
    assert 3 < limit_of(x, "percentile", 8, 99.9) < 4
    assert limit_of(x[:-1], "mse", 4) < limit_of(x[:-1], "mse", 8) <= np.abs(x[:-1]).max()
