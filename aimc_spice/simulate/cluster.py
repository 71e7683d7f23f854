"""How does the same stream of decks run on many machines?

One idea: a Dask cluster instead of threads, behind the same two methods as `SimulatorPool`. Every Dask worker keeps its
own warm ngspice process; decks travel pickled, results come back as they finish. A worker that dies costs its current
job, which Dask gives to another. `dask` and `distributed` (extra ``cluster``) are imported when a pool is opened.
"""

from __future__ import annotations

import logging
import pickle
import signal
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Self

from aimc_spice.config import load_cluster
from aimc_spice.errors import ConfigError, SimulationError, SimulatorCrashed, SimulatorNotFound
from aimc_spice.netlist.base import Deck
from aimc_spice.simulate.base import Outcome, Pool
from aimc_spice.simulate.batch import Keep
from aimc_spice.simulate.ladder import LADDER, Step
from aimc_spice.simulate.limits import Limits
from aimc_spice.simulate.pool import Backend, SimulatorPool, new_simulator, run_once_or_more
from aimc_spice.simulate.worker import encode, flat

_AHEAD = 2  # decks in flight per thread of a worker
_QUIET_MB = 100  # Dask warns about tasks that carry more than 10 MB; a deck may
_UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Settings:
    """How every worker simulates."""

    backend: Backend = "shared"
    timeout_s: float | None = None
    runs_dir: Path | None = None
    limits: Limits = field(default_factory=Limits)
    retries: tuple[Step, ...] = LADDER


def open_pool(
    cluster: str,
    n_workers: int,
    *,
    backend: Backend = "shared",
    timeout_s: float | None = None,
    runs_dir: Path | None = None,
    keep: Keep = "failed",
    limits: Limits | None = None,
) -> Pool:
    """Open `n_workers` processes here, or a cluster where one is named; see `SimulatorPool` and `ClusterPool`."""
    if not cluster:
        return SimulatorPool(
            n_workers, backend=backend, timeout_s=timeout_s, runs_dir=runs_dir, keep=keep, limits=limits
        )
    if keep is True:
        raise ConfigError("a cluster keeps the run folders of failed decks only", hint="leave --keep or --cluster out")
    return ClusterPool(cluster, backend=backend, timeout_s=timeout_s, runs_dir=runs_dir, limits=limits)


