"""How exact is ngspice itself in time? Its steps are halved until two answers agree, and their limit is taken.

One idea: trapezoidal steps err by the square of their length, so a third of the difference of two answers is what the
finer one still lacks: it is added (Richardson), and its size is the judge's own error. Halving follows ngspice's step
control: half the largest step, an eighth of ``reltol``; ``chgtol``, by default more charge than a tile holds, is put
out of the way. Nothing here knows a mode or a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from aimc_spice.dataset import Job, collect
from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import FitError
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck
from aimc_spice.simulate.base import Waveforms

Array = NDArray[np.float64]
GOOD = 1e-3  # of full scale: a tenth of the error that is asked of a model in time
_HOPELESS = 10  # times what is good: the error that is asked of a model
_DENSE = 4000  # points on which a crossing is looked for


@dataclass(frozen=True)
class Level:
    """How finely ngspice steps: at least `n_steps`, with this `reltol`."""

    n_steps: int
    reltol: float

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the deck."""
        return (*DEFAULT_OPTIONS, "method=trap", f"reltol={self.reltol:.3e}", "chgtol=1e-20")


LEVELS = tuple(Level(20 * 2**k, 1e-3 / 8**k) for k in range(6))


@dataclass(frozen=True)
class Answer:
    """What ngspice said: times (n,) [s] from the start of the edge, outputs (n, n_cols) [V], the drivers' work [J]."""

    t: Array
    outs: Array
    work: float
    digest: str

    def at(self, t: Array) -> Array:
        """Return the outputs at other times, (n_t, n_cols) [V]."""
        return np.asarray(PchipInterpolator(self.t, self.outs)(np.clip(t, self.t[0], self.t[-1])))

    def latency(self, within: float) -> float:
        """Return when all outputs stay within this fraction of full scale around their last values [s]."""
        t = np.linspace(self.t[0], self.t[-1], _DENSE)
        away = np.abs(self.at(t) - self.outs[-1]).max(axis=1) - within * np.abs(self.outs[-1]).max()
        last = int(np.flatnonzero(away > 0)[-1])
        share = away[last] / (away[last] - away[last + 1])
        return float(t[last] + share * (t[last + 1] - t[last]))


@dataclass(frozen=True)
class Limit:
    """The limit of ever finer steps.

    Parameters
    ----------
    answer, finest : Answer
        The limit, and the finest simulation behind it.
    digests : tuple of str
        Both decks.
    """

    answer: Answer
    finest: Answer
    digests: tuple[str, str]

    @classmethod
    def of(cls, coarse: Answer, fine: Answer) -> Limit:
        """Extrapolate two answers, the second with half the steps of the first."""
        outs = fine.outs + (fine.outs - coarse.at(fine.t)) / 3
        limit = Answer(fine.t, outs, fine.work + (fine.work - coarse.work) / 3, fine.digest)
        return cls(limit, fine, (coarse.digest, fine.digest))

    @property
    def doubt(self) -> float:
        """What the finest simulation lacks at its worst time and output, of full scale."""
        return float(np.abs(self.answer.outs - self.finest.outs).max() / np.abs(self.answer.outs[-1]).max())


def limits(
    names: Sequence[str],
    deck: Callable[[int, Level], Deck],
    read: Callable[[int, Waveforms], Answer],
    bench: Bench,
    good: float = GOOD,
) -> list[Limit]:
    """Simulate circuits finer and finer until ngspice's own error is below `good` of full scale, or levels end.

    Parameters
    ----------
    names : sequence of str
        One a circuit, for progress.
    deck, read : callable
        Write the deck of circuit k at a level; read its answer.
    bench : Bench
        Simulators and store.
    good : float
        Wanted, of full scale.

    Raises
    ------
    FitError
        Answers still differ by more than ten times that at the last level: nothing could be judged by them.
    """

    def simulate(which: Sequence[int], level: Level) -> dict[int, Answer]:
        jobs = [Job(f"{names[k]}: {level.n_steps} steps", deck(k, level)) for k in which]
        found = collect(jobs, bench.pool, bench.store, bench.progress)
        return {k: read(k, waves) for k, waves in zip(which, found, strict=True)}

    coarse, found = simulate(range(len(names)), LEVELS[0]), dict[int, Limit]()
    for level in LEVELS[1:]:
        todo = [k for k in range(len(names)) if k not in found or found[k].doubt > good]
        fine = simulate(todo, level)
        found |= {k: Limit.of(coarse[k], fine[k]) for k in todo}
        coarse |= fine
    for name, one in ((names[k], found[k]) for k in found if not found[k].doubt <= _HOPELESS * good):
        raise FitError(
            f"{name}: ngspice's own answers in time differ by {one.doubt:.1e} of full scale with "
            f"{LEVELS[-1].n_steps} steps, wanted {good:g}",
            cause="noise in the circuit: not a function of its inputs; or changes too fast for such steps",
            hint="take the noise out, or leave time out: --steps 0",
        )
    return [found[k] for k in range(len(names))]
