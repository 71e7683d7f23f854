"""Where do the other levels probably lie, once some are known?

One idea: a law of how far levels are from their ideal places, fitted to the known ones and trusted only where it tells
some of them from the others: a smooth curve over the code (ramps, oscillators), or a weight for every bit of the code
besides a smooth bend (successive approximation). A guess is no measurement: `search` converts on both sides of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.metrology.levels import Array, Codes
from aimc_spice.rng import stream

N_ANCHORS = 16
_FEWEST = 8  # known levels that say whether a curve is smooth
_POWERS = (0, 2, 3)  # of the code, beside its bits, which hold the first


@dataclass(frozen=True)
class Law:
    """How levels are guessed.

    Parameters
    ----------
    anchors : callable
        From the number of levels that are not known: which of them to know first, rising.
    curve : callable
        From known levels by their place, how far each is from its ideal [V, A or C], the number of levels and the
        error that is allowed: how far all are from theirs, or None where the law does not hold.
    """

    anchors: Callable[[int], NDArray[np.int64]]
    curve: Callable[[Codes, Array, int, float], Array | None]


def _smooth(known: Codes, off: Array, n: int, width: float) -> Array | None:
    if len(known) < _FEWEST:
        return None
    between = np.interp(known[1:-1:2], known[::2], off[::2])
    if np.abs(between - off[1:-1:2]).max() > width:
        return None
    return np.interp(np.arange(n), known, off)


def _weighted(known: Codes, off: Array, n: int, width: float) -> Array | None:
    """Fit weights of bits; every known level is judged by the fit to all others (leave one out)."""
    every = _features(n)
    if len(known) < 2 * every.shape[1]:
        return None
    inverse = np.linalg.pinv(every[known])
    left = off - every[known] @ (inverse @ off)
    alone = 1 - np.einsum("ij,ji->i", every[known], inverse)
    if np.sqrt(np.mean((left / np.maximum(alone, 1e-9)) ** 2)) > width:
        return None
    return np.asarray(every @ (inverse @ off))


def _features(n: int) -> Array:
    """Return what the levels to codes 1, 2, … may depend on: bits and powers of the code, (n, n_features)."""
    k = np.arange(1, n + 1)
    bits = (k[:, None] >> np.arange(n.bit_length())) & 1
    return np.concatenate([bits, (k[:, None] / (n + 1)) ** np.array(_POWERS)], axis=1)


def _spread(n: int) -> NDArray[np.int64]:
    return np.linspace(0, n - 1, min(N_ANCHORS, n)).round().astype(np.int64)


def _scattered(n: int) -> NDArray[np.int64]:
    """Return places at random: even ones would have bits in common."""
    return np.sort(stream(n, "anchors").choice(n, min(N_ANCHORS, n), replace=False))


LAWS = (Law(_spread, _smooth), Law(_scattered, _weighted))
