"""Which tiles and which inputs show how far a tile's surrogate is from SPICE?

One idea: a case is a point of a small space (how full, how strong, how lopsided its weights and inputs are, how large
it is); a Latin hypercube fills that space, the extreme corners come first, and a second round looks where the error
was largest. Held-out cases come from another stream and are never looked at before the fit. It simulates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from aimc_spice.rng import stream

Array = NDArray[np.float64]
AXES = ("size", "fill", "strength", "balance", "gradient", "input_fill", "input_strength", "input_balance")
_NEAR = 0.1  # of every axis: how far a second round looks around a bad case


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


def design(n_cases: int, shape: tuple[int, int], n_vectors: int, seed: int, name: str) -> list[Case]:
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
        Of the random stream: "fit", "held out".
    """
    rng = stream(seed, "experiment", name)
    points = qmc.LatinHypercube(len(AXES), rng=rng).random(n_cases)
    points[: len(_CORNERS)] = _CORNERS[:n_cases]
    return [_case(f"{name} {i}", p, shape, n_vectors, rng) for i, p in enumerate(points)]


def around(worst: Sequence[Case], n_cases: int, shape: tuple[int, int], n_vectors: int, seed: int) -> list[Case]:
    """Return new cases near given ones, in turn."""
    rng = stream(seed, "experiment", "around")
    near = [worst[i % len(worst)].point for i in range(n_cases)]
    points = [np.clip(p + rng.uniform(-_NEAR, _NEAR, p.shape), 0, 1) for p in near]
    return [_case(f"second round {i}", p, shape, n_vectors, rng) for i, p in enumerate(points)]


_CORNERS = np.array(
    [
        [1.0, 1.0, 1.0, 0.9, 0.5, 1.0, 1.0, 0.9],  # nearly every cell and input fully on: the largest IR drop
        [1.0, 0.02, 1.0, 0.5, 0.5, 1.0, 1.0, 0.5],  # few strong cells among off ones
    ]
)


def _case(name: str, point: Array, shape: tuple[int, int], n_vectors: int, rng: np.random.Generator) -> Case:
    at = dict(zip(AXES, point.tolist(), strict=True))
    n_rows, n_cols = (max(1, round(n * (0.25 + 0.75 * at["size"]))) for n in shape)
    ramp = 1 + (2 * at["gradient"] - 1) * np.linspace(-1, 1, n_rows)[:, None]
    weights = (
        _values((n_rows, n_cols), at["fill"], at["strength"], at["balance"], rng) * ramp / (1 + abs(ramp - 1).max())
    )
    inputs = _values((n_vectors, n_rows), at["input_fill"], at["input_strength"], at["input_balance"], rng)
    return Case(name, point, weights, inputs)


def _values(shape: tuple[int, int], fill: float, strength: float, balance: float, rng: np.random.Generator) -> Array:
    """Magnitudes to `strength` on a share `fill` of every column, at least one; positive with probability `balance`."""
    magnitude = np.maximum(strength, 0.05) * rng.uniform(0.2 if strength < 1 else 1.0, 1.0, shape)
    sign = np.where(rng.random(shape) < balance, 1.0, -1.0)
    drawn = rng.random(shape)
    there = (drawn < fill) | (drawn == drawn.min(axis=0))
    return np.where(there, sign * magnitude, 0.0)
