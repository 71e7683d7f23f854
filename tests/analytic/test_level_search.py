"""The search for levels finds those of a converter that is known, in few conversions, whatever law they follow."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.metrology.record import Record
from aimc_spice.metrology.search import Resolution, _Hunt
from aimc_spice.netlist.adcs.base import Conversions
from converters import Clocked, bowed, ideal_levels

N_BITS, LSB = 8, 1 / 256


def weighted(scatter_lsb=0.01):
    """Bits of wrong weights, a bend, and what no law knows."""
    rng, k = np.random.default_rng(5), np.arange(1, 256)
    bits = (k[:, None] >> np.arange(N_BITS)) & 1
    off = bits @ rng.normal(0, 0.15, N_BITS) - 2 * k / 256 * (1 - k / 256) + rng.normal(0, scatter_lsb, 255)
    return ideal_levels(N_BITS) + LSB * off


def search(levels, resolution):
    hunt = _Hunt(Clocked(levels), Resolution(resolution))
    while len(x := hunt.wanted()):
        codes = np.searchsorted(levels, x, side="right")
        hunt.take(Record.of(x, Conversions(codes, np.zeros(len(x))), "deck", "nobody", 0.0))
    return hunt.outcome()[0]


@pytest.mark.parametrize(
    ("levels", "most"),
    [
        (bowed(N_BITS, 3.0), 820),  # a smooth curve: 16 levels by halving, two conversions for each other
        (weighted(), 850),  # weights of bits: 32 levels by halving
        (ideal_levels(N_BITS) + LSB * np.random.default_rng(1).uniform(-0.4, 0.4, 255), 1290),  # no law: all by halving
    ],
)
def test_levels_are_found_whatever_law_they_follow(levels, most):
    found = search(levels, 1 / 16)
    assert np.abs(found.levels - levels).max() <= LSB / 32 * (1 + 1e-6)
    assert not found.defects
    assert found.n_conversions <= most
