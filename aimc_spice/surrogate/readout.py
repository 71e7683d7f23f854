"""What does a read-out do to a column's output? Thresholds, noise, time and energy, drawn once for every converter.

One idea: a converter is its list of code transition levels; INL, DNL, offset and gain are all in it, so converting is
counting how many levels lie below the input. `Readout` is a population of them, `ColumnReadouts` the instances of one
tile's columns. It knows no circuit (see `netlist.adcs`) and no crossbar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import ShapeError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ColumnReadouts:
    """The converters of some columns.

    Parameters
    ----------
    thresholds : ndarray, shape (n_cols, 2**n_bits - 1)
        Code transition levels of each [V, A or C], rising.
    sigma_noise : float
        Input-referred noise, rms [V, A or C].
    low, high : float
        Nominal input range.
    """

    thresholds: Array
    sigma_noise: float
    low: float
    high: float

    def __post_init__(self) -> None:
        n = self.thresholds.shape[-1] + 1
        if self.thresholds.ndim != 2 or n & (n - 1):
            raise ShapeError(f"thresholds: got {self.thresholds.shape}, wanted (n_cols, 2**n_bits - 1)")

    @property
    def n_bits(self) -> int:
        """Bits."""
        return int(self.thresholds.shape[1] + 1).bit_length() - 1

    @property
    def lsb(self) -> float:
        """Nominal step [V, A or C]."""
        return (self.high - self.low) / float(2**self.n_bits)

    def codes(self, y: Array, noise: Array | None = None) -> NDArray[np.int64]:
        """Convert column outputs (batch, n_cols) [V, A or C]; `noise` is standard normal, of the same shape.

        The plain and exact way, one column at a time: the judge of faster kernels.
        """
        if y.ndim != 2 or y.shape[1] != len(self.thresholds):
            raise ShapeError(f"read-out: got {y.shape}, wanted (batch, {len(self.thresholds)})")
        noisy = y if noise is None else y + self.sigma_noise * noise
        columns = [np.searchsorted(t, noisy[:, c], side="right") for c, t in enumerate(self.thresholds)]
        return np.stack(columns, axis=1).astype(np.int64)

    def values(self, codes: NDArray[np.int64]) -> Array:
        """Return what codes stand for [V, A or C]: the middle of the ideal step."""
        return np.asarray(self.low + (codes + 0.5) * self.lsb)


class Readout(Protocol):
    """A population of converters, fitted to circuits."""

    @property
    def n_bits(self) -> int:
        """Bits."""
        ...

    @property
    def t_conv(self) -> float:
        """Time of a conversion [s]."""
        ...

    @property
    def e_conv(self) -> float:
        """Mean energy of a conversion [J]."""
        ...

    def sample(self, n_cols: int, seed: int, *names: str) -> ColumnReadouts:
        """Draw the converters of some columns: the same seed and names (layer, tile) give the same ones."""
        ...


@dataclass(frozen=True)
class IdealReadout:
    """Equal steps, no noise, no spread: for tests and as a reference.

    Parameters
    ----------
    n_bits : int
        Bits.
    low, high : float
        Input range [V, A or C].
    t_conv, e_conv : float
        Time [s] and energy [J] of a conversion.
    """

    n_bits: int
    low: float
    high: float
    t_conv: float = 0.0
    e_conv: float = 0.0

    def sample(self, n_cols: int, seed: int, *names: str) -> ColumnReadouts:  # noqa: ARG002  nothing is random
        """Return equal converters."""
        n = 2**self.n_bits
        levels = self.low + (self.high - self.low) / n * np.arange(1, n)
        return ColumnReadouts(np.tile(levels, (n_cols, 1)), 0.0, self.low, self.high)
