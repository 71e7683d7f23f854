"""How do rows become columns? Eight by eight, in registers.

One idea: numbers that are turned one by one are stored one by one, and rows that lie a power of two apart share few
places of the cache. Vectors of eight rows are taken apart and put together by 24 shuffles instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from aimc_spice.compiled import compiled, emitted
from aimc_spice.network.vectors import load, place, store

F32 = NDArray[np.float32]
SIDE = 8
_MASK = ir.VectorType(ir.IntType(32), SIDE)
_ROUNDS = (  # apart, and which numbers of two vectors become the first and the second
    (1, (0, 8, 1, 9, 4, 12, 5, 13), (2, 10, 3, 11, 6, 14, 7, 15)),
    (2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15)),
    (4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)),
)
_ORDER = (0, 2, 1, 3, 4, 6, 5, 7)  # vector i holds column _ORDER[i] after these rounds


@emitted
def _square(
    b: Any, x: Any, x_at: Any, x_step: Any, y: Any, y_at: Any, y_step: Any, scale: Any, bias: Any, at: Any
) -> None:
    """Write ``x[x_at + r*x_step + c] * scale[at + r] + bias[at + r]`` to ``y[y_at + c*y_step + r]``; None: as it is."""
    found = _turned(b, [load(b, x, place(b, x_at, x_step, r), SIDE) for r in range(SIDE)])
    if scale is not None:
        by, to = load(b, scale, at, SIDE), load(b, bias, at, SIDE)
        found = [b.fadd(b.fmul(one, by), to) for one in found]
    for c, one in enumerate(found):
        store(b, one, y, place(b, y_at, y_step, c))


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    for apart, *masks in _ROUNDS:
        for i in (i for i in range(SIDE) if not i & apart):
            pair = rows[i], rows[i + apart]
            rows[i], rows[i + apart] = (builder.shuffle_vector(*pair, ir.Constant(_MASK, list(m))) for m in masks)
    return [rows[i] for i in _ORDER]


@compiled
def turn(strip: NDArray[Any], first: int, found: NDArray[Any]) -> None:
    """Write rows (n, k) as columns `first` on of `found` (k, more); n is a multiple of `SIDE`."""
    (n, k), step = strip.shape, found.shape[1]
    rows, columns = strip.reshape(-1), found.reshape(-1)
    for c in range(0, k - k % SIDE, SIDE):
        for r in range(0, n, SIDE):
            _square(rows, r * k + c, k, columns, c * step + first + r, step, None, None, 0)
    for c in range(k - k % SIDE, k):
        for r in range(n):
            found[c, first + r] = strip[r, c]


@compiled
def scaled_rows(total: F32, scale: F32, bias: F32, found: F32) -> None:
    """Write ``total.T * scale + bias`` to `found`, of `total` (n, n_rows)."""
    (n, n_rows), sums, rows = total.shape, total.reshape(-1), found.reshape(-1)
    whole, wide = n_rows - n_rows % SIDE, n - n % SIDE
    for r in range(0, whole, SIDE):
        for c in range(0, wide, SIDE):
            _square(sums, c * n_rows + r, n_rows, rows, r * n + c, n, scale, bias, c)
    for c in range(n):
        for r in range(0 if c >= wide else whole, n_rows):
            found[r, c] = total[c, r] * scale[c] + bias[c]
