"""What may a learnt family look at, for one output of one vector? A few numbers, the same for tiles of any size.

One idea: a learnt family predicts what `rows` leaves, in units of the column's scale; its features are the terms
of `rows`, the operator's answer to powers of the input, and means over rows and over the column's cells. In the manner
of GENIEx (Chakraborty et al., DAC 2020), which predicts the ratio of real and ideal currents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from aimc_spice.errors import FitError
from aimc_spice.rng import stream
from aimc_spice.surrogate.families.base import Array, Circuit, checked
from aimc_spice.surrogate.families.rows import RowFamily, RowTile

N_FEATURES = 12


@dataclass(frozen=True)
class FeatureTile:
    """Programmed tiles.

    Parameters
    ----------
    rows : RowTile
        What is to be corrected.
    static : ndarray, shape (…, n_cols, 4)
        Of the columns: mean conductance of each line as IR drop, place, mean of all.
    """

    rows: RowTile
    static: Array

    def features(self, x: Array) -> tuple[Array, Array]:
        """Return (…, batch, n_cols, N_FEATURES) and what rows answers, by scale, for inputs (…, batch, n_rows)."""
        scale = self.rows.scale[..., None, :]
        matrix = self.rows.matrices[0] / scale
        terms = [term / scale for term in self.rows.terms(x)]
        linear, *bent = terms
        bent = bent[:2] or [0 * linear] * 2
        powers = [linear, *(x**k @ matrix for k in (3, 5))]
        means = [np.broadcast_to((x**k).mean(-1, keepdims=True), linear.shape) for k in (1, 2, 4)]
        static = np.broadcast_to(self.static[..., None, :, :], (*linear.shape, self.static.shape[-1]))
        return np.concatenate([np.stack([*powers, *means, *bent], -1), static], -1), np.asarray(sum(terms))


def feature_tile(base: RowFamily, g_pos: Array, g_neg: Array) -> FeatureTile:
    """Prepare tiles (…, n_rows, n_cols)."""
    n_rows, n_cols = g_pos.shape[-2:]
    wire = base.kind.wire
    r_line = wire.r_wire_wl * n_cols + wire.r_wire_bl * n_rows or 1.0
    lines = [n_rows * r_line * g.mean(-2) for g in (g_pos, g_neg)]  # of the order of the IR drop
    mean = 0.5 * (lines[0] + lines[1]).mean(-1, keepdims=True)
    parts = np.broadcast_arrays(*lines, np.linspace(0, 1, n_cols), mean)
    return FeatureTile(base.program(g_pos, g_neg), np.stack(parts, -1))


@dataclass(frozen=True)
class Corrected:
    """Rows plus what a learnt model says is missing; `model` maps features (n, N_FEATURES) to (n,)."""

    tile: FeatureTile
    model: Model

    @property
    def scale(self) -> Array:
        """See `Programmed`."""
        return self.tile.rows.scale

    def __call__(self, x: Array, *, extrapolate: bool = False) -> Array:
        """See `Programmed`."""
        checked(x, self.tile.rows.mean.shape[-2], extrapolate=extrapolate)
        features, found = self.tile.features(x)
        missing = self.model(features.reshape(-1, N_FEATURES)).reshape(found.shape)
        return np.asarray(self.scale[..., None, :] * (found + missing))


class Model(Protocol):
    """A scalar function of features; those that are fitted are in the families' files."""

    def __call__(self, features: Array) -> Array:
        """Return what is missing (n,) for features (n, N_FEATURES)."""
        ...


def samples(base: RowFamily, circuits: Sequence[Circuit], most: int) -> tuple[Array, Array]:
    """Return at most `most` features (n, N_FEATURES) and what is missing (n,), drawn evenly from all circuits.

    Raises
    ------
    FitError
        Fewer than two circuits: nothing could be said of another.
    """
    if len(circuits) < 2:
        raise FitError(f"learnt family: got {len(circuits)} circuits, wanted at least 2")
    features, missing = [], []
    for circuit in circuits:
        tile = feature_tile(base, circuit.g_pos, circuit.g_neg)
        seen, found = tile.features(circuit.x)
        features.append(seen.reshape(-1, N_FEATURES))
        missing.append((circuit.y / tile.rows.scale - found).ravel())
    x, y = np.concatenate(features), np.concatenate(missing)
    some = stream(0, "samples of a learnt family").permutation(len(x))[:most]
    return x[some], y[some]
