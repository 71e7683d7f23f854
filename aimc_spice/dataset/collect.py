"""How does a list of simulations become results, reusing what is finished and losing nothing?

One idea: look every deck up in the store, simulate what is missing in a pool, store each result the moment it arrives.
Failures do not stop the others; at the end one error counts them by cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from aimc_spice.dataset.store import Store
from aimc_spice.errors import SimulationError
from aimc_spice.netlist.base import Deck
from aimc_spice.simulate import SimulatorPool
from aimc_spice.simulate.base import Waveforms

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """A deck and where it belongs ("13,4,3: images 0 to 9"), for progress and errors."""

    label: str
    deck: Deck


def collect(
    jobs: Sequence[Job], pool: SimulatorPool, store: Store, progress: Progress | None = None
) -> list[Waveforms]:
    """Return the results of all jobs, in order.

    Parameters
    ----------
    jobs : sequence of Job
        What to simulate.
    pool : SimulatorPool
        Where.
    store : Store
        Finished results; new ones are added as they come.
    progress : callable, optional
        Called with (done, total, label) after every job.

    Raises
    ------
    SimulationError
        After everything else has finished: one error with a count by cause; what succeeded is in the store.
    """
    results: dict[int, Waveforms] = {}
    failures: dict[int, SimulationError] = {}
    missing: list[int] = []

    def tell(label: str) -> None:
        if progress:
            progress(len(results) + len(failures), len(jobs), label)

    def wanted() -> Iterator[tuple[str, Deck]]:
        for index, job in enumerate(jobs):
            found = store.get(job.deck.digest(), pool.name)
            if found is None:
                missing.append(index)
                yield job.label, job.deck
            else:
                results[index] = found
                tell(f"{job.label} (stored)")

    for position, outcome in pool.run_many(wanted()):
        index = missing[position]
        if isinstance(outcome, SimulationError):
            failures[index] = outcome
        else:
            store.put(outcome, pool.name)
            results[index] = outcome
        tell(jobs[index].label)
    if failures:
        raise _summary(failures, len(jobs))
    return [results[index] for index in range(len(jobs))]


def _summary(failures: dict[int, SimulationError], n_jobs: int) -> SimulationError:
    first = failures[min(failures)]
    if len(failures) == 1:
        return first
    causes = Counter(type(failure).__name__ for failure in failures.values())
    counts = ", ".join(f"{n} x {cause}" for cause, n in causes.most_common())
    return type(first)(
        f"{len(failures)} of {n_jobs} simulations failed: {counts}; the others are stored",
        where=first.where,
        cause=f"the first: {first.what}" + (f"; {first.cause}" if first.cause else ""),
        hint=first.hint,
    )
