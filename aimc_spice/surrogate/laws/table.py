"""And a cell of any other shape? A table, joined smoothly and, where the samples rise, rising everywhere between them.

One idea: cubic Hermite pieces along the voltage with monotone slopes (PCHIP), splines along ``log g``; the table of
each cell is made from its g before its voltages are looked up. Beyond its ends the law goes on as a straight line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from aimc_spice.errors import FitError
from aimc_spice.surrogate.laws.base import Array, Sweep, spline_weights
from aimc_spice.units import show


@dataclass(frozen=True)
class TableLaw:
    """The law.

    Parameters
    ----------
    low, step : float
        First voltage and spacing [V].
    log_g : ndarray, shape (n_g,)
        Knots.
    v_b : ndarray, shape (n_b,)
        Knots of the voltage of port b [V].
    y, slope : ndarray, shape (n_g, n_b, n_v)
        ``i / g`` [V] and its derivative by the voltage.
    """

    low: float
    step: float
    log_g: Array
    v_b: Array
    y: Array
    slope: Array

    @property
    def n_parameters(self) -> int:
        """Number of entries."""
        return self.y.size

    def current(self, v_a: Array, v_b: Array, g: Array) -> tuple[Array, Array, Array]:
        """See `CellLaw`."""
        weights = spline_weights(self.log_g, np.log(g))
        y, slope = (np.tensordot(weights, t, 1) for t in (self.y, self.slope))  # (n_cells, n_b, n_v)
        v, v_b = np.broadcast_arrays(v_a - v_b, v_b)
        along = [self._along(y[:, b], slope[:, b], v) for b in range(len(self.v_b))]
        if len(along) == 1:
            value, by_v = along[0]
            return g * value, g * by_v, -g * by_v
        (w, dw), values, slopes = _lagrange(self.v_b, v_b), *(np.stack(part) for part in zip(*along, strict=True))
        by_v = (w * slopes).sum(0)
        return g * (w * values).sum(0), g * by_v, g * ((dw * values).sum(0) - by_v)

    def _along(self, y: Array, slope: Array, v: Array) -> tuple[Array, Array]:
        """Interpolate tables (n_cells, n_v) at voltages (n_cells, n_vectors); outside: straight on."""
        place = (v - self.low) / self.step
        inside = np.clip(place, 0, y.shape[1] - 1)
        k = np.minimum(inside.astype(np.intp), y.shape[1] - 2)
        t, row = inside - k, (np.arange(len(y)) if len(y) > 1 else np.zeros(1, np.intp))[:, None]
        y0, y1, d0, d1 = y[row, k], y[row, k + 1], self.step * slope[row, k], self.step * slope[row, k + 1]
        rise, bend = y1 - y0, d0 + d1
        value = y0 + t * (d0 + t * (3 * rise - d0 - bend + t * (bend - 2 * rise)))
        by_v = (d0 + t * (2 * (3 * rise - d0 - bend) + 3 * t * (bend - 2 * rise))) / self.step
        return value + (place - inside) * self.step * by_v, by_v


def _lagrange(knots: Array, x: Array) -> tuple[Array, Array]:
    """Return weights (n_knots, …) of the polynomial through values at a few knots, and their derivatives."""
    scale = float(np.abs(knots).max())
    basis = np.linalg.inv(np.vander(knots / scale, increasing=True))
    u, n = x / scale, len(knots)
    powers = np.stack([u**k for k in range(n)])
    slopes = np.stack([0 * u, *(k * u ** (k - 1) / scale for k in range(1, n))])
    return np.tensordot(basis.T, powers, 1), np.tensordot(basis.T, slopes, 1)


def fit_table(sweep: Sweep) -> TableLaw:
    """Take the samples as they are; voltages must be evenly spaced.

    Raises
    ------
    FitError
        The current falls where the voltage rises.
    """
    rises = np.diff(sweep.y, axis=0)
    if not (rises > 0).all():
        k, _, g = np.unravel_index(int(rises.argmin()), rises.shape)
        raise FitError(
            f"cell: the current falls from {show(float(sweep.v[k]), 'V')} to {show(float(sweep.v[k + 1]), 'V')} "
            f"at g = {show(float(sweep.g[g]), 'S')}",
            hint="an array of cells with negative resistance has no unique answer; restrict v_max",
        )
    slope = PchipInterpolator(sweep.v, sweep.y, axis=0).derivative()(sweep.v)
    step = float(sweep.v[1] - sweep.v[0])
    y, slope = (np.ascontiguousarray(t.transpose(2, 1, 0)) for t in (sweep.y, slope))
    return TableLaw(float(sweep.v[0]), step, np.log(sweep.g), sweep.v_b, y, slope)
