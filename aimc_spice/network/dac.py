"""What do the word lines see of a layer's input? Levels of the input DAC, in one pulse or in several.

One idea: inputs become whole numbers of a step and are driven as relative values in [-1, 1]: at once (`PWM`: the
length or height of one pulse), or `bits_per_cycle` at a time (bit-serial), each cycle being an operation of the tile
of its own, added up digitally. It also chooses a range from values (`limit_of`), for converters too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.errors import ConfigError

F32 = NDArray[np.float32]
Range = Literal["max", "percentile", "mse"]
_FRACTIONS = np.linspace(0.1, 1.0, 46)


@dataclass(frozen=True)
class Dac:
    """The input converters of a layer.

    Parameters
    ----------
    n_bits : int or None
        Resolution, the sign included where `signed`; None is exact: continuous, and nothing is clipped.
    limit : float
        Input value of x = 1; larger ones are clipped.
    signed : bool
        Whether word lines are driven both ways; a layer whose inputs are never negative uses all codes above zero.
    bits_per_cycle : int or None
        None is one pulse.
    """

    n_bits: int | None
    limit: float
    signed: bool = True
    bits_per_cycle: int | None = None

    @property
    def steps(self) -> int:
        """Steps from zero to the limit."""
        return int(2**self.magnitude_bits) - 1

    @property
    def magnitude_bits(self) -> int:
        """Bits without the sign."""
        return (self.n_bits or 24) - self.signed

    @property
    def n_cycles(self) -> int:
        """Operations of the tile for one input vector."""
        if self.bits_per_cycle is None or self.n_bits is None:
            return 1
        return -(-self.magnitude_bits // self.bits_per_cycle)

    def factors(self) -> list[float]:
        """Return the worth of x = 1 of each cycle, least significant first; they add up to the whole input's worth."""
        if self.n_cycles == 1:
            return [1.0]
        width = self.bits_per_cycle or 1
        base = 2**width - 1
        return [base * 2.0 ** (width * i) / self.steps for i in range(self.n_cycles)]

    def drive(self, x: NDArray[Any], cycle: int = 0, out: F32 | None = None) -> F32:
        """Return what the word lines carry in a cycle, in [-1, 1], of the shape of `x`; it is written to `out`."""
        if out is not None and not out.flags.c_contiguous:
            out[...] = self.drive(x, cycle)
            return out
        found = np.empty(x.shape, np.float32) if out is None else out
        low = -1.0 if self.signed else 0.0
        flat = np.ascontiguousarray(x, dtype=np.float32)
        if self.n_bits is None:
            np.divide(flat, np.float32(self.limit), out=found)
        elif self.n_cycles == 1:
            _levels(flat.reshape(-1, x.shape[-1]), self.limit, self.steps, low, found.reshape(-1, x.shape[-1]))
        else:
            found[...] = self._digits(flat, low, cycle)
        return found

    def _digits(self, x: F32, low: float, cycle: int) -> F32:
        width = self.bits_per_cycle or 1
        whole = np.rint(np.clip(x / np.float32(self.limit), np.float32(low), 1) * np.float32(self.steps))
        part = (np.abs(whole).astype(np.int64) >> (cycle * width)) & (2**width - 1)
        return np.asarray(np.sign(whole) * part / (2**width - 1), dtype=np.float32)


@compiled
def _levels(x: F32, limit: float, steps: int, low: float, found: F32) -> None:
    scale, step = np.float32(steps / limit), np.float32(1 / steps)
    high, least = np.float32(steps), np.float32(low * steps)
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            v = np.rint(x[r, c] * scale)
            v = v if v < high else high
            v = v if v > least else least
            found[r, c] = v * step


def limit_of(values: NDArray[Any], method: Range, n_bits: int | None, percentile: float = 99.9) -> float:
    """Choose a range ±limit for values.

    Parameters
    ----------
    values : ndarray
        A sample; its largest magnitude is the range for "max".
    method : {"max", "percentile", "mse"}
        "percentile" clips the rest; "mse" makes the squared error of clipping and rounding to `n_bits` least.

    Raises
    ------
    ConfigError
        Unknown method.
    """
    size = np.abs(np.asarray(values, dtype=np.float64)).ravel()
    largest = float(size.max(initial=0.0))
    if largest == 0:
        return 1.0
    if method == "max":
        return largest
    if method == "percentile":
        return float(np.percentile(size, percentile)) or largest
    if method != "mse":
        raise ConfigError(f"range {method!r} is unknown", hint="known: max, percentile, mse")
    limits = largest * _FRACTIONS
    return float(limits[int(np.argmin(_squared_errors(size, limits, 2.0 ** ((n_bits or 16) - 1) - 1)))])


@compiled
def _squared_errors(size: NDArray[np.float64], limits: NDArray[np.float64], steps: float) -> NDArray[np.float64]:
    """Return the sum of squares of what clipping and rounding to `steps` change, for every limit."""
    found, lsb, per_lsb = np.zeros(limits.size), limits / steps, steps / limits
    for v in size:
        for i in range(limits.size):
            k = np.rint(v * per_lsb[i])
            k = k if k < steps else steps
            off = k * lsb[i] - v
            found[i] += off * off
    return found
