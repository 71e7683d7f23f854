"""How do the rows of a layer go through tiles without leaving compiled code? In blocks: drive, multiply, read out.

One idea: a `Rows` or `Patches` is what a layer's input looks like to its matrices; `through` cuts it into blocks of up
to `BLOCK` rows that stay in the second-level cache, and for each fills a small matrix, multiplies it with a few columns
at a time and converts their products at once. Partial sums are kept block by block, see `sums_of`. It knows no layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.network.dac import Dac, Drive, drive_rows
from aimc_spice.network.kernel import BLOCK, F32, Converters, Desk, Noise, Tables, Worth, desk, read_columns
from aimc_spice.network.multiply import FEW, LANES, aligned, fetch, multiply, wide
from aimc_spice.network.pairs import Pairs, fill_from_columns, fill_from_rows
from aimc_spice.network.turn import turn

_INPUTS = 80_000  # numbers of a block's inputs: they share the second-level cache
_SOME = 2 * FEW  # columns whose products stay in the first-level cache
SUMS = 1 << 20  # of a matrix at once: they stay in the cache that cores share
_NONE = np.zeros(0, np.float32)
_EXACT = Converters(np.zeros((0, 0), np.int16), _NONE, _NONE, _NONE, np.zeros(0, np.int64), _NONE, 1.0, 0.0)


@dataclass(frozen=True)
class Reader:
    """What stands behind the columns of a matrix.

    Parameters
    ----------
    converters : Converters or None
        None adds ``gain * output``.
    scale, gain : ndarray, shape (n_cols,)
        See `kernel.Worth`.
    key : ndarray or None
        Of noise.
    first, step : int
        Row i is conversion ``first + step * i``.
    counting : bool
        Whether clipped conversions are counted.
    begin : ndarray, shape (n_cols,), or None
        What sums begin with; None: what `total` holds is added to.
    """

    converters: Converters | None
    scale: F32
    gain: F32
    key: NDArray[np.uint32] | None = None
    first: int = 0
    step: int = 1
    counting: bool = False
    begin: F32 | None = None

    @property
    def arguments(self) -> tuple[Any, Any, Any, bool, F32]:
        """For compiled code; plain tuples, which are quicker to hand over than named ones."""
        by = _EXACT if self.converters is None else self.converters
        noise = by.noise(self.key, self.first, self.step)
        return (
            tuple(by.tables),
            (self.scale, self.gain),
            tuple(noise),
            self.counting,
            _NONE if self.begin is None else self.begin,
        )


@dataclass(frozen=True)
class Rows:
    """Inputs of a dense product.

    Parameters
    ----------
    x : ndarray, shape (n, K)
        As they are: they are driven block by block. In rows (C order) or in columns (Fortran order).
    dac : Dac
        Drives them.
    cycle : int
        Of the DAC.
    """

    x: F32
    dac: Dac
    cycle: int = 0

    def through(self, rows: slice, matrix: F32, reader: Reader, total: F32, start: int, n_rows: int) -> int:
        """Add ``matrix @ x.T`` of rows `start` on, read out, to `total`; return what was clipped.

        Parameters
        ----------
        rows : slice
            Of K; those beyond are driven with one.
        matrix : ndarray, shape (n_columns, rows)
        total : ndarray, shape (n_columns * n_rows,)
            See `sums_of`.
        """
        drive, (x, by_rows) = tuple(self.dac.drives[self.cycle]), self._laid
        return int(_dense_through(x, by_rows, drive, rows.start, matrix, *reader.arguments, total, start, n_rows))

    @property
    def levels(self) -> int:
        """The highest level of an input; 0 where there are none."""
        return self.dac.levels(self.cycle)

    def pairs_through(self, rows: slice, pairs: Pairs, reader: Reader, total: F32, start: int, n_rows: int) -> int:
        """Do what `through` does, in whole numbers."""
        drive, (x, by_rows), k = tuple(self.dac.whole_drives[self.cycle]), self._laid, pairs.n_rows
        reader = replace(reader, scale=reader.scale * pairs.unit / np.float32(self.levels))
        return int(
            _pairs_through(x, by_rows, drive, rows.start, k, pairs.words, *reader.arguments, total, start, n_rows)
        )  # fmt: skip

    @property
    def _laid(self) -> tuple[F32, bool]:
        """Inputs in C order, and whether they are rows."""
        by_rows = bool(self.x.flags.c_contiguous)
        return (self.x if by_rows else self.x.T), by_rows


@dataclass(frozen=True)
class Patches:
    """Patches of images, which are the rows of a convolution.

    Parameters
    ----------
    images : ndarray, shape (n, C, H, W)
        Driven, and padded.
    channels : (int, int)
        The first, and how many.
    kernel, strides, dilations : (int, int)
    size : (int, int)
        Height and width of the output.
    one : float
        What rows beyond the patch are driven with.
    """

    images: F32
    channels: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    size: tuple[int, int]
    one: float = 1.0

    def through(self, rows: slice, matrix: F32, reader: Reader, total: F32, start: int, n_rows: int) -> int:
        """See `Rows.through`; row i is pixel ``i % pixels`` of image ``i // pixels``."""
        return int(
            _patches_through(
                self.images, self._shape, rows.start, matrix, *reader.arguments, total, start, n_rows
            )
        )  # fmt: skip

    def rows(self, k: int, start: int, n_rows: int) -> F32:
        """Return patches (n_rows, k) of rows `start` on."""
        found = np.empty((k, n_rows), np.float32)
        _fill_patches(self.images, self._shape, 0, start, n_rows, found)
        return found.T

    @property
    def _shape(self) -> tuple[Any, ...]:
        return (*self.channels, *self.kernel, *self.strides, *self.dilations, *self.size, np.float32(self.one))


