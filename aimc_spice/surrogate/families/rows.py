"""How does a tile of nonlinear cells become three matrix products? Each row's cells share one mean voltage.

One idea: with M the operator of the chord conductances and V the mean voltage across a row's cells, a cell's surplus
current ``γ δ(v)`` is taken at ``v = u V`` and enters the outputs like an input. What cells further from the driver see
less is the same for every power up to a factor, so one derivative of M, by a common factor κ of all cells, repairs it::

    y = (u + δ(v)) M + (v δ'(v)) B        v = u V,    B = dM/dκ - V M

Exact for linear cells, and for any δ where wires are ideal; to first order in δ and in the wires where all inputs are
of one size. What is left: the IR drop that inputs of other sizes cause in single columns, times δ', and δ's own drop.
Where the states do not share one curve, each mode adds ``ψ(v) V⁻¹ dM/dε``, the derivative along its pattern. A scalar
per term is fitted to circuits, near 1 where the theory holds. Derivation in docs/theory.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import FitError
from aimc_spice.surrogate.families.base import Array, Arrays, Circuit, TileKind, checked, column_scale
from aimc_spice.surrogate.families.reduced import reduce_tiles
from aimc_spice.surrogate.laws.separate import Curve, SeparatedLaw
from aimc_spice.surrogate.operator import tile_operator

_STEP = 1e-3  # relative change of the conductances for a derivative
_ROWS_AT_ONCE = 128  # vectors; their features stay in the cache


@dataclass(frozen=True)
class RowTile:
    """Programmed tiles; matrices for inputs relative to v_read, outputs [V].

    Parameters
    ----------
    law : SeparatedLaw
        The curves.
    mean : ndarray, shape (…, n_rows, n_rows)
        V above.
    matrices : ndarray, shape (2 + n_modes, …, n_rows, n_cols)
        For ``u + δ``, ``v δ'`` and each ψ.
    """

    law: SeparatedLaw
    mean: Array
    matrices: Array

    @property
    def scale(self) -> Array:
        """See `Programmed`."""
        return column_scale(self.matrices[0])

    def __call__(self, x: Array, *, extrapolate: bool = False) -> Array:
        """See `Programmed`; float32 inputs and matrices stay float32."""
        checked(x, self.mean.shape[-2], extrapolate=extrapolate)
        if self.law.is_linear:
            return np.asarray(x @ self.matrices[0])
        lead = np.broadcast_shapes(x.shape[:-2], self.mean.shape[:-2])
        y = np.empty((*lead, x.shape[-2], self.matrices.shape[-1]), np.result_type(x, self.mean))
        for start in range(0, x.shape[-2], _ROWS_AT_ONCE):
            some = slice(start, start + _ROWS_AT_ONCE)
            y[..., some, :] = self._some(x[..., some, :])
        return y

    def terms(self, x: Array) -> list[Array]:
        """Return the parts of the output: linear, δ, v δ', each ψ; their sum is the output."""
        if self.law.is_linear:
            return [x @ self.matrices[0]]
        law, v = self.law, x @ self.mean
        features = [x, law.curve(v), law.curve.scaled_slope(v), *(mode(v) for mode in law.modes)]
        return [f @ m for f, m in zip(features, (self.matrices[0], *self.matrices), strict=True)]

    def single(self) -> RowTile:
        """Return the tile in float32: half the time, about six digits."""
        return RowTile(self.law, self.mean.astype(np.float32), self.matrices.astype(np.float32))

    def _some(self, x: Array) -> Array:
        law, v = self.law, x @ self.mean
        surplus = law.curve(v)
        surplus += x
        y = surplus @ self.matrices[0]
        y += law.curve.scaled_slope(v) @ self.matrices[1]
        for mode, matrix in zip(law.modes, self.matrices[2:], strict=True):
            y += mode(v) @ matrix
        return np.asarray(y)


