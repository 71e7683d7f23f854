"""What does NumPy do too slowly? Thousands of eliminations in small circuits: compiled, each while it is in the cache.

One idea: the same star–mesh steps as `leaf` and `join` write for any array library, piece by piece instead of step by
step. They add positive numbers only, as `block` says.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.surrogate.block import Array

Indices = NDArray[np.uint64]  # unsigned: no check for negative ones
Steps = tuple[Indices, Indices, Indices]
Layout = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
Corner = tuple[int, int]
_LANES = 16  # pieces side by side in the processor's vectors


@compiled
def work_through(start: Array, steps: Steps, pairs: Indices, n_kept: int, c: Array) -> None:
    """Do the steps of a `leaf.Plan` on couplings `start` (n_first, batch) and fill `c` (batch, t, t)."""
    degrees, rows, targets = steps
    n_first, batch = start.shape
    kept = np.zeros((n_kept, _LANES), start.dtype)
    row, share = np.empty_like(kept), np.empty(_LANES, start.dtype)
    for first in range(0, batch, _LANES):
        lanes = min(_LANES, batch - first)
        kept[:n_first, :lanes] = start[:, first : first + lanes]
        kept[n_first:] = 0
        at, to = 0, 0
        for k in range(degrees.size):
            n = int(degrees[k])
            _step(kept, rows[at : at + n], targets[to : to + n * (n - 1) // 2], row, share)
            at, to = at + n, to + n * (n - 1) // 2
        for lane in range(lanes):
            for a, b, k in pairs:
                c[first + lane, a, b] = c[first + lane, b, a] = kept[k, lane]


@compiled
def _step(kept: Array, places: Indices, targets: Indices, row: Array, share: Array) -> None:
    """Eliminate one node, whose couplings are at `places`; `row` and `share` are space to work in."""
    total = kept[0] * 0
    for i in range(places.size):
        row[i] = kept[places[i]]
        total += row[i]
    for lane in range(_LANES):
        total[lane] = 1 / total[lane] if total[lane] > 0 else total[lane]
    k = 0
    for i in range(places.size):
        for lane in range(_LANES):
            share[lane] = row[i, lane] * total[lane]
        for j in range(i + 1, places.size):
            target, other = kept[targets[k]], row[j]
            k += 1
            for lane in range(_LANES):
                target[lane] += share[lane] * other[lane]


@compiled
def join_pieces(first: Array, second: Array, layout: Layout, k: int, c: Array) -> None:
    """Eliminate the `k` common nodes of neighbours and fill `c`.

    Parameters
    ----------
    first, second : ndarray, shape (n_tiles, n_up, n_along, t, t)
        Couplings, contiguous.
    layout : tuple of ndarray
        Shape (2, 4): of both, first piece and step up, first piece and step along. Shape (2,): where the common nodes
        begin in both. Shape (n_runs, 4): terminals that stay: which block, where they begin in it, where in the
        result, how many.
    k : int
        Number of common nodes.
    c : ndarray, shape (n_tiles, n_up, n_along, t, t)
        The result.
    """
    grids, own, runs = layout
    n_tiles, n_up, n_along, t, _ = c.shape
    rows, x = np.empty((k, k + t), c.dtype), np.empty((k, t), c.dtype)
    for tile, up, along in np.ndindex((n_tiles, n_up, n_along)):
        a = first[tile, grids[0, 0] + up * grids[0, 1], grids[0, 2] + along * grids[0, 3]]
        b = second[tile, grids[1, 0] + up * grids[1, 1], grids[1, 2] + along * grids[1, 3]]
        rows[:] = 0
        _add(rows, (0, 0), a, (own[0], own[0]), (k, k))
        _add(rows, (0, 0), b, (own[1], own[1]), (k, k))
        for which, source, to, n in runs:
            _add(rows, (0, k + to), a if which == 0 else b, (own[which], source), (k, n))
        _eliminate(rows)
        x[:] = rows[:, k:]
        found = c[tile, up, along]
        np.dot(x.T, x, found)
        for which, source, to, n in runs:
            for other, source_2, to_2, n_2 in runs:
                if other == which:
                    _add(found, (to, to_2), a if which == 0 else b, (source, source_2), (n, n_2))
        for i in range(t):
            found[i, i] = 0


@compiled
def _add(to: Array, at: Corner, of: Array, of_at: Corner, shape: Corner) -> None:
    """Add a part of a matrix to a part of another."""
    for i in range(shape[0]):
        mine, its = to[at[0] + i][at[1] : at[1] + shape[1]], of[of_at[0] + i][of_at[1] : of_at[1] + shape[1]]
        for j in range(shape[1]):
            mine[j] += its[j]


@compiled
def _eliminate(rows: Array) -> None:
    """Eliminate the k nodes of `rows` (k, k + t) among themselves, four by four.

    Each row becomes the couplings of its node to those after it, divided by the root of their sum.
    """
    k = rows.shape[0]
    for first in range(0, k, 4):
        stop = min(first + 4, k)
        for p in range(first, stop):
            mine = rows[p][p + 1 :]
            total = mine[0] * 0
            for value in mine:
                total += value
            root = math.sqrt(1 / total) if total > 0 else total
            for j in range(mine.size):
                mine[j] *= root
            for i in range(p + 1, stop):
                _grow(rows, p, i)
        for i in range(stop, k):
            _grow_by_four(rows, first, i)


@compiled
def _grow(rows: Array, p: int, i: int) -> None:
    """Add to row i what node p gives."""
    row, a = rows[i][i + 1 :], rows[p][i:]
    for j in range(row.size):
        row[j] += a[0] * a[j + 1]


@compiled
def _grow_by_four(rows: Array, p: int, i: int) -> None:
    """Add to row i what node p and the three after it give, in one pass."""
    row, a, b, c, d = rows[i][i + 1 :], rows[p][i:], rows[p + 1][i:], rows[p + 2][i:], rows[p + 3][i:]
    a_0, b_0, c_0, d_0 = a[0], b[0], c[0], d[0]
    for j in range(row.size):
        row[j] += a_0 * a[j + 1] + b_0 * b[j + 1] + c_0 * c[j + 1] + d_0 * d[j + 1]
