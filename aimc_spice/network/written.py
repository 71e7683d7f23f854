"""What if attention's own products run on tiles, too? One of two activations is written into tiles, sample by sample.

One idea: the right factor (keys of scores, values of mixed ones) is a matrix like any other, but it is programmed anew
for every sample: with a programming error of its own, and reduced exactly with the tile's wires, as static weights are.
Tiles, converters and drivers stay; ranges, gains and corrections are set once from the matrices of a few calibration
samples. Every head has tiles of its own; a later sample overwrites an earlier one. Errors of writing are drawn by
sample, so results do not depend on the batch. Its cost is what `Writing` states.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetworkError
from aimc_spice.network.analog import AnalogMatrix, program_all
from aimc_spice.network.build import driven_rows, with_unit
from aimc_spice.network.dac import Dac, limit_of
from aimc_spice.network.fit import Programming, calibrated
from aimc_spice.network.kernel import F32
from aimc_spice.network.layer import AnalogLayer, Tally
from aimc_spice.network.lowered import Call
from aimc_spice.network.mapping import Cut, Mapping, Placement, cut_of, digits_of
from aimc_spice.network.options import Options, Writing
from aimc_spice.network.product import Dense
from aimc_spice.rng import stream
from aimc_spice.surrogate.readout import Readout
from aimc_spice.surrogate.tile import TileSurrogate

Array = NDArray[Any]
CALIBRATED = 8  # samples whose matrices set ranges


@dataclass(frozen=True)
class WrittenSample:
    """Factors of a few calibration samples, and what all of them reach.

    Parameters
    ----------
    a, b : ndarray, shapes (n, heads, M, K) and (n, heads, K, N)
    most_a, most_b : ndarray, shape (heads,)
        Largest magnitudes in all samples.
    low_a : float
        Least value of a.
    """

    a: Array
    b: Array
    most_a: Array
    most_b: Array
    low_a: float

    @classmethod
    def of(cls, call: Call, n: int) -> WrittenSample:
        """Take what a batch of n samples shows."""
        a, b = by_head(call, n)
        most_a, most_b = (np.abs(v).max(axis=(0, 2, 3)) for v in (a, b))
        return cls(a[:CALIBRATED], b[:CALIBRATED], most_a, most_b, float(a.min()))

    @classmethod
    def joined(cls, parts: list[WrittenSample]) -> WrittenSample:
        """Return what several batches show together."""
        a, b = (np.concatenate([getattr(p, f) for p in parts])[:CALIBRATED] for f in ("a", "b"))
        most_a, most_b = (np.max([getattr(p, f) for p in parts], axis=0) for f in ("most_a", "most_b"))
        return cls(a, b, most_a, most_b, min(p.low_a for p in parts))


@dataclass(frozen=True)
class WrittenLayer:
    """Tiles that are written for every sample.

    Parameters
    ----------
    name : str
        Of the step.
    heads : tuple of AnalogLayer
        One a head, as written for the first calibration sample: drivers, converters, gains.
    limits : tuple of float
        What a cell of one stands for, of each head.
    n_rows : int
        Inputs of each head in one sample.
    tile : TileSurrogate
        Programs.
    writing : Writing
        Error and cost.
    seed : int
        Of the errors of writing.
    """

    name: str
    heads: tuple[AnalogLayer, ...]
    limits: tuple[float, ...]
    n_rows: int
    tile: TileSurrogate
    writing: Writing
    seed: int

    def __call__(self, call: Call, n: int, seed: int | None, start: int, tally: Tally | None = None) -> F32:
        """Write and multiply for n samples, `start` on; read noise is keyed by sample, head and row."""
        a, b = by_head(call, n)
        self._check(b)
        found = np.empty((*a.shape[:-1], b.shape[-1]), np.float32)
        for i in range(n):
            rng = stream(self.seed, "write", self.name, start + i)
            for h, layer in enumerate(self._written(b[i], rng)):
                x = np.ascontiguousarray(a[i, h], dtype=np.float32)
                found[i, h] = layer(x, seed, (start + i) * len(x), 1, tally)
        return found.reshape(*call.x.shape[:-1], b.shape[-1])

    def _check(self, b: Array) -> None:
        k, n = self.heads[0].product.matrices[0].shape
        if b.shape[1:] != (len(self.heads), k, n):
            raise NetworkError(
                f"got {b.shape[1]} heads of {b.shape[2]} x {b.shape[3]}, tiles were laid out for {len(self.heads)} "
                f"of {k} x {n}",
                where=f"node {self.name}",
                hint="calibrate with samples of the same length",
            )

    def _written(self, b: Array, rng: np.random.Generator) -> list[AnalogLayer]:
        one = self.heads[0]
        placements = [_placement(m, limit, one.mapping, one.cuts[0]) for m, limit in zip(b, self.limits, strict=True)]
        matrices = program_all(placements, self.tile, one.mapping, self.writing.sigma, rng)
        return [
            replace(layer, parts=(_filled(layer.parts[0], new),))
            for layer, new in zip(self.heads, matrices, strict=True)
        ]

    @property
    def n_tiles(self) -> int:
        """Of all heads."""
        return sum(layer.n_tiles for layer in self.heads)

    @property
    def n_cells(self) -> int:
        """Cells that are written for a sample: two of a differential pair, one beside an offset column."""
        per_weight = 2 if self.heads[0].mapping.signs == "differential" else 1
        return sum(per_weight * layer.n_slices * layer.product.n_weights for layer in self.heads)

    @property
    def t_write(self) -> float:
        """Time to write a sample [s]: the rows of the fullest tile, one after another."""
        return self.writing.t_row * float(max(rows.stop - rows.start for rows in self.heads[0].cuts[0].rows))

    @property
    def nbytes(self) -> int:
        """Memory of converters and of the matrices of one sample."""
        return sum(layer.nbytes for layer in self.heads)


def by_head(call: Call, n: int) -> tuple[Array, Array]:
    """Return both factors as (n samples, heads, …).

    Raises
    ------
    NetworkError
        A matrix that belongs to several samples.
    """
    a, b = call.x, np.asarray(call.matrix)
    count = int(np.prod(a.shape[:-2]))
    if count % n:
        raise NetworkError(
            f"{count} matrices for {n} samples: a written matrix must belong to one sample", where=f"node {call.part}",
            hint="batches of one sample, or leave the product digital",
        )  # fmt: skip
    return a.reshape(n, count // n, *a.shape[-2:]), b.reshape(n, count // n, *b.shape[-2:])


def build_written(
    name: str, sample: WrittenSample, tile: TileSurrogate, readout: Readout | None, options: Options
) -> WrittenLayer:
    """Lay out and calibrate the tiles of a product of two activations.

    Raises
    ------
    NetworkError
        A matrix that does not fit on tiles as the mapping says.
    """
    if options.written is None:
        raise NetworkError(f"{name}: nothing says what writing costs", hint="Options(written=Writing(…))")
    mapping, (k, n) = options.mapping_of(name), sample.b.shape[2:]
    cut = cut_of(k, n, mapping, tile.n_rows, tile.n_cols, name)
    limits = tuple(_limit(sample.b[:, h], most, mapping.weight_bits, options) for h, most in enumerate(sample.most_b))
    rng, sigma = stream(options.seed, "write", name, "calibration"), options.written.sigma
    wanted = [[_placement(m, x, mapping, cut) for m, x in zip(b, limits, strict=True)] for b in sample.b]
    written = [program_all(placements, tile, mapping, sigma, rng) for placements in wanted]
    heads = []
    for h, limit in enumerate(limits):
        a = np.ascontiguousarray(sample.a[:, h], dtype=np.float32)
        largest = _limit(a, sample.most_a[h], options.dac_bits, options)
        dac = Dac(options.dac_bits, largest, sample.low_a < 0, options.bits_per_cycle)
        sent = [
            Programming(placements[h], matrices[h], driven_rows(x, dac))
            for placements, matrices, x in zip(wanted, written, a, strict=True)
        ]
        heads.append(_head(f"{name}/{h}", sent, dac, (mapping, cut, limit), readout, options))
    return WrittenLayer(name, tuple(heads), limits, sample.a.shape[2], tile, options.written, options.seed)


def _limit(values: Array, most: float, n_bits: int | None, options: Options) -> float:
    return limit_of(np.append(values, most), options.dac_range, n_bits, options.reading.percentile)


def _head(
    name: str, sent: list[Programming], dac: Dac, laid: tuple[Mapping, Cut, float], readout: Readout | None,
    options: Options,
) -> AnalogLayer:  # fmt: skip
    mapping, cut, limit = laid
    part = calibrated(name, sent, mapping, options.reading, readout, options.seed)
    held = sent[0].placement.weights.astype(np.float32)
    scale = np.full(held.shape[1], limit * dac.limit, np.float32)
    zero = np.zeros_like(scale)
    n_slices = len(sent[0].placement.factors)
    layer = AnalogLayer(name, Dense(held), dac, (part,), (scale,), (zero,), 0, mapping, (cut,), n_slices)
    return with_unit(layer, options.unit)


def _placement(matrix: Array, limit: float, mapping: Mapping, cut: Cut) -> Placement:
    """Return an activation as what cells hold; beyond the limit it is clipped."""
    digits, factors = digits_of(np.clip(np.asarray(matrix, dtype=np.float64) / limit, -1, 1), mapping)
    return Placement(digits, factors, np.ones(matrix.shape[1]), cut)


def _filled(part: AnalogMatrix, matrices: list[list[F32]]) -> AnalogMatrix:
    """Return the matrix with other cells behind the same converters."""
    flat = [m for per_slice in matrices for m in per_slice]
    if len(flat) != len(part.groups):  # partial sums are added before conversion: one group a slice
        flat = [np.concatenate(per_slice, axis=1) for per_slice in matrices]
    return replace(part, groups=tuple(replace(g, matrix=m) for g, m in zip(part.groups, flat, strict=True)))
