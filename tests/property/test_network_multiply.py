"""Products of few columns and turned rows are what NumPy says, for every size, and independent of their neighbours."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimc_spice.network import multiply as multiply_file
from aimc_spice.network.kernel import BLOCK
from aimc_spice.network.multiply import FEW, LANES, aligned, multiply, wide
from aimc_spice.network.turn import SIDE, scaled_rows, turn


def products(matrix, x):
    """Return ``matrix @ x`` by `multiply`, from inputs that lie as a run lays them out."""
    (n, k), m = matrix.shape, x.shape[1]
    step = wide(m)
    room = aligned(k * step)
    room.reshape(k, step)[:, :m] = x
    y = np.full(n * (BLOCK + LANES), np.nan, np.float32)
    multiply(matrix.reshape(-1), 0, n, k, room, step, m, y, BLOCK + LANES)
    return y.reshape(n, -1)[:, :m]


@settings(max_examples=40)
@given(st.integers(1, 3 * FEW + 1), st.integers(1, 300), st.integers(1, BLOCK), st.integers(0, 1000))
def test_products_are_those_of_numpy(n, k, m, seed):
    """Against double precision: an error of the last place a term at most, relative to the sum of magnitudes."""
    rng = np.random.default_rng(seed)
    matrix, x = rng.normal(size=(n, k)).astype(np.float32), rng.normal(size=(k, m)).astype(np.float32)
    exact = matrix.astype(np.float64) @ x.astype(np.float64)
    bound = k * 2.0**-24 * (np.abs(matrix).astype(np.float64) @ np.abs(x)) + 1e-30
    assert np.all(np.abs(products(matrix, x) - exact) <= bound)


def test_a_product_does_not_depend_on_its_place():
    rng = np.random.default_rng(0)
    matrix, x = rng.normal(size=(17, 128)).astype(np.float32), rng.normal(size=(128, 256)).astype(np.float32)
    whole = products(matrix, x)
    np.testing.assert_array_equal(products(matrix, np.ascontiguousarray(x[:, 37:90])), whole[:, 37:90])
    np.testing.assert_array_equal(products(matrix[5:8].copy(), x), whole[5:8])


@pytest.mark.parametrize("paired", [multiply_file.PAIRED, False])
def test_products_of_pairs_are_exact(paired, monkeypatch):
    """On processors with an instruction for them and without, ends of the range included."""
    monkeypatch.setattr(multiply_file, "PAIRED", paired)
    sums = multiply_file._sums(3)

    @numba.njit
    def run(w, x, k, y):
        sums(w, 0, x, 0, LANES, k, y, 0, LANES)

    rng = np.random.default_rng(0)
    w, x = (rng.integers(-32767, 32768, (n, 2), dtype=np.int16) for n in (3 * 40, 40 * LANES))
    x //= 200
    w[0], x[: LANES // 2] = 32767, 511
    w[40], x[LANES // 2 : LANES] = -32767, -511
    y = np.empty(3 * LANES, np.float32)
    run(w.view(np.int32).reshape(-1), x.view(np.int32).reshape(-1), 40, y)
    wanted = np.einsum("ckh,klh->cl", w.reshape(3, 40, 2).astype(np.int64), x.reshape(40, LANES, 2))
    np.testing.assert_array_equal(y.reshape(3, LANES), wanted.astype(np.float32))


def test_lines_of_the_cache():
    assert aligned(100).ctypes.data % 64 == 0
    assert [wide(n) for n in (1, 16, 17, 256)] == [16, 16, 48, 272]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 100))
def test_sums_become_rows(n, m, seed):
    rng = np.random.default_rng(seed)
    total = rng.normal(size=(n, m)).astype(np.float32)
    scale, bias = rng.normal(size=(2, n)).astype(np.float32)
    found = np.full((m, n), np.nan, np.float32)
    scaled_rows(total, scale, bias, found)
    np.testing.assert_array_equal(found, total.T * scale + bias)


@given(st.integers(1, 3), st.integers(1, 40), st.integers(0, 9))
def test_rows_become_columns(n, k, first):
    rows = np.random.default_rng(k).normal(size=(n * SIDE, k)).astype(np.float32)
    found = np.zeros((k, 50), np.float32)
    turn(rows, first, found)
    np.testing.assert_array_equal(found[:, first : first + n * SIDE], rows.T)
    assert not found[:, :first].any()
    assert not found[:, first + n * SIDE :].any()
