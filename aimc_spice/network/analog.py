"""What does a matrix on tiles do to its inputs? Exact tile matrices, converters, partial sums, all prepared.

One idea: an `AnalogMatrix` is a list of `Group`s (a horizontal partition, or a slice of it), each one matrix for all
its tiles side by side and their converters. A run adds what each group's converters say to the partial sums, which
are column by column: (N, rows), block by block. It chooses no ranges (see `fit`), and cuts no blocks (see `blocks`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aimc_spice.network.blocks import Patches, Reader, Rows
from aimc_spice.network.kernel import F32, Converters, pack
from aimc_spice.network.mapping import Mapping, Placement
from aimc_spice.network.noise import keys
from aimc_spice.network.pairs import Pairs, pairs_of
from aimc_spice.surrogate.readout import ColumnReadouts, Readout
from aimc_spice.surrogate.tile import TileSurrogate

Array = NDArray[np.float64]
_Place = tuple[int, int, int, int]  # matrix, slice, horizontal and vertical partition


@dataclass(frozen=True)
class Group:
    """Tiles that see the same rows.

    Parameters
    ----------
    rows : slice
        Inputs.
    matrix : ndarray, shape (n_columns, n_rows)
        From x in [-1, 1] to column outputs [V, A or C]; columns of offsets come last.
    converters : Converters or None
        Of every column; None passes outputs on as they are.
    to_lsb : ndarray, shape (n_columns,)
        Programmed gain of the front end over the converter's step.
    gain, offset : ndarray, shape (n_columns,)
        What a code is worth (without converters: the output itself), and what is added to it.
    name : str
        Of the partition, for streams.
    """

    rows: slice
    matrix: F32
    converters: Converters | None
    to_lsb: F32
    gain: F32
    offset: F32
    name: str

    @cached_property
    def _pairs(self) -> Pairs | None:
        return None if self.converters is None else pairs_of(self.matrix, self.to_lsb)

    def pairs(self, levels: int) -> Pairs | None:
        """Return the matrix in whole numbers, for inputs with so many levels.

        None where it is used as it is: there are no levels, converters could see the difference, or sums would not fit.
        """
        return self._pairs if levels and self._pairs is not None and self._pairs.holds(levels) else None

    @property
    def nbytes(self) -> int:
        """Memory."""
        tables = 0 if self.converters is None else self.converters.nbytes
        pairs = vars(self).get("_pairs")
        return self.matrix.nbytes + tables + 3 * self.gain.nbytes + (0 if pairs is None else pairs.nbytes)


@dataclass(frozen=True)
class AnalogMatrix:
    """A programmed and calibrated matrix.

    Parameters
    ----------
    name : str
        Of the layer, for streams.
    groups : tuple of Group
        All that is added up.
    n_in, n_out : int
        Of the matrix.
    reference : ndarray of int or None
        Index of the offset column of each output, among all columns; None for differential pairs.
    """

    name: str
    groups: tuple[Group, ...]
    n_in: int
    n_out: int
    reference: NDArray[np.int64] | None = None

    def accumulate(
        self, inputs: Rows | Patches, start: int, n_rows: int, total: F32, seed: int | None, first: int = 0,
        step: int = 1, cycle: int = 0, factor: float = 1.0, counting: bool = True, begin: F32 | None = None,
    ) -> int:  # fmt: skip
        """Add the products of rows `start` on to `total`, whose order `blocks.sums_of` tells.

        Parameters
        ----------
        seed : int or None
            Of noise; None is none. Row i of the inputs is conversion ``first + step * i``.
        begin : ndarray, shape (n_columns,), or None
            What sums begin with; None: what `total` holds is added to.

        Returns
        -------
        int
            How many conversions were clipped.
        """
        clipped = 0
        for group in self.groups:
            key = None if seed is None else keys(self.n_columns, seed, self.name, group.name, cycle)
            gain = group.gain if factor == 1 else group.gain * np.float32(factor)
            reader = Reader(group.converters, group.to_lsb, gain, key, first, step, counting, begin)
            pairs = group.pairs(inputs.levels) if isinstance(inputs, Rows) else None
            if isinstance(inputs, Rows) and pairs is not None:
                clipped += inputs.pairs_through(group.rows, pairs, reader, total, start, n_rows)
            else:
                clipped += inputs.through(group.rows, group.matrix, reader, total, start, n_rows)
            begin = None
        return clipped

    @cached_property
    def offset(self) -> F32:
        """What all groups add to a column."""
        return np.asarray(np.sum([group.offset for group in self.groups], axis=0), dtype=np.float32)

    def finish(self, total: F32) -> F32:
        """Turn totals (n_columns, n) into the product (n_out, n): offset columns are subtracted."""
        if self.reference is None:
            return total
        return np.asarray(total[: self.n_out] - total[self.reference])

    def matrices(self, n_slices: int) -> list[list[F32]]:
        """Return the matrices as `program` made them, of each slice and horizontal partition."""
        per_slice = len(self.groups) // n_slices
        every = [group.matrix for group in self.groups]
        return [every[s * per_slice : (s + 1) * per_slice] for s in range(n_slices)]

    @property
    def n_columns(self) -> int:
        """Converters of one group, offset columns included."""
        return len(self.groups[0].gain)

    @property
    def nbytes(self) -> int:
        """Memory."""
        return sum(group.nbytes for group in self.groups)


def program(
    placement: Placement, tile: TileSurrogate, mapping: Mapping, sigma: float, rng: np.random.Generator
) -> list[list[F32]]:
    """Program every tile; return for each slice and horizontal partition its matrix (n_columns, n_rows of it).

    Parameters
    ----------
    sigma : float
        Programming error of a weight, rms; 1 is a whole cell.
    """
    return program_all([placement], tile, mapping, sigma, rng)[0]


def program_all(
    placements: Sequence[Placement], tile: TileSurrogate, mapping: Mapping, sigma: float, rng: np.random.Generator
) -> list[list[list[F32]]]:
    """Program several matrices of equal shape, as many tiles at a time as memory allows; see `program`."""
    padding = (tile.n_rows, tile.n_cols) if mapping.padding else None
    by_shape: dict[tuple[int, int], list[tuple[_Place, Array]]] = defaultdict(list)
    for index, placement in enumerate(placements):
        for s, digits in enumerate(placement.digits):
            for h, rows in enumerate(placement.cut.rows):
                for v, cols in enumerate(placement.cut.cols):
                    weights = cells_of(digits[rows, cols], mapping)
                    if sigma:
                        weights = np.clip(weights + rng.normal(0, sigma, weights.shape), -1, 1)
                    by_shape[weights.shape].append(((index, s, h, v), weights))
    found: dict[_Place, F32] = {}
    for tiles in by_shape.values():
        found |= _programmed(tiles, tile, padding)
    cut, n_slices = placements[0].cut, len(placements[0].digits)
    return [
        [
            [_joined([found[index, s, h, v] for v in range(len(cut.cols))], mapping) for h in range(len(cut.rows))]
            for s in range(n_slices)
        ]
        for index in range(len(placements))
    ]


def cells_of(weights: Array, mapping: Mapping) -> Array:
    """Return what the cells of a tile hold, in [-1, 1], offset column included."""
    if mapping.signs == "differential":
        return weights
    return np.hstack([(weights + 1) / 2, np.full((len(weights), 1), 0.5)])


def _programmed(
    tiles: list[tuple[_Place, Array]], tile: TileSurrogate, padding: tuple[int, int] | None, at_once: int = 64
) -> dict[_Place, F32]:
    found: dict[_Place, F32] = {}
    for start in range(0, len(tiles), at_once):
        some = tiles[start : start + at_once]
        weights = np.stack([t[1] for t in some])
        k, n = weights.shape[1:]
        if padding:
            weights = np.pad(weights, ((0, 0), (0, padding[0] - k), (0, padding[1] - n)))
        matrices = np.asarray(tile.program(weights))[:, :k, :n]
        found |= {t[0]: np.ascontiguousarray(m.T, dtype=np.float32) for t, m in zip(some, matrices, strict=True)}
    return found


def _joined(tiles: list[F32], mapping: Mapping) -> F32:
    """Put tiles side by side; offset columns come last."""
    if mapping.signs == "differential":
        return np.concatenate(tiles)
    return np.concatenate([*(t[:-1] for t in tiles), *(t[-1:] for t in tiles)])


def converters_of(
    readout: Readout, cut_cols: tuple[slice, ...], mapping: Mapping, seed: int, *names: str
) -> Converters:
    """Draw the converters of the tiles of one group."""
    extra = mapping.signs == "offset"
    drawn = [readout.sample(c.stop - c.start + extra, seed, *names, f"v{v}") for v, c in enumerate(cut_cols)]
    if not extra:
        return pack(drawn)
    return pack([*(_part(d, slice(None, -1)) for d in drawn), *(_part(d, slice(-1, None)) for d in drawn)])


def _part(drawn: ColumnReadouts, some: slice) -> ColumnReadouts:
    return ColumnReadouts(drawn.thresholds[some], drawn.sigma_noise, drawn.low, drawn.high)
