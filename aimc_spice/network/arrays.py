"""What if another array library, on a GPU, multiplies and converts? The same layers, on its arrays.

One idea: everything of a layer stays but its sums (`AnalogLayer._sums`): driven inputs go to the device, products,
noise, codes and partial sums are computed there in terms of the array API standard, and the sums come back. Noise is
the same function of seed and index as in `noise`, so a code differs from NumPy's only where a product's last bit does.
Digital steps stay in NumPy, and so do products of two activations. For NumPy itself the compiled path is faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.network import noise
from aimc_spice.network.analog import AnalogMatrix, Group
from aimc_spice.network.blocks import Patches, Rows
from aimc_spice.network.kernel import F32
from aimc_spice.network.layer import AnalogLayer, Tally

_MASK = 0xFFFFFFFF
_AT_ONCE = 1 << 24  # numbers of the sums, and about as many inputs, that are on the device together


@dataclass(frozen=True)
class ArrayLayer(AnalogLayer):
    """A prepared layer whose sums another array library computes.

    Parameters
    ----------
    xp : module
        An array API namespace, such as ``array_api_compat.torch``.
    device : object
        Of that library; None is its default.
    """

    xp: Any = None
    device: Any = None

    @classmethod
    def of(cls, layer: AnalogLayer, xp: Any, device: Any = None) -> ArrayLayer:
        """Return a layer with its matrices and tables on a device."""
        held = {one.name: getattr(layer, one.name) for one in fields(AnalogLayer)}
        return cls(**held, xp=xp, device=device)

    @property
    def _at_once(self) -> int:
        return _AT_ONCE // max(1, *(part.n_in // part.n_columns for part in self.parts))

    def _sums(
        self, part: AnalogMatrix, inputs: Sequence[Rows | Patches], start: int, n_rows: int, seed: int | None,
        first: int, step: int, seen: Tally | None,
    ) -> Iterable[tuple[int, F32]]:  # fmt: skip
        factors = self.dac.factors()
        total = self._array(np.repeat((part.offset * np.float32(sum(factors)))[:, None], n_rows, axis=1))
        for cycle, (one, factor) in enumerate(zip(inputs, factors, strict=True)):
            x = self._columns(one, part.n_in, start, n_rows, cycle)
            for group, held in zip(part.groups, self._held[part.name], strict=True):
                y = held.matrix @ x[group.rows, :]
                if group.converters is None:
                    total = total + factor * held.gain * y
                    continue
                key = None
                if seed is not None and group.converters.is_noisy:
                    key = noise.keys(part.n_columns, seed, part.name, group.name, cycle)
                code = self._codes(y, held, key, first + step * start, step)
                total = total + factor * held.gain * self.xp.astype(code, self.xp.float32)
                if seen is not None:
                    ends = self.xp.astype((code == 0) | (code == held.top), self.xp.int64)
                    seen.clipped += int(self.xp.sum(ends))
            if seen is not None:
                seen.conversions += n_rows * part.n_columns * len(part.groups)
        return [(0, np.asarray(self._back(total), dtype=np.float32))]

    def _columns(self, inputs: Rows | Patches, n_in: int, start: int, n_rows: int, cycle: int) -> Any:
        """Return driven inputs (n_in, n_rows) on the device, bias rows last."""
        if isinstance(inputs, Rows):
            x = self._array(self.dac.drive(inputs.x[start : start + n_rows], cycle)).T
        else:
            pixels = inputs.size[0] * inputs.size[1]
            some = inputs.images[start // pixels : -(-(start + n_rows) // pixels)]
            flat = self._array(np.ascontiguousarray(some).reshape(len(some), -1))
            k = inputs.channels[1] * inputs.kernel[0] * inputs.kernel[1]
            found = self.xp.take(flat, self._array(patch_index(inputs)), axis=1)
            found = self.xp.permute_dims(self.xp.reshape(found, (len(some), k, pixels)), (1, 0, 2))
            x = self.xp.reshape(found, (k, len(some) * pixels))[:, start % pixels : start % pixels + n_rows]
        if x.shape[0] == n_in:
            return x
        ones = np.full((n_in - x.shape[0], n_rows), self.dac.highest(cycle), np.float32)
        return self.xp.concat([x, self._array(ones)], axis=0)

    def _codes(self, y: Any, held: _Held, key: NDArray[np.uint32] | None, first: int, step: int) -> Any:
        xp = self.xp
        u = y * held.scale + held.middle
        if key is not None:
            index = first + step * np.arange(y.shape[1], dtype=np.int64)
            z = normal(self._array(key.astype(np.int64)), self._array(index & _MASK), xp)
            u = u + held.sigma * z[: y.shape[0], :]
        guess = xp.clip(u * held.slope - held.shift, 0.0, float(held.top))
        code = xp.astype(guess, xp.int64)
        row = self._array(np.arange(y.shape[0], dtype=np.int64)[:, None] * (held.top + 1))
        for _ in range(held.reach):
            at = xp.reshape(row + code, (-1,))
            code = code + xp.astype(u >= xp.reshape(xp.take(held.table, at), code.shape), xp.int64)
        return code

    @cached_property
    def _held(self) -> dict[str, list[_Held]]:
        return {part.name: [self._hold(group) for group in part.groups] for part in self.parts}

    def _hold(self, group: Group) -> _Held:
        by = group.converters
        gain, matrix = self._array(group.gain[:, None]), self._array(self.matrix_of(group))
        if by is None:
            return _Held(matrix, gain)
        table = np.hstack([by.thresholds(), np.full((by.n_cols, 1), np.inf, np.float32)]).reshape(-1)
        scale, slope, shift, sigma = (self._array(v[:, None]) for v in (group.to_lsb, by.slope, by.shift, by.sigma))
        reach = int(by.reach.max())
        return _Held(matrix, gain, self._array(table), scale, slope, shift, sigma, by.top, by.middle, reach)

    def _array(self, values: NDArray[Any]) -> Any:
        return self.xp.asarray(np.ascontiguousarray(values), device=self.device)

    def _back(self, values: Any) -> Any:
        """Return an array to the memory of the processor, where a library does not do so itself."""
        return values.cpu() if hasattr(values, "cpu") else values.get() if hasattr(values, "get") else values


@dataclass(frozen=True)
class _Held:
    """A group on the device; columns (n_columns, 1)."""

    matrix: Any
    gain: Any
    table: Any = None
    scale: Any = None
    slope: Any = None
    shift: Any = None
    sigma: Any = None
    top: int = 0
    middle: float = 0.0
    reach: int = 0


def patch_index(patches: Patches) -> NDArray[np.int64]:
    """Return where, in one flattened image, the elements of its patches lie, patch row by patch row."""
    (channel, n_channels), (kh, kw), (sh, sw) = patches.channels, patches.kernel, patches.strides
    (dh, dw), (height, width), (_, _, h, w) = patches.dilations, patches.size, patches.images.shape
    c, ky, kx = np.meshgrid(np.arange(n_channels), np.arange(kh), np.arange(kw), indexing="ij")
    corner = ((channel + c) * h + ky * dh) * w + kx * dw
    pixel = (np.arange(height)[:, None] * sh * w + np.arange(width) * sw).reshape(-1)
    return np.asarray(corner.reshape(-1, 1) + pixel, dtype=np.int64).reshape(-1)


def normal(keys: Any, index: Any, xp: Any) -> Any:
    """Return what `noise.normal` returns, of 64-bit whole numbers: libraries differ in the unsigned types they have."""
    h = ((index // noise.SPAN * 0x9E3779B1) & _MASK)[None, :] ^ keys[:, None]
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _MASK
    h = h ^ (h >> 16)
    within = index % noise.SPAN
    tables, bits = (noise.FIRST, noise.SECOND), noise.SIZE.bit_length() - 1
    places = (xp.reshape(((h >> (k * bits)) % noise.SIZE) + within, (-1,)) for k in range(2))
    first, second = (
        xp.take(xp.asarray(table, device=h.device), place) for table, place in zip(tables, places, strict=True)
    )
    return xp.reshape(first + second, h.shape)
