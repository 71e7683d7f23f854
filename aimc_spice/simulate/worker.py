"""How does libngspice run so that a crash, a hang or a fatal error costs one deck and not the program?

One idea: the library lives in a warm process of its own; the caller waits at a pipe with a clock. Whatever goes wrong,
the process is thrown away, the error names the cause, and the next deck gets a new process. About 1 ms dearer a deck
than `shared`; the default back end.
"""

from __future__ import annotations

import pickle
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self, cast

from aimc_spice.errors import OutOfMemory, SimulatorCrashed, SimulatorNotFound
from aimc_spice.netlist.base import Deck, Lines, Netlist, OperatingPoint
from aimc_spice.simulate.base import Waveforms
from aimc_spice.simulate.batch import timed_out
from aimc_spice.simulate.evidence import DECK, fresh_folder, kept_folder, settle, write_deck, write_start_up
from aimc_spice.simulate.limits import Limits
from aimc_spice.simulate.locate import find_ngspice
from aimc_spice.simulate.process import WorkerProcess
from aimc_spice.simulate.verdict import Run
from aimc_spice.simulate.worker_main import Reply


class WorkerSimulator:
    """Run decks in libngspice in one warm process.

    Parameters
    ----------
    timeout_s : float, optional
        Limit for one deck [s]; None waits for ever.
    runs_dir : Path, optional
        Where deck and log of a run that failed are kept.
    limits : Limits
        Memory a job may take, and at which the process is replaced.

    Raises
    ------
    SimulatorNotFound
        There is no ngspice, or no libngspice beside it.
    """

    def __init__(
        self, *, timeout_s: float | None = None, runs_dir: Path | None = None, limits: Limits | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._ngspice = find_ngspice()
        if self._ngspice.library is None:
            raise SimulatorNotFound(
                f"{self._ngspice.path} has no libngspice beside it",
                hint='use open_simulator("batch"), or install the library (Debian and Ubuntu: libngspice0)',
            )
        self._timeout_s, self._runs_dir = timeout_s, Path(runs_dir) if runs_dir else None
        self._process: WorkerProcess | None = None
        self._one_at_a_time = threading.Lock()
        self._closed = False

    @property
    def name(self) -> str:
        """Name, version and the linear solver that decks with ``klu`` get."""
        return f"ngspice-{self._ngspice.version} {self._ngspice.solver}, shared"

    @property
    def pid(self) -> int | None:
        """The worker's process id; None before the first run and after a failure."""
        return self._process.pid if self._process else None

    def run(self, deck: Deck, *, label: str = "") -> Waveforms:
        """Simulate one deck; see `base.Simulator`. Threads that call at once take turns."""
        with self._one_at_a_time:
            kind, payload, renew = self._exchange(deck, label)
            if renew or (self._process and self._process.resident_mb > self._limits.recycle_mb):
                self._drop()
        if kind != "result":
            raise payload
        return cast("Waveforms", payload)

    def start(self) -> None:
        """Start the process now and wait until it is ready, so that the first deck does not wait for it."""
        with self._one_at_a_time:
            self._ready()

    def abort(self) -> None:
        """Kill the process, from any thread; runs that are asked for later fail at once."""
        self._closed = True
        if process := self._process:
            process.stop()

    def close(self) -> None:
        """End the process; its scratch folder goes with it."""
        self.abort()
        with self._one_at_a_time:
            self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exchange(self, deck: Deck, label: str) -> Reply:
        try:
            process = self._ready()
            reply = process.ask(encode(deck, label), self._timeout_s, self._limits.job_mb)
            if reply is not None and reply[0] == "unreadable":
                reply = process.ask(pickle.dumps((flat(deck), label)), self._timeout_s, self._limits.job_mb)
        except BaseException as bad:
            self._drop()
            if isinstance(bad, SimulatorCrashed | OutOfMemory) and not self._closed:
                raise self._kept(deck, label).error(type(bad), bad.what, cause=bad.cause, hint=bad.hint) from bad
            raise
        if reply is None:
            self._drop()
            raise timed_out(self._kept(deck, label), self._timeout_s)
        return reply

    def _ready(self) -> WorkerProcess:
        if self._process is None:
            process = self._process = WorkerProcess(self._ngspice.environment, self._runs_dir)
            if not self._closed:
                process.await_ready()
        if self._closed:
            raise SimulatorCrashed("this simulator was closed", hint="open a new one")
        return self._process

    def _drop(self) -> None:
        if self._process:
            self._process.close()
        self._process = None

    def _kept(self, deck: Deck, label: str) -> Run:
        """Keep the deck of a run that brought no log, where a folder for it was given."""
        if self._runs_dir is None:
            return Run(deck, label, log="")
        name = label or deck.netlist.title
        folder = fresh_folder(self._runs_dir, name)
        final = kept_folder(self._runs_dir, name, write_deck(deck, folder / DECK))
        write_start_up(folder)
        settle(folder, final)
        return Run(deck, label, log="", folder=final, program=self._ngspice.command)


def encode(deck: Deck, label: str) -> bytes:
    """Pickle a deck, so that its text is written in the worker; decks of a script's own classes cross as text."""
    with suppress(Exception):
        data = pickle.dumps((deck, label))
        if b"__main__" not in data:  # the worker does not import the main script
            return data
    return pickle.dumps((flat(deck), label))


def flat(deck: Deck) -> Deck:
    """Return the same deck, text for text, built of this package's classes only."""
    text = "".join(deck.netlist.chunks()).split("\n", 1)[1]
    analysis = OperatingPoint(deck.analysis.card, deck.analysis.n_points)
    return replace(deck, netlist=Netlist(deck.netlist.title, (), (Lines(text),)), analysis=analysis)