@dataclass(frozen=True)
class RowFamily:
    """The family.

    Parameters
    ----------
    kind : TileKind
        Tiles.
    weights : ndarray, shape (2 + n_modes,)
        Of the terms δ, v δ' and each ψ: 1 is the theory.
    """

    kind: TileKind
    weights: Array
    name: ClassVar[str] = "operator + rows"

    @classmethod
    def theory(cls, kind: TileKind) -> Self:
        """Return the family without any fit to circuits."""
        return cls(kind, np.ones(2 + len(kind.law.modes)))

    @classmethod
    def fit(cls, kind: TileKind, circuits: Sequence[Circuit]) -> Self:
        """Fit the weights by least squares, every circuit in units of its own scale."""
        if not circuits:
            raise FitError("operator + rows: got no circuits to fit", hint="RowFamily.theory(kind) needs none")
        family = cls.theory(kind)
        if kind.law.is_linear:
            return family
        left, right = [], []
        for circuit in circuits:
            tile = family.program(circuit.g_pos, circuit.g_neg)
            linear, *terms = (t / tile.scale for t in tile.terms(circuit.x))
            left.append(np.stack([t.ravel() for t in terms], -1))
            right.append((circuit.y / tile.scale - linear).ravel())
        return cls(kind, _near_one(np.concatenate(left), np.concatenate(right)))

    def program(self, g_pos: Array, g_neg: Array) -> RowTile:
        """See `Family`; costs two operators, and one more for each mode."""
        if g_pos.ndim == 2:
            one = self.program(g_pos[None], g_neg[None])
            return RowTile(one.law, one.mean[0], one.matrices[:, 0])
        law, g = self.kind.law, (g_pos, g_neg)
        gamma = [law.gamma(a) for a in g]
        found = reduce_tiles(self.kind, *gamma)
        matrices = [found.operator]
        if not law.is_linear:
            rise = self._derivative(found.operator, gamma, [np.ones(1)] * 2)
            matrices.append(self.weights[1] / self.weights[0] * (rise - found.mean @ found.operator))
        for k in range(len(law.modes)):
            along = self._derivative(found.operator, gamma, [law.pattern(k, a) for a in g])
            matrices.append(self.weights[2 + k] * np.linalg.solve(found.mean, along))
        curve = Curve(self.weights[0] * law.curve.c)
        return RowTile(replace(law, curve=curve), found.mean, self.kind.v_read * np.stack(matrices))

    def _derivative(self, operator: Array, gamma: list[Array], patterns: list[Array]) -> Array:
        """Return how the operator grows where every chord conductance grows by its pattern times itself."""
        step = _STEP / max(float(np.abs(p).max()) for p in patterns)
        pos, neg = (g * (1 + step * p) for g, p in zip(gamma, patterns, strict=True))
        grown = tile_operator(pos, neg, self.kind.wire, self.kind.ports, self.kind.r_driver)
        return np.asarray((grown - operator) / step)

    def flops(self, n_rows: int, n_cols: int) -> float:
        """See `Family`."""
        law = self.kind.law
        if law.is_linear:
            return 2.0 * n_rows * n_cols
        curves = (law.curve, law.curve, *law.modes)
        return 2.0 * n_rows * (n_rows + n_cols * (2 + len(law.modes)) + sum(len(c.c) for c in curves))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `Family`."""
        return {"weights": self.weights}

    @classmethod
    def of_arrays(cls, kind: TileKind, arrays: Arrays) -> Self:
        """See `Family`."""
        return cls(kind, arrays["weights"])


def _near_one(terms: Array, wanted: Array) -> Array:
    """Return least-squares weights; a term that the circuits say nothing about keeps 1."""
    normal = terms.T @ terms
    normal += 1e-6 * np.trace(normal) * np.eye(len(normal))
    return np.asarray(1 + np.linalg.solve(normal, terms.T @ (wanted - terms.sum(1))))
