"""Which linear equations does a circuit obey, and how exactly are they solved?

One idea: modified nodal analysis. Unknowns are the node voltages and the currents of everything that sets a voltage::

    node       Σ w (v_c - v_d) + Σ i_branch = injected current        w: conductance, transconductance
    branch     v_a - v_b - gain (v_c - v_d) + z i_branch = voltage    V, E, table source, inductor

The matrix is factorised once (SuperLU). Every solution is refined with residuals taken element by element in extended
precision, because the matrix alone has lost small conductances beside large ones: 1 mΩ ties next to 15 kΩ cells leave
1e-9 of error without, 1e-15 with (where NumPy's longdouble is extended, as on x86).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix
from scipy.sparse.linalg import splu

from aimc_spice.errors import NotConverged
from aimc_spice.netlist.body import Array, IntArray
from aimc_spice.netlist.connectivity import floating, touched
from aimc_spice.netlist.flat import FlatCircuit
from aimc_spice.netlist.rules import voltage_loops
from aimc_spice.simulate.stimulus import Stimulus

LongArray = NDArray[np.longdouble]
_MAX_REFINEMENTS = 12
_NO_CURRENT = 1e-15  # of conductance times voltage
_GOOD = 1e-12  # largest believable last correction, relative


@dataclass(frozen=True)
class Equations:
    """The equations of a circuit, as arrays over its elements.

    Parameters
    ----------
    circuit : FlatCircuit
        Where they come from.
    flows, reads : ndarray of int, shape (m, 2)
        A current ``weights * (v[reads 0] - v[reads 1])`` leaves node ``flows 0`` and enters ``flows 1``.
    weights : ndarray, shape (m,)
        Conductances and transconductances [S].
    branches, branch_reads : ndarray of int, shape (k, 2)
        Terminals of each branch, and the nodes its gain reads.
    gains, self_z : ndarray, shape (k,)
        Voltage gain; impedance ``z`` [Ω].
    inject : csr_matrix, shape (n_nodes + k, n_sources)
        From sources (see `Stimulus`) to right-hand sides.
    unknowns : ndarray of int
        Rows that are solved for: nodes that an element touches, ground excepted, and all branches.
    """

    circuit: FlatCircuit
    flows: IntArray
    reads: IntArray
    weights: Array
    branches: IntArray
    branch_reads: IntArray
    gains: Array
    self_z: Array
    inject: csr_matrix
    unknowns: IntArray

    @property
    def n_rows(self) -> int:
        """Nodes, ground included, and branches."""
        return self.circuit.n_nodes + len(self.branches)

    def name(self, row: int) -> str:
        """Name the unknown of a row."""
        is_node = row < self.circuit.n_nodes
        return f"node {self.circuit.node_names[row]}" if is_node else f"branch {row - self.circuit.n_nodes}"


def equations(circuit: FlatCircuit, stimulus: Stimulus, *, storage: float = 0.0) -> Equations:
    """Set the equations up.

    Parameters
    ----------
    circuit : FlatCircuit
        Linear.
    stimulus : Stimulus
        Its sources.
    storage : float
        Zero for DC (C open, L short); 1/(γ h) [1/s] for a time step: C becomes the conductance C/(γ h).
    """
    t = circuit.tables
    pairs = [t["r"].nodes, t["g"].nodes[:, :2]] + ([t["c"].nodes] if storage else [])
    reads = [t["r"].nodes, t["g"].nodes[:, 2:]] + ([t["c"].nodes] if storage else [])
    weights = [1.0 / t["r"].values, t["g"].values] + ([t["c"].values * storage] if storage else [])
    by_formula = _voltage_formulas(circuit)
    branches = [t["v"].nodes, t["e"].nodes[:, :2], t["l"].nodes, circuit.formulas.nodes[by_formula]]
    n_branches = sum(map(len, branches))
    branch_reads, gains, self_z = np.zeros((n_branches, 2), np.int32), np.zeros(n_branches), np.zeros(n_branches)
    e = slice(len(t["v"]), len(t["v"]) + len(t["e"]))
    branch_reads[e], gains[e] = t["e"].nodes[:, 2:], t["e"].values
    self_z[e.stop : e.stop + len(t["l"])] = -storage * t["l"].values
    solved = np.flatnonzero(touched(circuit)[1:]) + 1
    unknowns = np.concatenate([solved, circuit.n_nodes + np.arange(n_branches)])
    return Equations(
        circuit,
        np.concatenate(pairs),
        np.concatenate(reads),
        np.concatenate(weights),
        np.concatenate(branches),
        branch_reads,
        gains,
        self_z,
        _inject(circuit, stimulus, n_branches),
        unknowns,
    )


def branch_of(circuit: FlatCircuit, name: str) -> int | None:
    """Return the branch whose current ``i(name)`` is; None where there is none (order: V, E, L, table sources)."""
    kind, row = circuit.find(name) or ("", 0)
    n_v, n_e = len(circuit.tables["v"]), len(circuit.tables["e"])
    first = {"v": 0, "e": n_v, "l": n_v + n_e}
    if kind in first:
        return first[kind] + row
    place = np.flatnonzero(_voltage_formulas(circuit) == row).tolist() if kind == "b" else []
    return first["l"] + len(circuit.tables["l"]) + place[0] if place else None


def refuse_singular(circuit: FlatCircuit) -> None:
    """Raise `NotConverged` for what has no DC solution by its shape alone: floating islands, voltage loops."""
    nodes, island = floating(circuit)
    driven = np.isin(nodes, circuit.tables["g"].nodes[:, :2])  # a G in a feedback loop may still fix the voltage
    hopeless = nodes[~np.isin(island, island[driven])]
    if len(hopeless):
        names = ", ".join(circuit.node_names[int(node)] for node in hopeless[:3])
        raise NotConverged(
            f"no operating point: {len(hopeless)} nodes have no DC path to ground, first {names}",
            hint="give each a resistor to ground, or see rules.check_rules for the elements that touch it",
        )
    loops = voltage_loops(circuit)
    if loops.count:
        raise NotConverged(f"no operating point: {loops.examples[0]}", hint="put a small resistor into the loop")


class Factorised:
    """Equations with their factors, for any number of right-hand sides.

    Raises
    ------
    NotConverged
        The matrix is singular.
    """

    def __init__(self, eq: Equations) -> None:
        self.eq = eq
        self._currents = _incidence(eq)
        try:
            self._lu = splu(_matrix(eq))
        except RuntimeError as bad:
            raise NotConverged("no operating point: the circuit's matrix is singular", cause=str(bad)) from bad

    def rough(self, right: Array) -> Array:
        """Solve once, without refinement; `right` and result have shape (n_rows, n_points)."""
        full = np.zeros(right.shape)
        full[self.eq.unknowns] = self._lu.solve(np.ascontiguousarray(right[self.eq.unknowns]))
        return full

    def solve(self, sources: Array) -> Array:
        """Solve for sources (n_sources, n_points) to near machine precision.

        Returns
        -------
        ndarray, shape (n_rows, n_points)
            Node voltages [V], ground first, then branch currents [A].

        Raises
        ------
        NotConverged
            The corrections do not die out: the matrix is singular to working precision.
        """
        right = self.eq.inject @ sources.astype(np.longdouble)
        found: LongArray = np.zeros(right.shape, dtype=np.longdouble)
        last = np.inf
        for _ in range(_MAX_REFINEMENTS):
            step = self.rough((right - self._left(found)).astype(np.float64))
            found += step
            size = _relative(step, found, self.eq.circuit.n_nodes, float(np.max(np.abs(self.eq.weights), initial=0.0)))
            if not size < last / 4:
                break
            last = size
        self._check(step, size)
        return found.astype(np.float64)

    def _left(self, x: LongArray) -> LongArray:
        """Return the left sides of all equations, element by element."""
        eq, n = self.eq, self.eq.circuit.n_nodes
        flow = eq.weights[:, None] * (x[eq.reads[:, 0]] - x[eq.reads[:, 1]])
        across = x[eq.branches[:, 0]] - x[eq.branches[:, 1]]
        read = x[eq.branch_reads[:, 0]] - x[eq.branch_reads[:, 1]]
        branch = across - eq.gains[:, None] * read + eq.self_z[:, None] * x[n:]
        return np.concatenate([self._currents @ np.concatenate([flow, x[n:]]), branch])

    def _check(self, step: Array, size: float) -> None:
        if not size < _GOOD:
            worst = int(np.argmax(np.max(np.abs(np.nan_to_num(step, nan=np.inf)), axis=1)))
            raise NotConverged(
                "no operating point: the circuit's matrix is singular to working precision",
                cause=f"the last correction is {size:.1e} of the solution, largest at {self.eq.name(worst)}",
                hint="look for a node that hangs on nothing but controlled sources, or values 1e15 apart",
            )


def _relative(step: Array, found: LongArray, n_nodes: int, weight: float) -> float:
    """Return the largest correction, relative to the largest voltage and the largest current.

    Currents below the rounding of the largest conductance `weight` [S] at the largest voltage are zero.
    """
    sizes, floor = [0.0], 0.0
    for part in (slice(0, n_nodes), slice(n_nodes, None)):
        largest = max(float(np.max(np.abs(found[part]), initial=0.0)), floor)
        floor = _NO_CURRENT * weight * largest
        sizes.append(float(np.max(np.abs(step[part]), initial=0.0)) / largest if largest else 0.0)
    return max(sizes)


def _voltage_formulas(circuit: FlatCircuit) -> NDArray[np.intp]:
    return np.flatnonzero(circuit.formulas.quantities == "v")


def _inject(circuit: FlatCircuit, stimulus: Stimulus, n_branches: int) -> csr_matrix:
    """Return the matrix from sources to right-hand sides, in extended precision."""
    n, n_v, n_i = circuit.n_nodes, len(circuit.tables["v"]), len(circuit.tables["i"])
    n_tables = len(stimulus.tables)
    by_voltage, by_current = _voltage_formulas(circuit), np.flatnonzero(circuit.formulas.quantities == "i")
    ends = np.concatenate([circuit.tables["i"].nodes, circuit.formulas.nodes[by_current]])
    current_columns = np.concatenate([n_v + np.arange(n_i), n_v + n_i + by_current])
    voltage_rows = np.concatenate([np.arange(n_v), n_branches - len(by_voltage) + np.arange(len(by_voltage))])
    voltage_columns = np.concatenate([np.arange(n_v), n_v + n_i + by_voltage])
    rows = np.concatenate([n + voltage_rows, ends[:, 0], ends[:, 1]])
    columns = np.concatenate([voltage_columns, current_columns, current_columns])
    signs = np.repeat([1.0, -1.0, 1.0], [len(voltage_rows), len(ends), len(ends)]).astype(np.longdouble)
    return csr_matrix((signs, (rows, columns)), (n + n_branches, n_v + n_i + n_tables))


def _incidence(eq: Equations) -> csr_matrix:
    """Return the matrix from element currents (flows, then branches) to sums at the nodes, in extended precision."""
    ends = np.concatenate([eq.flows, eq.branches])
    columns = np.arange(len(ends))
    signs = np.repeat([1.0, -1.0], len(ends)).astype(np.longdouble)
    rows = np.concatenate([ends[:, 0], ends[:, 1]])
    return csr_matrix((signs, (rows, np.concatenate([columns, columns]))), (eq.circuit.n_nodes, len(ends)))


def _matrix(eq: Equations) -> csc_matrix:
    """Return the matrix of the unknowns."""
    n = eq.circuit.n_nodes
    j = n + np.arange(len(eq.branches))
    a, b, c, d = *eq.flows.T, *eq.reads.T
    p, q, r, s = *eq.branches.T, *eq.branch_reads.T
    w, gain, one = eq.weights, eq.gains, np.ones(len(j))
    entries = [(a, c, w), (a, d, -w), (b, c, -w), (b, d, w), (p, j, one), (q, j, -one)]
    entries += [(j, p, one), (j, q, -one), (j, r, -gain), (j, s, gain), (j, j, eq.self_z)]
    rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    place = np.full(eq.n_rows, -1)
    place[eq.unknowns] = np.arange(len(eq.unknowns))
    rows, columns = place[rows], place[columns]
    real = (rows >= 0) & (columns >= 0) & (values != 0)
    return csc_matrix((values[real], (rows[real], columns[real])), (len(eq.unknowns), len(eq.unknowns)))
