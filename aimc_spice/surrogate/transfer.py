"""What is the static transfer curve of a front end or a neuron? A fitted scalar function of one voltage.

One idea: ngspice samples, dense where the curve bends, are joined by a monotonicity-preserving cubic (PCHIP) and
tabulated finely, so evaluation is one table look-up per value. Samples held out of the fit give the residual. It
holds no hysteresis and no second input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from aimc_spice.dataset.base import Dataset
from aimc_spice.errors import FitError
from aimc_spice.surrogate.base import Array, Box, Fit, measure

_TABLE = 8192


def sample_points(limit: float, n: int, *, knee: float) -> Array:
    """Return `n` voltages in [-limit, limit] [V], spaced `knee`-finely around zero and wider outside (sinh spacing)."""
    u = np.linspace(-1, 1, n) * np.arcsinh(limit / knee)
    return np.asarray(knee * np.sinh(u))


@dataclass(frozen=True)
class TransferCurve:
    """A fitted curve ``y(x)``, tabulated evenly in ``u = arcsinh(x / knee)`` so that a look-up needs no search.

    Parameters
    ----------
    y : ndarray, shape (n,)
        The table [V], from the low to the high end of the box.
    knee : float
        Width of the region around zero where the table is finest [V].
    box : Box
        Where it holds.
    fit : Fit
        Residual on held-out samples.
    """

    y: Array
    knee: float
    box: Box
    fit: Fit

    def __call__(self, values: Array, *, extrapolate: bool = False) -> Array:
        """Evaluate on an array of any shape; beyond the box the end values hold if `extrapolate`."""
        self.box.check(values, "transfer curve input", extrapolate=extrapolate)
        return _look_up(values, self.y, self.knee, self.box)


def _ends(knee: float, box: Box) -> tuple[float, float]:
    return float(np.arcsinh(box.low / knee)), float(np.arcsinh(box.high / knee))


def _look_up(values: Array, y: Array, knee: float, box: Box) -> Array:
    """Interpolate linearly in u: 4 times faster than a search in x."""
    low, high = _ends(knee, box)
    place = np.arcsinh(values * (1 / knee))
    place -= low
    place *= (len(y) - 1) / (high - low)
    np.clip(place, 0, np.nextafter(len(y) - 1, 0), out=place)
    index = place.astype(np.int32)
    place -= index
    place *= np.diff(y)[index]
    place += y[index]
    return place


def fit_transfer(train: Dataset, held_out: Dataset, *, knee: float) -> TransferCurve:
    """Fit a curve to samples and measure it on others.

    Parameters
    ----------
    train, held_out : Dataset
        One input [V], one output [V] each.
    knee : float
        Width of the region around zero where the table is finest [V].

    Raises
    ------
    FitError
        Fewer than 8 samples, or samples at the same input that disagree.
    """
    x, first = np.unique(train.x[:, 0], return_index=True)
    y = train.y[first, 0]
    if len(x) < 8 or len(held_out.x) < 2:
        raise FitError(
            f"transfer curve: got {len(x)} distinct training and {len(held_out.x)} held-out samples, "
            "wanted at least 8 and 2"
        )
    spread = np.abs(train.y[:, 0] - np.interp(train.x[:, 0], x, y)).max()
    if spread > 1e-3 * (np.ptp(y) or 1.0):
        raise FitError(f"transfer curve: equal inputs gave outputs {spread:.3g} V apart: not a function of its input")
    box = Box(float(x[0]), float(x[-1]))
    table = knee * np.sinh(np.linspace(*_ends(knee, box), _TABLE))
    values = np.asarray(PchipInterpolator(x, y)(np.clip(table, box.low, box.high)))
    got = _look_up(held_out.x[:, 0], values, knee, box)
    fit = measure(got, held_out.y[:, 0], train.decks, held_out.decks, train.simulator)
    return TransferCurve(values, knee, box, fit)
