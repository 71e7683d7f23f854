"""The judge is a dense nodal solve of the same circuit, written out here resistor by resistor."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from aimc_spice.adapt.readout import DiffAmpReadout, IdealReadout
from aimc_spice.adapt.wired import WiredReadout
from aimc_spice.errors import ConfigError
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.wire import Wire
from aimc_spice.rng import stream

R_LOW, R_HIGH, R_IN, R_F = 5e3, 15e3, 1e3, 3e4
SHAPE, N_H, N_V = (9, 6), 2, 2  # 5 and 4 rows, 3 and 3 columns: wired tiles stay small for the dense solve
W = np.where(stream(5, "weights").random(SHAPE) < 0.5, -1.0, 1.0)
READOUT = DiffAmpReadout((N_H,), r_in=R_IN, r_f=(R_F,))


def resistors(w, r_wl, r_bl):
    """Yield (node, node, ohm) of one tile: word lines start at drivers, bit lines end in an amplifier each."""
    n_rows, n_cols = w.shape

    def wl(row, col):
        return ("wl", row, col) if r_wl and col >= 0 else ("driver", row)

    def bl(side, row, col):
        return ("bl", side, row, col) if r_bl and row < n_rows else (side, col)

    for col in range(n_cols):
        yield from [(("p", col), ("a", col), R_IN), (("a", col), "gnd", R_F)]
        yield from [(("n", col), ("b", col), R_IN), (("b", col), ("out", col), R_F)]
        for row in range(n_rows):
            yield wl(row, col - 1), wl(row, col), r_wl
            for side, sign in (("p", 1), ("n", -1)):
                yield wl(row, col), bl(side, row, col), R_LOW if sign * w[row, col] > 0 else R_HIGH
                yield bl(side, row, col), bl(side, row + 1, col), r_bl


def tile_gains(w, r_wl, r_bl):
    """Voltage of every amplifier output per volt on every driver, shape (n_rows, n_cols)."""
    parts = [(a, b, ohm) for a, b, ohm in resistors(w, r_wl, r_bl) if a != b]
    index = {name: k for k, name in enumerate(dict.fromkeys(n for a, b, _ in parts for n in (a, b) if n != "gnd"))}
    n, (n_rows, n_cols) = len(index), w.shape
    matrix, rhs = np.zeros((n + n_cols + n_rows,) * 2), np.zeros((n + n_cols + n_rows, n_rows))
    for a, b, ohm in parts:
        for i, j, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
            if "gnd" not in (i, j):
                matrix[index[i], index[j]] += sign / ohm
    for col in range(n_cols):  # an ideal op-amp: any current at its output, equal voltages at its inputs
        matrix[index["out", col], n + col] = 1
        matrix[n + col, [index["a", col], index["b", col]]] = 1, -1
    for row in range(n_rows):  # a voltage source
        at, k = index["driver", row], n + n_cols + row
        matrix[at, k] = matrix[k, at] = rhs[k, row] = 1
    solution = np.linalg.solve(matrix, rhs)
    return solution[[index["out", col] for col in range(n_cols)]].T


def layer_gains(w, n_h, n_v, r_wl=0.0, r_bl=0.0):
    """Outputs of the horizontal partitions are tied by equal, tiny resistors, so they average."""
    gains, partition = np.empty(w.shape), Partition(*w.shape, n_h, n_v)
    for rows in pairwise(partition.row_bounds()):
        for cols in pairwise(partition.col_bounds()):
            gains[slice(*rows), slice(*cols)] = tile_gains(w[slice(*rows), slice(*cols)], r_wl, r_bl) / n_h
    return gains


@pytest.mark.parametrize("n_h", [1, 2, 4])
def test_differential_amplifier(n_h):
    readout = DiffAmpReadout((n_h,), r_in=R_IN, r_f=(R_F,))
    np.testing.assert_allclose(readout.gains(0, W), layer_gains(W, n_h, 1), rtol=1e-9)


def test_the_lines_are_no_virtual_grounds():
    """A virtual ground would give r_f (i_p - i_n); the amplifier loads its lines and gives a fraction of it."""
    w, v = np.ones((32, 1)), np.where(np.arange(32) < 20, 0.8, 0.0)
    out = v @ DiffAmpReadout((1,), r_f=(R_F,)).gains(0, w)
    assert out == pytest.approx(v @ tile_gains(w, 0.0, 0.0), rel=1e-9)
    assert out < 0.3 * R_F * v.sum() * (1 / R_LOW - 1 / R_HIGH)


def test_wires_vanish():
    none = WiredReadout(READOUT, (N_V,), Wire())
    np.testing.assert_allclose(none.exact_gains(0, W), READOUT.gains(0, W), rtol=1e-9)


def test_wired_gains():
    wired = WiredReadout(READOUT, (N_V,), Wire(9.24, 11.55))
    exact = layer_gains(W, N_H, N_V, 9.24, 11.55)
    np.testing.assert_allclose(wired.exact_gains(0, W), exact, rtol=1e-9)
    assert np.abs(wired.gains(0, W) / exact - 1).max() > 0.01, "before the first update it knows no wires"
    wired.update([W])
    np.testing.assert_allclose(wired.gains(0, W), exact, rtol=1e-9)


def test_ideal_read_out():
    np.testing.assert_allclose(IdealReadout([0.5, 0.25]).gains(1, W), W / 4)


def test_one_feedback_resistor_per_layer():
    with pytest.raises(ConfigError, match="one of each per layer"):
        DiffAmpReadout((1, 2))
