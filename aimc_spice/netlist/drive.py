"""How do input vectors reach the word lines?

One idea: many DC vectors ride on one loaded circuit. Every input is a table source of a control voltage, and a DC sweep
of the control voltage over 0, 1, … walks through the vectors (about 5 times faster than altering sources one by one).
A single vector becomes plain sources; a transient steps them all at once, and may step to one vector after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.errors import ShapeError
from aimc_spice.netlist.base import Analysis, DcSweep, Lines, OperatingPoint, Transient
from aimc_spice.units import spice


@dataclass(frozen=True)
class Drive:
    """Source lines, the analysis that goes with them, and the names of the sources (for their currents)."""

    lines: Lines
    analysis: Analysis
    sources: tuple[str, ...]


def dc_vectors(nodes: Sequence[str], vectors: ArrayLike) -> Drive:
    """Drive `nodes` with one DC vector after the other.

    Parameters
    ----------
    nodes : sequence of str
        Names of the driven nodes.
    vectors : array_like, shape (n_vectors, n_nodes)
        Voltages [V].
    """
    table = _table(nodes, vectors)
    if len(table) == 1:
        lines = [f"vin_{i} {node} 0 {spice(v)}" for i, (node, v) in enumerate(zip(nodes, table[0], strict=True))]
        return Drive(Lines("\n".join(lines)), OperatingPoint(), tuple(f"vin_{i}" for i in range(len(nodes))))
    lines = ["vctl ctl 0 0"]
    for i, node in enumerate(nodes):
        knots = ",".join(f"{k},{spice(v)}" for k, v in enumerate(table[:, i]))
        lines.append(f"bin_{i} {node} 0 v=pwl(v(ctl),{knots})")
    return Drive(Lines("\n".join(lines)), DcSweep("vctl", len(table)), tuple(f"bin_{i}" for i in range(len(nodes))))


def step(nodes: Sequence[str], vector: ArrayLike, *, t_rise: float, t_step: float, t_stop: float) -> Drive:
    """Step all `nodes` from 0 V to `vector` (n_nodes,) [V] in `t_rise` [s] at time zero."""
    table = _table(nodes, np.atleast_2d(vector))
    rise = spice(t_rise)
    lines = [f"vin_{i} {n} 0 pwl(0 0 {rise} {spice(v)})" for i, (n, v) in enumerate(zip(nodes, table[0], strict=True))]
    return Drive(Lines("\n".join(lines)), Transient(t_step, t_stop), tuple(f"vin_{i}" for i in range(len(nodes))))


def step_train(
    nodes: Sequence[str], vectors: ArrayLike, *, t_rise: float, t_step: float, t_stop: float, t_rest: float
) -> Drive:
    """Step all `nodes` to one vector after the other, so that transients share a loaded circuit.

    Parameters
    ----------
    nodes : sequence of str
        Names of the driven nodes.
    vectors : array_like, shape (n_vectors, n_nodes)
        Voltages [V].
    t_rise, t_step : float
        Time of the edges, largest time step [s].
    t_stop, t_rest : float
        Every window of ``t_stop + t_rest`` [s] starts with the step, stays for `t_stop`, and rests at 0 V for `t_rest`,
        which must be long enough for the circuit to come to rest. Several vectors need a rest above `t_rise`.
    """
    table = _table(nodes, vectors)
    if len(table) == 1:
        return step(nodes, table[0], t_rise=t_rise, t_step=t_step, t_stop=t_stop)
    if not t_rest > t_rise:
        raise ShapeError(f"step train: got t_rest = {t_rest:g} s, wanted more than t_rise = {t_rise:g} s")
    window = t_stop + t_rest
    starts = window * np.arange(len(table))
    times = (starts[:, None] + [0.0, t_rise, t_stop, t_stop + t_rise]).ravel()
    lines = []
    for i, node in enumerate(nodes):
        values = np.column_stack([np.zeros(len(table)), table[:, i], table[:, i], np.zeros(len(table))]).ravel()
        knots = " ".join(f"{spice(t)} {spice(v)}" for t, v in zip(times.tolist(), values.tolist(), strict=True))
        lines.append(f"vin_{i} {node} 0 pwl({knots})")
    analysis = Transient(t_step, window * len(table) - t_rest)
    return Drive(Lines("\n".join(lines)), analysis, tuple(f"vin_{i}" for i in range(len(nodes))))


def _table(nodes: Sequence[str], vectors: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(vectors, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(nodes) or not len(table):
        raise ShapeError(f"input vectors: got shape {table.shape}, wanted (n_vectors, {len(nodes)})")
    if not np.isfinite(table).all():
        raise ShapeError(f"input vectors: {np.count_nonzero(~np.isfinite(table))} values are not finite")
    return table
