"""How do the rows of a layer go through tiles without leaving compiled code? In blocks: drive, multiply, read out.

One idea: a `Rows` or `Patches` is what a layer's input looks like to its matrices; `through` cuts it into blocks of
`BLOCK` rows that stay in the second-level cache, and for each fills a small matrix, multiplies it (BLAS, called from
compiled code) and converts the products at once. Every product has `EDGE` columns at both ends that are not used, so
that a row's result does not depend on its place in a batch. It knows no layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.network.dac import Dac, Drive, drive_rows
from aimc_spice.network.kernel import BLOCK, F32, Converters, Noise, Tables, Worth, read_out, room_for_block

EDGE = 8  # columns before and behind a product's own: OpenBLAS adds those at its ends in another order
_PAD = 32  # columns of a product are a multiple of it
_STRIP = 16  # rows that are turned into columns at once
_COLUMNS = 384  # of a product at once
SUMS = 1 << 19  # of a matrix at once: they stay in the cache that cores share
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
    """

    converters: Converters | None
    scale: F32
    gain: F32
    key: NDArray[np.uint32] | None = None
    first: int = 0
    step: int = 1
    counting: bool = False

    @property
    def arguments(self) -> tuple[Any, Any, Any, bool]:
        """For compiled code; plain tuples, which are quicker to hand over than named ones."""
        by = _EXACT if self.converters is None else self.converters
        noise = by.noise(self.key, self.first, self.step)
        return (tuple(by.tables), (self.scale, self.gain), tuple(noise), self.counting)


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
        """Add ``matrix @ x.T`` of rows `start` on, read out, to `total` (n_columns, n_rows); return what was clipped.

        Parameters
        ----------
        rows : slice
            Of K; those beyond are driven with one.
        matrix : ndarray, shape (n_columns, rows)
        """
        drive = tuple(self.dac.drives[self.cycle])
        if self.x.flags.c_contiguous:
            return int(_rows_through(self.x, drive, rows.start, matrix, *reader.arguments, total, start, n_rows))
        return int(_columns_through(self.x.T, drive, rows.start, matrix, *reader.arguments, total, start, n_rows))


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
        found = np.empty((k, n_rows + 2 * EDGE), np.float32)
        _fill_patches(self.images, self._shape, 0, start, n_rows, found)
        return found[:, EDGE : EDGE + n_rows].T

    @property
    def _shape(self) -> tuple[Any, ...]:
        return (*self.channels, *self.kernel, *self.strides, *self.dilations, *self.size, np.float32(self.one))


