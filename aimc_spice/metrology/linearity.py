"""How straight is a converter? Offset, gain error, INL and DNL of its code transition levels (after IEEE 1241).

One idea: everything static is in the levels ``T[k]``, the input at which codes k and above take over, k = 1 … N - 1,
N = 2**n_bits. A straight line ``a + b k`` through them is the converter without its curvature:

========== ======================================================================
endpoint   through the first and the last level; its INL is zero at both ends
best       least squares through all levels
========== ======================================================================

``INL[k] = (T[k] - a - b k) / b`` for k = 1 … N - 1 and ``DNL[k] = (T[k+1] - T[k]) / b - 1`` for codes k = 1 … N - 2:
the first and the last code have no width. An ideal converter has ``T[k] = low + k lsb``. It measures nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import ConverterStuck, ShapeError
from aimc_spice.metrology.levels import Defect

Array = NDArray[np.float64]
Reference = Literal["endpoint", "best"]


@dataclass(frozen=True)
class Linearity:
    """The static transfer of one converter.

    Parameters
    ----------
    levels : ndarray, shape (2**n_bits - 1,)
        Transition levels to codes 1, 2, … [V, A or C], rising.
    low, high : float
        Nominal input range [V, A or C].
    unit : str
        "V", "A" or "C".
    resolution : float
        Width of the brackets around the levels [V, A or C]; a level is known to half of it.
    n_conversions : int
        How many conversions it took.
    defects : tuple of Defect
        What is wrong with the transfer; empty for a sound converter.
    """

    levels: Array
    low: float
    high: float
    unit: str
    resolution: float
    n_conversions: int
    defects: tuple[Defect, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.levels) + 1
        if self.levels.ndim != 1 or n < 4 or n & (n - 1):
            raise ShapeError(f"levels: got {self.levels.shape}, wanted (2**n_bits - 1,) with 2 bits or more")
        if not self.high > self.low:
            raise ShapeError(f"levels: got the range {self.low:g} to {self.high:g} {self.unit}, wanted a rising one")

    @property
    def n_bits(self) -> int:
        """Bits."""
        return len(self.levels).bit_length()

    @property
    def lsb(self) -> float:
        """Nominal step [V, A or C]."""
        return (self.high - self.low) / float(2**self.n_bits)

    @property
    def is_monotonic(self) -> bool:
        """Whether no code falls where the input rises."""
        return all(defect.name != "not monotonic" for defect in self.defects)

    def line(self, reference: Reference = "endpoint") -> tuple[float, float]:
        """Return (a, b) of the reference line ``a + b k`` [V, A or C]."""
        k = np.arange(1, len(self.levels) + 1)
        if reference == "best":
            b, a = np.polyfit(k, self.levels, 1)
            return float(a), float(b)
        b = (self.levels[-1] - self.levels[0]) / (len(self.levels) - 1)
        if not b > 0:
            raise next((d.error("") for d in self.defects), ConverterStuck("all levels are at one input"))
        return float(self.levels[0] - b), float(b)

    def inl_lsb(self, reference: Reference = "endpoint") -> Array:
        """Return INL of every level (2**n_bits - 1,), in steps of the reference line."""
        a, b = self.line(reference)
        return np.asarray((self.levels - a) / b - np.arange(1, len(self.levels) + 1))

    def dnl_lsb(self, reference: Reference = "endpoint") -> Array:
        """Return DNL of codes 1 … 2**n_bits - 2; -1 is a missing code."""
        return np.asarray(np.diff(self.levels) / self.line(reference)[1] - 1.0)

    def offset_lsb(self, reference: Reference = "endpoint") -> float:
        """Return how far the reference line's first level lies above the ideal one [nominal LSB]."""
        a, b = self.line(reference)
        return (a + b - self.low) / self.lsb - 1.0

    def gain_error(self, reference: Reference = "endpoint") -> float:
        """Return by which fraction the mean step is wider than the nominal one."""
        return self.line(reference)[1] / self.lsb - 1.0

    def max_inl_lsb(self, reference: Reference = "endpoint") -> float:
        """Return the largest magnitude of INL."""
        return float(np.abs(self.inl_lsb(reference)).max())

    def max_dnl_lsb(self, reference: Reference = "endpoint") -> float:
        """Return the largest magnitude of DNL."""
        return float(np.abs(self.dnl_lsb(reference)).max())

    def convert(self, inputs: Array) -> NDArray[np.int64]:
        """Return the codes a converter with these levels gives, without noise."""
        return np.searchsorted(self.levels, inputs, side="right").astype(np.int64)
