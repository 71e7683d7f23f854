"""How do many decks run on several cores, and stop at once when asked to?

One idea: threads feed one simulator each; the caller's own thread pulls decks from its iterator only as fast as
results leave, so neither decks nor results pile up. Failures are results too: a sweep goes on. What does not converge
climbs the `ladder`. Threads are daemons and
simulators die with the pool, so Ctrl-C waits for nothing.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal, Self

from aimc_spice.errors import ConfigError, SimulationError, SimulatorCrashed, SimulatorNotFound
from aimc_spice.netlist.base import Deck
from aimc_spice.simulate.base import Outcome, Simulator, Waveforms
from aimc_spice.simulate.batch import BatchSimulator, Keep
from aimc_spice.simulate.ladder import LADDER, Step, climb
from aimc_spice.simulate.limits import Limits
from aimc_spice.simulate.worker import WorkerSimulator

Backend = Literal["shared", "batch"]
_Job = tuple[int, str, Deck] | None
_Simulator = WorkerSimulator | BatchSimulator
_AHEAD = 2  # decks in flight per worker: one runs, one waits


class SimulatorPool:
    """Several simulators that share a stream of decks.

    Parameters
    ----------
    n_workers : int
        How many processes run at once.
    backend : {"shared", "batch"}
        "shared": one `WorkerSimulator` each; "batch": ``ngspice -b`` each.
    timeout_s : float, optional
        Limit for one deck [s]; None waits for ever.
    runs_dir : Path, optional
        Where runs that failed are kept; "batch" uses ``runs`` where not given.
    keep : bool or "failed"
        Which run folders of "batch" stay; "shared" keeps those of failed runs.
    limits : Limits, optional
        Memory of a worker.
    retries : sequence of Step
        What is tried where a deck does not converge.

    Raises
    ------
    ConfigError
        Fewer than one worker, or an unknown back end.
    SimulatorNotFound
        There is no ngspice, or no libngspice for "shared".
    """

    def __init__(
        self,
        n_workers: int,
        *,
        backend: Backend = "shared",
        timeout_s: float | None = None,
        runs_dir: Path | None = None,
        keep: Keep = "failed",
        limits: Limits | None = None,
        retries: Sequence[Step] = LADDER,
    ) -> None:
        if n_workers < 1:
            raise ConfigError(f"simulator pool: got n_workers = {n_workers}, wanted one or more")
        self._new = partial(new_simulator, backend, timeout_s, runs_dir, keep, limits)
        self._retries = tuple(retries)
        self._simulators = [self._new() for _ in range(n_workers)]
        self._in_use = threading.Lock()

    @property
    def name(self) -> str:
        """Name of the simulators, which the store looks results up by; how many there are does not matter."""
        return self._simulators[0].name

    def run_many(self, jobs: Iterable[tuple[str, Deck]]) -> Iterator[tuple[int, Outcome]]:
        """Simulate a stream of decks.

        Parameters
        ----------
        jobs : iterable of (label, Deck)
            Pulled in the caller's thread, at most two decks a worker ahead.

        Yields
        ------
        (int, Waveforms or SimulationError)
            The job's number and its result or failure, as they finish. Leaving the loop early kills what still runs.

        Raises
        ------
        SimulatorNotFound
            No worker can start.
        ConfigError
            Another `run_many` of this pool is not finished.
        Exception
            What `jobs` or the code of a deck raises, other than a `SimulationError`.
        """
        if not self._in_use.acquire(blocking=False):
            raise ConfigError("simulator pool: one run_many at a time", hint="finish or close the first one")
        crew = _Crew(self._simulators, self._retries)
        try:
            yield from crew.work(jobs)
        except BaseException:
            crew.abort()
            self._simulators = [self._new() for _ in self._simulators]
            raise
        finally:
            self._in_use.release()

    def close(self) -> None:
        """Kill what runs and end the processes."""
        for simulator in self._simulators:
            simulator.abort()
        for simulator in self._simulators:
            simulator.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Crew:
    """One thread a simulator, for one stream of decks."""

    def __init__(self, simulators: list[_Simulator], retries: tuple[Step, ...]) -> None:
        self._simulators, self._retries = simulators, retries
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[tuple[int, Waveforms | BaseException]] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._feed, args=(one,), daemon=True) for one in simulators]
        for thread in self._threads:
            thread.start()

    def work(self, jobs: Iterable[tuple[str, Deck]]) -> Iterator[tuple[int, Outcome]]:
        numbered, in_flight = enumerate(jobs), 0
        while True:
            for index, (label, deck) in islice(numbered, _AHEAD * len(self._threads) - in_flight):
                self._jobs.put((index, label, deck))
                in_flight += 1
            if not in_flight:
                return self._dismiss()
            index, outcome = self._results.get()
            in_flight -= 1
            if isinstance(outcome, SimulatorNotFound) or not isinstance(outcome, Waveforms | SimulationError):
                raise outcome
            yield index, outcome

    def abort(self) -> None:
        while not self._jobs.empty():
            self._jobs.get()
        for simulator in self._simulators:
            simulator.abort()
        self._dismiss()
        for simulator in self._simulators:
            simulator.close()

    def _dismiss(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _feed(self, simulator: _Simulator) -> None:
        while (job := self._jobs.get()) is not None:
            index, label, deck = job
            try:
                self._results.put((index, run_once_or_more(simulator, deck, label, self._retries)))
            except BaseException as bad:  # noqa: BLE001  raised again in the caller's thread
                self._results.put((index, bad))


def run_once_or_more(simulator: Simulator, deck: Deck, label: str, retries: Sequence[Step]) -> Waveforms:
    """Run a deck up the ladder; one whose process was killed runs again, at most twice. Results remember the label."""
    for left in (2, 1, 0):
        try:
            found = climb(lambda changed, name: simulator.run(changed, label=name), deck, label, retries)
            return replace(found, provenance={**found.provenance, "label": label})
        except SimulatorCrashed as bad:
            if "SIGKILL" not in bad.what or not left:  # a crash of its own making would come again
                raise
    raise AssertionError


def new_simulator(
    backend: Backend, timeout_s: float | None, runs_dir: Path | None, keep: Keep, limits: Limits | None
) -> _Simulator:
    """Make one simulator of a pool, here or on a cluster."""
    if backend == "shared":
        return WorkerSimulator(timeout_s=timeout_s, runs_dir=runs_dir, limits=limits)
    if backend == "batch":
        return BatchSimulator(runs_dir, timeout_s=timeout_s, keep=keep, limits=limits)
    raise ConfigError(f"simulator pool: got backend {backend!r}", hint="known: shared, batch")
