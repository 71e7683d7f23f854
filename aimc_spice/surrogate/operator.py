"""What does a linear tile do to any input, exactly? One matrix.

One idea: a crossbar with wires is a linear network, so its outputs are ``x @ operator``. `dissect` reduces the crossbar
to couplings ``c`` between its drivers d and the near ends b of its bit lines; the front ends ``y`` load those ends and
``h`` reads them::

    (diag(c 1) - c_bb + y) v_b = c_bd v_wl        operator = c_db (diag(c 1) - c_bb + y)⁻ᵀ hᵀ

Cost O(n³) flops in BLAS, batched over tiles of equal shape; exact to rounding. Arrays of any library with the array API
(float64 or float32) give arrays of the same. It holds no nonlinear cell and no dynamics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import FitError, ShapeError
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.block import alike, namespace
from aimc_spice.surrogate.dissect import reduce

Array = NDArray[np.float64]
_CELLS_AT_ONCE = 1 << 16  # bounds the memory of a batch: about 1 kB a cell


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


@dataclass(frozen=True)
class Admittance:
    """Crossbars between their terminals; all shapes may begin with (n_tiles,).

    Every current into a terminal is ``Σ_b c_ab (v_a - v_b)``; a terminal that nobody drives floats.

    Parameters
    ----------
    c : ndarray, shape (t, t)
        Couplings between terminals [S], symmetric, zero on the diagonal.
    wl_near, bl_near, bl_far, wl_far : slice
        Where the terminals are: drivers of the word lines, top row first; ends of the bit lines at the front end and
        far from it, by column, then by device; far ends of the word lines. Far ends are empty unless asked for.
    ground : slice
        Empty where nothing leaks to ground.
    """

    c: Array
    wl_near: slice
    bl_near: slice
    bl_far: slice
    wl_far: slice
    ground: slice

    @property
    def y(self) -> Array:
        """The admittance matrix [S], shape (t, t): row sums are zero: ground, if any, is a terminal."""
        xp = namespace(self.c)
        y: Array = xp.sum(self.c, axis=-1)[..., None] * xp.eye(self.c.shape[-1], **alike(self.c)) - self.c
        return y


def tile_operator(g_pos: Array, g_neg: Array, wire: Wire, ports: LinearPorts, r_driver: float = 0.0) -> Array:
    """Compute the exact operator of one crossbar, or of a batch of equal shape.

    Parameters
    ----------
    g_pos, g_neg : ndarray, shape (n_rows, n_cols) or (n_tiles, n_rows, n_cols)
        Conductances [S], zero or more.
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
        Shapes that differ; a negative conductance; a bit line without any conductance.
    """
    xp = namespace(g_pos)
    if g_pos.shape != g_neg.shape:
        raise ShapeError(f"operator: got g_pos {g_pos.shape} and g_neg {g_neg.shape}, wanted equal (…, n_rows, n_cols)")
    _check_shape(g_pos)
    found: Array = xp.empty(g_pos.shape, **alike(g_pos))
    pairs = (g_pos, g_neg, found) if g_pos.ndim == 3 else (g_pos[None, ...], g_neg[None, ...], found[None, ...])
    for some in _batches(pairs[0].shape):
        g = xp.stack([array[some, ...] for array in pairs[:2]], axis=-1)
        pairs[2][some, ...] = _loaded(crossbar_admittance(g, wire, r_driver), ports)
    return found


def effective_conductance(g: Array, wire: Wire, r_driver: float = 0.0) -> Array:
    """Compute what a crossbar with wires conducts from word lines into grounded bit lines.

    Parameters
    ----------
    g : ndarray, shape (n_rows, n_cols) or (n_tiles, n_rows, n_cols)
        Conductances [S], zero or more; one device a cell.
    wire : Wire
        Segment resistances.
    r_driver : float
        Word-line driver resistance [Ω].

    Returns
    -------
    ndarray
        [S], of the shape of `g`: ``i_bl = v_wl @ effective``.
    """
    xp = namespace(g)
    _check_shape(g)
    found: Array = xp.empty(g.shape, **alike(g))
    tiles, out = (g, found) if g.ndim == 3 else (g[None, ...], found[None, ...])
    for some in _batches(tiles.shape):
        between = crossbar_admittance(tiles[some, ..., None], wire, r_driver)
        out[some, ...] = between.c[..., between.wl_near, between.bl_near]
    return found


def crossbar_admittance(
    g: Array,
    wire: Wire,
    r_driver: float = 0.0,
    *,
    wl_far: bool = False,
    bl_far: bool = False,
    leak: tuple[Array, Array] | None = None,
) -> Admittance:
    """Reduce crossbars to couplings between their terminals.

    Parameters
    ----------
    g : ndarray, shape (n_tiles, n_rows, n_cols, n_lines)
        Conductances [S], zero or more, of the devices of each cell, one bit line each (two for a differential pair).
    wire : Wire
        Segment resistances. An ideal wire is taken as 1e-20 of the least cell resistance.
    r_driver : float
        Series resistance [Ω] of each word-line driver.
    wl_far, bl_far : bool
        Keep the far ends as terminals too; else they are open.
    leak : tuple of ndarray, each (n_tiles, 1, 1), optional
        Conductance [S] to ground of every word-line and of every bit-line node.

    Raises
    ------
    FitError
        A conductance is negative or not finite, or all are zero; neither float64 nor float32; a negative `r_driver`.
    """
    xp = namespace(g)
    if not any(g.dtype == kind for kind in (xp.float32, xp.float64)):
        raise FitError(f"operator: got conductances of {g.dtype}", hint="float64, or float32 for half the time")
    if not 0 <= r_driver < float("inf"):
        raise FitError(f"operator: got r_driver = {r_driver} Ω, wanted zero or more")
    largest = float(xp.max(g))
    if not (float(xp.min(g)) >= 0 and 0 < largest < float("inf")):
        raise FitError("operator: a conductance is negative or not finite, or all are zero", hint="use g_off > 0")
    n_rows, n_cols = g.shape[1:3]
    least = 1e-20 if g.dtype == xp.float64 else 1e-12
    y_wl, y_bl = (
        xp.full((n_rows, n_cols), 1 / max(r, least / largest), **alike(g)) for r in (wire.r_wire_wl, wire.r_wire_bl)
    )
    y_wl[:, 0] = 1 / max(wire.r_wire_wl + r_driver, least / largest)
    block = reduce(xp.flip(g, axis=1), y_wl, y_bl, wl_far=wl_far, bl_far=bl_far, leak=leak)
    near, bl, bl_on, far, ground = (range(part.start, part.stop) for part in map(block.part, range(5)))
    index = xp.asarray(
        [*reversed(near), *bl, *bl_on, *reversed(far), *ground], device=g.device
    )  # rows count from the top again
    c = xp.take(xp.take(block.c[:, 0, 0, ...], index, axis=-1), index, axis=-2)
    return Admittance(c, *(block.part(end) for end in range(5)))


def _check_shape(g: Array) -> None:
    if g.ndim not in {2, 3} or 0 in g.shape[-2:]:
        raise ShapeError(f"operator: got cells {tuple(g.shape)}, wanted (n_rows, n_cols) or (n_tiles, n_rows, n_cols)")


def _loaded(between: Admittance, ports: LinearPorts) -> Array:
    """Return what the front ends give for one volt on each word line, shape (n_tiles, n_rows, n_cols)."""
    c = between.c
    xp = namespace(c)
    wl, bl = between.wl_near, between.bl_near
    n_cols = (bl.stop - bl.start) // 2
    one = xp.eye(n_cols, **alike(c))
    load, read = (_kron(one, xp.asarray(a, **alike(c))) for a in (ports.y.T, ports.h[:, None]))
    own = xp.sum(c[..., bl, :], axis=-1)
    matrix = own[..., None] * xp.eye(2 * n_cols, **alike(c)) - c[..., bl, bl] + load
    read = xp.broadcast_to(read, (*c.shape[:-2], *read.shape))
    if not bool(xp.all(xp.max(xp.abs(matrix), axis=-1) > 0)):
        raise FitError("operator: a bit line has no conductance and no load: it floats", hint="use g_off > 0")
    operator: Array = c[..., wl, bl] @ xp.linalg.solve(matrix, read)
    return operator


def _kron(a: Array, b: Array) -> Array:
    xp = namespace(a)
    product = a[:, None, :, None] * b[None, :, None, :]
    matrix: Array = xp.reshape(product, (a.shape[0] * b.shape[0], a.shape[1] * b.shape[1]))
    return matrix


def _batches(shape: tuple[int, ...]) -> Iterator[slice]:
    n_tiles, n_rows, n_cols = shape
    step = max(1, _CELLS_AT_ONCE // (n_rows * n_cols))
    return (slice(start, min(start + step, n_tiles)) for start in range(0, n_tiles, step))
