"""How do the transition levels of a design's converters differ from each other, as numbers to draw from?

One idea: factor analysis. What the levels of Monte Carlo samples have in common (offset, gain, the pattern of one large
capacitor) becomes a few factors, what is each level's own (a flash's comparators) an independent part; a converter is
``mean + z @ factors + own * w`` with standard normal z and w, sorted, because a level is where the codes below end.
The covariance is that of the samples, the variance of every level exactly. A Gaussian is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import FitError
from aimc_spice.surrogate.base import Array

_SHARE = 0.999  # of the variance that factors explain, where there are samples enough
_SAMPLES_A_FACTOR = 4


@dataclass(frozen=True)
class Spread:
    """Distribution of the levels of equal converters.

    Parameters
    ----------
    mean : ndarray, shape (n_levels,)
        [V, A or C].
    factors : ndarray, shape (n_factors, n_levels)
        Standard deviation along each common pattern [V, A or C].
    own : ndarray, shape (n_levels,)
        Standard deviation of what each level has for itself [V, A or C].
    n_samples : int
        How many converters it was fitted to; 0 where nothing varies.
    """

    mean: Array
    factors: Array
    own: Array
    n_samples: int

    @classmethod
    def none(cls, levels: Array) -> Spread:
        """All converters alike."""
        return cls(levels, np.empty((0, len(levels))), np.zeros(len(levels)), 0)

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Return levels (n, n_levels) of `n` converters, rising."""
        common = rng.standard_normal((n, len(self.factors))) @ self.factors
        own = self.own * rng.standard_normal((n, len(self.own)))
        return np.sort(self.mean + common + own, axis=1)


def fit_spread(levels: Array) -> Spread:
    """Fit the levels (n_samples, n_levels) of Monte Carlo samples.

    Raises
    ------
    FitError
        Fewer than eight samples.
    """
    n = len(levels)
    if n < 8:
        raise FitError(f"spread of converters: got {n} samples, wanted 8 or more", hint="a larger n_samples")
    mean = levels.mean(axis=0)
    _, size, patterns = np.linalg.svd((levels - mean) / np.sqrt(n - 1), full_matrices=False)
    share = np.cumsum(size**2) / max(float((size**2).sum()), np.finfo(float).tiny)
    kept = min(int(np.searchsorted(share, _SHARE)) + 1, n // _SAMPLES_A_FACTOR, len(size))
    factors = size[:kept, None] * patterns[:kept]
    left = levels.var(axis=0, ddof=1) - (factors**2).sum(axis=0)
    return Spread(mean, factors, np.sqrt(np.maximum(left, 0.0)), n)
