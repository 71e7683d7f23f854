"""What is the voltage of every node of a tile for a few inputs? The lines answer each other until they agree.

One idea: with the bit lines known every word line is a tridiagonal system of its own, and the other way round, so one
round costs a few passes over the nodes. With W, B the solutions of all word lines and all loaded bit lines and G the
cells, ``(1 - W G B G) w = W source`` is close to the identity, as wires conduct far better than cells; GMRES needs
some ten rounds. For more than a few vectors on one tile the operator is quicker.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpttrf, dpttrs
from scipy.sparse.linalg import LinearOperator, gmres

from aimc_spice.errors import FitError, ShapeError
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import LinearPorts

Array = NDArray[np.float64]
_BASIS, _ROUNDS = 40, 50  # vectors before a restart; restarts


@dataclass(frozen=True)
class NodeVoltages:
    """Voltages [V] in a tile.

    Parameters
    ----------
    w : ndarray, shape (n_vectors, n_rows, n_cols)
        Word lines at the cells.
    b : ndarray, shape (n_vectors, n_rows, n_cols, 2)
        Bit lines (p, n) at the cells.
    out : ndarray, shape (n_vectors, n_cols)
        Front ends' outputs.
    """

    w: Array
    b: Array
    out: Array


def node_voltages(
    g_pos: Array,
    g_neg: Array,
    wire: Wire,
    ports: LinearPorts,
    v_wl: Array,
    *,
    r_driver: float = 0.0,
    tolerance: float = 1e-12,
) -> NodeVoltages:
    """Solve one tile for a few input vectors, every node.

    Parameters
    ----------
    g_pos, g_neg : ndarray, shape (n_rows, n_cols)
        Conductances [S], above zero.
    wire : Wire
        Segment resistances; zero is an ideal wire.
    ports : LinearPorts
        The front end of every column.
    v_wl : ndarray, shape (n_vectors, n_rows)
        Word-line voltages [V].
    r_driver : float
        Word-line driver resistance [Ω].
    tolerance : float
        Largest residual, relative, in the 2-norm over the word-line nodes.

    Raises
    ------
    ShapeError, FitError
        Shapes that differ; a conductance not above zero; no agreement.
    """
    if g_pos.shape != g_neg.shape:
        raise ShapeError(f"node voltages: got cells {g_pos.shape} and {g_neg.shape}, wanted equal matrices")
    return _solve(np.stack([g_pos, g_neg]), (wire, ports, r_driver), v_wl, tolerance)


def bit_line_currents(g: Array, wire: Wire, v_wl: Array, *, r_driver: float = 0.0, tolerance: float = 1e-12) -> Array:
    """Solve one array with grounded bit lines for a few input vectors: `effective_conductance` without the matrix.

    Parameters
    ----------
    g : ndarray, shape (n_rows, n_cols)
        Conductances [S], above zero; one device a cell.
    wire : Wire
        Segment resistances; zero is an ideal wire.
    v_wl : ndarray, shape (n_vectors, n_rows)
        Word-line voltages [V].
    r_driver : float
        Word-line driver resistance [Ω].
    tolerance : float
        See `node_voltages`.

    Returns
    -------
    ndarray, shape (n_vectors, n_cols)
        Currents into ground [A].

    Raises
    ------
    ShapeError, FitError
        See `node_voltages`.
    """
    y_ground = 1e20 * g.max(initial=1e-300)
    ground = LinearPorts(np.array([[y_ground]]), np.array([y_ground]))
    return _solve(g[None], (wire, ground, r_driver), v_wl, tolerance).out


def _solve(g: Array, around: tuple[Wire, LinearPorts, float], v_wl: Array, tolerance: float) -> NodeVoltages:
    """Solve for cells (n_lines, n_rows, n_cols) with one port a line."""
    wire, ports, r_driver = around
    if g.ndim != 3 or v_wl.shape[1:] != g.shape[1:2]:
        raise ShapeError(f"node voltages: got cells {g.shape[1:]} and inputs {v_wl.shape}")
    if not len(v_wl) or not np.isfinite(v_wl).all():
        raise FitError(f"node voltages: got {len(v_wl)} inputs, wanted one or more, all finite")
    if not g.min() > 0:
        raise FitError("node voltages: a conductance is not above zero", hint="use g_off > 0")
    tile = _Tile(g, _Lines(g.sum(0), wire.r_wire_wl, wire.r_wire_wl + r_driver), _BitLines(g, wire.r_wire_bl, ports))
    solved = [tile.solve(v, tolerance) for v in v_wl]
    return NodeVoltages(*(np.stack(parts) for parts in zip(*solved, strict=True)))


class _Lines:
    """Equal lines along the last axis, with cells `g` (…, n) to given voltages, the first node `r_first` from a source.

    An infinite `r_first` leaves the end open; an ideal wire is one node.
    """

    def __init__(self, g: Array, r: float, r_first: float) -> None:
        self.shape, self.ideal = g.shape, r == 0
        self.y_first = np.inf if r_first == 0 else 1 / r_first
        if self.ideal:
            self._total = g.sum(-1, keepdims=True) + (self.y_first if np.isfinite(self.y_first) else 0.0)
            return
        between = np.full(g.shape, 1 / r)
        between[..., -1] = 0.0
        diagonal = g + between
        diagonal[..., 1:] += between[..., :-1]
        diagonal[..., 0] += self.y_first
        *self._factors, info = dpttrf(diagonal.ravel(), -between.ravel()[:-1])
        if info:
            raise FitError(f"node voltages: a line is singular (LAPACK dpttrf info {info})")

    def solve(self, currents: Array) -> Array:
        """Return the voltages for currents into every node; an ideal line at its source stays at 0 V."""
        if not self.ideal:
            return np.asarray(dpttrs(*self._factors, currents.ravel())[0].reshape(self.shape))
        v = currents.sum(-1, keepdims=True) / self._total * float(np.isfinite(self.y_first))
        return np.broadcast_to(v, self.shape)

    def driven(self, v: Array) -> Array:
        """Return the voltages for sources `v` alone."""
        if self.ideal and not np.isfinite(self.y_first):
            return np.broadcast_to(v[..., None], self.shape)
        currents = np.zeros(self.shape)
        currents[..., 0] = self.y_first * v
        return self.solve(currents)


class _BitLines:
    """The bit lines of every column and their front ends; arrays (n_lines, n_cols, n_rows), near end first."""

    def __init__(self, g: Array, r: float, ports: LinearPorts) -> None:
        self.g = np.ascontiguousarray(g.swapaxes(1, 2)[..., ::-1])
        self.lines, self.ports = _Lines(self.g, r, np.inf), ports
        unit = np.zeros(self.g.shape)
        unit[..., 0] = 1.0
        self.end = self.lines.solve(unit)
        r_th = (self.end[..., 0] + r).T
        self.loaded = np.linalg.inv(np.eye(len(g)) + r_th[:, :, None] * ports.y)

    def solve(self, w: Array) -> tuple[Array, Array]:
        """Return bit-line voltages and the voltages (n_cols, n_lines) at the ports for word lines (n_cols, n_rows)."""
        v = self.lines.solve(self.g * w)
        port = np.einsum("cij,jc->ci", self.loaded, v[..., 0])
        return v - self.end * (self.ports.y @ port.T)[..., None], port


@dataclass(frozen=True)
class _Tile:
    g: Array
    word: _Lines
    bit: _BitLines

    def solve(self, v: Array, tolerance: float) -> tuple[Array, Array, Array]:
        """Return word-line, bit-line and output voltages for one input."""
        start = self.word.driven(v)
        size = start.size
        whole = LinearOperator((size, size), matvec=lambda w: w - self._round(w), dtype=np.float64)
        found, info = gmres(whole, start.ravel(), rtol=tolerance, atol=0.0, restart=_BASIS, maxiter=_ROUNDS)
        if info:
            raise FitError(
                f"node voltages: word and bit lines do not agree to {tolerance:g}", hint="use the operator, it is exact"
            )
        w = found.reshape(start.shape)
        b, port = self.bit.solve(w.T[:, ::-1])
        return w, b.transpose(2, 1, 0)[::-1], port @ self.bit.ports.h

    def _round(self, w: Array) -> Array:
        b, _ = self.bit.solve(w.reshape(self.word.shape).T[:, ::-1])
        return self.word.solve(np.einsum("lrc,lcr->rc", self.g, b[..., ::-1])).ravel()
