"""How does every conversion get its own noise, whatever the batch, the order or the number of threads?

One idea: noise is a function, not a stream. A 32-bit hash of (key of two neighbouring converters, index of the
conversion) gives 16 bits to each of the two, and those become one of 65,536 equally likely levels: three numbers made
of the bits are added, which is nearly normal, and an odd polynomial does the rest (largest 4.08; the distribution is
off by less than 7e-4, moments and tails by what `tests/property/test_network_kernel.py` states). Keys come from seed,
layer and tile by name. It keeps no state, looks nothing up, and is vectorised.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled

_HALF = np.uint32(0xFFFF)
MIDDLE = np.float32(97263.5)
COEFFICIENTS = _C1, _C3, _C5, _C7 = tuple(
    np.float32(c / 97263.5**k) for c, k in ((2.75069426, 1), (0.79360663, 3), (-1.80061207, 5), (2.34114161, 7))
)  # fitted to the means of equally likely parts of a normal distribution; unit variance


@lru_cache(maxsize=4096)
def keys(n: int, seed: int, *names: str | int) -> NDArray[np.uint32]:
    """Return the keys of `n` converters of a named place (layer, tile): one for two neighbours, rounded up."""
    digest = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    start = np.random.default_rng(list(digest)).integers(0, 2**32, (n + 1) // 2, dtype=np.uint32)
    start.setflags(write=False)
    return np.asarray(start)


@compiled
def draw(found: NDArray[np.uint32], n: int, key: np.uint32, first: np.uint32, step: np.uint32) -> None:
    """Write 32 bits for n conversions ``first + step * i`` of two converters (mixing steps of MurmurHash3)."""
    for i in range(n):
        h = np.uint32(np.uint32(first + np.uint32(step * np.uint32(i))) * np.uint32(0x9E3779B1)) ^ key
        h = np.uint32(h ^ (h >> np.uint32(16)))
        h = np.uint32(h * np.uint32(0x85EBCA6B))
        h = np.uint32(h ^ (h >> np.uint32(13)))
        h = np.uint32(h * np.uint32(0xC2B2AE35))
        found[i] = np.uint32(h ^ (h >> np.uint32(16)))


@compiled
def _level(bits: Any) -> Any:
    """Return the level that 16 bits stand for."""
    low = np.uint32(np.uint32(bits << np.uint32(5)) & _HALF)
    lower = np.uint32(np.uint32(bits << np.uint32(11)) & _HALF)
    s = np.float32(np.int32(np.uint32(bits + np.uint32(low + lower)))) - MIDDLE
    q = s * s
    return s * (_C1 + q * (_C3 + q * (_C5 + q * _C7)))


@compiled
def spread(bits: NDArray[np.uint32], n: int, even: NDArray[np.float32], odd: NDArray[np.float32]) -> None:
    """Write the levels of two converters: the lower 16 bits are of the first."""
    for i in range(n):
        even[i] = _level(np.uint32(bits[i] & _HALF))
        odd[i] = _level(np.uint32(bits[i] >> np.uint32(16)))


def normal(key: NDArray[np.uint32], n: int, first: int = 0, step: int = 1) -> NDArray[np.float32]:
    """Return the noise of conversions ``first + step * i`` of some converters, shape (2 len(key), n)."""
    bits, found = np.empty(n, np.uint32), np.empty((2 * len(key), n), np.float32)
    for index, one in enumerate(key):
        draw(bits, n, one, np.uint32(first % 2**32), np.uint32(step))
        spread(bits, n, found[2 * index], found[2 * index + 1])
    return found