def sums_of(total: F32, n_columns: int, n_rows: int) -> Iterator[tuple[int, F32]]:
    """Cut partial sums (n_columns * n_rows,) into what they are: for each block its first row and (n_columns, rows)."""
    for at in range(0, n_rows, BLOCK):
        m = min(n_rows - at, BLOCK)
        yield at, total[n_columns * at : n_columns * (at + m)].reshape(n_columns, m)


class _Room(NamedTuple):
    """Memory of a run: inputs of a block, how many rows it has, how far apart they are, and products of few columns."""

    x: Any
    rows: int
    step: int
    y: F32
    desk: Desk


@compiled
def _room(k: int, n_rows: int) -> _Room:
    rows = BLOCK
    while rows > 2 * LANES and rows * k > _INPUTS:
        rows //= 2
    rows = min(rows, n_rows)
    step = wide(rows)
    return _Room(aligned(k * step), rows, step, aligned(_SOME * BLOCK), desk())


@compiled
def _read(
    matrix: Any, m: int, start: int, at: int, n_rows: int, by: Tables, worth: Worth, noise: Noise, counting: bool,
    begin: F32, total: F32, room: _Room,
) -> np.int64:  # fmt: skip
    """Multiply `m` rows, the first of which is `at` of a run that begins with row `start`, and read them out."""
    (n_columns, k), clipped, weights = matrix.shape, np.int64(0), matrix.reshape(-1)
    block = at // BLOCK * BLOCK
    step, first = min(BLOCK, n_rows - block), n_columns * block + at - block
    for c in range(0, n_columns, _SOME):
        n = min(_SOME, n_columns - c)
        multiply(weights, c, n, k, room.x, room.step, m, room.y, BLOCK)
        fetch(weights, (c + n) * k, n * k)
        fetch(by.levels, (c + n) * by.top, n * by.top)
        for j in range(c, min(c + n, begin.size)):
            sums = np.uintp(first + j * step)
            for i in range(m):
                total[sums + np.uintp(i)] = begin[j]
        if by.top == 0:
            _pass_on(room.y, m, (c, c + n), worth.gain, total, first + c * step, step)
            continue
        clipped += read_columns(
            room.y, 0, BLOCK, m, (c, c + n), by, worth, noise, start + at, total, first + c * step, step, room.desk,
            counting,
        )  # fmt: skip
    return clipped


@compiled
def _pass_on(y: F32, m: int, cols: tuple[int, int], gain: F32, total: F32, at: int, step: int) -> None:
    for c in range(cols[0], cols[1]):
        of, to, times = np.uintp((c - cols[0]) * BLOCK), np.uintp(at + (c - cols[0]) * step), gain[c]
        for k in range(m):
            i = np.uintp(k)
            total[to + i] += times * y[of + i]


