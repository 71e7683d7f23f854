"""What are the transition levels of a converter of which only a histogram of codes is known?

One idea: with a known distribution of inputs, the share of codes below k tells the level: linear for a ramp, by the
cosine law for a sine. A second way to the levels of `levels`, and their judge: it needs no bracketing. Limits: about
``1 / (samples per code)`` LSB for a ramp; a sine must overdrive both ends.
"""

from __future__ import annotations

import numpy as np

from aimc_spice.errors import ShapeError
from aimc_spice.metrology.levels import Array, Codes


def levels_from_ramp(codes: Codes, start: float, stop: float, n_bits: int) -> Array:
    """Return levels (2**n_bits - 1,) from codes of inputs evenly spread over [start, stop] [V, A or C]."""
    return np.asarray(start + (stop - start) * _shares(codes, n_bits))


def levels_from_sine(codes: Codes, amplitude: float, offset: float, n_bits: int) -> Array:
    """Return levels (2**n_bits - 1,) from codes of a sine sampled evenly in phase [V, A or C].

    ``T[k] = offset - amplitude cos(π share(code < k))``.
    """
    shares = _shares(codes, n_bits)
    if not (shares[0] > 0 and shares[-1] < 1):
        raise ShapeError("sine histogram: the first or the last code is empty", hint="use a larger amplitude")
    return np.asarray(offset - amplitude * np.cos(np.pi * shares))


def _shares(codes: Codes, n_bits: int) -> Array:
    counts = np.bincount(codes, minlength=2**n_bits)
    if len(counts) > 2**n_bits:
        raise ShapeError(f"histogram: got code {len(counts) - 1}, wanted codes of {n_bits} bits")
    return np.asarray(np.cumsum(counts)[:-1] / counts.sum())
