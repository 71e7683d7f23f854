"""How does a layer run on its tiles? Drive, multiply, read out, put in place, in blocks of bounded memory.

One idea: every layer is a `Product`, a DAC and one calibrated `AnalogMatrix` for each of the product's matrices;
noise is keyed by the index of the product, so results do not depend on how a batch is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.network.analog import AnalogMatrix, Group
from aimc_spice.network.blocks import SUMS, Patches, Rows, sums_of
from aimc_spice.network.dac import Dac
from aimc_spice.network.kernel import BLOCK, F32
from aimc_spice.network.mapping import Cut, Mapping
from aimc_spice.network.product import Convolution, Dense
from aimc_spice.network.unit import FixedPoint


@dataclass
class Tally:
    """What happened in a run of a layer."""

    conversions: int = 0
    clipped: int = 0
    inputs: int = 0
    inputs_clipped: int = 0


@dataclass(frozen=True)
class AnalogLayer:
    """A prepared layer.

    Parameters
    ----------
    name : str
        Of the node.
    product : Dense or Convolution
        What it computes.
    dac : Dac
        Input converters.
    parts : tuple of AnalogMatrix
        One for each matrix of the product.
    scale, bias : tuple of ndarray, each (n_out,)
        Worth of a relative product of one, and what is added digitally.
    n_bias_rows : int
        Rows that are driven with one.
    mapping : Mapping
        How it is laid on tiles.
    cuts : tuple of Cut
        Over tiles, of each matrix.
    n_slices : int
        Of a weight.
    unit : FixedPoint or None
        Digital post-processing in fixed point.
    """

    name: str
    product: Dense | Convolution
    dac: Dac
    parts: tuple[AnalogMatrix, ...]
    scale: tuple[F32, ...]
    bias: tuple[F32, ...]
    n_bias_rows: int
    mapping: Mapping
    cuts: tuple[Cut, ...]
    n_slices: int = 1
    unit: FixedPoint | None = None

    def __call__(
        self, x: NDArray[Any], seed: int | None, first: int = 0, step: int = 1, tally: Tally | None = None
    ) -> F32:
        """Run inputs; product i of the input has the noise of index ``first + step * i``."""
        output = self.product.output(x.shape)
        if tally is not None:
            self._count(x, tally)
        driven = [self.product.driven(x, self.dac, cycle) for cycle in range(self.dac.n_cycles)]
        n_rows = self.product.rows_of(x.shape)
        for index, part in enumerate(self.parts):
            inputs = [self.product.inputs(one, self.dac, cycle, index) for cycle, one in enumerate(driven)]
            at_once = max(BLOCK, self._at_once // part.n_columns // BLOCK * BLOCK)
            for start in range(0, n_rows, at_once):
                m = min(n_rows - start, at_once)
                for at, total in self._sums(part, inputs, start, m, seed, first, step, tally):
                    found = self._finished(part, total)
                    self.product.store(output, index, start + at, found, self.scale[index], self.bias[index])
        return self.product.shaped(output, x.shape)

    @property
    def _at_once(self) -> int:
        """Numbers of the sums of a matrix that are worked on at once."""
        return SUMS

    def _sums(
        self, part: AnalogMatrix, inputs: Sequence[Rows | Patches], start: int, n_rows: int, seed: int | None,
        first: int, step: int, seen: Tally | None,
    ) -> Iterable[tuple[int, F32]]:  # fmt: skip
        """Return partial sums (n_columns, rows) of all groups, in blocks, with the place of each among the rows."""
        factors = self.dac.factors()
        total = np.empty(part.n_columns * n_rows, np.float32)
        begin: F32 | None = part.offset * np.float32(sum(factors))
        for cycle, (one, factor) in enumerate(zip(inputs, factors, strict=True)):
            counting = seen is not None
            clipped = part.accumulate(one, start, n_rows, total, seed, first, step, cycle, factor, counting, begin)
            begin = None
            if seen is not None:
                seen.clipped += clipped
                seen.conversions += n_rows * part.n_columns * len(part.groups)
        return sums_of(total, part.n_columns, n_rows)

    def _finished(self, part: AnalogMatrix, total: F32) -> F32:
        found = part.finish(total)
        return found if self.unit is None else self.unit.finish(found)

    def _count(self, x: NDArray[Any], seen: Tally) -> None:
        seen.inputs += x.size
        limit = self.dac.limit * (1 + 1e-6)
        if max(x.max(initial=0), -x.min(initial=0)) > limit:
            seen.inputs_clipped += int(np.count_nonzero(x > limit)) + int(np.count_nonzero(x < -limit))

    def matrix_of(self, group: Group) -> F32:
        """Return the matrix that products of a group are made with: as programmed, or in whole numbers (`pairs`)."""
        pairs = group.pairs(self.dac.levels(0)) if isinstance(self.product, Dense) else None
        return group.matrix if pairs is None else pairs.matrix

    @property
    def n_tiles(self) -> int:
        """Tiles of one replica."""
        return self.n_slices * sum(cut.n_tiles for cut in self.cuts)

    @property
    def nbytes(self) -> int:
        """Memory of the prepared matrices and converters."""
        return sum(part.nbytes for part in self.parts)
