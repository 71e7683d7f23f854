"""Is the cell a sinh? ``i = s g v0 sinh((v_a - v_b) / v0)``: two numbers for every state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from aimc_spice.surrogate.laws.base import Array, Sweep

_MOST = 700.0  # sinh overflows beyond


@dataclass(frozen=True)
class SinhLaw:
    """The law; `v0` [V] is where it bends, `s` the conductance at 0 V in units of g."""

    v0: float
    s: float = 1.0
    n_parameters: int = 2

    def current(self, v_a: Array, v_b: Array, g: Array) -> tuple[Array, Array, Array]:
        """See `CellLaw`; one exponential gives both, without a loss of digits at small voltages."""
        more = np.expm1(np.clip((v_a - v_b) / self.v0, -_MOST, _MOST))
        less = more / (more + 1)
        slope = g * (self.s + (0.5 * self.s) * more * less)
        return (0.5 * self.s * self.v0 * g) * (more + less), slope, -slope


def fit_sinh(sweep: Sweep) -> SinhLaw:
    """Fit by least squares over all states; `v_b` has no place in it."""
    v = sweep.v[:, None, None]
    v_max = float(np.abs(sweep.v).max())

    def error(p: Array) -> Array:
        v0 = v_max / p[1]
        return np.asarray((p[0] * v0 * np.sinh(v / v0) - sweep.y).ravel() / v_max)

    found = least_squares(
        error, [1.0, 1.0], bounds=([0.0, 1e-3], [np.inf, 50.0]), x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15
    )
    return SinhLaw(v_max / float(found.x[1]), float(found.x[0]))
