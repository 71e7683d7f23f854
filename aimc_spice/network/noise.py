"""How does every conversion get its own noise, whatever the batch, the order or the number of threads?

One idea: noise is a function, not a stream. Conversion i of a converter gets ``FIRST[a + i % SPAN] + SECOND[b + i %
SPAN]``, where the places a and b are bits of a hash of (key of the converter, ``i // SPAN``), and the tables hold the
same `SIZE` equally likely levels of a normal distribution in two orders. So a sum of two loads, which every processor
vectorises, stands for a draw. Over hashes any two converters are exactly uncorrelated; within `SPAN` conversions of
one, tables show through by what `tests/property/test_network_kernel.py` states. Keys come from seed, layer and tile
by name. It keeps no state.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from aimc_spice.compiled import compiled

SPAN = 256  # also what is converted at once (see `kernel`): a block that starts at a multiple needs one place
SIZE = 2048  # both tables together stay in the first-level cache
_BITS = 11


def _table(order: int) -> NDArray[np.float32]:
    """Return half the variance of a normal distribution; the first levels again at the end, for the last places."""
    levels = ndtri((np.arange(SIZE) + 0.5) / SIZE)
    levels = np.random.default_rng(order).permutation(levels / levels.std() / np.sqrt(2)).astype(np.float32)
    return np.append(levels, levels[:SPAN])


FIRST, SECOND = _table(1), _table(2)


@lru_cache(maxsize=4096)
def keys(n: int, seed: int, *names: str | int) -> NDArray[np.uint32]:
    """Return the keys of the `n` converters of a named place (layer, tile)."""
    digest = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    start = np.random.default_rng(list(digest)).integers(0, 2**32, n, dtype=np.uint32)
    start.setflags(write=False)
    return np.asarray(start)


@compiled
def places(key: Any, index: int, most: int) -> tuple[Any, Any, Any]:
    """Return where in the tables conversion `index` is, and how many follow from there (mixing of MurmurHash3)."""
    h = np.uint32(np.uint32(np.uint32(index) // np.uint32(SPAN)) * np.uint32(0x9E3779B1)) ^ np.uint32(key)
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h = np.uint32(h ^ (h >> np.uint32(13)))
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    h = np.uint32(h ^ (h >> np.uint32(16)))
    within = np.int64(np.uint32(index) % np.uint32(SPAN))
    a, b = np.int64(h & np.uint32(SIZE - 1)), np.int64((h >> np.uint32(_BITS)) & np.uint32(SIZE - 1))
    return a + within, b + within, min(most, SPAN - within)


@compiled
def row_of(key: Any, n: int, first: int, step: int) -> NDArray[np.float32]:
    """Return the noise of conversions ``first + step * i`` of a converter."""
    found = np.empty(n, np.float32)
    for i in range(n):
        a, b, _ = places(key, first + step * i, 1)
        found[i] = FIRST[a] + SECOND[b]
    return found


def normal(key: NDArray[np.uint32], n: int, first: int = 0, step: int = 1) -> NDArray[np.float32]:
    """Return the noise of conversions ``first + step * i`` of some converters, shape (len(key), n)."""
    return np.stack([row_of(one, n, first, step) for one in key])
