"""How does a list of simulations become results, reusing what is finished and losing nothing?

One idea: look every deck up in the store, simulate what is missing in a pool, store each result the moment it arrives.
What another run on the same store is simulating is left to it and looked up again at the end. Failures do not stop the
others: each is noted with the command that repeats it, and at the end one error counts them by cause.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from aimc_spice.dataset.claims import Claims
from aimc_spice.dataset.store import Store
from aimc_spice.errors import SimulationError
from aimc_spice.netlist.base import Deck
from aimc_spice.simulate.base import Outcome, Pool, Waveforms

Progress = Callable[[int, int, str], None]
_log = logging.getLogger(__name__)
STORED = " (stored)"  # end of the label of a result that was not simulated now
_LOOK_AGAIN_S = 0.2  # at what another run is simulating


@dataclass(frozen=True)
class Job:
    """A deck and where it belongs ("13,4,3: images 0 to 9"), for progress and errors."""

    label: str
    deck: Deck


def collect(jobs: Sequence[Job], pool: Pool, store: Store, progress: Progress | None = None) -> list[Waveforms]:
    """Return the results of all jobs, in order.

    Parameters
    ----------
    jobs : sequence of Job
        What to simulate; a deck that is there twice is simulated once.
    pool : Pool
        Where: `SimulatorPool` or `ClusterPool`.
    store : Store
        Finished results; new ones are added as they come.
    progress : callable, optional
        Called with (done, total, label) after every job.

    Raises
    ------
    SimulationError
        After everything else has finished: one error with a count by cause; what succeeded is in the store.
    DatasetError
        The store cannot be written to.
    """
    run = _Collection(jobs, pool, store, progress or (lambda _done, _total, _label: None))
    try:
        run.work()
    finally:
        run.claims.drop_all()
    if run.failures:
        raise _summary(run.failures, len(jobs))
    return [run.results[index] for index in range(len(jobs))]


class _Collection:
    """The state of one collection."""

    def __init__(self, jobs: Sequence[Job], pool: Pool, store: Store, progress: Progress) -> None:
        self.jobs, self.pool, self.store, self.progress = jobs, pool, store, progress
        self.results: dict[int, Waveforms] = {}
        self.failures: dict[int, SimulationError] = {}
        self.claims = Claims()
        self._name = pool.name
        self._twins: dict[str, list[int]] = {}  # jobs by digest
        self._digests: dict[int, str] = {}
        self._sent: list[int] = []
        self._left_to_others: list[int] = []

    def work(self) -> None:
        """Simulate until every job has a result or a failure."""
        todo: Iterable[int] = range(len(self.jobs))
        while True:
            self._sent, self._left_to_others = [], []
            for position, outcome in self.pool.run_many(self._missing(todo)):
                self._take(self._sent[position], outcome)
            if not self._left_to_others:
                return
            if not self._sent:
                time.sleep(_LOOK_AGAIN_S)
            todo = self._left_to_others

    def _missing(self, todo: Iterable[int]) -> Iterator[tuple[str, Deck]]:
        for index in todo:
            if self._is_first(index) and not self._look_up(index) and self._claim(index):
                if not self._sent:
                    self.store.check_writable()
                self._sent.append(index)
                yield self.jobs[index].label, self.jobs[index].deck

    def _is_first(self, index: int) -> bool:
        """Return whether no earlier job has the same deck; else its result, present or to come, serves both."""
        if index in self._digests:
            return True
        digest = self._digests[index] = self.jobs[index].deck.digest()
        twins = self._twins.setdefault(digest, [])
        twins.append(index)
        if len(twins) > 1 and (known := self.results.get(twins[0]) or self.failures.get(twins[0])):
            self._settle([index], known)
        return len(twins) == 1

    def _look_up(self, index: int) -> bool:
        found = self.store.get(self._digests[index], self._name)
        if found is not None:
            self._settle(self._twins[self._digests[index]], found, STORED)
        return found is not None

    def _claim(self, index: int) -> bool:
        path = self.store.path(self._digests[index], self._name)
        if not self.claims.take(path):
            self._left_to_others.append(index)
            return False
        if self._look_up(index):  # another run finished it just before
            self.claims.drop(path)
            return False
        return True

    def _take(self, index: int, outcome: Outcome) -> None:
        digest = self._digests[index]
        if isinstance(outcome, SimulationError):
            _log.warning("%s: %s", type(outcome).__name__, outcome)
            self.store.quarantine(digest, self._name, outcome)
        else:
            self.store.put(outcome, self._name)
        self.claims.drop(self.store.path(digest, self._name))
        self._settle(self._twins[digest], outcome)

    def _settle(self, indices: Iterable[int], outcome: Outcome, note: str = "") -> None:
        for index in indices:
            if isinstance(outcome, SimulationError):
                self.failures[index] = outcome
            else:
                self.results[index] = outcome
            self.progress(len(self.results) + len(self.failures), len(self.jobs), self.jobs[index].label + note)


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
