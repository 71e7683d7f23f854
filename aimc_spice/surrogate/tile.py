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
_CELLS_AT_ONCE = 1 << 14  # bounds the memory at work: 22 MB, measured


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
        Time [s] and energy [J] of one operation of a full tile (see `typical.current_tile`).
    reached : ndarray, shape (n_cols,), optional
        Share of the settled output when the columns are read; default all of it.
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
    reached: Array | None = None

    def program(self, weights: Array) -> Array:
        """Map weights to differential pairs and reduce every tile exactly, a few tiles at a time.

        Weights in single precision give matrices in single precision (6e-8), computed in double precision.
        """
        found = np.empty(weights.shape, np.result_type(weights.dtype, np.float32))
        step = max(1, _CELLS_AT_ONCE // (weights.shape[1] * weights.shape[2]))
        for start in range(0, len(weights), step):
            found[start : start + step] = self._reduced(weights[start : start + step].astype(np.float64))
        return found

    def _reduced(self, weights: Array) -> Array:
        state = pair_of(weights, self.n_levels, self.zero)
        g_pos, g_neg = (1 - state) * self.device.g_off + state * self.device.g_on
        scale = self.v_read if self.reached is None else self.v_read * self.reached[: weights.shape[-1]]
        return scale * tile_operator(g_pos, g_neg, self.wire, self.ports, self.r_driver)


def pair_of(weights: Array, n_levels: int | None, zero: Zero) -> Array:
    """Return the states (2, …) of positive and negative cells for weights (…) in [-1, 1]: 0 is off, 1 is on."""
    levels = None if n_levels is None else n_levels - 1
    state = weights if levels is None else np.round(weights * levels) / levels
    up, down = np.maximum(state, 0), np.maximum(-state, 0)
    return np.stack([up, down] if zero == "off" else [1 - down, 1 - up])
