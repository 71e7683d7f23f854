"""Which circuits drive the word lines, and with which waveforms?

One idea: time is cut into equal windows, one for each operation; in each a word line rises, stays and falls back.
Ideal sources put the waveform on the line themselves (`voltages`); DAC and counter circuits get digital inputs instead
and make it (`r2r_dac`, `pwm_rows`). The input arithmetic is in `inputs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.netlist.base import Lines, Subckt, fold
from aimc_spice.netlist.inputs import Planes
from aimc_spice.rng import stream
from aimc_spice.share import share
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
class _Pulses:
    """Trapezoids: where each starts, its height and its width (n,)."""

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
    rows = (_Pulses(starts, heights[:, r], widths[:, r], windows.t_rise, v_ref) for r in range(len(nodes)))
    return Lines("".join(row.source(f"{name}_{r}", nodes[r]) for r, row in enumerate(rows)))


def counter(node: str, n: int, windows: Windows, n_bits: int) -> Lines:
    """Return the shared counter of pulse-width drivers: 0, 1, … in each of n windows, above every code at rest.

    A step takes ``t_on / (2**n_bits - 1)``, so the top code is high for `t_on`.
    """
    top = 2**n_bits - 1
    step, rest = windows.t_on / top, 2.0 * top + 1
    edges = windows.starts(n)[:, None] + step * np.arange(top + 1)
    before = np.concatenate([[rest], np.arange(top)])
    after = np.concatenate([np.arange(top), [rest]])
    times = np.stack([edges, edges + 1e-3 * step], axis=2)
    values = np.broadcast_to(np.stack([before, after], axis=1), times.shape)
    return Lines(pwl(f"v{node}", node, times.ravel(), values.ravel()))


def pwm_rows(nodes: Sequence[str], planes: Planes, windows: Windows, n_bits: int, **params: float) -> Lines:
    """Drive `nodes` by pulse-width circuits ``xpwm_0``, … from codes and the shared `counter` at node ``count``.

    `params` are those of ``pwm_driver``: v_low, v_high, r_out, t_rise. Needs "line_driver" and "pwm" of `driver_text`.
    """
    codes = np.rint(planes.sequence() * (2**n_bits - 1))
    starts = windows.starts(len(codes))
    times = np.concatenate([starts[:1], np.repeat(starts[1:], 2) - np.tile([windows.t_rise, 0.0], len(starts) - 1)])
    given = " ".join(f"{key}={spice(value)}" for key, value in params.items())
    lines = [counter("count", len(codes), windows, n_bits).text]
    for r, node in enumerate(nodes):
        lines.append(pwl(f"vcode_{r}", f"code_{r}", times, np.repeat(codes[:, r], 2)[:-1]))
        lines.append(f"xpwm_{r} code_{r} count {node} pwm_driver {given}\n")
    return Lines("".join(lines))


@dataclass(frozen=True)
class LadderDac:
    """Resistors of one R-2R DAC, least bit first [Ω].

    Parameters
    ----------
    legs, rungs : tuple of float
        As of `inputs.ladder_levels`.
    terminator : float
        At its end [Ω].
    """

    legs: tuple[float, ...]
    rungs: tuple[float, ...]
    terminator: float

    @classmethod
    def draw(cls, n_bits: int, r: float, sigma: float = 0.0, *, seed: int = 0, name: str = "dac") -> LadderDac:
        """Return a ladder of unit resistor `r` [Ω], two in series for 2r; each unit varies by `sigma` (relative)."""
        rng = stream(seed, "r2r", name)
        twos = r * (2 + sigma * np.sqrt(2) * rng.standard_normal(n_bits))
        ones = r * (1 + sigma * rng.standard_normal(n_bits + 1))
        return cls(tuple(twos.tolist()), tuple(ones[:-1].tolist()), float(ones[-1]))

    @property
    def n_bits(self) -> int:
        """Bits."""
        return len(self.legs)

    def subckt(self, name: str) -> Subckt:
        """Return the ladder: ports ``bit_0 … bit_{n-1}``, ``ref``, ``out``. Needs ``netlists/drivers/r2r.cir``."""
        nodes = ["end", *(f"n_{k}" for k in range(self.n_bits - 1)), "out"]
        lines = [f"rt ref end {spice(self.terminator)}"]
        lines += [
            f"x{k} bit_{k} {nodes[k]} {nodes[k + 1]} r2r_section r_leg={spice(leg)} r_rung={spice(rung)}"
            for k, (leg, rung) in enumerate(zip(self.legs, self.rungs, strict=True))
        ]
        ports = (*(f"bit_{k}" for k in range(self.n_bits)), "ref", "out")
        return Subckt(name, ports, (Lines("\n".join(lines)),), f"R-2R DAC of {self.n_bits} bits")


def bit_sources(
    node: str, codes: ArrayLike, n_bits: int, windows: Windows, *, v_high: float, v_low: float = 0.0
) -> Lines:
    """Return the bits of one DAC as sources at ``<node>_k``: code after code (n,), zero between the windows."""
    values = np.asarray(codes, dtype=np.int64)
    starts, widths = windows.starts(len(values)), np.full(len(values), windows.t_on)
    bits = (((values >> k) & 1) * (v_high - v_low) for k in range(n_bits))
    trains = (_Pulses(starts, np.asarray(b), widths, windows.t_rise, v_low) for b in bits)
    return Lines("".join(train.source(f"v{node}_{k}", f"{node}_{k}") for k, train in enumerate(trains)))


def driver_text(*names: str) -> str:
    """Return files of ``netlists/drivers``: "line_driver", "r2r", "pwm"."""
    return "\n".join(share("netlists", "drivers", f"{name}.cir").read_text(encoding="utf-8") for name in names)
