"""With which waveforms are word lines driven?

One idea: time is cut into equal windows, one for each operation; in each a word line rises, stays and falls back.
Ideal sources put the waveform on the line themselves (`voltages`); circuits get logic instead and make it (`rows`). The
input arithmetic is in `inputs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.netlist.base import Lines, fold
from aimc_spice.netlist.inputs import Planes
from aimc_spice.units import spice

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Windows:
    """When word lines move.

    Parameters
    ----------
    t_rise : float
        Of every edge [s].
    t_on : float
        From the start of a rising edge to the start of the falling one [s]; the longest pulse of timed levels.
    t_window : float
        From one operation to the next [s].
    t_first : float
        When the first begins [s].
    """

    t_rise: float
    t_on: float
    t_window: float
    t_first: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.t_rise <= self.t_on or not self.t_on + self.t_rise <= self.t_window or self.t_first < 0:
            raise NetlistError(
                f"windows: got t_rise = {self.t_rise:g} s, t_on = {self.t_on:g} s, t_window = {self.t_window:g} s",
                hint="wanted 0 < t_rise <= t_on and t_on + t_rise <= t_window",
            )

    def starts(self, n: int) -> Array:
        """Return when each of n operations begins [s]."""
        return np.asarray(self.t_first + self.t_window * np.arange(n), dtype=np.float64)


@dataclass(frozen=True)
class Pulses:
    """Trapezoids, one after the other.

    Parameters
    ----------
    starts, heights, widths : ndarray, shape (n,)
        When each starts to rise [s], by how much [V], for how long until it starts to fall [s].
    t_rise : float
        Of an edge [s].
    rest : float
        In between [V].
    """

    starts: Array
    heights: Array
    widths: Array
    t_rise: float
    rest: float = 0.0

    def source(self, name: str, node: str) -> str:
        """Return a source of all that are not of height zero."""
        on = np.flatnonzero(self.heights)
        if not len(on):
            return f"{name} {node} 0 {spice(self.rest)}\n"
        none, width = np.zeros(len(on)), self.widths[on]
        times = self.starts[on, None] + np.stack([none, none + self.t_rise, width, width + self.t_rise], axis=1)
        values = self.rest + self.heights[on, None] * np.array([0.0, 1.0, 1.0, 0.0])
        return pwl(name, node, times.ravel(), values.ravel())


def pwl(name: str, node: str, times: ArrayLike, values: ArrayLike) -> str:
    """Return the line of a piecewise linear source; a point no later than the one before it is left out."""
    t, v = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if t[0] > 0:
        t, v = np.concatenate([[0.0], t]), np.concatenate([v[:1], v])
    later = np.diff(np.maximum.accumulate(t), prepend=-1.0) > 0
    knots = (f"{spice(a)} {spice(b)}" for a, b in zip(t[later].tolist(), v[later].tolist(), strict=True))
    return fold([f"{name} {node} 0 pwl(", *knots, ")"])


def voltages(
    nodes: Sequence[str], planes: Planes, windows: Windows, *, v_read: float, v_ref: float = 0.0, name: str = "vin"
) -> Lines:
    """Drive `nodes` by ideal sources ``<name>_0``, …: `v_ref` at rest, ``v_ref + level * v_read`` in each window.

    Timed levels are pulses of `v_read` whose area is ``level * t_on * v_read`` exactly; the shortest must last a rise.

    Raises
    ------
    ShapeError, NetlistError
        Planes of another number of rows; a pulse shorter than its edge.
    """
    sequence = planes.sequence()
    if sequence.shape[1] != len(nodes):
        raise ShapeError(f"planes drive {sequence.shape[1]} rows, there are {len(nodes)} nodes")
    heights = v_read * (np.sign(sequence) if planes.timed else sequence)
    widths = windows.t_on * (sequence if planes.timed else np.ones_like(sequence))
    if np.any((widths > 0) & (widths < windows.t_rise)):
        raise NetlistError(f"the shortest pulse, {widths[widths > 0].min():g} s, is shorter than its edge")
    starts = windows.starts(len(sequence))
    rows = (Pulses(starts, heights[:, r], widths[:, r], windows.t_rise, v_ref) for r in range(len(nodes)))
    return Lines("".join(row.source(f"{name}_{r}", nodes[r]) for r, row in enumerate(rows)))
