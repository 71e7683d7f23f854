"""What is known of a cell's current? A smooth function of its two voltages and its parameter g, with derivatives.

One idea: laws speak of ``y = i / g`` [V], of one size for all conductances, as a function of ``v = v_a - v_b``, perhaps
of ``v_b`` (the gate drive of an access transistor depends on it), and of ``log g``. `Sweep` is what a law is fitted to.
Which law a cell gets is decided in `fit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from aimc_spice.surrogate.base import Box

Array = NDArray[np.float64]


@runtime_checkable
class CellLaw(Protocol):
    """The current through a cell, from port a to port b."""

    def current(self, v_a: Array, v_b: Array, g: Array) -> tuple[Array, Array, Array]:
        """Return the current [A] and its derivatives by `v_a` and `v_b` [S].

        Voltages (n_cells or 1, n_vectors) [V] and parameters (n_cells, 1) [S] broadcast.
        """
        ...

    @property
    def n_parameters(self) -> int:
        """How many numbers were fitted: its cost."""
        ...


@dataclass(frozen=True)
class LinearLaw:
    """``i = g (v_a - v_b)``: a resistor."""

    n_parameters: int = 0

    def current(self, v_a: Array, v_b: Array, g: Array) -> tuple[Array, Array, Array]:
        """See `CellLaw`."""
        return g * (v_a - v_b), g, -g


@dataclass(frozen=True)
class LawBox:
    """What a law was fitted over: v_a - v_b [V], v_b [V] (without bounds where it does not matter) and g [S]."""

    v: Box
    v_b: Box
    g: Box


@dataclass(frozen=True)
class Sweep:
    """Samples of one cell.

    Parameters
    ----------
    v : ndarray, shape (n_v,)
        Voltages across the cell [V], rising.
    v_b : ndarray, shape (n_b,)
        Voltages of port b [V], rising.
    g : ndarray, shape (n_g,)
        Parameters [S], rising.
    y : ndarray, shape (n_v, n_b, n_g)
        ``i / g`` [V].
    """

    v: Array
    v_b: Array
    g: Array
    y: Array


def spline_weights(knots: Array, x: Array) -> Array:
    """Return the weights (n_x, n_knots) of a cubic spline through values at `knots`; one knot is constant."""
    if len(knots) == 1:
        return np.ones((x.size, 1))
    if len(knots) == 2:
        share = (x.ravel() - knots[0]) / (knots[1] - knots[0])
        return np.stack([1 - share, share], axis=1)
    return np.asarray(CubicSpline(knots, np.eye(len(knots)))(x.ravel()))
