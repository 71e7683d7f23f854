"""Which operations are products with a constant matrix, and how do their inputs become rows of a tile?

One idea: a `Product` names its matrices (K, N), one a group of a convolution, and turns a driven input into blocks
(K, rows), column by column of results back into the output. Executing is the same for all of them (`layer`). It maps
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.network.analog import EDGE, PAD, wide
from aimc_spice.network.kernel import BLOCK, F32

_BLOCK = 3 * BLOCK
_PACKED_ROWS = 128  # small groups share a matrix up to about a tile


class Product(Protocol):
    """A layer that is a product with constant matrices."""

    @property
    def matrices(self) -> tuple[NDArray[Any], ...]:
        """The matrices (K, N)."""
        ...

    @property
    def bias(self) -> NDArray[Any] | None:
        """Added to all outputs of all matrices, side by side; None is none."""
        ...

    @property
    def n_weights(self) -> int:
        """Weights, without the zeros of a block diagonal."""
        ...

    def rows_of(self, shape: tuple[int, ...]) -> int:
        """Return how many products an input of this shape asks of each matrix."""
        ...

    def room(self, shape: tuple[int, ...]) -> tuple[F32, F32]:
        """Return an array for inputs of this shape as `blocks` wants them, and the part of it that is to be filled."""
        ...

    def blocks(self, room: F32, index: int, extra: int) -> Iterator[tuple[int, int, F32]]:
        """Yield (first row, number of rows n, inputs (K + extra, at least wide(n))) of matrix `index`.

        The rows begin at column `EDGE`. `extra` more rows are left for biases; their content is not defined.
        """
        ...

    def output(self, shape: tuple[int, ...]) -> F32:
        """Return an empty output for an input of this shape."""
        ...

    def store(self, output: F32, index: int, first: int, n_rows: int, total: F32, scale: F32, bias: F32) -> None:
        """Put ``total * scale + bias`` (N, n_rows) in its place."""
        ...


@dataclass(frozen=True)
class Dense:
    """``x @ matrix + bias`` along the last axis of x, or along the one before (`left`: ``matrix.T @ x``).

    Parameters
    ----------
    matrix : ndarray, shape (K, N)
    bias : ndarray, shape (N,), or None
    left : bool
        Whether the constant stands on the left.
    """

    matrix: NDArray[Any]
    bias: NDArray[Any] | None = None
    left: bool = False

    @property
    def matrices(self) -> tuple[NDArray[Any], ...]:
        """The one matrix."""
        return (self.matrix,)

    @property
    def n_weights(self) -> int:
        """All elements."""
        return int(self.matrix.size)

    def rows_of(self, shape: tuple[int, ...]) -> int:
        """All axes but the one that is summed over."""
        return int(np.prod(shape)) // len(self.matrix)

    def room(self, shape: tuple[int, ...]) -> tuple[F32, F32]:
        """Rows with edges before the first and behind the last."""
        n, k = self.rows_of(shape), len(self.matrix)
        room = np.empty((wide(n), k), np.float32)
        room[:EDGE], room[EDGE + n :] = 0, 0
        inside = room[EDGE : EDGE + n]
        if not self.left or len(shape) == 1:
            return room, inside.reshape(shape)
        return room, np.swapaxes(inside.reshape(*shape[:-2], shape[-1], k), -1, -2)

    def blocks(self, room: F32, index: int, extra: int) -> Iterator[tuple[int, int, F32]]:  # noqa: ARG002  one matrix
        """Yield blocks of rows; those at the edges of a block are its neighbours."""
        n = len(room) - wide(0)
        for first in range(0, n, _BLOCK):
            m = min(n - first, _BLOCK)
            xt = room[first : first + wide(m)].T
            if extra:
                xt = np.concatenate([xt, np.empty((extra, wide(m)), np.float32)])
            yield first, m, xt

    def output(self, shape: tuple[int, ...]) -> F32:
        """Rows before columns; `shaped` puts them in place."""
        return np.empty((self.rows_of(shape), self.matrix.shape[1]), np.float32)

    def store(self, output: F32, index: int, first: int, n_rows: int, total: F32, scale: F32, bias: F32) -> None:  # noqa: ARG002
        """Transpose into the rows."""
        transpose(total, n_rows, scale, bias, output[first : first + n_rows])

    def shaped(self, output: F32, shape: tuple[int, ...]) -> F32:
        """Return the output in the shape that the operation has."""
        if not self.left:
            return output.reshape(*shape[:-1], -1)
        lead = (*shape[:-2], shape[-1]) if len(shape) > 1 else ()
        found = output.reshape(*lead, -1)
        return np.ascontiguousarray(np.swapaxes(found, -1, -2)) if len(shape) > 1 else found


@dataclass(frozen=True)
class Convolution:
    """A convolution with 1 or 2 axes; one of 1 axis has height 1.

    Parameters
    ----------
    weight : ndarray, shape (C_out, C_in / groups, kh, kw)
    bias : ndarray, shape (C_out,), or None
    groups : int
    strides, dilations : (int, int)
    pads : (top, left, bottom, right)
    flat : bool
        Whether input and output have one spatial axis.
    """

    weight: NDArray[Any]
    bias: NDArray[Any] | None
    groups: int
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]
    flat: bool = False

    @property
    def together(self) -> int:
        """How many groups share a matrix, block by block on its diagonal."""
        k = self.weight[0].size
        fit = max(1, _PACKED_ROWS // k)
        return max(d for d in range(1, min(fit, self.groups) + 1) if self.groups % d == 0)

    @property
    def matrices(self) -> tuple[NDArray[Any], ...]:
        """One for every `together` groups."""
        n, k = len(self.weight) // self.groups, self.weight[0].size
        found = []
        for first in range(0, self.groups, self.together):
            matrix = np.zeros((k * self.together, n * self.together), self.weight.dtype)
            for i in range(self.together):
                some = self.weight[(first + i) * n : (first + i + 1) * n].reshape(n, k)
                matrix[i * k : (i + 1) * k, i * n : (i + 1) * n] = some.T
            found.append(matrix)
        return tuple(found)

    @property
    def n_weights(self) -> int:
        """Elements of the kernels."""
        return int(self.weight.size)

    def size(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return height and width of the output."""
        h, w = (1, shape[2]) if self.flat else (shape[2], shape[3])
        kh, kw = self.weight.shape[2:]
        (sh, sw), (dh, dw), (top, left, bottom, right) = self.strides, self.dilations, self.pads
        return (h + top + bottom - dh * (kh - 1) - 1) // sh + 1, (w + left + right - dw * (kw - 1) - 1) // sw + 1

    def rows_of(self, shape: tuple[int, ...]) -> int:
        """Pixels of all outputs."""
        height, width = self.size(shape)
        return shape[0] * height * width

    def room(self, shape: tuple[int, ...]) -> tuple[F32, F32]:
        """Images as they are."""
        room = np.empty(shape, np.float32)
        return room, room

    def blocks(self, room: F32, index: int, extra: int) -> Iterator[tuple[int, int, F32]]:
        """Yield the patches of some images."""
        x = self._padded(room[:, :, None, :] if self.flat else room)
        height, width = self.size(room.shape)
        pixels, per_group = height * width, self.weight.shape[1]
        channels = slice(index * self.together * per_group, (index + 1) * self.together * per_group)
        kh, kw = self.weight.shape[2:]
        k, at_once = per_group * self.together * kh * kw, max(1, 2 * _BLOCK // pixels)
        for image in range(0, len(x), at_once):
            some = x[image : image + at_once, channels]
            n_rows = len(some) * pixels
            found = np.empty((k + extra, -(-wide(n_rows) // PAD) * PAD), np.float32)
            found[:, :EDGE], found[:, EDGE + n_rows :] = 0, 0
            _patches(some, kh, kw, *self.strides, *self.dilations, height, width, found)
            yield image * pixels, n_rows, found

    def _padded(self, x: F32) -> F32:
        top, left, bottom, right = self.pads
        if not any(self.pads):
            return x
        n, channels, h, w = x.shape
        found = np.zeros((n, channels, h + top + bottom, w + left + right), np.float32)
        found[:, :, top : top + h, left : left + w] = x
        return found

    def output(self, shape: tuple[int, ...]) -> F32:
        """Shape (n, C_out, pixels)."""
        return np.empty((shape[0], len(self.weight), self.rows_of(shape) // shape[0]), np.float32)

    def store(self, output: F32, index: int, first: int, n_rows: int, total: F32, scale: F32, bias: F32) -> None:
        """Put the columns of matrix `index` into their channels."""
        pixels, n = output.shape[2], len(total)
        for i, image in enumerate(range(first // pixels, (first + n_rows) // pixels)):
            part = output[image, index * n : (index + 1) * n]
            np.multiply(total[:, i * pixels : (i + 1) * pixels], scale[:, None], out=part)
            part += bias[:, None]

    def shaped(self, output: F32, shape: tuple[int, ...]) -> F32:
        """Return the output in the shape that the operation has."""
        height, width = self.size(shape)
        return output.reshape(*output.shape[:2], *((width,) if self.flat else (height, width)))


def rows_in(product: Product, x: NDArray[Any], index: int) -> list[F32]:
    """Return the inputs of matrix `index` row by row (n, K), in the blocks of a run."""
    room, inside = product.room(x.shape)
    inside[...] = x
    return [xt[:, EDGE : EDGE + n].T for _, n, xt in product.blocks(room, index, 0)]


@compiled
def _patches(x: F32, kh: int, kw: int, sh: int, sw: int, dh: int, dw: int, height: int, width: int, found: F32) -> None:
    """Copy patches of padded images: row (channel, ky, kx), column (image, y, x) after the edge."""
    n, channels = x.shape[0], x.shape[1]
    for c in range(channels):
        for ky in range(kh):
            for kx in range(kw):
                row, at = (c * kh + ky) * kw + kx, EDGE
                for image in range(n):
                    for i in range(height):
                        y = i * sh + ky * dh
                        target, source = found[row, at : at + width], x[image, c, y, kx * dw :]
                        if sw == 1:
                            for j in range(width):
                                target[j] = source[j]
                        else:
                            for j in range(width):
                                target[j] = source[sw * j]
                        at += width


@compiled
def transpose(total: F32, n_rows: int, scale: F32, bias: F32, found: F32) -> None:
    """Write ``total.T * scale + bias``, in squares that stay in the cache."""
    n = total.shape[0]
    for r0 in range(0, n_rows, 16):
        for c0 in range(0, n, 64):
            for r in range(r0, min(n_rows, r0 + 16)):
                for c in range(c0, min(n, c0 + 64)):
                    found[r, c] = total[c, r] * scale[c] + bias[c]
