"""What does a fitted surrogate carry besides its coefficients? A validity box and a residual.

One idea: `Fit` is the evidence (how far from SPICE, on which decks), `Box` is where it holds. Families are in the other
files: `operator` (linear tile, exact), `transfer` (scalar curve), `layer` (both together). Outside its box a surrogate
raises, or warns within `warn_outside`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import OutsideValidity
from aimc_spice.units import show

Array = NDArray[np.float64]
_WARNS: ContextVar[bool] = ContextVar("outside a box: warn", default=False)


class OutsideValidityWarning(UserWarning):
    """A surrogate left its box, within `warn_outside`."""


@contextmanager
def warn_outside() -> Iterator[None]:
    """Let surrogates that leave their box warn and extrapolate, instead of raising `OutsideValidity`."""
    before = _WARNS.set(True)
    try:
        yield
    finally:
        _WARNS.reset(before)


def leave_box(error: OutsideValidity) -> None:
    """Raise that a surrogate left its box, or warn where that was asked."""
    if not _WARNS.get():
        raise error
    warnings.warn(str(error), OutsideValidityWarning, stacklevel=3)


@dataclass(frozen=True)
class Box:
    """The interval [low, high] of every input, in `unit`, that a surrogate holds for."""

    low: float
    high: float
    unit: str = "V"

    def check(self, values: NDArray[Any], name: str, *, extrapolate: bool = False) -> None:
        """Raise `OutsideValidity` where a value leaves the box, unless `extrapolate`."""
        if extrapolate or not values.size:
            return
        low, high, slack = float(values.min()), float(values.max()), 1e-9 * (self.high - self.low)
        if not (low >= self.low - slack and high <= self.high + slack):
            error = OutsideValidity(
                f"{name}: got {show(low, self.unit)} to {show(high, self.unit)}, "
                f"the surrogate holds for {show(self.low, self.unit)} to {show(self.high, self.unit)}",
                hint="calibrate over a wider range, or pass extrapolate=True",
            )
            leave_box(error)


@dataclass(frozen=True)
class Fit:
    """How far a surrogate is from SPICE on decks that were not used to fit it.

    Parameters
    ----------
    rms, worst : float
        Error in the unit of the output [V].
    full_scale : float
        Span of the outputs [V], to express the error as a fraction.
    n_held_out : int
        Number of held-out samples.
    fitted_on, held_out : tuple of str
        SHA-256 of the decks.
    simulator : str
        The judge.
    """

    rms: float
    worst: float
    full_scale: float
    n_held_out: int
    fitted_on: tuple[str, ...]
    held_out: tuple[str, ...]
    simulator: str

    @property
    def rms_of_full_scale(self) -> float:
        """Rms error as a fraction of full scale."""
        return self.rms / self.full_scale


def measure(got: Array, wanted: Array, fitted_on: tuple[str, ...], held_out: tuple[str, ...], simulator: str) -> Fit:
    """Compare predictions with simulated values of the same shape."""
    error = got - wanted
    span = float(np.ptp(wanted)) or 1.0
    rms = float(np.sqrt(np.mean(error**2)))
    return Fit(rms, float(np.abs(error).max()), span, error.size, fitted_on, held_out, simulator)