@compiled
def _dense_through(
    x: F32, by_rows: bool, drive: Any, k0: int, matrix: F32, by: Any, worth: Any, noise: Any, counting: bool,
    begin: F32, total: F32, start: int, n_rows: int,
) -> np.int64:  # fmt: skip
    """Run inputs, rows (n, K) or columns (K, n), which need no turning."""
    k, clipped = matrix.shape[1], np.int64(0)
    room = _room(k, n_rows)
    for at in range(0, n_rows, room.rows):
        m = min(n_rows - at, room.rows)
        columns = room.x.reshape((k, room.step))
        if by_rows:
            _fill_rows(x, start + at, k0, m, Drive(*drive), columns)
        else:
            own = max(0, min(k, x.shape[0] - k0))
            drive_rows(x, k0, start + at, Drive(*drive), columns[:own, :m])
            drive_rows(x[:, :0], 0, 0, Drive(*drive), columns[own:, :m])
        clipped += _read(
            matrix, m, start, at, n_rows, Tables(*by), Worth(*worth), Noise(*noise), counting, begin, total, room
        )  # fmt: skip
    return clipped


@compiled
def _fill_rows(x: F32, start: int, k0: int, m: int, by: Drive, found: F32) -> None:
    """Drive rows `start` on, `m` of them, into columns (k, m or more)."""
    k, every = found.shape[0], x.reshape(-1)
    strip = np.zeros((LANES, k), np.float32)
    for i in range(0, m, LANES):
        drive_rows(x, start + i, k0, by, strip[: min(LANES, m - i)])
        for r in range(start + i + LANES, min(start + i + 2 * LANES, x.shape[0])):
            fetch(every, r * x.shape[1] + k0, k)
        turn(strip, i, found)  # what a last strip holds too much is finite, and not read


@compiled
def _pairs_through(
    x: F32, by_rows: bool, drive: Any, k0: int, k: int, words: NDArray[np.int32], by: Any, worth: Any, noise: Any,
    counting: bool, begin: F32, total: F32, start: int, n_rows: int,
) -> np.int64:  # fmt: skip
    """Run inputs, rows (n, K) or columns (K, n), through a matrix of whole numbers."""
    n_words, clipped = words.shape[1], np.int64(0)
    some = _room(n_words, n_rows)
    room = _Room(some.x.view(np.int32), some.rows, some.step, some.y, some.desk)
    for at in range(0, n_rows, room.rows):
        m = min(n_rows - at, room.rows)
        inputs = room.x.reshape((n_words, room.step))
        if by_rows:
            fill_from_rows(x, start + at, k0, k, m, Drive(*drive), inputs)
        else:
            fill_from_columns(x, start + at, k0, k, m, Drive(*drive), inputs)
        clipped += _read(
            words, m, start, at, n_rows, Tables(*by), Worth(*worth), Noise(*noise), counting, begin, total, room
        )  # fmt: skip
    return clipped


@compiled
def _patches_through(
    images: F32, shape: Any, k0: int, matrix: F32, by: Any, worth: Any, noise: Any, counting: bool, begin: F32,
    total: F32, start: int, n_rows: int,
) -> np.int64:  # fmt: skip
    k, clipped = matrix.shape[1], np.int64(0)
    room = _room(k, n_rows)
    for at in range(0, n_rows, room.rows):
        m = min(n_rows - at, room.rows)
        _fill_patches(images, shape, k0, start + at, m, room.x.reshape((k, room.step)))
        clipped += _read(
            matrix, m, start, at, n_rows, Tables(*by), Worth(*worth), Noise(*noise), counting, begin, total, room
        )  # fmt: skip
    return clipped


@compiled
def _fill_patches(images: F32, shape: Any, k0: int, start: int, m: int, found: F32) -> None:
    """Copy patches: row (channel, ky, kx), column (image, y, x)."""
    channel, n_channels, kh, kw, sh, sw, dh, dw, height, width, one = shape
    pixels, last, flat = height * width, n_channels * kh * kw, images.reshape(-1)
    to_image, to_row = images.shape[1] * images.shape[2] * images.shape[3], images.shape[3]
    for r in range(found.shape[0]):
        row, k = found[r], k0 + r
        if k >= last:
            row[:m] = one
            continue
        c, ky, kx = channel + k // (kh * kw), k // kw % kh, k % kw
        origin = c * images.shape[2] * to_row + ky * dh * to_row + kx * dw
        at, image, i, j = 0, start // pixels, start % pixels // width, start % width
        while at < m:
            n = min(width - j, m - at)
            source = image * to_image + origin + i * sh * to_row + sw * j
            if sw == 1:
                for p in range(n):  # unsigned: no test for negative indices keeps the loop from being vectorised
                    row[np.uintp(at + p)] = flat[np.uintp(source + p)]
            else:
                for p in range(n):
                    row[np.uintp(at + p)] = flat[np.uintp(source + sw * p)]
            at, i, j = at + n, i + 1, 0
            if i == height:
                image, i = image + 1, 0
