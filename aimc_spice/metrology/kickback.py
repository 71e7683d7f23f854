"""What does a conversion do to its input? Charge pushed into the source, and how far the voltage jumps.

One idea: two waveforms at the input, current and voltage, between the start and the end of a conversion; what flows
beyond the quiescent current is kick-back. It needs waveforms with these probes; it runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import ShapeError
from aimc_spice.metrology.levels import Array


@dataclass(frozen=True)
class KickBack:
    """Disturbance of the input.

    Parameters
    ----------
    charge : float
        Net charge into the source over the window [C], quiescent current subtracted.
    charge_abs : float
        Charge moved in either direction [C].
    v_peak : float
        Largest departure from the voltage before the start [V].
    """

    charge: float
    charge_abs: float
    v_peak: float


def kick_back(time: Array, v_input: Array, i_input: Array, start: float, stop: float) -> KickBack:
    """Measure the window [start, stop] [s].

    Parameters
    ----------
    time, v_input, i_input : ndarray, shape (n,)
        [s], [V] and the current into the source [A].
    start, stop : float
        Window; values at `start` are the quiescent ones.
    """
    inside = time[(time > start) & (time < stop)]
    t = np.concatenate([[start], inside, [stop]])
    if not (time[0] <= start < stop <= time[-1]):
        raise ShapeError(f"kick-back: got the window {start:g} to {stop:g} s of {time[0]:g} to {time[-1]:g} s")
    v, i = np.interp(t, time, v_input), np.interp(t, time, i_input)
    extra = i - i[0]
    return KickBack(float(np.trapezoid(extra, t)), float(np.trapezoid(np.abs(extra), t)), float(np.abs(v - v[0]).max()))
