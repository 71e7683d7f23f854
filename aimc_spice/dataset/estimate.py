"""How long will a deck take, and how much memory, before it runs?

One idea: power laws through measured points. Resistive N x N crossbars in ngspice 46 with KLU, one core of 2026: 1.1 ms
a vector at 2,112 nodes, 9.2 ms at 8,320, 177 ms at 33,024; 1.8 kB of memory and 8 µs of reading an element. Tiles
cost each by its own size, time steps as much as vectors, nonlinear circuits 2.5 times as much, and as much as eight
points before the first one (assumed: Newton steps). An estimate, to a factor of 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from aimc_spice.netlist.base import Deck, Transient
from aimc_spice.netlist.driven import is_linear
from aimc_spice.netlist.flat import FlatCircuit
from aimc_spice.netlist.parse import parse_netlist

_NODES, _POINT_S = 8320, 9.2e-3
_BELOW, _ABOVE = 1.55, 2.1  # exponents of time in nodes
_POINT_FLOOR_S, _DECK_S, _ELEMENT_S = 2e-5, 1e-3, 8e-6  # reading and set-up
_WORKER_MB, _ELEMENT_MB = 50.0, 1.8e-3
_NONLINEAR, _FIRST_POINTS = 2.5, 8


@dataclass(frozen=True)
class Size:
    """What an estimate needs to know of a circuit: nodes of each top-level instance and of the rest, elements."""

    blocks: tuple[int, ...]
    n_elements: int
    linear: bool

    @classmethod
    def of(cls, circuit: FlatCircuit) -> Size:
        """Measure a circuit."""
        names = islice(circuit.node_names, circuit.n_nodes)
        blocks = Counter(name.partition(".")[0] if "." in name else "" for name in names)
        return cls(tuple(blocks.values()), circuit.n_elements, is_linear(circuit))

    def point_s(self, *, klu: bool = True) -> float:
        """Time of one vector or time step [s]."""
        newton = 1.0 if self.linear else _NONLINEAR
        return _POINT_FLOOR_S + newton * sum(_point_s(n_nodes, klu=klu) for n_nodes in self.blocks)

    @property
    def load_s(self) -> float:
        """Time to read the deck and set up the circuit [s]."""
        return _DECK_S + _ELEMENT_S * self.n_elements

    def memory_mb(self, n_points: int, n_probes: int) -> float:
        """Memory of a worker [MB]."""
        return _WORKER_MB + _ELEMENT_MB * self.n_elements + 3 * 8e-6 * n_points * (n_probes + 1)


@dataclass(frozen=True)
class Estimate:
    """Time [s] and memory [MB] of one deck or of several."""

    seconds: float
    memory_mb: float
    n_jobs: int = 1

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(self.seconds + other.seconds, max(self.memory_mb, other.memory_mb), self.n_jobs + other.n_jobs)


NOTHING = Estimate(0.0, 0.0, 0)


def estimate(deck: Deck, size: Size, *, klu: bool = True) -> Estimate:
    """Estimate one deck of a circuit of known size."""
    n_points = points(deck)
    n_solved = n_points + (0 if size.linear else _FIRST_POINTS)
    return Estimate(size.load_s + n_solved * size.point_s(klu=klu), size.memory_mb(n_points, len(deck.probes)))


def points(deck: Deck) -> int:
    """Return how many points a deck will have, about; 1 where its card is not known."""
    analysis = deck.analysis
    if isinstance(analysis, Transient):
        return round(1.05 * analysis.t_stop / analysis.t_step) + 10
    return analysis.n_points or 1


def explain(decks: Sequence[Deck], *, klu: bool, n_workers: int) -> str:
    """Say what decks will cost; the circuits of decks with the same title are taken to be of one size."""
    sizes: dict[str, Size] = {}
    groups: dict[str, Estimate] = {}
    for deck in decks:
        title = deck.netlist.title
        if title not in sizes:
            sizes[title] = Size.of(parse_netlist(deck.chunks(), strict=False))
        groups[title] = groups.get(title, NOTHING) + estimate(deck, sizes[title], klu=klu)
    lines = [
        f"  {title}: {cost.n_jobs} jobs of {sizes[title].n_elements} elements, {span(cost.seconds)}, "
        f"{cost.memory_mb:.0f} MB a worker"
        for title, cost in groups.items()
    ]
    return "\n".join([*lines, total(sum(groups.values(), NOTHING), klu=klu, n_workers=n_workers)])


def _point_s(n_nodes: int, *, klu: bool) -> float:
    ratio = n_nodes / _NODES
    slower = 1.0 if klu else max(1.0, 7.0 * (n_nodes / 2112) ** 1.1)
    law: float = ratio ** (_BELOW if ratio < 1 else _ABOVE)
    return _POINT_S * law * slower


def total(cost: Estimate, *, klu: bool, n_workers: int) -> str:
    """Say what everything costs together, in one line."""
    solver = "KLU" if klu else "Sparse 1.3 (this ngspice has no KLU: large arrays are many times slower)"
    return (
        f"total: {cost.n_jobs} jobs, about {span(cost.seconds)} of ngspice, {span(cost.seconds / n_workers)} on "
        f"{n_workers} workers, at most {cost.memory_mb:.0f} MB a worker, solver {solver}"
    )


def span(seconds: float) -> str:
    """Write a time for a person."""
    for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{1e3 * seconds:.0f} ms"
