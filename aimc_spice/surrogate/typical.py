"""How long does one operation of a tile take, and what does it cost? Measured on a typical tile in the surrogate.

One idea: time and energy of a tile depend little on its weights, so a builder prepares one tile with uniformly random
weights (see `settling`), drives it with uniformly random inputs, and writes the latest column's settling time and the
mean energy into the `TileSurrogate`. Asked for a shorter time, it also says how far each column has come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aimc_spice.netlist.macro import Macro
from aimc_spice.rng import stream
from aimc_spice.surrogate.charge import ChargeTile
from aimc_spice.surrogate.energy import amplifier_energy, driver_energy
from aimc_spice.surrogate.frequency import Cells, FrontEndAt, MacroPorts, StaticPorts
from aimc_spice.surrogate.settling import Settling, settle
from aimc_spice.surrogate.tile import CurrentTile, pair_of

Array = NDArray[np.float64]
_VECTORS = 16


def current_tile(
    tile: CurrentTile,
    *,
    t_rise: float,
    front_end: Macro | None = None,
    within: float = 0.005,
    t_int: float | None = None,
    vdd: float = 0.0,
    conductance: Callable[[Array], Array] | None = None,
    seed: int = 0,
) -> CurrentTile:
    """Return the tile with its time and energy.

    Parameters
    ----------
    tile : CurrentTile
        Without them.
    t_rise : float
        Edge of the inputs, above zero [s].
    front_end : Macro, optional
        The linear front end with its capacitors and poles; default the static one of the tile, without supply currents.
    within : float
        Settled is within this fraction of the largest output.
    t_int : float, optional
        Read at this time instead [s]: columns that have not come up are scaled.
    vdd : float
        Supply of the front ends' outputs, class B [V]; zero leaves them out.
    conductance : callable, optional
        What a nonlinear cell conducts [S], over its parameter g [S]: chord conductances keep the mean energy.
    seed : int
        Of weights and inputs.
    """
    state = np.moveaxis(pair_of(_weights(tile.n_rows, tile.n_cols, seed), tile.n_levels, tile.zero), 0, -1)
    g = (1 - state) * tile.device.g_off + state * tile.device.g_on
    g = g if conductance is None else conductance(g)
    ports: FrontEndAt = StaticPorts(tile.ports) if front_end is None else MacroPorts(front_end)
    found = settle(Cells(g, np.zeros(g.shape), tile.wire, tile.r_driver), ports, t_rise=t_rise)
    v = _inputs(tile.n_rows, tile.v_read, seed)
    t = _time(found, v, within, t_int)
    spent = driver_energy(found, v, t) + (amplifier_energy(found, v, t, vdd) if vdd else 0.0)
    return replace(tile, t_mvm=t, e_mvm=float(spent.mean()), reached=_reached(found, t_int))


def charge_tile(
    tile: ChargeTile, *, t_rise: float, within: float = 0.005, t_int: float | None = None, seed: int = 0
) -> ChargeTile:
    """Return the tile with its time and energy; parameters as in `current_tile`.

    The energy is that of the word-line drivers for a step from rest; the drivers give none on the way back.
    """
    found = tile.settling(_weights(tile.n_rows, tile.n_cols, seed), t_rise)
    v = _inputs(tile.n_rows, tile.v_read, seed)
    t = _time(found, v, within, t_int)
    return replace(tile, t_mvm=t, e_mvm=float(driver_energy(found, v, t).mean()), reached=_reached(found, t_int))


def _weights(n_rows: int, n_cols: int, seed: int) -> Array:
    return stream(seed, "typical tile", "weights").uniform(-1, 1, (n_rows, n_cols))


def _inputs(n_rows: int, v_read: float, seed: int) -> Array:
    return v_read * stream(seed, "typical tile", "inputs").uniform(-1, 1, (_VECTORS, n_rows))


def _time(found: Settling, v_wl: Array, within: float, t_int: float | None) -> float:
    return float(found.settling_time(v_wl, within).max()) if t_int is None else t_int


def _reached(found: Settling, t_int: float | None) -> Array | None:
    return None if t_int is None else found.columns(t_int)
