"""What may a learnt family look at, for one output of one vector? A few numbers, the same for tiles of any size.

One idea: a learnt family predicts what `rows` leaves, in units of the column's scale; its features are the terms
of `rows`, the operator's answer to powers of the input, means over rows and over the column's cells, and where bit
lines move: the mean of a line's inputs, weighted by its conductances, is where it would sit unloaded, and the second
and third moment around that mean are what the cells' curves add, as ``Σ g (x - b)³`` shifts the balance of a line at b.
In the manner of GENIEx (Chakraborty et al., DAC 2020), which predicts the ratio of real and ideal currents.
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

N_FEATURES = 18


@dataclass(frozen=True)
class FeatureTile:
    """Programmed tiles.

    Parameters
    ----------
    rows : RowTile
        What is to be corrected.
    static : ndarray, shape (…, n_cols, 4)
        Of the columns: mean conductance of each line as IR drop, place, mean of all.
    lines : ndarray, shape (…, n_rows, 2 n_cols)
        Conductances of the p lines, then of the n lines, each divided by its sum.
    """

    rows: RowTile
    static: Array
    lines: Array

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
        seen = np.stack([*powers, *means, *bent, *self._moments(x)], -1)
        return np.concatenate([seen, static], -1), np.asarray(sum(terms))

    def _moments(self, x: Array) -> list[Array]:
        """Return mean, second and third central moment of the inputs of both lines, each (…, batch, n_cols)."""
        one, two, three = (x**k @ self.lines for k in (1, 2, 3))
        moments = (one, two - one**2, three - 3 * two * one + 2 * one**3)
        return [line for moment in moments for line in np.split(moment, 2, axis=-1)]


def feature_tile(base: RowFamily, g_pos: Array, g_neg: Array) -> FeatureTile:
    """Prepare tiles (…, n_rows, n_cols)."""
    n_rows, n_cols = g_pos.shape[-2:]
    wire = base.kind.wire
    r_line = wire.r_wire_wl * n_cols + wire.r_wire_bl * n_rows or 1.0
    lines = [n_rows * r_line * g.mean(-2) for g in (g_pos, g_neg)]  # of the order of the IR drop
    mean = 0.5 * (lines[0] + lines[1]).mean(-1, keepdims=True)
    parts = np.broadcast_arrays(*lines, np.linspace(0, 1, n_cols), mean)
    shares = [g / g.sum(-2, keepdims=True) for g in (g_pos, g_neg)]
    return FeatureTile(base.program(g_pos, g_neg), np.stack(parts, -1), np.concatenate(shares, -1))


def feature_flops(n_rows: int, n_cols: int) -> float:
    """Return the operations that features take beside `rows`: two powers through the operator, three through lines."""
    return 2.0 * n_rows * n_cols * (2 + 3 * 2)


def check_features(n: int, name: str) -> None:
    """Raise `FitError` where a stored family was fitted to other features than there are now."""
    if n != N_FEATURES:
        raise FitError(
            f"{name}: got {n} features, wanted {N_FEATURES}: it was fitted by an older version",
            hint="calibrate the tile again",
        )


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
