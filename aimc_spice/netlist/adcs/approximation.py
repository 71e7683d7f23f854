"""Where are the code transitions of a successive approximation whose bits have given weights?

One idea: the search is greedy, so the level of code k follows bit by bit: a bit that is 1 in k needs its weight and
what the rest needs; a bit that is 0 is passed by whatever reaches its weight, too. With weights in perfect binary ratio
this is k steps of one. It knows no circuit, so it can judge one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def search_levels(weights: ArrayLike) -> Array:
    """Return the smallest input that gives code k or more, for k = 1 … 2**n_bits - 1.

    Parameters
    ----------
    weights : array_like, shape (n_bits,)
        Above zero, least significant first, in the unit of the input.

    Returns
    -------
    ndarray, shape (2**n_bits - 1,)
        Never falling; equal neighbours are a missing code.
    """
    levels = np.array([-np.inf])  # of code 0, for no bits
    for weight in np.asarray(weights, dtype=np.float64):
        levels = np.concatenate([np.minimum(levels, weight), weight + np.maximum(levels, 0.0)])
    return levels[1:]


def search(inputs: ArrayLike, weights: ArrayLike) -> NDArray[np.int64]:
    """Return the codes (n,) that the search gives for inputs (n,): bit after bit, the way the circuit does it."""
    rest = np.array(inputs, dtype=np.float64)
    codes = np.zeros(rest.shape, dtype=np.int64)
    for bit, weight in reversed(list(enumerate(np.asarray(weights, dtype=np.float64).tolist()))):
        taken = rest >= weight
        rest -= weight * taken
        codes += taken.astype(np.int64) << bit
    return codes
