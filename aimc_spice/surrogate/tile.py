"""What does the network evaluator see of a tile? Weights in, an exact matrix out, and what an operation costs.

One idea: inputs are relative, ``x`` in [-1, 1] on word lines of ``x * v_read``; a programmed tile is the matrix from x
to the voltages, currents or charges at the converters. Current mode and charge mode differ in what fills the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aimc_spice.device.base import Device
from aimc_spice.device.mapping import Zero
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import LinearPorts, tile_operator

Array = NDArray[np.float64]


@runtime_checkable
class TileSurrogate(Protocol):
    """A kind of tile, before it is programmed."""

    @property
    def n_rows(self) -> int:
        """Word lines of a full tile."""
        ...

    @property
    def n_cols(self) -> int:
        """Differential columns of a full tile."""
        ...

    def program(self, weights: Array) -> Array:
        """Return the matrices (n_tiles, n_rows, n_cols) from x in [-1, 1] to column outputs [V, A or C].

        Weights (n_tiles, n_rows, n_cols) are in [-1, 1], 1 being a fully differential cell; tiles may be smaller than
        full.
        """
        ...

    @property
    def t_mvm(self) -> float:
        """From the inputs to a settled column output [s], converters excluded."""
        ...

    @property
    def e_mvm(self) -> float:
        """Energy of one operation of a full tile with typical inputs [J], converters excluded."""
        ...


@dataclass(frozen=True)
class CurrentTile:
    """A resistive crossbar with wires and linear front ends: the exact operator.

    Parameters
    ----------
    n_rows, n_cols : int
        Of a full tile.
    device : Device
        Range of the cells.
    wire : Wire
        Segment values.
    ports : LinearPorts
        The front end.
    v_read : float
        Word-line voltage of x = 1 [V].
    r_driver : float
        [Ω].
    n_levels : int or None
        Of a cell; None is continuous.
    zero : {"on", "off"}
        Which state both cells of a zero weight take.
    t_mvm, e_mvm : float
        Time [s] and energy [J] of one operation of a full tile.
    """

    n_rows: int
    n_cols: int
    device: Device
    wire: Wire
    ports: LinearPorts
    v_read: float
    r_driver: float = 0.0
    n_levels: int | None = None
    zero: Zero = "off"
    t_mvm: float = 0.0
    e_mvm: float = 0.0

    def program(self, weights: Array) -> Array:
        """Map weights to differential pairs and reduce every tile exactly."""
        state = weights
        if self.n_levels is not None:
            state = np.round(weights * (self.n_levels - 1)) / (self.n_levels - 1)
        up, down = np.maximum(state, 0), np.maximum(-state, 0)
        pair = (up, down) if self.zero == "off" else (1 - down, 1 - up)
        g_pos, g_neg = ((1 - s) * self.device.g_off + s * self.device.g_on for s in pair)
        return self.v_read * tile_operator(g_pos, g_neg, self.wire, self.ports, self.r_driver)
