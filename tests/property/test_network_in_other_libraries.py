"""A network by another array library: noise to the bit, codes but for a product's last bit."""

import array_api_strict as strict
import numpy as np
import pytest

from aimc_spice.network import noise
from aimc_spice.network.arrays import normal
from aimc_spice.network.fit import Reading
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.mapping import Mapping
from aimc_spice.network.options import Options
from aimc_spice.network.prepare import prepare
from network_models import MODELS, IdealTile, RoughReadout, values

CHOICES = {
    "plain": Options(),
    "offset": Options(mapping=Mapping(signs="offset", n_rows=20)),
    "serial": Options(bits_per_cycle=3),
    "zero in a step": Options(reading=Reading(zero="step")),
    "bias rows": Options(mapping=Mapping(bias="rows")),
}


def test_noise_is_the_same_function():
    keys, index = noise.keys(6, 1, "layer"), 5 + 3 * np.arange(1000)
    found = normal(strict.asarray(keys.astype(np.int64)), strict.asarray(index), strict)
    np.testing.assert_array_equal(np.asarray(found), noise.normal(keys, 1000, 5, 3))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("choice", CHOICES)
def test_outputs_are_the_same_but_for_single_codes(name, choice):
    """Without converters to rounding; with them, at most 2 of 40 samples move, by a code that a last bit decides.

    Ours add terms in the order of rows, libraries in one of their own.
    """
    make, shape = MODELS[name]
    x = values(60, 40, *shape)
    exact = prepare(read_onnx(make()), IdealTile(32, 32), None, x, CHOICES[choice])
    wanted = exact.run(x)
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(exact.on(strict).run(x), wanted, rtol=0, atol=2e-5 * scale)
    prepared, ours, theirs = prepare(read_onnx(make()), IdealTile(32, 32), RoughReadout(8), x, CHOICES[choice]), {}, {}
    wanted = prepared.run(x, 5, tallies=ours)
    moved = np.abs(prepared.on(strict).run(x, 5, tallies=theirs) - wanted) > 2e-5 * scale
    assert np.count_nonzero(moved.reshape(len(x), -1).any(axis=1)) <= 2
    assert {name: tally.conversions for name, tally in ours.items()} == {n: t.conversions for n, t in theirs.items()}
    assert sum(t.clipped for t in theirs.values()) == pytest.approx(sum(t.clipped for t in ours.values()), abs=2)
