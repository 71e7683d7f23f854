"""What may a learnt family look at, for one output of one vector? A few numbers, the same for tiles of any size.

One idea: what a learnt family predicts is the operator's error in units of the column's scale; its features are the
operator's answer to powers of the input, and means over rows and over the column's cells. In the manner of GENIEx
(Chakraborty et al., DAC 2020), which predicts the ratio of real and ideal currents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import FitError
from aimc_spice.rng import stream
from aimc_spice.surrogate.families.base import Array, Circuit, TileKind, checked
from aimc_spice.surrogate.families.linear import LinearFamily, LinearTile

N_FEATURES = 10


@dataclass(frozen=True)
class FeatureTile:
    """One programmed tile.

    Parameters
    ----------
    linear : LinearTile
        The operator, one tile.
    static : ndarray, shape (n_cols, 4)
        Of the columns: mean conductance of each line in units of the largest, place, mean of all.
    """

    linear: LinearTile
    static: Array

    def features(self, x: Array) -> Array:
        """Return (batch, n_cols, N_FEATURES) for inputs (batch, n_rows)."""
        matrix = self.linear.matrix / self.linear.scale
        powers = [x**k @ matrix for k in (1, 3, 5)]
        means = [np.broadcast_to((x**k).mean(-1, keepdims=True), powers[0].shape) for k in (1, 2, 4)]
        static = np.broadcast_to(self.static, (len(x), *self.static.shape))
        return np.concatenate([np.stack([*powers, *means], -1), static], -1)


def feature_tile(kind: TileKind, g_pos: Array, g_neg: Array) -> FeatureTile:
    """Prepare one tile (n_rows, n_cols)."""
    linear = LinearFamily(kind).program(g_pos, g_neg)
    n_rows, n_cols = g_pos.shape
    r_line = kind.wire.r_wire_wl * n_cols + kind.wire.r_wire_bl * n_rows or 1.0
    lines = [n_rows * r_line * g.mean(0) for g in (g_pos, g_neg)]  # of the order of the IR drop
    place, mean = np.linspace(0, 1, n_cols), np.full(n_cols, 0.5 * float(np.mean(lines[0] + lines[1])))
    return FeatureTile(linear, np.stack([*lines, place, mean], -1))


@dataclass(frozen=True)
class Corrected:
    """Operator plus what a learnt model says is missing; `model` maps features (n, N_FEATURES) to (n,)."""

    tile: FeatureTile
    model: Model

    @property
    def scale(self) -> Array:
        """See `Programmed`."""
        return self.tile.linear.scale

    def __call__(self, x: Array, *, extrapolate: bool = False) -> Array:
        """See `Programmed`; one tile."""
        checked(x, self.tile.linear.matrix.shape[-2], extrapolate=extrapolate)
        features = self.tile.features(x)
        missing = self.model(features.reshape(-1, N_FEATURES)).reshape(features.shape[:-1])
        return np.asarray(x @ self.tile.linear.matrix + self.scale * missing)


class Model:
    """A scalar function of features; subclasses are in the families' files."""

    def __call__(self, features: Array) -> Array:
        """Return what is missing (n,) for features (n, N_FEATURES)."""
        raise NotImplementedError


def samples(kind: TileKind, circuits: Sequence[Circuit], most: int) -> tuple[Array, Array]:
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
        tile = feature_tile(kind, circuit.g_pos, circuit.g_neg)
        features.append(tile.features(circuit.x).reshape(-1, N_FEATURES))
        missing.append(((circuit.y - circuit.x @ tile.linear.matrix) / tile.linear.scale).ravel())
    x, y = np.concatenate(features), np.concatenate(missing)
    some = stream(0, "samples of a learnt family").permutation(len(x))[:most]
    return x[some], y[some]
