"""Softmax and layer norm row by row are what double precision says, for every length, and keep what is no number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax as judge

from aimc_spice.network.fast import fast_path

SOFTMAX = fast_path("Softmax", {"axis": -1}, 13, 1)
lengths = st.one_of(st.integers(1, 100), st.sampled_from([128, 768, 1000]))


@given(lengths, st.floats(0.1, 100), st.integers(0, 1000))
def test_softmax_is_that_of_double_precision(k, spread, seed):
    """Inputs are rounded: an error of their last place, relative, besides one of 1e-6 for exp and the sum."""
    x = np.random.default_rng(seed).normal(0, spread, (3, k)).astype(np.float32)
    wanted = judge(x.astype(np.float64), axis=-1)
    within = 1e-6 + 2.0**-24 * (x.max(axis=-1, keepdims=True) - x)
    assert np.all(np.abs(SOFTMAX(x) - wanted) <= within * wanted + 2e-38)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("at", [0, 40])
def test_softmax_of_what_is_no_number_or_not_finite(at):
    """As IEEE says: a row with NaN or +inf, or of -inf alone, is NaN; -inf among others has no share."""
    x = np.zeros((4, 45), np.float32)
    x[0, at], x[1, at], x[2], x[3, at] = np.nan, np.inf, -np.inf, -np.inf
    found = SOFTMAX(x)
    assert np.isnan(found[:3]).all()
    assert found[3, at] == 0
    np.testing.assert_allclose(np.delete(found[3], at), 1 / 44, rtol=1e-6)


@given(lengths, st.floats(-100, 100), st.integers(0, 1000), st.booleans())
def test_layer_norm_is_that_of_double_precision(k, mean, seed, biased):
    """Rounding of numbers about `mean` is what single precision cannot help."""
    rng = np.random.default_rng(seed)
    x = rng.normal(mean, 1, (2, 3, k)).astype(np.float32)
    scale, bias = rng.normal(size=(2, k)).astype(np.float32)
    found = fast_path("LayerNormalization", {"axis": -1}, 17, 1)(x, scale, *([bias] if biased else []))
    exact = x.astype(np.float64)
    middle = exact.mean(axis=-1, keepdims=True)
    inverse = 1 / np.sqrt(exact.var(axis=-1, keepdims=True) + 1e-5)
    wanted = (exact - middle) * inverse * scale + (bias if biased else 0)
    within = 2e-6 * (1 + abs(mean))
    np.testing.assert_allclose(found[0], wanted, rtol=0, atol=within * inverse.max() * np.abs(scale).max() + 1e-6)
    np.testing.assert_allclose(found[1], middle, rtol=1e-5, atol=within)
    np.testing.assert_allclose(found[2], inverse, rtol=within * inverse.max() + 1e-5)


def test_layer_norm_over_several_axes():
    rng = np.random.default_rng(0)
    x, scale = rng.normal(size=(4, 5, 6)).astype(np.float32), rng.normal(size=(5, 6)).astype(np.float32)
    found, mean, inverse = fast_path("LayerNormalization", {"axis": 1}, 17, 3)(x, scale)
    apart = x - x.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found, apart / np.sqrt(x.var(axis=(1, 2), keepdims=True) + 1e-5) * scale, atol=1e-5)
    assert mean.shape == inverse.shape == (4, 1, 1)
