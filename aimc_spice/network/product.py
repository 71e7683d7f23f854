"""Which operations are products with a constant matrix, and how do their inputs become rows of a tile?

One idea: a `Product` names its matrices (K, N), one a group of a convolution, and turns a driven input into blocks
(K, rows), column by column of results back into the output. Executing is the same for all of them (`layer`). It maps
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.network.blocks import Patches, Rows
from aimc_spice.network.dac import Dac, drive_padded
from aimc_spice.network.kernel import BLOCK, F32
from aimc_spice.network.turn import scaled_rows

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

    def driven(self, x: NDArray[Any], dac: Dac, cycle: int) -> F32:
        """Return an input as `inputs` wants it."""
        ...

    def inputs(self, driven: F32, dac: Dac, cycle: int, index: int) -> Rows | Patches:
        """Return the inputs of matrix `index` in a cycle of the DAC."""
        ...

    def rows(self, x: NDArray[Any], index: int) -> list[F32]:
        """Return the inputs of matrix `index` row by row (n, K), as they are, in blocks."""
        ...

    def output(self, shape: tuple[int, ...]) -> F32:
        """Return an empty output for an input of this shape."""
        ...

    def store(self, output: F32, index: int, first: int, total: F32, scale: F32, bias: F32) -> None:
        """Put ``total * scale + bias`` (N, n_rows) in its place, from row `first` on."""
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
        return prod(shape) // len(self.matrix)

    def driven(self, x: NDArray[Any], dac: Dac, cycle: int) -> F32:  # noqa: ARG002  driven block by block
        """Rows (n, K), not yet driven; a matrix stays in the order that it has."""
        if x.ndim == 2:
            return np.require(x.T if self.left else x, np.float32, None if x.flags.forc else "C")
        return self._rows(x)

    def inputs(self, driven: F32, dac: Dac, cycle: int, index: int) -> Rows:  # noqa: ARG002  one matrix
        """Return the rows themselves."""
        return Rows(driven, dac, cycle)

    def rows(self, x: NDArray[Any], index: int) -> list[F32]:  # noqa: ARG002  one matrix
        """Blocks of rows."""
        every = self._rows(x)
        return [every[first : first + _BLOCK] for first in range(0, len(every), _BLOCK)]

    def _rows(self, x: NDArray[Any]) -> F32:
        turned = np.swapaxes(x, -1, -2) if self.left and x.ndim > 1 else x
        return np.ascontiguousarray(turned, dtype=np.float32).reshape(-1, len(self.matrix))

    def output(self, shape: tuple[int, ...]) -> F32:
        """Return rows (n, N): a matrix in Fortran order, as results come column by column and go on as they are."""
        n, n_out = self.rows_of(shape), self.matrix.shape[1]
        return np.empty((n_out, n), np.float32).T if len(shape) == 2 else np.empty((n, n_out), np.float32)

    def store(self, output: F32, index: int, first: int, total: F32, scale: F32, bias: F32) -> None:  # noqa: ARG002
        """Put them down as they come, or transpose them into rows."""
        if output.flags.c_contiguous:
            scaled_rows(total, scale, bias, output[first : first + total.shape[1]])
        else:
            _place(total, scale, bias, first, output.T[None])

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
        top, left, bottom, right = self.pads
        h, w = (1, shape[2]) if self.flat else (shape[2], shape[3])
        return self._size_of(h + top + bottom, w + left + right)

    def _size_of(self, height: int, width: int) -> tuple[int, int]:
        (sh, sw), (dh, dw), (kh, kw) = self.strides, self.dilations, self.weight.shape[2:]
        return (height - dh * (kh - 1) - 1) // sh + 1, (width - dw * (kw - 1) - 1) // sw + 1

    def rows_of(self, shape: tuple[int, ...]) -> int:
        """Pixels of all outputs."""
        height, width = self.size(shape)
        return shape[0] * height * width

    def driven(self, x: NDArray[Any], dac: Dac, cycle: int) -> F32:
        """Images, driven and padded."""
        images = np.ascontiguousarray(x[:, :, None, :] if self.flat else x, dtype=np.float32)
        top, left, bottom, right = self.pads
        n, channels, h, w = images.shape
        found = np.empty((n, channels, h + top + bottom, w + left + right), np.float32)
        drive_padded(images, tuple(dac.drives[cycle]), top, left, found)
        return found

    def inputs(self, driven: F32, dac: Dac, cycle: int, index: int) -> Patches:
        """Patches of the channels that matrix `index` sees."""
        n_channels = self.together * self.weight.shape[1]
        size = self._size_of(driven.shape[2], driven.shape[3])
        kernel = (self.weight.shape[2], self.weight.shape[3])
        one = dac.highest(cycle)
        return Patches(driven, (index * n_channels, n_channels), kernel, self.strides, self.dilations, size, one)

    def rows(self, x: NDArray[Any], index: int) -> list[F32]:
        """Patches of some images at a time."""
        exact = Dac(None, 1.0)
        patches = self.inputs(self.driven(x, exact, 0), exact, 0, index)
        pixels, k = patches.size[0] * patches.size[1], len(self.matrices[index])
        at_once, n_rows = max(1, 2 * _BLOCK // pixels) * pixels, len(x) * pixels
        return [patches.rows(k, first, min(at_once, n_rows - first)) for first in range(0, n_rows, at_once)]

    def output(self, shape: tuple[int, ...]) -> F32:
        """Shape (n, C_out, pixels)."""
        return np.empty((shape[0], len(self.weight), self.rows_of(shape) // shape[0]), np.float32)

    def store(self, output: F32, index: int, first: int, total: F32, scale: F32, bias: F32) -> None:
        """Put the columns of matrix `index` into their channels."""
        _place(total, scale, bias, first, output[:, index * len(total) : (index + 1) * len(total)])

    def shaped(self, output: F32, shape: tuple[int, ...]) -> F32:
        """Return the output in the shape that the operation has."""
        height, width = self.size(shape)
        return output.reshape(*output.shape[:2], *((width,) if self.flat else (height, width)))


@compiled
def _place(total: F32, scale: F32, bias: F32, first: int, found: F32) -> None:
    """Write ``total * scale + bias`` (C, rows) into images (n, C, pixels), from row `first` on."""
    pixels = found.shape[2]
    for c in range(total.shape[0]):
        at, image, pixel = 0, first // pixels, first % pixels
        while at < total.shape[1]:
            n = min(pixels - pixel, total.shape[1] - at)
            source, target = total[c, at : at + n], found[image, c, pixel : pixel + n]
            for i in range(n):
                target[i] = source[i] * scale[c] + bias[c]
            at, image, pixel = at + n, image + 1, 0
