"""What does a tile of nonlinear cells do, exactly? Newton's method on every node, wires and front ends included.

One idea: all that is linear (wires, drivers, front ends) is a sparse matrix made once; the cells add their currents
``i(v_a, v_b)``. A chord iteration reuses one factorisation, made at the cells' chord conductances, for all input
vectors at once: because wires conduct far better than cells, every step gains a digit or two. Vectors for which it is
too slow get Newton steps of their own with backtracking. It needs a cell's law (see `laws`), not its circuit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import SuperLU, splu

from aimc_spice.errors import FitError, NotConverged, ShapeError
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.laws.base import CellLaw, LawBox
from aimc_spice.surrogate.nodes import Nodes, incidence, linear_part
from aimc_spice.surrogate.operator import LinearPorts

Array = NDArray[np.float64]
_CHORD_STEPS, _NEWTON_STEPS, _HALVINGS = 25, 60, 30
_SLOW = 0.5  # a chord step that gains less than this calls for Newton
_AT_ONCE = 16  # vectors; their cells stay in the cache


@dataclass(frozen=True)
class Solution:
    """Voltages [V] in a tile and how they were found.

    Parameters
    ----------
    w : ndarray, shape (n_vectors, n_rows, n_cols)
        Word lines at the cells.
    b : ndarray, shape (n_vectors, n_rows, n_cols, 2)
        Bit lines (p, n) at the cells.
    out : ndarray, shape (n_vectors, n_cols)
        Front ends' outputs.
    steps : ndarray of int, shape (n_vectors,)
        Iterations of each vector.
    """

    w: Array
    b: Array
    out: Array
    steps: NDArray[np.int64]


class NonlinearTile:
    """One tile, prepared once, solved for many inputs.

    Parameters
    ----------
    g_pos, g_neg : ndarray, shape (n_rows, n_cols)
        Parameter g of the cells [S], above zero.
    wire : Wire
        Segment resistances; zero is an ideal wire.
    ports : LinearPorts
        The front end of every column.
    law : CellLaw
        Of all cells.
    v_read : float
        Typical word-line voltage [V]: chord conductances are taken at 0.7 of it.
    r_driver : float
        Word-line driver resistance [Ω].
    box : LawBox, optional
        Where the law holds; conductances and solutions beyond are refused.

    Raises
    ------
    ShapeError, FitError, OutsideValidity
        Shapes that differ; a conductance not above zero, or outside the box.
    """

    def __init__(
        self,
        g_pos: Array,
        g_neg: Array,
        wire: Wire,
        ports: LinearPorts,
        law: CellLaw,
        *,
        v_read: float,
        r_driver: float = 0.0,
        box: LawBox | None = None,
    ) -> None:
        if g_pos.shape != g_neg.shape or g_pos.ndim != 2:
            raise ShapeError(f"nonlinear tile: got cells {g_pos.shape} and {g_neg.shape}, wanted equal matrices")
        if not min(g_pos.min(), g_neg.min()) > 0:
            raise FitError("nonlinear tile: a conductance is not above zero", hint="use g_off > 0")
        if box:
            box.g.check(np.stack([g_pos, g_neg]), "cells' parameter g")
        n_rows, n_cols = g_pos.shape
        self.shape, self.law, self.box, self._ports = (n_rows, n_cols), law, box, ports
        self._g = np.stack([g_pos, g_neg], -1).reshape(-1, 1)
        self._nodes = nodes = Nodes.of(self.shape, wire)
        self._linear, self._source = linear_part(nodes, wire, ports, r_driver, float(self._g.max()))
        self._a, self._b = nodes.cell_ends
        self._sum = incidence(nodes)
        high = np.full((1, 1), 0.7 * v_read)
        chord = (law.current(high, 0 * high, self._g)[0] - law.current(-high, 0 * high, self._g)[0]) / (2 * high)
        self._chord = self._factor(chord, -chord)

    def solve(self, v_wl: Array, tolerance: float = 1e-10) -> Solution:
        """Solve for word-line voltages (n_vectors, n_rows) [V].

        Parameters
        ----------
        v_wl : ndarray
            Inputs.
        tolerance : float
            Largest last correction of a node voltage relative to the largest input, and of an output relative to the
            largest output of that vector. What is left is smaller, as every correction is less than half the last.

        Raises
        ------
        ShapeError
            Inputs of another shape.
        OutsideValidity
            A cell or a bit line moves further than the law holds.
        NotConverged
            Names the vector, the size of its last correction and the cell that moves most.
        """
        if v_wl.ndim != 2 or v_wl.shape[1] != self.shape[0]:
            raise ShapeError(f"nonlinear tile: got inputs {v_wl.shape}, wanted (n_vectors, {self.shape[0]})")
        source = np.asarray(self._source @ v_wl.T)
        v, steps = np.empty(source.shape), np.empty(len(v_wl), dtype=np.int64)
        goal = _Goal(float(np.abs(v_wl).max(initial=0.0)) or 1.0, tolerance)
        for some in np.array_split(np.arange(len(v_wl)), -(-len(v_wl) // _AT_ONCE)):
            v[:, some], steps[some] = self._by_chords(source[:, some], goal)
        for k in np.flatnonzero(steps == 0):
            v[:, k], steps[k] = self._by_newton(v[:, k : k + 1], source[:, k : k + 1], goal, f"vector {k}")
        if self.box:
            self.box.v.check(v[self._a] - v[self._b], "voltages across cells")
            self.box.v_b.check(v[self._b], "bit lines")
        return self._solution(v.T, steps)

    def _by_chords(self, source: Array, goal: _Goal) -> tuple[Array, NDArray[np.int64]]:
        """Return voltages and steps; zero steps where Newton has to go on."""
        v = self._chord.solve(source)
        steps, last, todo = np.zeros(v.shape[1], np.int64), np.full(v.shape[1], np.inf), np.arange(v.shape[1])
        for step in range(1, _CHORD_STEPS + 1):
            change = self._chord.solve(self._residual(v[:, todo], source[:, todo])[0])
            size = self._size(change, v[:, todo], goal)
            good = size <= _SLOW * last[todo]
            v[:, todo[good]] -= change[:, good]
            last[todo] = size
            steps[todo[good & (size <= 1)]] = step
            todo = todo[good & (size > 1)]
            if not len(todo):
                break
        return v, steps

    def _by_newton(self, v: Array, source: Array, goal: _Goal, label: str) -> tuple[Array, int]:
        residual, d_a, d_b = self._residual(v, source)
        change, size = v, np.inf
        for step in range(1, _NEWTON_STEPS + 1):
            before = np.linalg.norm(residual)
            if not np.isfinite(before):
                break
            change = self._factor(d_a, d_b).solve(residual)
            size = float(self._size(change, v, goal)[0])
            share = 1.0
            for _ in range(_HALVINGS):
                residual, d_a, d_b = self._residual(v - share * change, source)
                if size <= 1 or np.linalg.norm(residual) < before:
                    break
                share /= 2
            v = v - share * change
            if size <= 1:
                return v[:, 0], step
        raise self._stuck(change[:, 0], size * goal.tolerance, label)

    def _residual(self, v: Array, source: Array) -> tuple[Array, Array, Array]:
        """Return the current missing at every node [A], and the cells' derivatives [S]."""
        with np.errstate(over="ignore", invalid="ignore"):  # far from the solution a law may overflow
            i, d_a, d_b = self.law.current(v[self._a], v[self._b], self._g)
            return np.asarray(self._linear @ v - source + self._sum @ i), d_a, d_b

    def _size(self, change: Array, v: Array, goal: _Goal) -> Array:
        """Return corrections in units of what is allowed; above 1 is too large, NaN is infinite."""
        out, moved = self._outputs(v.T), self._outputs(change.T)
        largest = np.abs(out).max(1)
        of_out = np.abs(moved).max(1) / np.where(largest > 0, largest, 1.0)
        size = np.maximum(np.abs(change).max(0) / goal.scale, of_out) / goal.tolerance
        return np.asarray(np.nan_to_num(size, nan=np.inf))

    def _factor(self, d_a: Array, d_b: Array) -> SuperLU:
        """Factorise the equations with cells of these derivatives [S]."""
        d_a, d_b = (np.broadcast_to(d, self._g.shape)[:, 0] for d in (d_a, d_b))
        a, b, n = self._a, self._b, self._nodes.count
        places = (np.concatenate([a, a, b, b]), np.concatenate([a, b, a, b]))
        cells = coo_matrix((np.concatenate([d_a, d_b, -d_a, -d_b]), places), (n, n))
        try:
            return splu((self._linear + cells).tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.01)
        except RuntimeError as bad:
            raise NotConverged("nonlinear tile: the linearised equations are singular", cause=str(bad)) from bad

    def _outputs(self, v: Array) -> Array:
        return np.asarray(v[:, self._nodes.ends] @ self._ports.h)

    def _solution(self, v: Array, steps: NDArray[np.int64]) -> Solution:
        return Solution(v[:, self._nodes.w], v[:, self._nodes.b], self._outputs(v), steps)

    def _stuck(self, change: Array, size: float, label: str) -> NotConverged:
        moves = np.abs(np.nan_to_num(change[self._a] - change[self._b], nan=np.inf))
        row, col, line = np.unravel_index(int(moves.argmax()), (*self.shape, 2))
        return NotConverged(
            f"nonlinear tile: {label} did not converge in {_CHORD_STEPS} chord and {_NEWTON_STEPS} Newton steps",
            cause=f"the last correction is {size:.1e} relative, largest at cell ({row}, {col}, {'pn'[line]})",
            hint="is the law's current rising with voltage everywhere? Smaller inputs tell",
        )


@dataclass(frozen=True)
class _Goal:
    scale: float
    tolerance: float
