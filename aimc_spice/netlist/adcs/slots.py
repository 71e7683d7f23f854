"""How do converters with a reset and a run share one transient, one conversion after the other?

One idea: conversion k owns the slot ``[k t_slot, (k + 1) t_slot)``. It begins with a reset, during which the input
moves to its value; then the circuit runs. A time of interest is where a waveform first rises through a level after the
run began. It knows no circuit; logic levels and energies are read by `windows`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import MeasurementFailed, ShapeError
from aimc_spice.netlist.adcs.base import Array
from aimc_spice.netlist.base import fold
from aimc_spice.units import show, spice


@dataclass(frozen=True)
class Slots:
    """Reset, then run, over and over.

    Parameters
    ----------
    t_reset : float
        Reset, from the start of the slot [s].
    t_run : float
        Run [s].
    t_edge : float
        Edges of input and control [s].
    """

    t_reset: float
    t_run: float
    t_edge: float = 2e-11

    @property
    def t_slot(self) -> float:
        """One conversion [s]."""
        return self.t_reset + self.t_run

    def edges(self, n: int) -> Array:
        """Return the bounds of n slots, (n + 1,) [s]."""
        return np.asarray(self.t_slot * np.arange(n + 1))

    def steps(self, name: str, node: str, values: Array, *, low: str = "0") -> str:
        """Return a source between `node` and `low` that moves to one of `values` (n,) at the start of every slot."""
        starts = self.edges(len(values))[1:-1]
        times = np.concatenate([[0.0], np.stack([starts, starts + self.t_edge], axis=1).ravel()])
        held = np.repeat(values, 2)[:-1]
        return pwl(name, node, low, times, held)

    def logic(self, name: str, node: str, v_dd: float, *, start: float, width: float, invert: bool = False) -> str:
        """Return a logic signal that is high (low, inverted) for `width` from `start` [s] in every slot."""
        first, last = (v_dd, 0.0) if invert else (0.0, v_dd)
        e = spice(self.t_edge)
        times = f"{spice(start)} {e} {e} {spice(width - self.t_edge)} {spice(self.t_slot)}"
        return f"{name} {node} 0 pulse({spice(first)} {spice(last)} {times})"

    def control(self, name: str, node: str, v_dd: float, *, running: bool) -> str:
        """Return a logic signal that is high during the run (or the reset)."""
        return self.logic(name, node, v_dd, start=self.t_reset, width=self.t_run, invert=not running)


def pwl(name: str, plus: str, minus: str, times: Array, values: Array) -> str:
    """Return a source of straight lines through (times, values); a name with i is a current from plus to minus."""
    if times.shape != values.shape:
        raise ShapeError(f"source {name}: got {times.shape} times and {values.shape} values")
    knots = [f"{spice(t)} {spice(v)}" for t, v in zip(times.tolist(), values.tolist(), strict=True)]
    return fold([f"{name} {plus} {minus} pwl(", *knots, ")"]).rstrip()


def first_rises(axis: Array, wave: Array, level: float, starts: Array, ends: Array) -> Array:
    """Return when a waveform first reaches `level` in each interval, (n,) [s]; infinity where it does not.

    A wave that is at or above the level at the start counts as there at once.
    """
    above = wave >= level
    index = np.flatnonzero(~above[:-1] & above[1:])
    step = (level - wave[index]) / (wave[index + 1] - wave[index])
    times = np.append(axis[index] + step * np.diff(axis)[index], np.inf)
    found = times[np.searchsorted(times, starts)]
    found = np.where(np.interp(starts, axis, wave) >= level, starts, found)
    return np.where(found <= ends, found, np.inf)


def require(  # noqa: PLR0917  one line of text each
    done: NDArray[np.bool_], inputs: Array, unit: str, what: str, where: str, hint: str
) -> None:
    """Raise `MeasurementFailed` for the first conversion that is not `done` (n,) bool."""
    bad = np.flatnonzero(~done)
    if len(bad):
        k = int(bad[0])
        first = f"first number {k} with input {show(float(inputs[k]), unit)}"
        raise MeasurementFailed(
            f"{len(bad)} of {len(inputs)} conversions {what}, {first}",
            where=where,
            hint=hint,
        )
