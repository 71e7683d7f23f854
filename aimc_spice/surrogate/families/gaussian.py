"""A Gaussian process on top of `rows`: the baseline for learnt families, few points, fitted by scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aimc_spice.surrogate.families.base import Array, Arrays, Circuit, TileKind
from aimc_spice.surrogate.families.features import (
    N_FEATURES,
    Corrected,
    Model,
    check_features,
    feature_flops,
    feature_tile,
    samples,
)
from aimc_spice.surrogate.families.rows import RowFamily

_POINTS = 300
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Process(Model):
    """Posterior mean ``Σ_i alpha_i exp(-|x - x_i|² / 2)`` of scaled features; `points` (n, N_FEATURES)."""

    points: Array
    alpha: Array
    lengths: Array

    def __call__(self, features: Array) -> Array:
        """See `Model`."""
        parts = [self._some(features[k : k + _ROWS_AT_ONCE]) for k in range(0, len(features), _ROWS_AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _some(self, features: Array) -> Array:
        scaled = features / self.lengths
        squares = (scaled**2).sum(1)[:, None] + (self.points**2).sum(1) - 2 * scaled @ self.points.T
        return np.asarray(np.exp(-0.5 * np.maximum(squares, 0)) @ self.alpha)


@dataclass(frozen=True)
class GaussianFamily:
    """The family."""

    base: RowFamily
    process: Process
    name: ClassVar[str] = "rows + Gaussian process"

    @property
    def kind(self) -> TileKind:
        """See `Family`."""
        return self.base.kind

    @classmethod
    def fit(cls, kind: TileKind, circuits: Sequence[Circuit]) -> Self:
        """Fit length scales and noise by marginal likelihood on some hundred samples."""
        from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  slow to import
        from sklearn.gaussian_process import GaussianProcessRegressor  # noqa: PLC0415
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel  # noqa: PLC0415
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415  scikit-learn needs it

        base = RowFamily.fit(kind, circuits)
        x, y = samples(base, circuits, _POINTS)
        centre, size = x.std(0) + 1e-12, float(y.std()) + 1e-12
        kernel = ConstantKernel(1.0, (1e-3, 1e4)) * RBF(np.full(N_FEATURES, 3.0), (0.1, 1e4)) + WhiteKernel(
            1e-2, (1e-8, 1)
        )
        model = GaussianProcessRegressor(kernel, alpha=1e-10, optimizer=_optimise)
        with warnings.catch_warnings(), threadpool_limits(1):  # many small matrices: threads only wait for each other
            warnings.simplefilter("ignore", ConvergenceWarning)  # a feature that says nothing gets the longest length
            model.fit(x / centre, y / size)
        main = model.kernel_.k1
        lengths = centre * main.k2.length_scale
        alpha = size * main.k1.constant_value * model.alpha_.ravel()
        return cls(base, Process(x / lengths, alpha, lengths))

    def program(self, g_pos: Array, g_neg: Array) -> Corrected:
        """See `Family`."""
        return Corrected(feature_tile(self.base, g_pos, g_neg), self.process)

    def flops(self, n_rows: int, n_cols: int) -> float:
        """See `Family`; an exponential counts as 20."""
        process = n_cols * len(self.process.points) * (2.0 * N_FEATURES + 24)
        return self.base.flops(n_rows, n_cols) + feature_flops(n_rows, n_cols) + process

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `Family`."""
        return {
            **self.base.arrays(),
            "points": self.process.points,
            "alpha": self.process.alpha,
            "lengths": self.process.lengths,
        }

    @classmethod
    def of_arrays(cls, kind: TileKind, arrays: Arrays) -> Self:
        """See `Family`."""
        check_features(len(arrays["lengths"]), cls.name)
        return cls(RowFamily.of_arrays(kind, arrays), Process(arrays["points"], arrays["alpha"], arrays["lengths"]))


def _optimise(objective: Any, start: Array, bounds: Array) -> tuple[Array, float]:
    """Climb for some steps: good enough for a baseline, and no warning where a bound is met."""
    from scipy.optimize import minimize  # noqa: PLC0415

    found = minimize(objective, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 15})
    return np.asarray(found.x), float(found.fun)
