"""How far may the true output lie from the surrogate's? An interval that held-out circuits vouch for.

One idea: conformal prediction over circuits. The error of every held-out output, in units of its column's scale, is a
score. Outputs of one circuit are alike, so circuits, not outputs, are counted as draws: each of the k circuits weighs
1 / (k + 1), and a future one the rest, as if its scores were infinite. The quantile of that mixture covers an output of
a new circuit of the same population with at least the stated probability, whatever the distribution (Dunn, Wasserman
and Ramdas, "Distribution-free prediction sets for two-layer hierarchical models", J. Am. Stat. Assoc. 2023). The price
of few circuits is `Interval.held`: of the outputs behind it the width holds more than is promised, and where circuits
err alike, of a new one as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import FitError
from aimc_spice.surrogate.families.base import Array, Circuit, Programmed, Programmer


@dataclass(frozen=True)
class Interval:
    """Half-widths of what is vouched for.

    Parameters
    ----------
    level : float
        Probability that it holds the true output.
    width : float
        In units of a column's scale.
    n_circuits : int
        Held-out circuits behind it.
    digests : tuple of str
        Their decks.
    """

    level: float
    width: float
    n_circuits: int
    digests: tuple[str, ...]

    @property
    def held(self) -> float:
        """Share of the outputs behind it that it holds: what a new circuit may expect that errs like those."""
        return self.level * (self.n_circuits + 1) / self.n_circuits

    def bound(self, tile: Programmed) -> Array:
        """Return the half-width of every column's interval [V], (…, n_cols)."""
        return self.width * tile.scale

    def coverage(self, family: Programmer, circuits: Sequence[Circuit]) -> float:
        """Return the share of outputs of other circuits that lie inside."""
        return float(np.mean([np.mean(_scores(family, c) <= self.width) for c in circuits]))


def conformal(family: Programmer, held_out: Sequence[Circuit], level: float = 0.9) -> Interval:
    """Make the interval from circuits that the family was not fitted to, nor chosen by.

    Raises
    ------
    FitError
        Too few circuits to vouch for the level: ``k / (k + 1)`` must exceed it.
    """
    k = len(held_out)
    needed = int(np.floor(level / (1 - level))) + 1
    if k < needed:
        raise FitError(
            f"interval: got {k} held-out circuits, wanted at least {needed} for a level of {level:.0%}",
            hint="simulate more circuits, or ask for a lower level",
        )
    scores = [_scores(family, circuit) for circuit in held_out]
    value = np.concatenate(scores)
    weight = np.concatenate([np.full(len(s), 1 / (len(s) * (k + 1))) for s in scores])
    order = np.argsort(value)
    reached = np.searchsorted(np.cumsum(weight[order]), level * (1 - 1e-12))
    width = float(value[order[min(int(reached), len(order) - 1)]])
    return Interval(level, width, k, tuple(c.digest for c in held_out))


def _scores(family: Programmer, circuit: Circuit) -> Array:
    tile = family.program(circuit.g_pos, circuit.g_neg)
    return np.asarray((np.abs(tile(circuit.x) - circuit.y) / tile.scale).ravel())
