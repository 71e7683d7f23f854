"""Blocks of rows run as products and codes of NumPy say, in single precision and in whole numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimc_spice.network.blocks import Reader, Rows, sums_of
from aimc_spice.network.dac import Dac
from aimc_spice.network.kernel import codes, pack
from aimc_spice.network.noise import keys
from aimc_spice.network.pairs import WITHIN, pairs_of
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


DACS = {"pulse": Dac(8, 3.0), "unsigned": Dac(8, 3.0, signed=False), "serial": Dac(6, 3.0, bits_per_cycle=2)}


@settings(max_examples=25)
@given(
    st.integers(1, 40), st.integers(1, 200), st.integers(1, 600), st.integers(0, 100),
    st.tuples(st.sampled_from(list(DACS)), st.integers(0, 2)),
)  # fmt: skip
def test_rows_run_in_whole_numbers(n_columns, k, n_rows, seed, driven_by):
    """Sums of whole numbers are exact: codes are those of 64-bit sums, at any place and in either order of inputs."""
    (kind, n_ones), rng = driven_by, np.random.default_rng(seed)
    dac = DACS[kind]
    cycle, k_own = dac.n_cycles - 1, max(1, k - n_ones)
    matrix, first = rng.normal(size=(n_columns, k)).astype(np.float32), int(rng.integers(0, 300))
    x = rng.normal(size=(first + n_rows, k_own)).astype(np.float32)
    levels = np.sort(np.arange(1, 64) + rng.normal(0, 0.2, (n_columns, 63)), axis=1)
    by = pack([ColumnReadouts(levels / 64 - 0.5, 0.005, -0.5, 0.5)])
    gain, begin = rng.normal(size=(2, n_columns)).astype(np.float32)
    scale, key = np.full(n_columns, 2.0, np.float32), keys(n_columns, seed, "layer")
    pairs = pairs_of(matrix, scale)
    found = []
    for order in "CF":
        total = np.full(n_columns * n_rows, np.nan, np.float32)
        rows = Rows(np.asarray(x, order=order), dac, cycle)
        assert pairs.holds(rows.levels)
        clipped = rows.pairs_through(
            slice(0, k), pairs, Reader(by, scale, gain, key, 0, 1, True, begin), total, first, n_rows
        )
        found.append((clipped, total))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])
    ones = np.full((len(x), k - k_own), dac.highest(cycle), np.float32)
    driven = np.rint(np.hstack([dac.drive(x, cycle), ones]).astype(np.float64) * rows.levels).astype(np.int64)
    whole = np.rint(pairs.matrix.astype(np.float64) / pairs.unit[:, None]).astype(np.int64)
    y = (whole @ driven.T).astype(np.float32)
    code = codes(y, scale * pairs.unit / np.float32(rows.levels), by, key)[:, first:]
    total = begin[:, None] + gain[:, None] * code.astype(np.float32)
    np.testing.assert_array_equal(joined(found[0][1], n_columns, n_rows), total)
    assert found[0][0] == np.count_nonzero((code == 0) | (code == 63))


@given(st.integers(1, 9), st.integers(1, 300), st.floats(1, 100), st.integers(0, 100))
def test_whole_numbers_move_no_output_by_more_than_they_say(n_columns, k, lsb, seed):
    matrix = np.random.default_rng(seed).normal(size=(n_columns, k)).astype(np.float32)
    matrix[0] = 0
    pairs = pairs_of(matrix, np.full(n_columns, lsb, np.float32))
    moved = pairs_of(matrix, np.full(n_columns, 1e-9, np.float32)).matrix.astype(np.float64) - matrix
    worst = lsb * np.abs(moved).sum(axis=1).max()  # inputs of one, with the sign that adds up
    assert (pairs is None) == (worst > WITHIN) or abs(worst - WITHIN) < 1e-5
    assert np.abs(moved).max() <= 0.5001 * np.abs(matrix).max() / 32767


def test_sums_that_do_not_fit_are_not_made_of_whole_numbers():
    matrix = np.ones((1, 512), np.float32)
    pairs = pairs_of(matrix, np.ones(1, np.float32))
    assert [pairs.holds(levels) for levels in (0, 127, 128, 255)] == [False, True, True, False]
    assert not pairs_of(matrix[:, :1], np.ones(1, np.float32)).holds(40_000)
