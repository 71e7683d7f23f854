"""How does a vector of numbers reach the word lines, and how do outputs become its product again?

One idea: an encoding cuts inputs x in [-1, 1] into *planes*, one analog operation each, with integer weights; the
product is the weighted sum of what the planes give, divided once. So ``combine(levels @ g) == x @ g`` for every
encoding and an ideal circuit, whatever the encoding does in between:

============= ============================ ==================================== =======================
encoding      a plane drives               planes (x2 where signed by phases)   front end
============= ============================ ==================================== =======================
`MultiLevel`  voltages x · v_read          1                                    any
`PulseWidth`  v_read for x · t_full        1                                    must integrate
`BitSerial`   v_read or nothing            n_bits, weights 1, 2, 4, …           any
============= ============================ ==================================== =======================

Signs go by two phases, x > 0 and then x < 0, whose results are subtracted; voltages may be bipolar instead. It writes
no circuit (see `drivers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.errors import NetlistError, ShapeError

Array = NDArray[np.float64]
Sign = Literal["phases", "none"]


@dataclass(frozen=True)
class Planes:
    """What the word lines are driven with, and how the outputs add up.

    Parameters
    ----------
    levels : ndarray, shape (n_planes, batch, n_rows)
        Relative voltages, or relative durations of `PulseWidth`.
    weights : ndarray of int, shape (n_planes,)
        Of each plane's output.
    divisor : int
        Of the weighted sum.
    timed : bool
        Levels are durations.
    """

    levels: Array
    weights: NDArray[np.int64]
    divisor: int = 1
    timed: bool = False

    @property
    def batch(self) -> int:
        """Number of input vectors."""
        return int(self.levels.shape[1])

    def sequence(self) -> Array:
        """Return the levels in the order of their operations, shape (n_planes * batch, n_rows)."""
        return self.levels.reshape(-1, self.levels.shape[2])

    def combine(self, outputs: NDArray[np.float64] | NDArray[np.int64]) -> Array:
        """Shift, add and subtract outputs, (n_planes, batch, n_cols) or in the order of `sequence`, to (batch, n_cols).

        Volts, coulombs or codes; a code of zero must stand for an output of zero.
        """
        per_plane = np.asarray(outputs, dtype=np.float64).reshape(len(self.weights), self.batch, -1)
        return np.asarray(np.tensordot(self.weights, per_plane, axes=1) / self.divisor)


class Encoding(Protocol):
    """Cuts inputs into planes."""

    def planes(self, x: ArrayLike) -> Planes:
        """Return the planes of inputs (batch, n_rows) in [-1, 1], rounded to what `quantise` gives."""
        ...

    def quantise(self, x: ArrayLike) -> Array:
        """Return the inputs that the planes stand for, of the shape of x."""
        ...


@dataclass(frozen=True)
class _Grid:
    n_bits: int
    sign: Sign = "phases"

    def __post_init__(self) -> None:
        if not 1 <= self.n_bits <= 16:
            raise NetlistError(f"input encoding: got {self.n_bits} bits, wanted 1 to 16")

    @property
    def top(self) -> int:
        """The largest magnitude as an integer, which x = 1 becomes."""
        return int(2**self.n_bits) - 1

    def quantise(self, x: ArrayLike) -> Array:
        """Return the nearest multiples of 1/top, of the shape of x."""
        return np.asarray(self._integers(x) / self.top)

    def _integers(self, x: ArrayLike) -> Array:
        values = np.asarray(x, dtype=np.float64)
        low = -1 if self.sign == "phases" or isinstance(self, MultiLevel) else 0
        if values.ndim != 2 or not np.all((values >= low) & (values <= 1)):
            raise ShapeError(
                f"inputs: got shape {values.shape}, wanted (batch, n_rows) with values in [{low}, 1]",
                hint='negative inputs need sign = "phases", or voltages of both signs (MultiLevel)',
            )
        return np.rint(values * self.top)

    def _phases(self, x: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
        """Return magnitudes (n_phases, batch, n_rows) and the sign of each phase."""
        k = self._integers(x)
        if self.sign == "none":
            return k[None], np.array([1])
        return np.stack([np.maximum(k, 0), np.maximum(-k, 0)]), np.array([1, -1])


@dataclass(frozen=True)
class MultiLevel(_Grid):
    """Voltages from a DAC of `n_bits` beside the sign; ``sign="none"`` drives both polarities at once."""

    def planes(self, x: ArrayLike) -> Planes:
        """See `Encoding.planes`."""
        magnitudes, signs = self._phases(x)
        return Planes(magnitudes / self.top, signs)


@dataclass(frozen=True)
class PulseWidth(_Grid):
    """Pulses of one height that a counter of `n_bits` times: the charge is exact, the voltage needs one level only."""

    def planes(self, x: ArrayLike) -> Planes:
        """See `Encoding.planes`."""
        magnitudes, signs = self._phases(x)
        return Planes(magnitudes / self.top, signs, timed=True)


@dataclass(frozen=True)
class BitSerial(_Grid):
    """One bit of every input at a time, least bit first; the digital side shifts and adds."""

    def planes(self, x: ArrayLike) -> Planes:
        """See `Encoding.planes`."""
        magnitudes, signs = self._phases(x)
        bits = [np.bitwise_and(magnitudes.astype(np.int64) >> b, 1) for b in range(self.n_bits)]
        levels = np.concatenate(bits).astype(np.float64)
        weights = np.concatenate([signs << b for b in range(self.n_bits)])
        return Planes(levels, weights, self.top)


def ladder_levels(legs: ArrayLike, rungs: ArrayLike, terminator: float) -> tuple[Array, float]:
    """Compute the levels of an R-2R DAC with given resistors, by Thevenin equivalents from the least bit up.

    Parameters
    ----------
    legs : array_like, shape (n_bits,)
        Resistors of the bits, least first [Ω].
    rungs : array_like, shape (n_bits,)
        Resistor below each leg [Ω]; the first leads to the terminator.
    terminator : float
        Resistance at the end [Ω].

    Returns
    -------
    levels : ndarray, shape (2**n_bits,)
        Open-circuit output of each code, relative to the reference.
    r_out : float
        Output resistance [Ω], equal for all codes.
    """
    codes, r = np.arange(2 ** len(np.asarray(legs))), terminator
    v = np.zeros(len(codes))
    for bit, (leg, rung) in enumerate(zip(np.asarray(legs, float), np.asarray(rungs, float), strict=True)):
        r += rung
        v = (v / r + ((codes >> bit) & 1) / leg) / (1 / r + 1 / leg)
        r = 1 / (1 / r + 1 / leg)
    return v, float(r)