class ClusterPool:
    """Many simulators on a Dask cluster; a `Pool`.

    Parameters
    ----------
    cluster : str
        ``"local:8"``: eight worker processes on this machine; ``"tcp://host:8786"``: a running scheduler; else the
        path of a TOML file that describes a batch system (see docs/cluster.md).
    backend, timeout_s, runs_dir, limits, retries
        As of `SimulatorPool`; `runs_dir` on a file system that all machines share.
    start_s : float
        How long to wait for the first worker [s]; a TOML file may say longer.

    Raises
    ------
    ConfigError
        Dask is not installed, the cluster cannot be understood or reached, or its workers have different ngspices.
    SimulatorNotFound
        No worker came in time, or the workers have no ngspice.
    """

    def __init__(
        self,
        cluster: str,
        *,
        backend: Backend = "shared",
        timeout_s: float | None = None,
        runs_dir: Path | None = None,
        limits: Limits | None = None,
        retries: Sequence[Step] = LADDER,
        start_s: float = 60.0,
    ) -> None:
        runs = Path(runs_dir).absolute() if runs_dir else None
        self._settings = Settings(backend, timeout_s, runs, limits or Limits(), tuple(retries))
        self._dask = _import("distributed")
        self._stack = ExitStack()
        try:
            self._client = self._connect(cluster, start_s)
            self._name = self._common_name()
        except BaseException:
            self._stack.close()
            raise
        self._in_use = threading.Lock()

    @property
    def name(self) -> str:
        """Name of the simulators: that of a local pool, so both find each other's results in a store."""
        return self._name

    @property
    def n_threads(self) -> int:
        """How many decks run at once now; a cluster may grow and shrink."""
        return max(1, sum(map(int, self._client.nthreads().values())))

    def run_many(self, jobs: Iterable[tuple[str, Deck]]) -> Iterator[tuple[int, Outcome]]:
        """Simulate a stream of decks; see `SimulatorPool.run_many`. Leaving early cancels what has not started."""
        if not self._in_use.acquire(blocking=False):
            raise ConfigError("cluster pool: one run_many at a time", hint="finish or close the first one")
        waiting: dict[Any, tuple[int, str, Deck]] = {}
        try:
            yield from self._work(enumerate(jobs), waiting)
        finally:
            with suppress(Exception):
                self._client.cancel(list(waiting), force=True)
            self._in_use.release()

    def close(self) -> None:
        """End the simulators, and the cluster where it was started here."""
        with suppress(Exception):
            self._client.run(_forget, self._settings)
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(
        self, numbered: Iterator[tuple[int, tuple[str, Deck]]], waiting: dict[Any, tuple[int, str, Deck]]
    ) -> Iterator[tuple[int, Outcome]]:
        finished = self._dask.as_completed([])
        while True:
            for index, (label, deck) in islice(numbered, max(0, _AHEAD * self.n_threads - len(waiting))):
                future = self._submit(encode(deck, label))
                waiting[future] = (index, label, deck)
                finished.add(future)
            if not waiting:
                return
            future = next(finished)
            index, label, deck = waiting.pop(future)
            outcome = self._outcome(future, label)
            if outcome == _UNREADABLE:  # a part whose class only the caller knows: its text is enough
                outcome = self._outcome(self._submit(pickle.dumps((flat(deck), label))), label)
            yield index, outcome

    def _submit(self, job: bytes) -> Any:
        return self._client.submit(_simulate, job, self._settings, pure=False, key=None)

    def _outcome(self, future: Any, label: str) -> Any:
        try:
            found = future.result()
        except (self._dask.KilledWorker, self._dask.CancelledError) as bad:
            hint = "its memory may not suffice: fewer workers a machine, or smaller partitions"
            return SimulatorCrashed("workers died while they ran this deck", where=label, cause=str(bad), hint=hint)
        if isinstance(found, SimulatorNotFound):
            raise found
        return found

    def _connect(self, cluster: str, start_s: float) -> Any:
        _import("dask").config.set({"distributed.admin.large-graph-warning-threshold": f"{_QUIET_MB}MB"})
        if cluster.startswith(("tcp://", "tls://", "ucx://")):
            client = self._join(cluster, start_s)
        elif cluster.startswith("local:"):
            client = self._stack.enter_context(self._dask.Client(self._local(cluster)))
        else:
            described = load_cluster(Path(cluster))
            start_s = max(start_s, described.wait)
            client = self._stack.enter_context(self._dask.Client(self._batch_system(cluster)))
        try:
            client.wait_for_workers(1, timeout=start_s)
        except TimeoutError as bad:
            raise SimulatorNotFound(f"cluster {cluster}: no worker came within {start_s:g} s", cause=str(bad)) from bad
        return client

    def _join(self, address: str, start_s: float) -> Any:
        try:
            return self._stack.enter_context(self._dask.Client(address, timeout=start_s))
        except (OSError, TimeoutError, ValueError) as bad:
            raise ConfigError(f"no Dask scheduler answers at {address}", cause=str(bad)) from bad

    def _local(self, cluster: str) -> Any:
        count = cluster.removeprefix("local:")
        if not count.isdecimal() or int(count) < 1:
            raise ConfigError(f"cluster: got {cluster!r}, wanted local:N with N one or more", hint="local:8")
        scratch = self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="aimc_spice_", ignore_cleanup_errors=True)
        )
        return self._stack.enter_context(
            self._dask.LocalCluster(
                n_workers=int(count),
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # any free port: several runs share a machine
                memory_limit=0,  # `Limits` watches the simulators, whose memory Dask does not see
                silence_logs=logging.CRITICAL,
                local_directory=scratch,
                preload=[__name__],  # see `dask_setup`
            )
        )

    def _batch_system(self, path: str) -> Any:
        described = load_cluster(Path(path))
        made = getattr(_import("dask_jobqueue"), f"{described.scheduler.upper()}Cluster")
        try:
            cluster = self._stack.enter_context(made(**described.options))
        except (TypeError, ValueError) as bad:
            raise ConfigError(f"{path}: dask-jobqueue refuses an option", cause=str(bad)) from bad
        cluster.scale(jobs=described.jobs)
        return cluster

    def _common_name(self) -> str:
        names = self._client.run(_name_or_error, self._settings)
        for found in names.values():
            if isinstance(found, Exception):
                raise found
        if len(set(names.values())) != 1:
            told = ", ".join(f"{worker}: {name}" for worker, name in sorted(names.items())[:8])
            raise ConfigError("the workers of the cluster have different ngspices", cause=told)
        return str(next(iter(names.values())))


def _import(name: str) -> Any:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return import_module(name)
    except ImportError as bad:
        hint = "pip install 'aimc_spice[cluster]'"
        raise ConfigError(f"a cluster needs the package {name}", cause=str(bad), hint=hint) from bad
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():  # dask-jobqueue takes them, and Ctrl-C would no longer be one
                signal.signal(number, handler)


def dask_setup(_worker: object) -> None:
    """Leave Ctrl-C to the caller: a terminal sends it to local workers too; Dask calls this as one starts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


# What runs inside a Dask worker: one simulator a thread, kept warm between decks.
_simulators: dict[tuple[int, Settings], Any] = {}


def _simulator(settings: Settings) -> Any:
    key = (threading.get_ident(), settings)
    if key not in _simulators:
        _simulators[key] = new_simulator(
            settings.backend, settings.timeout_s, settings.runs_dir, "failed", settings.limits
        )
    return _simulators[key]


def _simulate(job: bytes, settings: Settings) -> Any:
    try:
        deck, label = pickle.loads(job)  # noqa: S301  from the caller alone
    except Exception:  # noqa: BLE001  a class that cannot be imported here
        return _UNREADABLE
    try:
        return run_once_or_more(_simulator(settings), deck, label, settings.retries)
    except SimulationError as bad:
        return bad


def _name_or_error(settings: Settings) -> Any:
    try:
        return new_simulator(settings.backend, None, settings.runs_dir, "failed", None).name
    except SimulationError as bad:
        return bad


def _forget(settings: Settings) -> None:
    for key in [key for key in _simulators if key[1] == settings]:
        simulator = _simulators.pop(key)
        simulator.abort()
        simulator.close()
