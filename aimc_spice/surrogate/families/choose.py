"""Which family stands for a tile? All are fitted to the same circuits; others, held out, and the cost decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aimc_spice.errors import FitError
from aimc_spice.surrogate.base import Fit
from aimc_spice.surrogate.families.base import Circuit, Family, TileKind, evaluate
from aimc_spice.surrogate.families.gaussian import GaussianFamily
from aimc_spice.surrogate.families.linear import LinearFamily
from aimc_spice.surrogate.families.neural import NeuralFamily
from aimc_spice.surrogate.families.rows import RowFamily

FAMILIES: dict[str, type[Family]] = {
    family.name: family for family in (LinearFamily, RowFamily, NeuralFamily, GaussianFamily)
}


@dataclass(frozen=True)
class Entry:
    """One row of the table: a family, its error on held-out circuits, and what a product costs."""

    family: Family
    fit: Fit
    flops: float

    def row(self) -> dict[str, str | float]:
        """Return the row: name, rms and worst error in % of full scale, floating-point operations."""
        full = self.fit.full_scale
        return {
            "family": self.family.name,
            "rms_percent": 100 * self.fit.rms / full,
            "worst_percent": 100 * self.fit.worst / full,
            "flops": self.flops,
        }


@dataclass(frozen=True)
class Choice:
    """The family that was chosen, the table it was chosen from, and whether it is good enough."""

    chosen: Entry
    table: tuple[Entry, ...]
    why: str
    good: bool


def choose(
    kind: TileKind,
    train: Sequence[Circuit],
    held_out: Sequence[Circuit],
    *,
    rms: float = 3e-3,
    worst: float = 1e-2,
    names: Sequence[str] = tuple(FAMILIES),
) -> Choice:
    """Fit families and choose the cheapest that is good enough, else the most exact.

    Parameters
    ----------
    kind : TileKind
        Tiles.
    train, held_out : sequence of Circuit
        Different circuits.
    rms, worst : float
        What is good enough, as fractions of full scale.
    names : sequence of str
        Which families.

    Raises
    ------
    FitError
        A circuit is in both, there are none, or a name is unknown.
    """
    unknown = sorted(set(names) - set(FAMILIES))
    if unknown:
        raise FitError(f"family {unknown[0]!r} is unknown", hint=f"known: {', '.join(FAMILIES)}")
    shared = {c.digest for c in train} & {c.digest for c in held_out}
    if shared or not held_out:
        raise FitError(f"choice of a family: {len(shared)} circuits are both fitted and held out of {len(held_out)}")
    n_rows, n_cols = max((c.g_pos.shape for c in held_out), key=lambda shape: shape[0] * shape[1])
    table = []
    for name in names:
        family = FAMILIES[name].fit(kind, train)
        table.append(Entry(family, evaluate(family, held_out, train), family.flops(n_rows, n_cols)))
    good = [e for e in table if e.fit.rms_of_full_scale <= rms and e.fit.worst <= worst * e.fit.full_scale]
    if good:
        chosen = min(good, key=lambda e: e.flops)
        why = f"the cheapest of {len(good)} within {rms:.2%} rms and {worst:.2%} worst"
        return Choice(chosen, tuple(table), why, good=True)
    chosen = min(table, key=lambda e: e.fit.rms)
    why = f"none is within {rms:.2%} rms and {worst:.2%} worst: the least rms error"
    return Choice(chosen, tuple(table), why, good=False)
