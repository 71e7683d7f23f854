"""What does a linear tile do to any input, exactly? One matrix.

One idea: a crossbar with wires is a linear network, so its outputs are ``x @ operator``. Each bit-line pair, with its
front end, is eliminated on its own (two tridiagonal lines and a 2 × 2 port), which leaves a dense admittance between
the word-line nodes of its column; the columns are then chained along the word lines from the far end to the
drivers, carrying only the output rows. Cost O(n_cols · n_rows³) flops in BLAS, batched over tiles of equal shape;
exact to rounding. It holds no nonlinear cell and no dynamics.

Notation, per column j: ``Y`` admittance of the bit lines seen from the word-line nodes ``w_j``; ``S_j`` the admittance
of everything at and right of column j; ``T_j`` maps ``w_{j-1}`` to ``w_j``::

    T_j = (I + r_wire_wl S_j)⁻¹        S_{j-1} = Y_{j-1} + T_j S_j
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dptsv

from aimc_spice.errors import FitError, ShapeError
from aimc_spice.netlist.wire import Wire

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearPorts:
    """A linear front end seen from the two bit lines: ``i = y @ v`` into it, and ``out = h @ v``.

    Parameters
    ----------
    y : ndarray, shape (2, 2)
        Input admittance at (p, n) [S].
    h : ndarray, shape (2,)
        Voltage gain from (p, n) to the output.
    """

    y: Array
    h: Array


def tile_operator(g_pos: Array, g_neg: Array, wire: Wire, ports: LinearPorts, r_driver: float = 0.0) -> Array:
    """Compute the exact operator of one crossbar, or of a batch of equal shape.

    Parameters
    ----------
    g_pos, g_neg : ndarray, shape (n_rows, n_cols) or (n_tiles, n_rows, n_cols)
        Conductances [S], all above zero.
    wire : Wire
        Segment resistances; zero is an ideal wire.
    ports : LinearPorts
        The front end of every column.
    r_driver : float
        Word-line driver resistance [Ω].

    Returns
    -------
    ndarray, shape (n_rows, n_cols) or (n_tiles, n_rows, n_cols)
        ``out = v_wl @ operator``, open-circuit output voltage of each front end.

    Raises
    ------
    ShapeError, FitError
        Shapes that differ; a line without any conductance.
    """
    if g_pos.shape != g_neg.shape or g_pos.ndim not in {2, 3}:
        raise ShapeError(f"operator: got g_pos {g_pos.shape} and g_neg {g_neg.shape}, wanted equal (…, n_rows, n_cols)")
    if min(g_pos.min(), g_neg.min()) <= 0:
        raise FitError("operator: a cell has zero conductance, so a bit line may float", hint="use g_off > 0")
    pairs = np.stack([g_pos, g_neg], axis=-1)
    pairs = pairs if g_pos.ndim == 3 else pairs[None]
    columns = [_Column.eliminate(pairs[:, :, j], wire.r_wire_bl, ports) for j in range(pairs.shape[2])]
    operator = _chain(columns, wire.r_wire_wl, r_driver)
    return operator if g_pos.ndim == 3 else operator[0]


@dataclass(frozen=True)
class _Column:
    """One column of a batch of tiles: `y` (n_tiles, n, n) at its word-line nodes, `out` (n_tiles, n) to its output."""

    y: Array
    out: Array

    @classmethod
    def eliminate(cls, g: Array, r_bl: float, ports: LinearPorts) -> _Column:
        n_tiles, n, _ = g.shape
        y, out = np.empty((n_tiles, n, n)), np.empty((n_tiles, n))
        for tile in range(n_tiles):
            y[tile], out[tile] = _bit_lines(g[tile], r_bl, ports)
        return cls(y, out)


def _bit_lines(g: Array, r_bl: float, ports: LinearPorts) -> tuple[Array, Array]:
    """Eliminate the two bit lines `g` (n, 2) and their front end: admittance (n, n) and output row (n,)."""
    inverses = [_line_inverse(g[:, line], r_bl) for line in (0, 1)]
    ends = np.stack([g[:, line] * z[-1] for line, z in enumerate(inverses)])  # open-circuit end voltages, per w
    r_th = np.diag([z[-1, -1] + r_bl for z in inverses])
    loaded = np.linalg.inv(np.eye(2) + r_th @ ports.y)
    y = ends.T @ (ports.y @ loaded) @ ends
    for line, z in enumerate(inverses):
        y -= g[:, line, None] * z * g[:, line]
    y[np.diag_indices(len(g))] += g.sum(axis=1)
    return y, ports.h @ loaded @ ends


def _line_inverse(g: Array, r_bl: float) -> Array:
    """Inverse nodal matrix (n, n) of one bit line whose end is open."""
    n = len(g)
    if r_bl == 0:
        return np.full((n, n), 1.0 / g.sum())
    between = np.full(n - 1, 1.0 / r_bl)
    diagonal = g.copy()
    diagonal[:-1] += between
    diagonal[1:] += between
    *_, inverse, info = dptsv(diagonal, -between, np.eye(n))
    if info:
        raise FitError(f"operator: bit line is singular (LAPACK dptsv info {info})")
    return np.asarray(inverse)


def _chain(columns: list[_Column], r_wl: float, r_driver: float) -> Array:
    if r_wl == 0:
        rows = np.stack([c.out for c in columns], axis=1)
        return _through(rows, np.sum([c.y for c in columns], axis=0), r_driver)[0].swapaxes(1, 2)
    rows, s = columns[-1].out[:, None, :], columns[-1].y
    for column in reversed(columns[:-1]):
        rows, transferred = _through(rows, s, r_wl)
        rows = np.concatenate([column.out[:, None, :], rows], axis=1)
        s = column.y + transferred
    return _through(rows, s, r_wl + r_driver)[0].swapaxes(1, 2)


def _through(rows: Array, s: Array, r: float) -> tuple[Array, Array]:
    """Move output rows and the admittance `s` to the left of a series resistance `r` in every word line."""
    if r == 0:
        return rows, s
    transfer = np.linalg.inv(np.eye(s.shape[-1]) + r * s)
    return rows @ transfer, transfer @ s
