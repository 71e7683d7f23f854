"""Which tiles and which inputs show how far a tile's surrogate is from SPICE?

One idea: a case is a point of a small space (how full, how strong, how lopsided its weights and inputs are, how many
rows and columns it has); a Latin hypercube fills that space, the extreme corners come first, and further rounds look
where the error was largest. Held-out cases come from another stream and are never looked at before the fit. It
simulates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from aimc_spice.rng import stream

Array = NDArray[np.float64]
AXES = (
    "rows",
    "cols",
    "fill",
    "strength",
    "balance",
    "gradient",
    "input_fill",
    "input_strength",
    "input_balance",
)
_SMALLEST = 0.25  # of a full tile's rows and columns
_NEAR = 0.1  # of every axis: how far a further round looks around a bad case


@dataclass(frozen=True)
class Case:
    """One tile with its inputs.

    Parameters
    ----------
    name : str
        For progress and errors.
    point : ndarray, shape (len(AXES),)
        Where it lies in the space of `AXES`, each in [0, 1].
    weights : ndarray, shape (n_rows, n_cols)
        In [-1, 1].
    inputs : ndarray, shape (n_vectors, n_rows)
        In [-1, 1], in units of the read voltage.
    """

    name: str
    point: Array
    weights: Array
    inputs: Array


def design(
    n_cases: int, shape: tuple[int, int], n_vectors: int, seed: int, name: str, *, full: int | None = None
) -> list[Case]:
    """Return cases that fill the space; the first two are its corners: nearly all on, and few strong cells.

    Parameters
    ----------
    n_cases : int
        How many.
    shape : tuple of int
        Rows and columns of a full tile.
    n_vectors : int
        Inputs a case.
    seed, name : int, str
        Of the random stream: "fit", "judge".
    full : int, optional
        Which case is a full tile, beside the corners.
    """
    rng = stream(seed, "experiment", name)
    points = qmc.LatinHypercube(len(AXES), rng=rng).random(n_cases)
    points[: len(_CORNERS)] = _CORNERS[:n_cases]
    if full is not None:
        points[full : full + 1, :2] = 1.0
    return [_case(f"{name} {i}", p, shape, n_vectors, rng) for i, p in enumerate(points)]


def around(worst: Sequence[Case], shape: tuple[int, int], n_vectors: int, seed: int, name: str) -> list[Case]:
    """Return a new case near each of the given ones; `name` is that of the round."""
    rng = stream(seed, "experiment", name)
    points = [np.clip(case.point + rng.uniform(-_NEAR, _NEAR, case.point.shape), 0, 1) for case in worst]
    return [_case(f"{name} {i}", p, shape, n_vectors, rng) for i, p in enumerate(points)]


def sizes(shape: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the smallest and largest number of rows, and of columns, that cases have."""
    rows, cols = ((_size(n, 0.0), n) for n in shape)
    return rows, cols


_CORNERS = np.array(
    [
        [1.0, 1.0, 1.0, 1.0, 0.9, 0.5, 1.0, 1.0, 0.9],  # nearly every cell and input fully on: the largest IR drop
        [1.0, 1.0, 0.02, 1.0, 0.5, 0.5, 1.0, 1.0, 0.5],  # few strong cells among off ones
    ]
)


def _case(name: str, point: Array, shape: tuple[int, int], n_vectors: int, rng: np.random.Generator) -> Case:
    at = dict(zip(AXES, point.tolist(), strict=True))
    n_rows, n_cols = (_size(n, at[axis]) for n, axis in zip(shape, ("rows", "cols"), strict=True))
    ramp = 1 + (2 * at["gradient"] - 1) * np.linspace(-1, 1, n_rows)[:, None]
    weights = (
        _values((n_rows, n_cols), at["fill"], at["strength"], at["balance"], rng) * ramp / (1 + abs(ramp - 1).max())
    )
    inputs = _values((n_vectors, n_rows), at["input_fill"], at["input_strength"], at["input_balance"], rng)
    return Case(name, point, weights, inputs)


def _size(most: int, share: float) -> int:
    return max(1, round(most * (_SMALLEST + (1 - _SMALLEST) * share)))


def _values(shape: tuple[int, int], fill: float, strength: float, balance: float, rng: np.random.Generator) -> Array:
    """Magnitudes to `strength` on a share `fill` of every column, at least one; positive with probability `balance`."""
    magnitude = np.maximum(strength, 0.05) * rng.uniform(0.2 if strength < 1 else 1.0, 1.0, shape)
    sign = np.where(rng.random(shape) < balance, 1.0, -1.0)
    drawn = rng.random(shape)
    there = (drawn < fill) | (drawn == drawn.min(axis=0))
    return np.where(there, sign * magnitude, 0.0)
