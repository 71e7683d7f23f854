"""Which inputs of a layer are kept to calibrate it? Random rows, and the largest ones, from every batch that was run.

It runs no network: see `prepare`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.network.kernel import F32
from aimc_spice.network.product import Convolution, Dense
from aimc_spice.rng import stream

SAMPLES = 512  # rows kept of each product's inputs


@dataclass(frozen=True)
class LayerSample:
    """What a calibration batch says of a layer.

    Parameters
    ----------
    rows : tuple of ndarray, each (n, K)
        Inputs of each matrix of the product.
    rows_per_sample : int
        Products that one sample asks of each matrix.
    low, high : float
        Of all inputs.
    n_turns : int
        In how many turns they come, one after another: time steps of a recurrent cell.
    """

    rows: tuple[F32, ...]
    rows_per_sample: int
    low: float
    high: float
    n_turns: int = 1


def sampled(
    product: Dense | Convolution, x: NDArray[Any], batch: int, n: int = SAMPLES, seed: int = 0, start: int = 0
) -> LayerSample:
    """Keep some rows of each matrix's inputs, the largest ones among them; `start` is the first sample of the batch."""
    found = []
    for index in range(len(product.matrices)):
        parts = product.rows(x, index)
        at_most = -(-n // len(parts))
        rng = stream(seed, "sample", index, *([start] if start else []))
        found.append(np.concatenate([p[_chosen(p, at_most, rng)] for p in parts])[:n])
    per_sample = -(-product.rows_of(x.shape) // batch)
    return LayerSample(tuple(found), per_sample, float(x.min(initial=0.0)), float(x.max(initial=0.0)))


def joined(parts: list[LayerSample]) -> LayerSample:
    """Return what several batches say of a layer together."""
    rows = tuple(np.concatenate(some) for some in zip(*(part.rows for part in parts), strict=True))
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    return replace(parts[0], rows=rows, low=low, high=high)


def _chosen(rows: F32, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return which rows to keep: random ones, and one in eight for its size, as rare large values decide ranges."""
    if n >= len(rows):
        return np.arange(len(rows))
    large = np.argsort(np.abs(rows).max(axis=1))[-max(1, n // 8) :]
    others = np.setdiff1d(rng.permutation(len(rows))[:n], large)
    return np.sort(np.concatenate([large, rng.permutation(others)[: n - len(large)]]))
