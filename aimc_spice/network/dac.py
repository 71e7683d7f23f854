"""What do the word lines see of a layer's input? Levels of the input DAC, in one pulse or in several.

One idea: inputs become whole numbers of a step and are driven as relative values in [-1, 1]: at once (`PWM`: the
length or height of one pulse), or `bits_per_cycle` at a time (bit-serial), each cycle being an operation of the tile
of its own, added up digitally. It also chooses a range from values (`limit_of`), for converters too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.errors import ConfigError

F32 = NDArray[np.float32]
Range = Literal["max", "percentile", "mse"]
_EXACT, _LEVELS, _DIGITS = 0, 1, 2
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

    @cached_property
    def drives(self) -> list[Drive]:
        """What compiled code needs to know of each cycle."""
        return [self._drive(cycle) for cycle in range(self.n_cycles)]

    @cached_property
    def whole_drives(self) -> list[Drive]:
        """What compiled code needs to know of each cycle where levels stay whole numbers."""
        return [drive._replace(unit=np.float32(1)) for drive in self.drives]

    def levels(self, cycle: int) -> int:
        """Return the highest level of a cycle, of which an input of one is made; 0 without steps."""
        return 0 if self.n_bits is None else int(self.drives[cycle].unit)

    def _drive(self, cycle: int) -> Drive:
        kind = _EXACT if self.n_bits is None else _LEVELS if self.n_cycles == 1 else _DIGITS
        width = self.bits_per_cycle or 1
        limit, low = np.float32(self.limit), np.float32(-1 if self.signed else 0)
        if kind == _EXACT:
            return Drive(kind, limit, limit, low, 0, 1, np.float32(1))
        base, steps = 2**width - 1, np.float32(self.steps)
        unit = steps if kind == _LEVELS else np.float32(base)
        return Drive(kind, np.float32(self.steps / self.limit), steps, low, cycle * width, base, unit)

    def drive(self, x: NDArray[Any], cycle: int = 0) -> F32:
        """Return what the word lines carry in a cycle, in [-1, 1], of the shape of `x`."""
        rows = np.ascontiguousarray(x, dtype=np.float32).reshape(-1, x.shape[-1])
        found = np.empty_like(rows)
        _drive(rows, tuple(self.drives[cycle]), found)
        return found.reshape(x.shape)

    def highest(self, cycle: int) -> float:
        """Return what an input at the limit carries in a cycle."""
        return float(self.drive(np.full((1, 1), self.limit), cycle)[0, 0])


class Drive(NamedTuple):
    """A cycle of a DAC for compiled code.

    Inputs become whole numbers up to `steps`, or those of their bits that `base` masks, from bit `shift` on; `scale` is
    in steps per unit of the input; where there are no steps, it is the limit. Levels are divided by `unit`.
    """

    kind: int
    scale: np.float32
    steps: np.float32
    low: np.float32
    shift: int
    base: int
    unit: np.float32


@compiled
def drive_rows(x: F32, start: int, first: int, by: Drive, found: F32) -> None:
    """Drive inputs `first` on of rows `start` on; inputs that are not there are driven with the highest level."""
    n = max(0, min(found.shape[1], x.shape[1] - first))
    for r in range(found.shape[0]):
        some, row = x[start + r, first : first + n], found[r]  # from here no index is negative: loops are vectorised
        if by.kind == _EXACT:
            for i in range(n):
                row[i] = some[i] / by.scale
            row[n:] = 1
        else:
            _levels(some, by, n, row)
            row[n:] = by.steps
            if by.kind == _DIGITS:
                _digits(by, row)
            else:
                _scale(np.float32(1) / by.unit, row)


@compiled
def _levels(x: F32, by: Drive, n: int, found: F32) -> None:
    scale, most, least = by.scale, by.steps, by.low * by.steps
    for i in range(n):
        v = np.rint(x[i] * scale)
        v = v if v < most else most
        found[i] = v if v > least else least


@compiled
def _scale(by: np.float32, found: F32) -> None:
    for i in range(found.size):
        found[i] *= by


@compiled
def _digits(by: Drive, found: F32) -> None:
    """Keep some bits of whole numbers, sign and all."""
    for i in range(found.size):
        digit = np.float32((np.int64(abs(found[i])) >> by.shift) & by.base) / by.unit
        found[i] = -digit if found[i] < 0 else digit


@compiled
def _drive(x: F32, by: Any, found: F32) -> None:
    drive_rows(x, 0, 0, Drive(*by), found)


@compiled
def drive_padded(x: F32, by: Any, top: int, left: int, found: F32) -> None:
    """Drive images (n, C, H, W) into padded ones."""
    bottom, right = top + x.shape[2], left + x.shape[3]
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            image = found[n, c]
            image[:top], image[bottom:] = 0, 0
            image[top:bottom, :left], image[top:bottom, right:] = 0, 0
            drive_rows(x[n, c], 0, 0, Drive(*by), image[top:bottom, left:right])


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
