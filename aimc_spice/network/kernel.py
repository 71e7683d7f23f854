"""How are billions of conversions made at a nanosecond each? Noise, thresholds and partial sums in one pass.

One idea: a converter is nearly uniform, so the code is guessed by arithmetic, and only the few thresholds that the
guess can miss are looked at. `pack` finds, exactly, how many that are (one, where INL stays within half an LSB).
Blocks of `BLOCK` conversions of one column stay in the first-level cache; loops are split so that compilers
vectorise them without gathers. Thresholds are kept as 16-bit deviations from the uniform ones: 510 B for a column of
8 bits. It makes no matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.errors import ShapeError
from aimc_spice.network.noise import FIRST, SECOND, places, row_of
from aimc_spice.surrogate.readout import ColumnReadouts

F32 = NDArray[np.float32]
BLOCK = 304  # conversions of a column at once; with the edges of `blocks`, what OpenBLAS multiplies at once
APART = 80  # apart: loads would wait for stores to the same place of a page
_QUIET = np.zeros(BLOCK, np.float32)
_NO_KEYS = np.zeros(0, np.uint32)


class Tables(NamedTuple):
    """What compiled code needs of `Converters`, which says what each is; no codes at all pass outputs on."""

    deviation: NDArray[np.int16]
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


@compiled
def room_for_block() -> F32:
    """Return the scratch memory of a block, one piece: inputs in LSB, and 32 bits each for codes and thresholds."""
    return np.zeros((3, BLOCK + APART), np.float32)


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
        return Tables(
            self.deviation, self.unit, self.slope, self.shift, self.reach, self.sigma, np.float32(self.middle)
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
def _begin(
    y: F32, c: int, edge: int, at: int, n: int, one: F32, a: int, other: F32, b: int, by: Any, u: F32,
    code: NDArray[np.int32],
) -> None:  # fmt: skip
    """Bring n inputs from place `at` on to LSB, add noise, guess the codes."""
    sigma, scale, middle, slope, shift, top = by
    row, one, other = y[c, edge + at : edge + at + n], one[a : a + n], other[b : b + n]
    to, guess = u[at : at + n], code[at : at + n]
    for i in range(n):
        v = row[i] * scale + middle + sigma * (one[i] + other[i])
        to[i] = v
        f = v * slope - shift
        f = f if f > np.float32(0) else np.float32(0)
        f = f if f < top else top
        guess[i] = np.int32(f)


@compiled
def _begin_all(
    y: F32, c: int, edge: int, m: int, key: Any, first: int, step: int, by: Any, u: F32, code: NDArray[np.int32]
) -> None:  # fmt: skip
    """Begin m conversions, span by span of their noise; where conversions are apart it is written down before."""
    if step > 1:
        z = row_of(key, m, first, step)
        _begin(y, c, edge, 0, m, z, 0, _QUIET, 0, by, u, code)
        return
    at = 0
    while at < m:
        a, b, n = places(key, first + at, m - at)
        _begin(y, c, edge, at, n, FIRST, a, SECOND, b, by, u, code)
        at += n


@compiled
def _take(row: NDArray[np.uint16], pairs: NDArray[np.uint64], n: int, found: NDArray[np.uint64]) -> None:
    """Look up two indices at once: a word to load and a word to store for each pair."""
    for i in range(n):
        two = pairs[i]
        found[i] = np.uint64(row[two & np.uint64(0xFFFFFFFF)]) | (np.uint64(row[two >> np.uint64(32)]) << np.uint64(32))


@compiled
def _threshold(above: Any, apart: Any, unit: Any) -> Any:
    """Return a threshold of 16 bits of deviation, whose sign is brought back here."""
    return above + np.float32(np.int32(np.int32(apart << 16) >> 16)) * unit


@compiled
def _count(u: F32, apart: NDArray[np.int32], unit: Any, n: int, last: Any, code: NDArray[np.int32]) -> None:
    """Count one threshold more where it is reached, up to `last`."""
    for i in range(n):
        above = np.float32(np.int32(code[i] + 1))
        k = np.int32(code[i] + np.int32(u[i] >= _threshold(above, apart[i], unit)))
        code[i] = k if k < last else last


@compiled
def _add(
    u: F32, apart: NDArray[np.int32], unit: Any, code: NDArray[np.int32], gain: Any, total: F32, c: int, first: int,
    n: int,
) -> None:  # fmt: skip
    row = total[c, first : first + n]
    for i in range(n):
        above = np.float32(np.int32(code[i] + 1))
        k = above if u[i] >= _threshold(above, apart[i], unit) else above - np.float32(1)
        row[i] += gain * k


@compiled
def _clipped(code: NDArray[np.int32], n: int, top: int) -> np.int64:
    found = np.int32(0)
    for i in range(n):
        found = np.int32(found + np.int32(code[i] == np.int32(0)) + np.int32(code[i] == np.int32(top)))
    return np.int64(found)


@compiled
def read_out(
    y: F32, edge: int, m: int, cols: tuple[int, int], by: Tables, worth: Worth, noise: Noise, row: int, total: F32,
    at: int, room: F32, counting: bool,
) -> np.int64:  # fmt: skip
    """Convert a block of outputs of some columns and add ``gain * code`` to the partial sums.

    Parameters
    ----------
    y : ndarray, shape (cols[1] - cols[0], at least edge + m)
        Outputs, column by column; the first `edge` of each are left out. At most `BLOCK` are converted.
    cols : (int, int)
        Of all columns.
    row : int
        Index of the first of the block; row i is conversion ``noise.first + noise.step * i`` of its converter.
    total : ndarray, shape (n_cols, at least at + m)
        Changed in place, from place `at` of each column on.

    Returns
    -------
    int
        How many conversions gave the lowest or the highest code, where they are counted.
    """
    top = by.deviation.shape[1]
    u, code, apart = room[0], room[1].view(np.int32), room[2].view(np.int32)
    pairs, taken = code.view(np.uint64), apart.view(np.uint64)
    start, clipped = noise.first + noise.step * row, np.int64(0)
    for c in range(cols[0], cols[1]):
        sigma, key = (by.sigma[c], noise.keys[c]) if noise.on else (np.float32(0), np.uint32(0))
        one = (sigma, worth.scale[c], by.middle, by.slope[c], by.shift[c], np.float32(top - 1))
        _begin_all(y, c - cols[0], edge, m, key, start, noise.step, one, u, code)
        levels, unit = by.deviation[c].view(np.uint16), by.unit[c]
        for _ in range(by.reach[c] - 1):  # thresholds rise: the first that is not reached ends the count by itself
            _take(levels, pairs, (m + 1) // 2, taken)
            _count(u, apart, unit, m, np.int32(top - 1), code)
        _take(levels, pairs, (m + 1) // 2, taken)
        _add(u, apart, unit, code, worth.gain[c], total, c, at, m)
        if counting:
            _count(u, apart, unit, m, np.int32(top), code)
            clipped += _clipped(code, m, top)
    return clipped


@compiled
def _read_all(y: F32, by: Tables, worth: Worth, noise: Noise, total: F32, counting: bool) -> np.int64:
    room, clipped = room_for_block(), np.int64(0)
    for start in range(0, y.shape[1], BLOCK):
        m = min(y.shape[1] - start, BLOCK)
        cols = (0, by.deviation.shape[0])
        clipped += read_out(y, start, m, cols, by, worth, noise, start, total, start, room, counting)
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
