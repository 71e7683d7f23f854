"""How does a linear circuit with capacitors move in time?

One idea: equal steps, so that one factorisation serves all of them; the step is halved, and the results extrapolated to
step zero (Richardson), until the probes stop changing.
The method is Alexander's two-stage SDIRK (SIAM J. Numer. Anal. 14, 1977): second order, L-stable and stiffly accurate,
so the fast wire modes die out instead of ringing and the algebraic equations of ideal sources hold exactly. With
E x' + A x = b and K = A + E/(γh), γ = 1 - 1/√2::

    K X1 = b(t + γh) + E/(γh) x
    K x⁺ = b(t +  h) + E/(γh) (x + (1-γ)/γ (X1 - x))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from aimc_spice.errors import NotConverged
from aimc_spice.netlist.base import Transient
from aimc_spice.netlist.body import Array
from aimc_spice.netlist.flat import FlatCircuit
from aimc_spice.simulate.mna import Equations, Factorised, equations
from aimc_spice.simulate.stimulus import Stimulus

_GAMMA = 1.0 - np.sqrt(0.5)
_MOST_SUBSTEPS = 512
Rows = list[tuple[int, int]]


def transient(
    circuit: FlatCircuit, stimulus: Stimulus, analysis: Transient, rows: Rows, tolerance: float
) -> tuple[Array, Array]:
    """Return time [s], (n_points,), and probes, (n_probes, n_points), on a grid of about ``t_step``.

    Parameters
    ----------
    circuit, stimulus
        Linear circuit and its sources.
    analysis : Transient
        Step and end.
    rows : list of (int, int)
        Each probe is the difference of two rows of the solution.
    tolerance : float
        Halve the steps until each probe changes by less than this, relative to the largest value of its kind.

    Raises
    ------
    NotConverged
        The probes still change after 512 steps per grid point.
    """
    n_points = max(round(analysis.t_stop / analysis.t_step), 1) + 1
    grid = np.linspace(0.0, analysis.t_stop, n_points)
    start = Factorised(equations(circuit, stimulus)).solve(stimulus.over_time(grid[:1]))[:, 0]
    task = _Task(circuit, stimulus, grid, start, rows)
    coarse, before, substeps = _march(task, 1), np.full((len(rows), n_points), np.inf), 2
    while substeps <= _MOST_SUBSTEPS:
        fine = _march(task, substeps)
        better = fine + (fine - coarse) / 3  # Richardson: cancels the h² error
        if _change(before, better, rows, circuit.n_nodes) < tolerance:
            return grid, better
        coarse, before, substeps = fine, better, 2 * substeps
    raise NotConverged(
        f"transient: the probes still change by more than {tolerance:g} at {_MOST_SUBSTEPS} steps per t_step",
        hint="use a smaller t_step: the sources or the circuit move much faster",
    )


@dataclass(frozen=True)
class _Task:
    circuit: FlatCircuit
    stimulus: Stimulus
    grid: Array
    start: Array
    rows: Rows


def _march(task: _Task, substeps: int) -> Array:
    """Walk over the grid with `substeps` steps between points."""
    grid, stimulus, x = task.grid, task.stimulus, task.start
    h = (grid[1] - grid[0]) / substeps
    eq = equations(task.circuit, stimulus, storage=1.0 / (_GAMMA * h))
    factorised, memory = Factorised(eq), _memory(eq, 1.0 / (_GAMMA * h))
    inject = eq.inject.astype(np.float64)
    plus, minus = np.array(task.rows).T
    found = [x[plus] - x[minus]]
    for begin in grid[:-1]:
        ends = begin + h * np.arange(1, substeps + 1)
        early, late = (inject @ stimulus.over_time(times) for times in (ends - (1 - _GAMMA) * h, ends))
        for k in range(substeps):
            stage = factorised.rough(early[:, [k]] + memory @ x[:, None])[:, 0]
            x = factorised.rough(late[:, [k]] + memory @ (x + (1 / _GAMMA - 1) * (stage - x))[:, None])[:, 0]
        found.append(x[plus] - x[minus])
    return np.stack(found, axis=1)


def _memory(eq: Equations, storage: float) -> csr_matrix:
    """Return E/(γh): what capacitors and inductors remember of the last step."""
    c, n_l = eq.circuit.tables["c"], len(eq.circuit.tables["l"])
    a, b, w = c.nodes[:, 0], c.nodes[:, 1], c.values * storage
    first = eq.circuit.n_nodes + len(eq.circuit.tables["v"]) + len(eq.circuit.tables["e"])
    j = first + np.arange(n_l)
    rows, columns = np.concatenate([a, a, b, b, j]), np.concatenate([a, b, a, b, j])
    values = np.concatenate([w, -w, -w, w, -storage * eq.circuit.tables["l"].values])
    return csr_matrix((values, (rows, columns)), (eq.n_rows, eq.n_rows))


def _change(coarse: Array, fine: Array, rows: Rows, n_nodes: int) -> float:
    """Return the largest difference, relative to the largest voltage or the largest current."""
    is_current = np.array([plus >= n_nodes for plus, _ in rows])
    changes = [0.0]
    for kind in (is_current, ~is_current):
        size = np.max(np.abs(fine[kind]), initial=0.0)
        changes.append(float(np.max(np.abs(fine - coarse)[kind], initial=0.0) / size) if size else 0.0)
    return max(changes)
