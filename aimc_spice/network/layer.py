"""How does a layer run on its tiles? Drive, multiply, read out, put in place, in blocks of bounded memory.

One idea: every layer is a `Product`, a DAC and one calibrated `AnalogMatrix` for each of the product's matrices;
noise is keyed by the index of the product, so results do not depend on how a batch is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.network.analog import AnalogMatrix
from aimc_spice.network.dac import Dac
from aimc_spice.network.kernel import F32
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
        driven = [self._driven(x, cycle) for cycle in range(self.dac.n_cycles)]
        if tally is not None:
            self._count(x, tally)
        for index, part in enumerate(self.parts):
            streams = [self.product.blocks(one, index, self.n_bias_rows) for one in driven]
            for blocks in zip(*streams, strict=True):
                self._block(index, part, blocks, output, seed, first, step, tally)
        return self.product.shaped(output, x.shape)

    def _driven(self, x: NDArray[Any], cycle: int) -> F32:
        room, inside = self.product.room(x.shape)
        self.dac.drive(x, cycle, inside)
        return room

    def _block(
        self, index: int, part: AnalogMatrix, blocks: tuple[tuple[int, int, F32], ...], output: F32, seed: int | None,
        first: int, step: int, seen: Tally | None,
    ) -> None:  # fmt: skip
        at, n_rows, _ = blocks[0]
        factors = self.dac.factors()
        start = np.sum([group.offset for group in part.groups], axis=0) * np.float32(sum(factors))
        total = np.empty((part.n_columns, n_rows), np.float32)
        total[...] = start[:, None]
        for cycle, ((_, _, xt), factor) in enumerate(zip(blocks, factors, strict=True)):
            if self.n_bias_rows:
                xt[-self.n_bias_rows :] = self.dac.drive(np.full((1, 1), self.dac.limit), cycle)
            clipped = part.accumulate(xt, n_rows, total, seed, first + step * at, step, cycle, factor, seen is not None)
            if seen is not None:
                seen.clipped += clipped
                seen.conversions += n_rows * part.n_columns * len(part.groups)
        finished = part.finish(total)
        scale, bias = self.scale[index], self.bias[index]
        if self.unit is not None:
            finished = self.unit.finish(finished)
        self.product.store(output, index, at, n_rows, finished, scale, bias)

    def _count(self, x: NDArray[Any], seen: Tally) -> None:
        seen.inputs += x.size
        limit = self.dac.limit * (1 + 1e-6)
        if max(x.max(initial=0), -x.min(initial=0)) > limit:
            seen.inputs_clipped += int(np.count_nonzero(x > limit)) + int(np.count_nonzero(x < -limit))

    @property
    def n_tiles(self) -> int:
        """Tiles of one replica."""
        return self.n_slices * sum(cut.n_tiles for cut in self.cuts)

    @property
    def nbytes(self) -> int:
        """Memory of the prepared matrices and converters."""
        return sum(part.nbytes for part in self.parts)
