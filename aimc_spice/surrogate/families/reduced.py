"""What do the cells of a row see, on average? Two matrices of the linear tile, exact, from its reduced admittance.

One idea: the current that a driver delivers is ``Σ_c g v`` over the cells of its row, so the driver's current divided
by the row's total conductance is the mean voltage across its cells, weighted by conductance, wires and all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import FitError
from aimc_spice.surrogate.families.base import Array, TileKind
from aimc_spice.surrogate.operator import crossbar_admittance

_CELLS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Reduced:
    """A linear tile.

    Parameters
    ----------
    operator : ndarray, shape (n_tiles, n_rows, n_cols)
        ``out = v_wl @ operator`` [V/V].
    mean : ndarray, shape (n_tiles, n_rows, n_rows)
        ``v_wl @ mean``: mean voltage across the cells of each row [V/V].
    """

    operator: Array
    mean: Array


def reduce_tiles(kind: TileKind, g_pos: Array, g_neg: Array) -> Reduced:
    """Reduce tiles (n_tiles, n_rows, n_cols) of linear conductances [S].

    Raises
    ------
    FitError
        A bit line floats, or conductances that `crossbar_admittance` refuses.
    """
    step = max(1, _CELLS_AT_ONCE // g_pos[0].size)
    parts = [_reduce(kind, g_pos[k : k + step], g_neg[k : k + step]) for k in range(0, len(g_pos), step)]
    return Reduced(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("operator", "mean")))


def _reduce(kind: TileKind, g_pos: Array, g_neg: Array) -> Reduced:
    between = crossbar_admittance(np.stack([g_pos, g_neg], -1), kind.wire, kind.r_driver)
    c, wl, bl = between.c, between.wl_near, between.bl_near
    n_cols, lines = g_pos.shape[2], np.arange(2 * g_pos.shape[2])
    loaded = np.kron(np.eye(n_cols), kind.ports.y) - c[..., bl, bl]
    loaded[..., lines, lines] += c[..., bl, :].sum(-1)
    try:
        v_bl = np.linalg.solve(loaded, c[..., bl, wl])  # (n_tiles, 2 n_cols, n_rows) for one volt on each row
    except np.linalg.LinAlgError as bad:
        raise FitError("tile: a bit line has no conductance and no load: it floats", hint="use g_off > 0") from bad
    out = np.einsum("l,tclr->trc", kind.ports.h, v_bl.reshape(len(c), n_cols, 2, -1))
    rows = np.arange(g_pos.shape[1])
    drawn = -c[..., wl, wl] - c[..., wl, bl] @ v_bl
    drawn[..., rows, rows] += c[..., wl, :].sum(-1)
    total = (g_pos + g_neg).sum(-1)
    return Reduced(out, np.ascontiguousarray((drawn / total[..., None]).swapaxes(-1, -2)))
