"""Blocks of rows run as products and codes of NumPy say, whatever their number, and begin sums where they are told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimc_spice.network.blocks import Reader, Rows, sums_of
from aimc_spice.network.dac import Dac
from aimc_spice.network.kernel import codes, pack
from aimc_spice.network.noise import keys
from aimc_spice.surrogate.readout import ColumnReadouts


def joined(total, n_columns, n_rows):
    return np.hstack([block for _, block in sums_of(total, n_columns, n_rows)])


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(1, 150), st.integers(1, 600), st.integers(0, 100), st.sampled_from("CF"))
def test_rows_run_through_a_matrix(n_columns, k, n_rows, seed, order):
    """Codes differ by one where the order of additions decides: at most once in a thousand."""
    rng = np.random.default_rng(seed)
    matrix, first = rng.normal(size=(n_columns, k)).astype(np.float32), int(rng.integers(0, 300))
    x, dac = np.asarray(rng.normal(size=(first + n_rows, k)), np.float32, order=order), Dac(8, 3.0)
    levels = np.sort(np.arange(1, 64) + rng.normal(0, 0.2, (n_columns, 63)), axis=1)
    by = pack([ColumnReadouts(levels / 64 - 0.5, 0.005, -0.5, 0.5)])
    scale, gain, begin = rng.normal(size=(3, n_columns)).astype(np.float32)
    key = keys(n_columns, seed, "layer")
    reader = Reader(by, scale, gain, key, counting=True, begin=begin)
    total = np.full(n_columns * n_rows, np.nan, np.float32)
    clipped = Rows(x, dac).through(slice(0, k), matrix, reader, total, first, n_rows)
    y = (matrix.astype(np.float64) @ dac.drive(np.ascontiguousarray(x)).T).astype(np.float32)
    code = codes(y, scale, by, key)[:, first:]
    apart = np.abs(joined(total, n_columns, n_rows) - (begin[:, None] + gain[:, None] * code))
    differ = apart > 1e-5 * (1 + np.abs(gain[:, None]) * 64)
    assert differ.mean() <= 1e-3 + 1 / code.size
    assert abs(clipped - np.count_nonzero((code == 0) | (code == 63))) <= differ.sum()


@pytest.mark.parametrize("begin", [None, np.array([5, -1], np.float32)])
def test_exact_sums_go_on_or_begin(begin):
    x, matrix = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([[1, 2], [3, 4]], np.float32)
    total = np.full(6, 10, np.float32)
    one = np.ones(2, np.float32)
    Rows(x, Dac(None, 1.0)).through(slice(0, 2), matrix, Reader(None, one, one, begin=begin), total, 0, 3)
    start = np.full(2, 10) if begin is None else begin
    np.testing.assert_array_equal(total.reshape(2, 3), start[:, None] + matrix @ x.T)
