"""What is stored in a charge-mode array: one capacitance per cell, and which weights they stand for.

One idea: a `CapacitanceMap` is to charge what a `ConductanceMap` is to current: deck writer, closed form and nodal
judge all read the same object. A cell's capacitance is continuous, one of n levels, or a number of unit capacitors (n
levels whose step is the unit, see `Capacitor.from_units`). It knows no wires and no parasitics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from aimc_spice.device.base import Array
from aimc_spice.device.mapping import Zero, pair_states
from aimc_spice.errors import DeviceError, ShapeError
from aimc_spice.rng import stream
from aimc_spice.units import show


@dataclass(frozen=True)
class Capacitor:
    """A linear capacitive cell.

    Parameters
    ----------
    c_on, c_off : float
        Largest and smallest capacitance [F], ``c_on > c_off >= 0``.
    c_unit : float
        The unit that random errors refer to: a cell of capacitance c has the area of ``c / c_unit`` units [F].
    name : str
        For reports.
    """

    c_on: float
    c_off: float = 0.0
    c_unit: float = 1e-15
    name: str = "capacitive"

    def __post_init__(self) -> None:
        values = (self.c_on, self.c_off, self.c_unit)
        if not (np.isfinite(values).all() and self.c_on > self.c_off >= 0 and self.c_unit > 0):
            raise DeviceError(
                f"device {self.name}: got c_on = {show(self.c_on, 'F')}, c_off = {show(self.c_off, 'F')} and "
                f"c_unit = {show(self.c_unit, 'F')}, wanted c_on > c_off >= 0 and c_unit > 0"
            )

    @classmethod
    def from_units(cls, c_unit: float, n_units: int, c_off: float = 0.0) -> Capacitor:
        """Build a cell of up to `n_units` unit capacitors [F] on top of `c_off`: it has ``n_units + 1`` levels."""
        return cls(c_off + n_units * c_unit, c_off, c_unit, f"{n_units} x {show(c_unit, 'F')}")

    @property
    def n_units(self) -> int:
        """Unit capacitors between the smallest and the largest state."""
        return round((self.c_on - self.c_off) / self.c_unit)


@dataclass(frozen=True)
class CapacitanceMap:
    """Capacitances of a differential array, rows = word lines = inputs, columns = outputs.

    Parameters
    ----------
    c_pos, c_neg : ndarray, shape (n_rows, n_cols)
        Capacitances of the two cells of each pair [F]; weight ∝ ``c_pos - c_neg``.
    device : Capacitor
        The cell. Random errors may lie outside its range.
    w_max : float
        The weight that ``c_on - c_off`` stands for.
    """

    c_pos: Array
    c_neg: Array
    device: Capacitor
    w_max: float = 1.0

    def __post_init__(self) -> None:
        for name in ("c_pos", "c_neg"):
            copy = np.array(getattr(self, name), dtype=np.float64)
            copy.setflags(write=False)
            object.__setattr__(self, name, copy)
        if self.c_pos.ndim != 2 or self.c_pos.shape != self.c_neg.shape or 0 in self.c_pos.shape:
            raise ShapeError(
                f"capacitances: got c_pos {self.c_pos.shape} and c_neg {self.c_neg.shape}, "
                "wanted two equal shapes (n_rows, n_cols)"
            )
        if not (np.isfinite([self.c_pos, self.c_neg]).all() and min(self.c_pos.min(), self.c_neg.min()) >= 0):
            raise DeviceError("capacitances: wanted finite values of zero or more [F]")

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_cols)."""
        rows, cols = self.c_pos.shape
        return rows, cols

    def weights(self) -> Array:
        """Return the weights that the capacitances stand for, shape (n_rows, n_cols)."""
        return (self.c_pos - self.c_neg) * (self.w_max / (self.device.c_on - self.device.c_off))

    def with_mismatch(self, sigma_unit: float, seed: int) -> CapacitanceMap:
        """Return the map with random errors: relative σ of `sigma_unit` for one unit, ∝ 1/√area for others."""
        rng, unit = stream(seed, "capacitance"), self.device.c_unit
        pairs = (c + sigma_unit * np.sqrt(c * unit) * rng.standard_normal(c.shape) for c in (self.c_pos, self.c_neg))
        c_pos, c_neg = (np.maximum(c, 0.0) for c in pairs)
        return replace(self, c_pos=c_pos, c_neg=c_neg)


def map_capacitances(
    weights: ArrayLike,
    device: Capacitor,
    *,
    n_levels: int | None = 2,
    zero: Zero = "off",
    w_max: float | None = 1.0,
) -> CapacitanceMap:
    """Map a weight matrix onto pairs of capacitors.

    Parameters
    ----------
    weights : array_like, shape (n_in, n_out)
        Finite weights in [-w_max, w_max].
    device : Capacitor
        The cell.
    n_levels : int or None
        Levels of one cell, both ends included; ``device.n_units + 1`` for unit capacitors; None is continuous.
    zero : {"off", "on"}
        Which state both cells of a zero weight take.
    w_max : float or None
        The weight of a fully differential pair; None is the largest magnitude present.

    Returns
    -------
    CapacitanceMap
        With ``weights()`` equal to the rounded weights.

    Raises
    ------
    ShapeError, DeviceError
        A wrong shape; a weight that is not finite or beyond `w_max`; fewer than two levels.
    """
    states, limit = pair_states(weights, n_levels=n_levels, zero=zero, w_max=w_max)
    c_pos, c_neg = ((1 - state) * device.c_off + state * device.c_on for state in states)
    return CapacitanceMap(c_pos, c_neg, device, limit)