@compiled
def _wide(n_rows: int) -> int:
    """Return the columns of the product of a block."""
    return -(-(n_rows + 2 * EDGE) // _PAD) * _PAD


class _Scratch(NamedTuple):
    """Memory of a run: inputs of a block, its products, and what `read_out` needs."""

    x: F32
    y: F32
    room: F32


@compiled
def _scratch(matrix: F32, n_rows: int) -> _Scratch:
    wide, width = _wide(min(n_rows, BLOCK)), _width(matrix.shape[0])
    return _Scratch(np.empty(wide * matrix.shape[1], np.float32), np.empty(width * wide, np.float32), room_for_block())


@compiled
def _width(n_columns: int) -> int:
    """Return the columns of a piece."""
    return -(-n_columns // -(-n_columns // _COLUMNS))


@compiled
def _read(
    matrix: F32, m: int, row: int, at: int, by: Tables, worth: Worth, noise: Noise, counting: bool, total: F32,
    scratch: _Scratch,
) -> np.int64:  # fmt: skip
    """Multiply a block with all columns, piece by piece, and read each out."""
    (n_columns, k), wide, width, clipped = matrix.shape, _wide(m), _width(matrix.shape[0]), np.int64(0)
    x = scratch.x[: k * wide].reshape((k, wide))
    for c0 in range(0, n_columns, width):
        c1 = min(c0 + width, n_columns)
        y = scratch.y[: (c1 - c0) * wide].reshape((c1 - c0, wide))
        np.dot(matrix[c0:c1], x, y)
        if by.deviation.shape[1] == 0:
            _pass_on(y, m, c0, worth, total, at)
            continue
        clipped += read_out(y, EDGE, m, (c0, c1), by, worth, noise, row, total, at, scratch.room, counting)
    return clipped


@compiled
def _pass_on(y: F32, m: int, first: int, worth: Worth, total: F32, at: int) -> None:
    for c in range(y.shape[0]):
        row, found, gain = y[c, EDGE : EDGE + m], total[first + c, at : at + m], worth.gain[first + c]
        for i in range(m):
            found[i] += gain * row[i]


@compiled
def _rows_through(
    x: F32, drive: Any, k0: int, matrix: F32, by: Any, worth: Any, noise: Any, counting: bool, total: F32, start: int,
    n_rows: int,
) -> np.int64:  # fmt: skip
    k, clipped, scratch = matrix.shape[1], np.int64(0), _scratch(matrix, n_rows)
    strip = np.zeros((_STRIP, k), np.float32)
    for at in range(0, n_rows, BLOCK):
        m = min(n_rows - at, BLOCK)
        columns = scratch.x[: k * _wide(m)].reshape((k, _wide(m)))
        columns[:, :EDGE], columns[:, EDGE + m :] = 0, 0
        for i in range(0, m, _STRIP):
            drive_rows(x, start + at + i, k0, Drive(*drive), strip[: min(_STRIP, m - i)])
            _turn(strip, EDGE + i, columns)
        clipped += _read(
            matrix, m, start + at, at, Tables(*by), Worth(*worth), Noise(*noise), counting, total, scratch
        )  # fmt: skip
    return clipped


@compiled
def _columns_through(
    x: F32, drive: Any, k0: int, matrix: F32, by: Any, worth: Any, noise: Any, counting: bool, total: F32, start: int,
    n_rows: int,
) -> np.int64:  # fmt: skip
    """Run inputs (K, n), which need no turning."""
    k, clipped, scratch = matrix.shape[1], np.int64(0), _scratch(matrix, n_rows)
    own = max(0, min(k, x.shape[0] - k0))
    for at in range(0, n_rows, BLOCK):
        m = min(n_rows - at, BLOCK)
        columns = scratch.x[: k * _wide(m)].reshape((k, _wide(m)))
        columns[:, :EDGE], columns[:, EDGE + m :] = 0, 0
        drive_rows(x, k0, start + at, Drive(*drive), columns[:own, EDGE : EDGE + m])
        drive_rows(x[:, :0], 0, 0, Drive(*drive), columns[own:, EDGE : EDGE + m])
        clipped += _read(
            matrix, m, start + at, at, Tables(*by), Worth(*worth), Noise(*noise), counting, total, scratch
        )  # fmt: skip
    return clipped


@compiled
def _turn(strip: F32, first: int, found: F32) -> None:
    """Write rows as columns `first` on; what a last strip holds too much lies in the edge, and is finite."""
    for c in range(strip.shape[1]):
        for r in range(_STRIP):  # unsigned: no test for negative indices keeps the loop from being unrolled
            found[np.uintp(c), np.uintp(first + r)] = strip[np.uintp(r), np.uintp(c)]


@compiled
def _patches_through(
    images: F32, shape: Any, k0: int, matrix: F32, by: Any, worth: Any, noise: Any, counting: bool, total: F32,
    start: int, n_rows: int,
) -> np.int64:  # fmt: skip
    k, clipped, scratch = matrix.shape[1], np.int64(0), _scratch(matrix, n_rows)
    for at in range(0, n_rows, BLOCK):
        m = min(n_rows - at, BLOCK)
        _fill_patches(images, shape, k0, start + at, m, scratch.x[: k * _wide(m)].reshape((k, _wide(m))))
        clipped += _read(
            matrix, m, start + at, at, Tables(*by), Worth(*worth), Noise(*noise), counting, total, scratch
        )  # fmt: skip
    return clipped


@compiled
def _fill_patches(images: F32, shape: Any, k0: int, start: int, m: int, found: F32) -> None:
    """Copy patches: row (channel, ky, kx), column (image, y, x) after the edge."""
    channel, n_channels, kh, kw, sh, sw, dh, dw, height, width, one = shape
    pixels, last, flat = height * width, n_channels * kh * kw, images.reshape(-1)
    to_image, to_row = images.shape[1] * images.shape[2] * images.shape[3], images.shape[3]
    for r in range(found.shape[0]):
        row, k = found[r], k0 + r
        row[:EDGE], row[EDGE + m :] = 0, 0
        if k >= last:
            row[EDGE : EDGE + m] = one
            continue
        c, ky, kx = channel + k // (kh * kw), k // kw % kh, k % kw
        origin = c * images.shape[2] * to_row + ky * dh * to_row + kx * dw
        at, image, i, j = EDGE, start // pixels, start % pixels // width, start % width
        while at < EDGE + m:
            n = min(width - j, EDGE + m - at)
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
