"""The tile as one matrix: exact for resistors, and for other cells the best that one product can do.

One idea: every cell is its chord conductance over the inputs, so nothing is fitted to circuits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aimc_spice.surrogate.families.base import Array, Arrays, Circuit, TileKind, checked, column_scale
from aimc_spice.surrogate.operator import tile_operator


@dataclass(frozen=True)
class LinearTile:
    """Matrices (…, n_rows, n_cols) [V] for x = 1."""

    matrix: Array

    @property
    def scale(self) -> Array:
        """See `Programmed`."""
        return column_scale(self.matrix)

    def __call__(self, x: Array, *, extrapolate: bool = False) -> Array:
        """See `Programmed`."""
        return np.asarray(checked(x, self.matrix.shape[-2], extrapolate=extrapolate) @ self.matrix)


@dataclass(frozen=True)
class LinearFamily:
    """The family."""

    kind: TileKind
    name: ClassVar[str] = "operator"

    @classmethod
    def fit(cls, kind: TileKind, circuits: Sequence[Circuit]) -> Self:  # noqa: ARG003  nothing is fitted
        """Take the kind as it is."""
        return cls(kind)

    def program(self, g_pos: Array, g_neg: Array) -> LinearTile:
        """See `Family`."""
        kind = self.kind
        pos, neg = (kind.law.gamma(g) for g in (g_pos, g_neg))
        return LinearTile(kind.v_read * tile_operator(pos, neg, kind.wire, kind.ports, kind.r_driver))

    def flops(self, n_rows: int, n_cols: int) -> float:
        """See `Family`."""
        return 2.0 * n_rows * n_cols

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `Family`: there are none."""
        return {}

    @classmethod
    def of_arrays(cls, kind: TileKind, arrays: Arrays) -> Self:  # noqa: ARG003
        """See `Family`."""
        return cls(kind)
