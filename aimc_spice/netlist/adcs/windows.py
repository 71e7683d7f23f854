"""How are conversions that follow each other on one time axis read?

One idea: conversion k owns the window ``[k t_window, (k + 1) t_window)``; codes are sampled at its end, a flag's rising
edge gives its time, supply power integrated over it gives its energy. What is neither high nor low, or never rises, is
raised with the input and the time it belongs to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import MeasurementFailed
from aimc_spice.netlist.adcs.base import Array, Codes
from aimc_spice.units import show


def read_codes(
    axis: Array,
    bits: Array,
    at: Array,
    inputs: Array | None,
    v_dd: float,
    *,
    where: str,
    unit: str = "V",
    swept: bool = False,
) -> Codes:
    """Sample bits and weigh them.

    Parameters
    ----------
    axis : ndarray, shape (n_points,)
        Time [s], or the number of the conversion where a DC sweep converts (`swept`).
    bits : ndarray, shape (n_bits, n_points)
        Logic levels, least significant first [V].
    at : ndarray, shape (n,)
        When each conversion's code is valid, on that axis.
    inputs : ndarray, shape (n,), or None
        For messages, in `unit` ("V" or "A").
    v_dd : float
        Supply of the logic: below 0.2 of it is low, above 0.8 high [V].
    where : str
        Name of the converter.

    Raises
    ------
    MeasurementFailed
        A level that is neither high nor low.
    """
    levels = np.stack([np.interp(at, axis, bit) for bit in bits]) / v_dd
    bad = np.argwhere(~((np.abs(levels) < 0.2) | (np.abs(levels - 1) < 0.2)))
    if len(bad):
        bit, k = bad[np.argmin(bad[:, 1])]
        when = "" if swept else f" at {show(float(at[k]), 's')}"
        time = "a comparator that is undecided" if swept else "a comparator that had no time to decide: a longer clock"
        raise MeasurementFailed(
            f"bit {bit} of conversion {_named(k, inputs, unit)} is at {show(float(levels[bit, k] * v_dd), 'V')}{when}: "
            f"neither high nor low ({len(bad)} such levels in {len(at)} conversions)",
            where=where,
            cause=f"of logic at {show(v_dd, 'V')}, low is below 0.2 and high above 0.8 of it",
            hint=f"{time}, a larger overdrive; or bits of another supply than that (v_logic of a user's converter)",
        )
    codes: Codes = ((levels > 0.5) * 2 ** np.arange(len(bits))[:, None]).sum(axis=0).astype(np.int64)
    return codes


def rise_times(
    axis: Array,
    flag: Array,
    starts: Array,
    t_window: float,
    level: float,
    *,
    where: str,
    inputs: Array | None = None,
    unit: str = "V",
) -> Array:
    """Return how long after the start of its window a flag rises through `level`, shape (n,) [s].

    `inputs` (n,) are for messages, in `unit`.

    Raises
    ------
    MeasurementFailed
        It does not rise in some window: a conversion that never finished.
    """
    above = flag >= level
    index = np.flatnonzero(~above[:-1] & above[1:])
    slope = (level - flag[index]) / (flag[index + 1] - flag[index])
    times = axis[index] + slope * (axis[index + 1] - axis[index])
    first = np.searchsorted(times, starts)
    padded = np.append(times, np.inf)[first] - starts
    late = np.flatnonzero(~(padded < t_window))
    if len(late):
        raise MeasurementFailed(
            f"{len(late)} of {len(starts)} conversions never finished, first number {_named(late[0], inputs, unit)}, "
            f"which began at {show(float(starts[late[0]]), 's')} and had {show(t_window, 's')}",
            where=where,
            hint="give the conversion more time: more or longer clock periods, a wider window",
        )
    return np.asarray(padded)


def _named(k: int, inputs: Array | None, unit: str) -> str:
    return str(k) + ("" if inputs is None else f" (input {show(float(inputs[k]), unit, 6)})")


def window_integrals(axis: Array, values: Array, edges: Array) -> NDArray[np.float64]:
    """Integrate a waveform (trapezoids) between successive edges (n + 1,) [s]; returns (n,)."""
    running = np.concatenate([[0.0], np.cumsum(np.diff(axis) * (values[1:] + values[:-1]) / 2)])
    return np.diff(np.interp(edges, axis, running))
