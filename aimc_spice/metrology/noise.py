"""How large is a converter's own noise, referred to its input?

One idea: near a transition the chance of the upper code is Gaussian, ``P(code >= k | x) = Φ((x - T) / σ)``.
Inputs across a few transitions are converted many times; maximum likelihood gives T of each and one σ. Gaussian noise,
independent between conversions, is assumed; a converter without any shows steps, and only a bound is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_ndtr

from aimc_spice.errors import ShapeError
from aimc_spice.metrology.levels import Array

_KNOWN = 0.5  # standard deviation of log sigma from which on the counts do not tell


@dataclass(frozen=True)
class Noise:
    """Input-referred noise.

    Parameters
    ----------
    sigma : float
        Rms [V, A or C]; zero where no conversion differed from its repetitions, or too few to tell.
    sigma_high : float
        Upper end of the 95 % interval; for `sigma` zero what the spacing of the inputs could have hidden.
    n_conversions : int
        How many conversions it rests on.
    """

    sigma: float
    sigma_high: float
    n_conversions: int


def fit_noise(inputs: Array, above: NDArray[np.int64], n_repeat: int, level: Array) -> Noise:
    """Fit σ to counts.

    Parameters
    ----------
    inputs : ndarray, shape (n_levels, n_points)
        Inputs across each transition [V, A or C].
    above : ndarray of int, same shape
        How many of `n_repeat` conversions gave the upper code or more.
    n_repeat : int
        Repetitions.
    level : ndarray, shape (n_levels,)
        First guess of the transitions.
    """
    if inputs.shape != above.shape or inputs.ndim != 2 or len(level) != len(inputs):
        raise ShapeError(f"noise: got {inputs.shape}, {above.shape} and {level.shape}, wanted (n, m), (n, m) and (n,)")
    step = float(np.diff(inputs, axis=1).max())
    flips = np.diff(above, axis=1) != 0
    bound = Noise(0.0, float(np.diff(inputs, axis=1)[flips].max()) if flips.any() else step, inputs.size * n_repeat)
    if ((above == 0) | (above == n_repeat)).all():
        return bound

    def loss(free: Array) -> float:
        z = (inputs - level[:, None] - step * free[1:, None]) * np.exp(-free[0]) / step
        return -float((above * log_ndtr(z) + (n_repeat - above) * log_ndtr(-z)).sum())

    found = minimize(loss, np.zeros(len(level) + 1), method="BFGS")
    sigma = step * float(np.exp(found.x[0]))
    z = (inputs - level[:, None] - step * found.x[1:, None]) / sigma
    spread = _uncertainty(z, n_repeat)
    if not spread < _KNOWN:
        return bound
    return Noise(sigma, sigma * float(np.exp(1.96 * spread)), inputs.size * n_repeat)


def _uncertainty(z: Array, n_repeat: int) -> float:
    """Return the standard deviation of log σ by Fisher's information, levels being unknown too."""
    weight = n_repeat * np.exp(-(z**2) - log_ndtr(z) - log_ndtr(-z)) / (2 * np.pi)
    of_sigma, of_level, mixed = (weight * z**2).sum(), weight.sum(axis=1), (weight * z).sum(axis=1)
    return float((of_sigma - (mixed**2 / of_level).sum()) ** -0.5)
