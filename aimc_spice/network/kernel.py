"""How are billions of conversions made at a nanosecond each? Noise, thresholds and partial sums in one pass.

One idea: a converter is nearly uniform, so the code is guessed by arithmetic, and only the few thresholds that the
guess can miss are looked at (the last of them by `conversion`). `pack` finds, exactly, how many that are (one, where
INL stays within half an LSB). Blocks of `BLOCK` conversions of one column stay in the first-level cache. Thresholds
are kept as 16-bit deviations from the uniform ones: 510 B for a column of 8 bits. It makes no matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.errors import ShapeError
from aimc_spice.network.conversion import LANES, add_many, add_one
from aimc_spice.network.multiply import aligned
from aimc_spice.network.noise import FIRST, SECOND, SPAN, places
from aimc_spice.surrogate.readout import ColumnReadouts

F32 = NDArray[np.float32]
BLOCK = SPAN  # conversions of a column at once
_APART = 80  # of what lies in `desk`: loads would wait for stores to the same place of a page
_NO_KEYS = np.zeros(0, np.uint32)


class Tables(NamedTuple):
    """What compiled code needs of `Converters`, which says what each is.

    Deviations are in one piece, `top` for each column; no codes at all pass outputs on.
    """

    levels: NDArray[np.int16]
    top: int
    unit: F32
    slope: F32
    shift: F32
    reach: NDArray[np.int64]
    sigma: F32
    middle: np.float32


class Worth(NamedTuple):
    """LSB per unit of an output (zero is `Converters.middle`), and what one LSB adds to the sum, (n_cols,) each."""

    scale: F32
    gain: F32


class Noise(NamedTuple):
    """Row i of a run is conversion ``first + step * i`` of its converter; keys (n_cols,)."""

    on: bool
    keys: NDArray[np.uint32]
    first: int
    step: int


class Desk(NamedTuple):
    """Where a block of conversions is worked on: inputs [LSB] and codes; and a count of clipped ones, in parts."""

    u: F32
    code: NDArray[np.int32]
    ends: NDArray[np.int32]


@compiled
def desk() -> Desk:
    """Return the memory that conversions need; codes begin with a line of the cache."""
    room = aligned(2 * BLOCK + _APART)
    return Desk(room[BLOCK + _APART :], room[:BLOCK].view(np.int32), np.zeros(LANES, np.int32))


@dataclass(frozen=True)
class Converters:
    """The converters of some columns, packed; u is the input in LSB above the lower end of the range.

    Parameters
    ----------
    deviation : ndarray of int16, shape (n_cols, n_codes - 1)
        Of threshold k from ``k + 1`` LSB, in units of `unit`.
    unit : ndarray, shape (n_cols,)
        [LSB].
    slope, shift : ndarray, shape (n_cols,)
        The guess is ``floor(slope * u - shift)``, limited to the codes.
    reach : ndarray of int, shape (n_cols,)
        How many thresholds above the guess are looked at.
    sigma : ndarray, shape (n_cols,)
        Input-referred noise, rms [LSB].
    lsb, low : float
        [V, A or C].
    zero : float
        Where an input of zero is, from the middle of the range [LSB]: half of one puts it in the middle of a step.
    """

    deviation: NDArray[np.int16]
    unit: F32
    slope: F32
    shift: F32
    reach: NDArray[np.int64]
    sigma: F32
    lsb: float
    low: float
    zero: float = 0.0

    @property
    def top(self) -> int:
        """The highest code."""
        return int(self.deviation.shape[1])

    @property
    def n_bits(self) -> int:
        """Bits."""
        return int(self.top + 1).bit_length() - 1

    @property
    def n_cols(self) -> int:
        """Number of converters."""
        return len(self.deviation)

    @property
    def middle(self) -> float:
        """Input of zero [LSB]: the middle of the range, `zero` off."""
        return 0.5 * (self.top + 1) + self.zero

    @property
    def room(self) -> float:
        """What the range holds on both sides of an input of zero [LSB]."""
        return 0.5 * (self.top + 1) - abs(self.zero)

    def thresholds(self) -> F32:
        """Return the thresholds that are used [LSB], shape (n_cols, n_codes - 1), rising."""
        return _thresholds(self.deviation, self.unit)

    @property
    def tables(self) -> Tables:
        """For compiled code."""
        levels = self.deviation.reshape(-1)
        return Tables(
            levels, self.top, self.unit, self.slope, self.shift, self.reach, self.sigma, np.float32(self.middle)
        )  # fmt: skip

    @cached_property
    def is_noisy(self) -> bool:
        """Whether any of them has noise."""
        return bool(self.sigma.any())

    def noise(self, key: NDArray[np.uint32] | None, first: int = 0, step: int = 1) -> Noise:
        """Return the noise of a run; without a key there is none."""
        return Noise(key is not None and self.is_noisy, _NO_KEYS if key is None else key, first, step)

    @property
    def nbytes(self) -> int:
        """Memory of the tables."""
        return self.deviation.nbytes + 6 * self.unit.nbytes


def pack(tiles: list[ColumnReadouts]) -> Converters:
    """Pack the converters of tiles side by side.

    Raises
    ------
    ShapeError
        Tiles with converters of different range or resolution, or thresholds that fall.
    """
    one = tiles[0]
    if any((t.n_bits, t.low, t.high) != (one.n_bits, one.low, one.high) for t in tiles):
        raise ShapeError("converters of one layer differ in range or bits")
    levels = (np.concatenate([t.thresholds for t in tiles]) - one.low) / one.lsb
    if (np.diff(levels, axis=1) < 0).any() or not np.isfinite(levels).all():
        raise ShapeError("thresholds of a converter fall or are not finite")
    deviation, unit = _deviations(levels)
    sigma = np.concatenate([np.full(len(t.thresholds), t.sigma_noise / one.lsb, np.float32) for t in tiles])
    slope, shift, reach = _guess(_thresholds(deviation, unit))
    return Converters(deviation, unit, slope, shift, reach, sigma, one.lsb, one.low)


def _deviations(levels: NDArray[np.float64]) -> tuple[NDArray[np.int16], F32]:
    """Round deviations to a power of two: what rises or is equal stays so."""
    apart = levels - np.arange(1, levels.shape[1] + 1)
    largest = np.maximum(np.abs(apart).max(axis=1), 2.0**-10)
    unit = 2.0 ** np.ceil(np.log2(largest / 32767))
    return np.round(apart / unit[:, None]).astype(np.int16), unit.astype(np.float32)


def _thresholds(deviation: NDArray[np.int16], unit: F32) -> F32:
    whole = np.arange(1, deviation.shape[1] + 1, dtype=np.float32)
    return np.asarray(whole + deviation.astype(np.float32) * unit[:, None])


def _guess(t: F32) -> tuple[F32, F32, NDArray[np.int64]]:
    """Fit the guess of each column so that it is never above its code; count how far below it can be."""
    n_cols, top = t.shape
    wanted = np.arange(1, top + 1)
    centred = t - t.mean(axis=1, keepdims=True)
    spread = np.maximum((centred**2).sum(axis=1), 1e-12)
    slope = ((centred @ wanted) / spread if top > 1 else np.ones(n_cols)).astype(np.float32)
    off = wanted - slope[:, None] * t
    shift = (-off.min(axis=1) + 1e-6 * t.shape[1]).astype(np.float32)
    below = np.nextafter(t, np.float32(-np.inf))
    shift += np.maximum(_guessed(below, slope, shift) - (wanted - 1), 0).max(axis=1).astype(np.float32)
    missing = (wanted - np.minimum(_guessed(t, slope, shift), top)).max(axis=1)
    return slope, shift, np.maximum(missing, 1).astype(np.int64)


def _guessed(u: F32, slope: F32, shift: F32) -> NDArray[np.int32]:
    return np.asarray(np.maximum(u * slope[:, None] - shift[:, None], 0).astype(np.int32))


@compiled
def _count_up(levels: NDArray[np.int16], at: int, unit: Any, m: int, times: int, last: Any, on: Desk) -> None:
    """Count some thresholds, up to `last`; they rise, so the first that is not reached ends the count by itself."""
    for _ in range(times):
        for i in range(m):
            above = np.float32(on.code[i] + 1)
            found = np.int32(on.code[i] + np.int32(on.u[i] >= above + np.float32(levels[at + on.code[i]]) * unit))
            on.code[i] = found if found < last else last


@compiled
def read_columns(
    y: F32, place: int, y_step: int, m: int, cols: tuple[int, int], by: Tables, worth: Worth, noise: Noise, row: int,
    total: F32, at: int, step: int, on: Desk, counting: bool,
) -> np.int64:  # fmt: skip
    """Convert a block of outputs of some columns and add ``gain * code`` to the partial sums.

    The loops stand here and not in functions of their own: numba counts references of every array that it hands on,
    with locked instructions, which would take a third of the time. Places are unsigned, as numba then asks for no
    sign. Guesses are made for the whole block before codes are looked up: the way from an output to its sum is so long
    that processors do not hold enough of such ways at once.

    Parameters
    ----------
    y, total : ndarray
        In one piece; outputs of the first column are read from `place` on, those of the next `y_step` later; its
        sums are changed from `at` on, those of the next `step` later. At most `BLOCK`.
    cols : (int, int)
        Of all columns.
    row : int
        Index of the first of the block; row i is conversion ``noise.first + noise.step * i`` of its converter.

    Returns
    -------
    int
        How many conversions gave the lowest or the highest code, where they are counted.
    """
    levels, top, unit, slope, shift, reach, sigma, middle = by
    (scale, gain), (noisy, keys, first, apart) = worth, noise
    u, code, ends = on
    last, first, rest = np.float32(top - 1), first + apart * row, m % LANES
    many, whole = m - rest, np.float32(top)
    ends[:] = 0
    for c in range(cols[0], cols[1]):
        noise_of, key = (sigma[c], keys[c]) if noisy else (np.float32(0), np.uint32(0))
        scale_of, slope_of, shift_of, unit_of, gain_of = scale[c], slope[c], shift[c], unit[c], gain[c]
        outputs, done = np.uintp(place + (c - cols[0]) * y_step), 0
        while done < m:  # span by span of noise
            a, b, n = places(key, first + apart * done, m - done if apart == 1 else 1)
            to, a, b = np.uintp(done), np.uintp(a), np.uintp(b)
            for k in range(n):
                i = np.uintp(k)
                v = y[outputs + to + i] * scale_of + middle + noise_of * (FIRST[a + i] + SECOND[b + i])
                u[to + i] = v
                f = v * slope_of - shift_of
                f = f if f > np.float32(0) else np.float32(0)
                code[to + i] = np.int32(f if f < last else last)
            done += n
        if reach[c] > 1:
            _count_up(levels, c * top, unit_of, m, reach[c] - 1, np.int32(top - 1), on)
        table, sums = c * top, at + (c - cols[0]) * step
        if many and counting:
            add_many(many, 0, u, code, levels, table, total, sums, unit_of, gain_of, whole, ends)
        elif many:
            add_many(many, 0, u, code, levels, table, total, sums, unit_of, gain_of, whole, None)
        if rest:
            add_one(rest, many, u, code, levels, table, total, sums + many, unit_of, gain_of, whole, ends)
    return np.int64(ends.sum())


@compiled
def _read_all(y: F32, by: Tables, worth: Worth, noise: Noise, total: F32, counting: bool) -> np.int64:
    (n_cols, n), clipped, on = y.shape, np.int64(0), desk()
    outputs, sums = y.reshape(-1), total.reshape(-1)
    for start in range(0, n, BLOCK):
        m, cols = min(n - start, BLOCK), (0, n_cols)
        clipped += read_columns(outputs, start, n, m, cols, by, worth, noise, start, sums, start, n, on, counting)
    return clipped


def codes(y: F32, scale: F32, converters: Converters, key: NDArray[np.uint32] | None = None) -> NDArray[np.int32]:
    """Return the codes of column outputs (n_cols, n), for judges: `convert` with a gain of one."""
    total = np.zeros_like(y)
    convert(y, Worth(scale, np.ones(len(y), np.float32)), total, converters, key)
    return total.astype(np.int32)


def convert(
    y: F32, worth: Worth, total: F32, by: Converters, key: NDArray[np.uint32] | None = None, counting: bool = True
) -> int:
    """Convert outputs (n_cols, n) and add them to `total`; return how many are clipped. No key is no noise."""
    return int(_read_all(y, by.tables, worth, by.noise(key), total, counting))
