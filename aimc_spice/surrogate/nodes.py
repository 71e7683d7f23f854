"""Which equations does everything but the cells of a tile give? A sparse matrix over its nodes.

One idea: nodes are numbered once, an ideal wire's nodes get one number; wires, drivers and front ends are stamped, so
that ``linear @ v - source @ v_wl + currents of the cells = 0``. Terms as in `netlist.crossbar`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import LinearPorts

Array = NDArray[np.float64]
IntArray = NDArray[np.intp]
_IDEAL = 1e-14  # an ideal driver is this fraction of the least cell resistance


@dataclass(frozen=True)
class Nodes:
    """Numbers of the nodes of a tile.

    Parameters
    ----------
    w : ndarray of int, shape (n_rows, n_cols)
        Word lines at the cells.
    b : ndarray of int, shape (n_rows, n_cols, 2)
        Bit lines (p, n) at the cells.
    ends : ndarray of int, shape (n_cols, 2)
        Where the front ends are.
    count : int
        Number of nodes.
    """

    w: IntArray
    b: IntArray
    ends: IntArray
    count: int

    @classmethod
    def of(cls, shape: tuple[int, int], wire: Wire) -> Nodes:
        """Return the numbers for a crossbar (n_rows, n_cols)."""
        n_rows, n_cols = shape
        w = (
            np.arange(n_rows * n_cols).reshape(shape)
            if wire.r_wire_wl
            else np.repeat(np.arange(n_rows)[:, None], n_cols, 1)
        )
        start = int(w.max()) + 1
        ends = start + np.arange(2 * n_cols).reshape(n_cols, 2)
        start += ends.size
        if not wire.r_wire_bl:
            return cls(w, np.broadcast_to(ends, (n_rows, n_cols, 2)), ends, start)
        b = start + np.arange(2 * w.size).reshape(n_rows, n_cols, 2)
        return cls(w, b, ends, start + b.size)

    @property
    def cell_ends(self) -> tuple[IntArray, IntArray]:
        """Nodes a and b of every cell, by row, column, line; shape (2 n_rows n_cols,) each."""
        return np.repeat(self.w.ravel(), 2), self.b.ravel()


def linear_part(
    nodes: Nodes, wire: Wire, ports: LinearPorts, r_driver: float, g_max: float
) -> tuple[csr_matrix, csr_matrix]:
    """Return the matrix (n_nodes, n_nodes) [S] without cells, and what drivers inject (n_nodes, n_rows)."""
    first = nodes.w[:, 0]
    y_driver = 1 / max(wire.r_wire_wl + r_driver, _IDEAL / g_max)
    rows, cols, values = [first], [first], [np.full(len(first), y_driver)]

    def stamp(i: IntArray, j: IntArray, y: float) -> None:
        for a, b, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
            rows.append(a.ravel())
            cols.append(b.ravel())
            values.append(np.full(a.size, sign * y))

    if wire.r_wire_wl:
        stamp(nodes.w[:, :-1], nodes.w[:, 1:], 1 / wire.r_wire_wl)
    if wire.r_wire_bl:
        stamp(nodes.b[:-1], nodes.b[1:], 1 / wire.r_wire_bl)
        stamp(nodes.b[-1], nodes.ends, 1 / wire.r_wire_bl)
    for i in range(2):
        for j in range(2):
            rows.append(nodes.ends[:, i])
            cols.append(nodes.ends[:, j])
            values.append(np.full(len(nodes.ends), ports.y[i, j]))
    place = (np.concatenate(rows), np.concatenate(cols))
    linear = coo_matrix((np.concatenate(values), place), (nodes.count, nodes.count)).tocsr()
    source = coo_matrix((np.full(len(first), y_driver), (first, np.arange(len(first)))), (nodes.count, len(first)))
    return linear, source.tocsr()


def incidence(nodes: Nodes) -> csr_matrix:
    """Return the matrix (n_nodes, n_cells) that sums the cells' currents, leaving a and entering b."""
    a, b = nodes.cell_ends
    ones, cells = np.ones(len(a)), np.arange(len(a))
    places = (np.concatenate([a, b]), np.concatenate([cells, cells]))
    return coo_matrix((np.concatenate([ones, -ones]), places), (nodes.count, len(a))).tocsr()
