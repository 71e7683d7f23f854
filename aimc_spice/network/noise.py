"""How does every conversion get its own noise, whatever the batch, the order or the number of threads?

One idea: noise is a function, not a stream. A 32-bit hash of (key of the converter, index of the conversion) picks
one of 8,192 equally likely levels of a normal distribution; the key comes from seed, layer and tile by name. Levels
are the means of their quantiles, scaled to unit variance (largest 3.91). It keeps no state.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from aimc_spice.compiled import compiled

_BITS = 13
_SHIFT = 32 - _BITS


def _levels() -> NDArray[np.float32]:
    edges = ndtri(np.arange(2**_BITS + 1) / 2**_BITS)
    density = np.exp(-0.5 * edges**2) / np.sqrt(2 * np.pi)
    means = -np.diff(density) * 2**_BITS
    return np.asarray(means / np.sqrt(np.mean(means**2)), dtype=np.float32)


LEVELS = _levels()


@lru_cache(maxsize=4096)
def keys(n: int, seed: int, *names: str | int) -> NDArray[np.uint32]:
    """Return the keys of `n` converters of a named place (layer, tile)."""
    digest = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    start = np.random.default_rng(list(digest)).integers(0, 2**32, n, dtype=np.uint32)
    start.setflags(write=False)
    return np.asarray(start)


@compiled
def draw_indices(found: NDArray[np.int32], key: np.uint32, first: np.uint32, step: np.uint32) -> None:
    """Write the level of each conversion ``first + step * i`` of one converter (mixing steps of MurmurHash3)."""
    for i in range(found.size):
        h = np.uint32(np.uint32(first + np.uint32(step * np.uint32(i))) * np.uint32(0x9E3779B1)) ^ key
        h = np.uint32(h ^ (h >> np.uint32(16)))
        h = np.uint32(h * np.uint32(0x85EBCA6B))
        h = np.uint32(h ^ (h >> np.uint32(13)))
        h = np.uint32(h * np.uint32(0xC2B2AE35))
        found[i] = np.int32(h >> np.uint32(_SHIFT))


def normal(key: NDArray[np.uint32], n: int, first: int = 0, step: int = 1) -> NDArray[np.float32]:
    """Return the noise of conversions ``first + step * i`` of some converters, shape (len(key), n)."""
    found = np.empty((len(key), n), np.int32)
    for row, one in zip(found, key, strict=True):
        draw_indices(row, one, np.uint32(first % 2**32), np.uint32(step))
    return np.asarray(LEVELS[found])
