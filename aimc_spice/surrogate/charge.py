"""What does a charge-mode tile do? Every bit line is a capacitive divider; wires only decide when it gets there.

One idea: a floating bit line shares the charge that the word lines push through its cells, so at rest

    v_bl = Σ c v_wl / C_bl        C_bl = Σ c + n_rows (c_par + c_wire_bl) + c_load

whatever the resistances: the operator of any number of tiles is a division. Its way there is the response of the same
network at real frequencies (`charge_settling`), where the cells are conductances ``s c``. A leak of the bit line lets
the charge droop by ``exp(-t_hold / (r_leak C_bl))``. Reset switches and their charge are in the decks, not here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.device.capacitance import Capacitor
from aimc_spice.device.mapping import Zero
from aimc_spice.errors import FitError
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.frequency import CapacitiveLoad, Cells, Samples
from aimc_spice.surrogate.settling import Settling, settle
from aimc_spice.surrogate.tile import pair_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ChargeTile:
    """A capacitive crossbar with differential bit lines: a `TileSurrogate`.

    Parameters
    ----------
    n_rows, n_cols : int
        Of a full tile.
    cell : Capacitor
        Range of the cells.
    wire : Wire
        Segment values.
    v_read : float
        Step of a word line for x = 1 [V].
    r_driver : float
        [Ω].
    c_par, c_load : float
        Parasitic of every cell at its bit line; read-out at each bit line [F].
    n_levels : int or None
        Of a cell; None is continuous.
    zero : {"on", "off"}
        Which state both cells of a zero weight take.
    reached : ndarray, shape (n_cols,), optional
        Share of the settled output when the columns are read; default all of it.
    r_leak, t_hold : float
        Leak of each bit line [Ω] and how long it holds its charge before it is read [s].
    t_mvm, e_mvm : float
        Time [s] and energy [J] of one operation of a full tile (see `typical.charge_tile`).
    """

    n_rows: int
    n_cols: int
    cell: Capacitor
    wire: Wire
    v_read: float
    r_driver: float = 0.0
    c_par: float = 0.0
    c_load: float = 0.0
    n_levels: int | None = None
    zero: Zero = "off"
    reached: Array | None = None
    r_leak: float = np.inf
    t_hold: float = 0.0
    t_mvm: float = 0.0
    e_mvm: float = 0.0

    def capacitances(self, weights: Array) -> Array:
        """Return the capacitances (2, …) [F] of the pairs for weights in [-1, 1], shape (…)."""
        state = pair_of(weights, self.n_levels, self.zero)
        return np.asarray((1 - state) * self.cell.c_off + state * self.cell.c_on)

    def program(self, weights: Array) -> Array:
        """Return matrices (n_tiles, n_rows, n_cols) from x to differences of bit-line voltages [V].

        Raises
        ------
        FitError
            A bit line without any capacitance.
        """
        share = np.stack([self.shared(c) for c in self.capacitances(weights)])
        reached = 1.0 if self.reached is None else self.reached[: weights.shape[-1]]
        return np.asarray(self.v_read * reached * (share[0] - share[1]))

    def settling(self, weights: Array, t_rise: float = 0.0) -> Settling:
        """Return one tile with weights (n_rows, n_cols) in time, for volts on the word lines."""
        c = np.moveaxis(self.capacitances(weights), 0, -1)
        cells = Cells(np.zeros(c.shape), c, self.wire, self.r_driver, self.c_par)
        return charge_settling(cells, self.c_load, t_rise=t_rise)

    def shared(self, c: Array) -> Array:
        """Return volts on bit lines for a volt on each word line, left after the hold."""
        total = c.sum(axis=-2, keepdims=True) + c.shape[-2] * (self.c_par + self.wire.c_wire_bl) + self.c_load
        if not total.min() > 0:
            raise FitError("charge mode: a bit line has no capacitance at all", hint="give c_off, c_par or c_load")
        return np.asarray(c / total * np.exp(-self.t_hold / (self.r_leak * total)))


def charge_settling(cells: Cells, c_load: float, *, t_rise: float = 0.0, t_last: float | None = None) -> Settling:
    """Prepare a charge-mode tile for any time; outputs are differences of bit lines [V].

    Parameters
    ----------
    cells : Cells
        Capacitances; conductances zero.
    c_load : float
        Read-out at each bit line [F].
    t_rise, t_last : float
        As in `settle`.

    Raises
    ------
    FitError
        Cells that conduct, which leave nothing to share at rest; a bit line without any capacitance.
    """
    if cells.g.any():
        raise FitError("charge mode: a cell conducts", hint="give the leak to ChargeTile.r_leak")
    n_rows = len(cells.c)
    total = cells.c.sum(axis=0) + n_rows * (cells.c_node + cells.wire.c_wire_bl) + c_load
    if not total.min() > 0:
        raise FitError("charge mode: a bit line has no capacitance at all", hint="give c_off, c_par or c_load")
    share = cells.c / total
    rest = Samples((share[..., 0] - share[..., 1])[None, ..., None], np.zeros((1, n_rows, n_rows)))
    return settle(cells, CapacitiveLoad(c_load), t_rise=t_rise, t_last=t_last, rest=rest)
