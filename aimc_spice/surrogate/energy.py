"""What does one operation of a tile cost? The work of its drivers, exactly, and what its amplifiers draw.

One idea: drivers at ``v r(t)`` (r: the edge, then one) deliver the conduction current at rest and the charge that the
capacitors and the settling take::

    E(t) = vᵀ [ Y_0 ∫ r² dt + Σ_k e_k(t) Q_k ] v          Y_0, Q_k of `Settling`, e_k of `TimeBase.energy`

This is all that wires and cells turn to heat or store, and what flows into the front ends' inputs; no discharge is
counted, as a driver going back to 0 V delivers nothing. Amplifiers of class B take ``vdd ∫ Σ |i| dt`` for the currents
of their outputs; their bias currents, clocks and converters are not in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aimc_spice.surrogate.settling import Settling

Array = NDArray[np.float64]
_POINTS = 600


def driver_energy(tile: Settling, v_wl: Array, t: float) -> Array:
    """Return the work of the word-line drivers from the start of the edge to time t, (batch,) [J].

    Parameters
    ----------
    tile : Settling
        With a `t_rise` above zero.
    v_wl : ndarray, shape (batch, n_rows)
        Word-line voltages [V].
    t : float
        End of the operation [s].

    Raises
    ------
    FitError
        The edge takes no time.
    """
    conduction = np.einsum("br,rq,bq->b", v_wl, tile.drivers, v_wl) * held(t, tile.t_rise)
    return np.asarray(conduction + charging_energy(tile, v_wl, t))


def charging_energy(tile: Settling, v_wl: Array, t: float, drive: Array | None = None) -> Array:
    """Return the part of `driver_energy` beside the currents at rest, (batch,) [J].

    Where the tile stands for one whose drivers are at `v_wl`, `drive` is what its own are at.
    """
    weights = tile.base.energy(np.array([min(t, tile.base.t_last)]), tile.t_rise)[0]
    work = np.tensordot(weights, tile.charges, 1)
    return np.asarray(np.einsum("br,rq,bq->b", v_wl, work, v_wl if drive is None else drive))


def amplifier_energy(tile: Settling, v_wl: Array, t: float, vdd: float) -> Array:
    """Return what the front ends' supplied devices draw to time t as class B, (batch,) [J]; supply `vdd` [V]."""
    end = min(t, tile.base.t_last)
    times = np.unique(np.concatenate([np.linspace(0, end, _POINTS), end * np.logspace(-4, 0, _POINTS), [end]]))
    drawn = np.abs(tile.supplied(v_wl, times)).sum(axis=(2, 3))
    rest = np.abs(np.tensordot(v_wl, tile.settled[..., 1:], 1)).sum(axis=(1, 2))
    return np.asarray(vdd * (np.trapezoid(drawn, times, axis=0) + rest * (t - end)))


def held(t: float, t_rise: float) -> float:
    """Return ``∫ r² dt`` [s]."""
    return float(min(t, t_rise) ** 3 / (3 * t_rise**2) + max(t - t_rise, 0.0))
