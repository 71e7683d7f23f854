"""What does a conversion do to its input? Charge pushed into the source, and how far the voltage jumps.

One idea: two waveforms at the input, current and voltage, between the start and the end of a conversion; what flows
beyond the quiescent current is kick-back. `KickProbe` says where and when to look in a converter's deck.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from aimc_spice.dataset.bench import Bench
from aimc_spice.dataset.collect import Job, collect
from aimc_spice.errors import ShapeError
from aimc_spice.metrology.levels import Array
from aimc_spice.netlist.adcs.base import Converter


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


@dataclass(frozen=True)
class KickProbe:
    """Where and when kick-back is looked for.

    Parameters
    ----------
    value : float
        Input that is converted [V, A or C].
    v_probe, i_probe : str
        Voltage at the input, current of the source that drives it, as in a deck: ``v(inp)``, ``i(vinp)``.
    start, stop : float
        Window, from the start of the deck [s]; after the input was sampled, or its own charge counts too.
    """

    value: float
    v_probe: str
    i_probe: str
    start: float
    stop: float


def measure_kick_back(converter: Converter, probe: KickProbe, bench: Bench) -> KickBack:
    """Convert one input and look at it; raises `SimulationError` where that fails or a probe is not there."""
    deck = replace(converter.deck(np.array([probe.value])), probes=(probe.v_probe, probe.i_probe))
    (found,) = collect([Job(f"{converter.name}, kick-back", deck)], bench.pool, bench.store, bench.progress)
    # ngspice counts a source's current into its positive terminal: what flows back into the source is positive
    v, i = found.signals[probe.v_probe], found.signals[probe.i_probe]
    return kick_back(found.axis, v, i, probe.start, probe.stop)


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
