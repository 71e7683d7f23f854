"""What does a cell store? Its ports are moved up and down in ngspice; what differs is charge.

One idea: at the same voltage, current on the way up less current on the way down is twice the displacement current. Two
ramps, one of each port, give the three capacitances between a, b and ground, near 0 V and for slow changes: what sits
behind the cell's own resistance is counted with the port it follows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aimc_spice.dataset.collect import Job, collect
from aimc_spice.dataset.store import Store
from aimc_spice.errors import FitError
from aimc_spice.netlist.cells import cell_ramp_deck
from aimc_spice.netlist.driven import NOMINAL, Corner
from aimc_spice.netlist.macro import Macro
from aimc_spice.simulate.base import Pool, Waveforms
from aimc_spice.units import show

Array = NDArray[np.float64]
_N_G = 9
_T_RAMP = 1e-9  # [s]: slow for a cell of femtofarads, fast enough for their current to be seen
_NOTHING = 1e-19  # [F]
_SAME = 1e-4  # of the largest current: a larger difference of equal cells is no rounding


@dataclass(frozen=True)
class CellCapacitance:
    """Capacitances of a cell [F]: of port a and of port b to ground, and between them."""

    a: float
    b: float
    ab: float


NO_CHARGE = CellCapacitance(0.0, 0.0, 0.0)


def cell_capacitance(
    cell: Macro,
    g_range: tuple[float, float],
    v: float,
    pool: Pool,
    store: Store,
    *,
    corner: Corner = NOMINAL,
) -> CellCapacitance:
    """Measure what a cell stores, the mean over its conductances.

    Parameters
    ----------
    cell : Macro
        Ports a, b, parameter g.
    g_range : tuple of float
        Smallest and largest g [S].
    v : float
        How far the ports are moved [V].
    pool, store : Pool, Store
        Where to simulate and to keep results.
    corner : Corner
        Temperature.

    Raises
    ------
    SimulationError
        ngspice failed.
    FitError
        Two equal cells differ: noise. A capacitance below zero: the cell answers with memory, not with charge.
    """
    g = np.geomspace(*g_range, _N_G)
    deck = cell_ramp_deck(cell, np.repeat(g, 2), v, _T_RAMP)
    (found,) = collect(
        [Job(f"charge of cell {cell.name}", replace(deck, options=(*deck.options, *corner.options)))], pool, store
    )
    probes = {end: [f"i(v{end}_{k})" for k in range(2 * len(g))] for end in "ab"}
    _check_twins(found.stack(probes["b"]), cell.name)
    into_a, out_of_b = (_displaced(found, probes[end], v) for end in "ab")
    ab = max(0.0, 0.5 * (out_of_b[0] - into_a[1]))
    a, b = into_a[0] - ab, -out_of_b[1] - ab
    if min(a, b) < -_NOTHING:
        raise FitError(
            f"cell {cell.name}: {show(min(a, b), 'F')} at a port, wanted zero or more",
            cause="its current lags behind its voltage",
            hint="n_steps = 0 in [calibration] leaves time out",
        )
    return CellCapacitance(max(a, 0.0), max(b, 0.0), ab)


def _check_twins(currents: Array, name: str) -> None:
    """Raise `FitError` where a copy differs from its twin, currents (n_t, 2 n_g)."""
    apart, most = float(np.abs(currents[:, ::2] - currents[:, 1::2]).max()), float(np.abs(currents).max())
    if apart > _SAME * most:
        raise FitError(
            f"cell {name}: two equal cells differ by {show(apart, 'A')} of {show(most, 'A')} in time",
            cause="noise: not a function of its inputs",
            hint="take the noise out; n_steps = 0 in [calibration] leaves time out",
        )


def _displaced(found: Waveforms, probes: list[str], v: float) -> tuple[float, float]:
    """Return charge over voltage [F], the mean of `probes`, while port a moves and while port b does."""
    current = found.stack(probes).mean(axis=1)
    up, down = (np.interp(_T_RAMP * (np.array([0.0, 3.0]) + after), found.axis, current) for after in (0.5, 1.5))
    a, b = (0.5 * _T_RAMP / v * (up - down)).tolist()
    return a, b
