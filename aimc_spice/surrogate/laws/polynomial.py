"""Is a polynomial in the voltage enough? Its coefficients are smooth in ``log g`` and, where it matters, in ``v_b``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aimc_spice.surrogate.laws.base import Array, Sweep, spline_weights

_DEGREE = 7


@dataclass(frozen=True)
class PolynomialLaw:
    """``i / g = Σ_j c_j (v / v_max)^j``, j = 1 to n; no constant, as no voltage drives no current.

    Parameters
    ----------
    v_max : float
        Scale of the voltage [V].
    log_g : ndarray, shape (n_g,)
        Knots: natural logarithms of g.
    c : ndarray, shape (n_g, n_b, n)
        Coefficients [V] at the knots, for the powers 0 … n_b - 1 of ``v_b / v_max``.
    """

    v_max: float
    log_g: Array
    c: Array

    @property
    def n_parameters(self) -> int:
        """Number of coefficients."""
        return self.c.size

    def current(self, v_a: Array, v_b: Array, g: Array) -> tuple[Array, Array, Array]:
        """See `CellLaw`; by Horner's rule."""
        c = np.tensordot(spline_weights(self.log_g, np.log(g)), self.c, 1)[..., None]  # (n_cells, n_b, n, 1)
        u, w = (v_a - v_b) / self.v_max, v_b / self.v_max
        y = dy = by = 0.0 * u
        for j in range(c.shape[2] - 1, -1, -1):
            term, slope = _horner(c[:, :, j], w)
            y, dy, by = term + u * y, (j + 1) * term + u * dy, slope + u * by
        by = u * by
        return g * u * y, g * dy / self.v_max, g * (by - dy) / self.v_max


def _horner(c: Array, w: Array) -> tuple[Array, Array]:
    value, slope = c[:, -1] + 0.0 * w, 0.0 * w
    for b in range(c.shape[1] - 2, -1, -1):
        value, slope = c[:, b] + w * value, value + w * slope
    return value, slope


def fit_polynomial(sweep: Sweep) -> PolynomialLaw:
    """Fit by linear least squares at every g of the sweep."""
    v_max = float(np.abs(sweep.v).max())
    u, w = sweep.v / v_max, sweep.v_b / v_max
    powers = u[:, None] ** np.arange(1, _DEGREE + 1)
    mixed = np.einsum("vj,bk->vbkj", powers, w[:, None] ** np.arange(len(w)))
    matrix = mixed.reshape(len(u) * len(w), -1)
    found = np.linalg.lstsq(matrix, sweep.y.reshape(len(matrix), -1), rcond=None)[0]
    return PolynomialLaw(v_max, np.log(sweep.g), found.T.reshape(len(sweep.g), len(w), _DEGREE))
