"""How is a weight matrix laid on tiles? Cut, scaled to [-1, 1], sliced into digits, with or without an offset column.

One idea: `place` turns any matrix (K inputs, N outputs) into weights that a tile can be programmed with, and numbers
that turn the tiles' results back into the product: ``x @ w = Σ_s factor_s (x @ digits_s) * scale``. It programs
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import ConfigError, NetworkError

Array = NDArray[np.float64]
Signs = Literal["differential", "offset"]


@dataclass(frozen=True)
class Mapping:
    """How the layers of a network are laid on tiles.

    Parameters
    ----------
    n_rows, n_cols : int or None
        Tile size; None is that of the tile.
    n_h, n_v : int or None
        How many tiles a matrix is cut into along its inputs and outputs; None: as few as the tile size allows. Parts
        are of equal size, give or take one.
    signs : {"differential", "offset"}
        Each weight is a differential pair; or weights are shifted to be positive, and a column of halves beside them
        (one more column a tile) is subtracted after conversion.
    weight_bits, slice_bits : int or None
        Resolution of a weight with its sign, and of the part of it that one cell holds; None is one cell, continuous.
    scale : {"column", "layer"}
        What a weight of one stands for: the largest weight of its column, or of its layer.
    bias : {"digital", "rows"}
        Added after conversion, or held by rows that are driven with one.
    padding : bool
        Whether unused cells of a full tile load the wires; else tiles are as small as their part.
    replicas : int
        Copies that work on different inputs at the same time: less latency, more tiles.
    """

    n_rows: int | None = None
    n_cols: int | None = None
    n_h: int | None = None
    n_v: int | None = None
    signs: Signs = "differential"
    weight_bits: int | None = None
    slice_bits: int | None = None
    scale: Literal["column", "layer"] = "column"
    bias: Literal["digital", "rows"] = "digital"
    padding: bool = True
    replicas: int = 1

    def __post_init__(self) -> None:
        positive = ("n_rows", "n_cols", "n_h", "n_v", "weight_bits", "slice_bits", "replicas")
        for name in positive:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"mapping: got {name} = {value}, wanted at least 1")
        choices = {"signs": ("differential", "offset"), "scale": ("column", "layer"), "bias": ("digital", "rows")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"mapping: got {name} = {getattr(self, name)!r}", hint=f"known: {', '.join(known)}")
        if self.slice_bits is not None and self.weight_bits is None:
            raise ConfigError("mapping: slice_bits needs weight_bits", hint="for example weight_bits=8, slice_bits=4")
        if self.weight_bits is not None and self.weight_bits < 2:
            raise ConfigError("mapping: got weight_bits = 1, wanted at least 2", hint="one of them is the sign")


@dataclass(frozen=True)
class Cut:
    """The parts of a matrix: rows of each horizontal partition, columns of each vertical one."""

    rows: tuple[slice, ...]
    cols: tuple[slice, ...]

    @property
    def n_tiles(self) -> int:
        """Number of parts."""
        return len(self.rows) * len(self.cols)


@dataclass(frozen=True)
class Placement:
    """A matrix, ready to be programmed.

    Parameters
    ----------
    digits : ndarray, shape (n_slices, K, N)
        In [-1, 1].
    factors : ndarray, shape (n_slices,)
        Worth of a digit of one.
    scale : ndarray, shape (N,)
        Worth of a weight of one.
    cut : Cut
        Over tiles.
    """

    digits: Array
    factors: Array
    scale: Array
    cut: Cut

    @property
    def weights(self) -> Array:
        """The matrix that the digits stand for, shape (K, N)."""
        return np.asarray(np.tensordot(self.factors, self.digits, 1) * self.scale)


def place(matrix: Array, mapping: Mapping, tile_rows: int, tile_cols: int, where: str) -> Placement:
    """Scale, slice and cut a matrix (K, N).

    Raises
    ------
    NetworkError
        A part does not fit on the tile.
    """
    k, n = matrix.shape
    largest = np.abs(matrix).max(axis=0) if mapping.scale == "column" else np.full(n, np.abs(matrix).max())
    scale = np.where(largest > 0, largest, 1.0)
    digits, factors = digits_of(matrix / scale, mapping)
    return Placement(digits, factors, scale, cut_of(k, n, mapping, tile_rows, tile_cols, where))


def cut_of(k: int, n: int, mapping: Mapping, tile_rows: int, tile_cols: int, where: str) -> Cut:
    """Cut a matrix of `k` inputs and `n` outputs."""
    room_rows = _room(mapping.n_rows, tile_rows, "n_rows", where)
    room_cols = _room(mapping.n_cols, tile_cols, "n_cols", where) - (mapping.signs == "offset")
    if room_cols < 1:
        raise NetworkError(
            f"a tile of {tile_cols} columns has no room beside the offset column", where=where, hint="a wider tile"
        )
    rows = _parts(k, mapping.n_h, room_rows, "n_h", where)
    cols = _parts(n, mapping.n_v, room_cols, "n_v", where)
    return Cut(rows, cols)


def _room(wanted: int | None, there: int, name: str, where: str) -> int:
    if wanted is not None and wanted > there:
        raise NetworkError(f"got {name} = {wanted}, the tile has {there}", where=where, hint="a larger tile")
    return wanted or there


def _parts(size: int, wanted: int | None, room: int, name: str, where: str) -> tuple[slice, ...]:
    n = wanted or -(-size // room)
    if n > size or -(-size // n) > room:
        least = -(-size // room)
        raise NetworkError(
            f"got {name} = {n} for {size} lines, a part would have {-(-size // n)} of at most {room}",
            where=where,
            hint=f"{name} of {least} to {size}, or a larger tile",
        )
    bounds = [i * size // n for i in range(n + 1)]
    return tuple(slice(a, b) for a, b in pairwise(bounds))


def digits_of(state: Array, mapping: Mapping) -> tuple[Array, Array]:
    """Cut weights in [-1, 1] into digits in [-1, 1], the least significant first, and return what each is worth."""
    if mapping.weight_bits is None:
        return state[None], np.ones(1)
    most = 2 ** (mapping.weight_bits - 1) - 1
    whole = np.round(state * most).astype(np.int64)
    width = min(mapping.slice_bits or mapping.weight_bits - 1, mapping.weight_bits - 1)
    n = -(-(mapping.weight_bits - 1) // width)
    base = 2**width - 1 if n > 1 else most
    digits = [np.sign(whole) * ((np.abs(whole) >> (s * width)) & (2**width - 1)) / base for s in range(n)]
    return np.stack(digits), np.array([base * 2.0 ** (s * width) / most for s in range(n)])
