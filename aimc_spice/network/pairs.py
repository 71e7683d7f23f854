"""How are products made of whole numbers? Levels of a DAC times weights of 16 bits, two rows in a word.

One idea: processors multiply pairs of 16-bit numbers and add them up at once, twice as many as single-precision ones,
and sums of whole numbers are exact in any order. A matrix is rounded so where that cannot move any output by more than
`WITHIN` of a converter's step, whatever the inputs: what is left out is known, and it is small beside the step. It
makes no products (see `multiply`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.network.dac import Drive, drive_rows
from aimc_spice.network.multiply import LANES, fetch
from aimc_spice.network.turn import turn

F32 = NDArray[np.float32]
WITHIN = 1 / 16  # LSB
_MOST = 2**15 - 1
_SUM = 2**31 - 1


@dataclass(frozen=True)
class Pairs:
    """A matrix in whole numbers.

    Parameters
    ----------
    words : ndarray of int32, shape (n_columns, ceil(n_rows / 2))
        Rows ``2 i`` and ``2 i + 1`` in the lower and the upper half.
    unit : ndarray, shape (n_columns,)
        What a one of each column is worth.
    n_rows : int
        Without the zeros that make it even.
    """

    words: NDArray[np.int32]
    unit: F32
    n_rows: int

    def holds(self, levels: int) -> bool:
        """Whether levels up to this one fit into 16 bits, and sums into 32."""
        return 0 < levels <= _MOST and levels * self.n_rows * _MOST <= _SUM

    @property
    def matrix(self) -> F32:
        """What it stands for, shape (n_columns, n_rows)."""
        whole = self.words.view(np.int16)[:, : self.n_rows]
        return np.asarray(whole * self.unit[:, None], dtype=np.float32)

    @property
    def nbytes(self) -> int:
        """Memory."""
        return self.words.nbytes + self.unit.nbytes


def pairs_of(matrix: F32, to_lsb: F32) -> Pairs | None:
    """Round a matrix (n_columns, n_rows) by columns; None where an output could move by more than `WITHIN` LSB.

    Parameters
    ----------
    to_lsb : ndarray, shape (n_columns,)
        LSB per unit of an output; inputs are within [-1, 1].
    """
    exact = matrix.astype(np.float64)
    largest = np.abs(exact).max(axis=1, initial=0.0)
    unit = (np.where(largest > 0, largest, 1.0) / _MOST).astype(np.float32)
    whole = np.clip(np.rint(exact / unit[:, None]), -_MOST, _MOST)
    moved = np.abs(exact - whole * unit[:, None]).sum(axis=1) * np.abs(to_lsb)
    if not (moved <= WITHIN).all():
        return None
    n_columns, n_rows = matrix.shape
    halves = np.zeros((n_columns, n_rows + n_rows % 2), np.int16)
    halves[:, :n_rows] = whole
    return Pairs(halves.view(np.int32), unit, n_rows)


@compiled
def fill_from_rows(x: F32, start: int, k0: int, k: int, m: int, by: Drive, found: NDArray[np.int32]) -> None:
    """Drive inputs `k0` to ``k0 + k`` of rows `start` on, `m` of them, and put them into words (k / 2, m or more)."""
    strip, every = np.zeros((LANES, k), np.float32), x.reshape(-1)
    halves = np.zeros((LANES, 2 * found.shape[0]), np.int16)
    words = halves.view(np.int32)
    for i in range(0, m, LANES):
        n = min(LANES, m - i)
        drive_rows(x, start + i, k0, by, strip[:n])
        for r in range(start + i + LANES, min(start + i + 2 * LANES, x.shape[0])):
            fetch(every, r * x.shape[1] + k0, k)
        for r in range(n):
            for j in range(k):
                halves[r, j] = np.int16(strip[r, j])
        turn(words, i, found)  # what a last strip holds too much is not read


@compiled
def fill_from_columns(x: F32, start: int, k0: int, k: int, m: int, by: Drive, found: NDArray[np.int32]) -> None:
    """Do the same with inputs (K, n), which need no turning."""
    own, two = max(0, min(k, x.shape[0] - k0)), np.zeros((2, m), np.float32)
    for p in range(found.shape[0]):
        for half in range(2):
            r, row = 2 * p + half, two[half : half + 1]
            if r < own:
                drive_rows(x, k0 + r, start, by, row)
            elif r < k:
                drive_rows(x[:, :0], 0, 0, by, row)
            else:
                row[:] = 0
        low, high, words = two[0], two[1], found[p]
        for i in range(m):
            words[i] = (np.int32(low[i]) & np.int32(0xFFFF)) | (np.int32(high[i]) << np.int32(16))
