"""What does a tile of nonlinear cells do in time? Between its start and its rest it is a linear one.

One idea: Newton says where the tile rests, and where it starts, with amplifiers that have not moved yet. On the way
between, a cell is its secant conductance ``Δi / Δv`` over the second half of that way, beside a constant current; that
tile is linear, so `settle` knows it at any time. The constant currents, the same share for all cells of a row, act like
inputs on their word lines (as in `families.rows`); what the outputs at rest then still miss comes as each column comes
up. Drivers deliver the currents that Newton finds, and the charge of the linear tile. What cells store lies at their
word and bit lines (`laws.capacitance`).

One input a preparation: two Newton solutions and some thirty operators. Front ends are linear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.energy import charging_energy, held
from aimc_spice.surrogate.frequency import Cells, FrontEndAt
from aimc_spice.surrogate.laws.base import CellLaw, LawBox
from aimc_spice.surrogate.laws.capacitance import NO_CHARGE, CellCapacitance
from aimc_spice.surrogate.newton import NonlinearTile, Solution
from aimc_spice.surrogate.operator import LinearPorts
from aimc_spice.surrogate.settling import Settling, last_crossing, settle

Array = NDArray[np.float64]
_NEAR = 1e-6  # of the largest input: a way so short is a point


@dataclass(frozen=True)
class NonlinearStep:
    """A nonlinear tile in time, for one input.

    Parameters
    ----------
    tile : Settling
        The linear tile.
    v_wl, drive : ndarray, shape (1, n_rows)
        Voltages of the drivers [V], and what those of the linear tile are at in their place.
    rest : ndarray, shape (n_cols,)
        Settled outputs [V].
    currents : ndarray, shape (n_rows,)
        Currents of the drivers at rest [A].
    """

    tile: Settling
    v_wl: Array
    drive: Array
    rest: Array
    currents: Array

    def outputs(self, t: Array) -> Array:
        """Return the outputs (n_t, n_cols) [V] at times t (n_t,) [s] from the start of the edge."""
        return np.asarray(self.tile.outputs(self.drive, t)[:, 0] + self._missing * self.tile.shares(t))

    def settling_time(self, within: float) -> float:
        """Return when all outputs stay within this fraction of the largest around rest [s]."""
        band = within * np.abs(self.rest).max()
        return float(last_crossing(self.tile.base.t_last, lambda t: np.abs(self.outputs(t) - self.rest) - band).max())

    def energy(self, t: float) -> float:
        """Return the work of the drivers to time t [J]."""
        conduction = float(self.v_wl[0] @ self.currents) * held(t, self.tile.t_rise)
        return conduction + float(charging_energy(self.tile, self.v_wl, t, self.drive)[0])

    @cached_property
    def _missing(self) -> Array:
        return np.asarray(self.rest - self.drive[0] @ self.tile.operator)


@dataclass(frozen=True)
class NonlinearCells:
    """What is common to tiles of nonlinear cells that step.

    Parameters
    ----------
    law : CellLaw
        Of all cells.
    box : LawBox
        Where it holds.
    charge : CellCapacitance
        What a cell stores.
    """

    law: CellLaw
    box: LawBox
    charge: CellCapacitance = NO_CHARGE


def nonlinear_step(
    g: Array,
    v_wl: Array,
    cells: NonlinearCells,
    wire: Wire,
    front_end: FrontEndAt,
    *,
    t_rise: float,
    r_driver: float = 0.0,
) -> NonlinearStep:
    """Prepare a tile for one input and any time.

    Parameters
    ----------
    g : ndarray, shape (n_rows, n_cols, 2)
        Parameter g of the differential pairs [S].
    v_wl : ndarray, shape (1, n_rows)
        Word-line voltages [V].
    cells : NonlinearCells
        Law and charge.
    wire : Wire
        Segments.
    front_end : FrontEndAt
        At every column.
    t_rise : float
        Time of the inputs' edge, above zero [s]: what the front end does within it has happened at the start.
    r_driver : float
        [Ω].

    Raises
    ------
    NotConverged, OutsideValidity
        Newton failed; voltages that the law does not know.
    FitError
        As `settle`.
    """
    v_read = float(np.abs(v_wl).max()) or 1.0

    def solve(s: float) -> Solution:
        at = front_end.at(np.array([s]))
        ports = LinearPorts(at.y[0], at.reads[0, 0])
        tile = NonlinearTile(
            g[..., 0], g[..., 1], wire, ports, cells.law, v_read=v_read, r_driver=r_driver, box=cells.box
        )
        return tile.solve(v_wl)

    rest = solve(0.0)
    current, slope = _secant(cells.law, g, rest, solve(1 / t_rise), _NEAR * v_read)
    shift = (current - slope * _across(rest)).sum((1, 2)) / slope.sum((1, 2))
    loaded = replace(wire, c_wire_wl=wire.c_wire_wl + 2 * cells.charge.a, c_wire_bl=wire.c_wire_bl + cells.charge.b)
    linear = Cells(slope, np.full(g.shape, cells.charge.ab), loaded, r_driver)
    tile = settle(linear, front_end, t_rise=t_rise)
    return NonlinearStep(tile, v_wl, v_wl + shift, rest.out[0], current.sum((1, 2)))


def _across(found: Solution) -> Array:
    """Return the voltages across the cells, (n_rows, n_cols, 2) [V]."""
    return np.asarray(found.w[0, ..., None] - found.b[0])


def _secant(law: CellLaw, g: Array, rest: Solution, start: Solution, near: float) -> tuple[Array, Array]:
    """Return the cells' currents at rest [A] and their conductances [S] from half way to rest, at port b's rest."""
    v_b, flat = rest.b[0].reshape(-1, 1), g.reshape(-1, 1)
    across, before = (_across(one).reshape(-1, 1) for one in (rest, start))
    way = 0.5 * (across - before)
    current, slope, _ = law.current(v_b + across, v_b, flat)
    left = law.current(v_b + across - way, v_b, flat)[0]
    far = np.abs(way) > near
    conductance = np.where(far, (current - left) / np.where(far, way, 1.0), slope)
    return current.reshape(g.shape), conductance.reshape(g.shape)
