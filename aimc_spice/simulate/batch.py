"""How does one deck run as a plain ``ngspice -b`` process in a folder that a person can look into?

One idea: deck, start-up file, log and rawfile lie in one folder, and ``cd`` there plus one command repeats the run. The
slowest back end (about 10 ms a run) and the plainest one. The process has a group of its own, which is killed when the
time is up or the caller is interrupted.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal, Self

from aimc_spice.errors import OutOfMemory, SimulationError, SimulationTimeout, SimulatorCrashed
from aimc_spice.netlist.base import Deck
from aimc_spice.simulate.base import Waveforms, about
from aimc_spice.simulate.evidence import (
    DECK,
    LOG,
    RAW,
    fresh_folder,
    kept_folder,
    settle,
    write_deck,
    write_start_up,
)
from aimc_spice.simulate.limits import WATCH_S, Limits
from aimc_spice.simulate.locate import find_ngspice
from aimc_spice.simulate.messages import solver_of
from aimc_spice.simulate.process import check_memory
from aimc_spice.simulate.rawfile import Plot, read_plots
from aimc_spice.simulate.verdict import Run, accept, check_run

_LOG_BYTES = 500_000
_CONSOLE = "console.log"
Keep = Literal["failed"] | bool


class BatchSimulator:
    """Run each deck with ``ngspice -b`` in its own folder.

    Parameters
    ----------
    runs_dir : Path, optional
        Where the folders go: ``<label>-<first 12 characters of the deck's digest>``; ``runs`` where not given.
    timeout_s : float, optional
        Limit for one deck [s]; None waits for ever.
    keep : bool or "failed"
        Which folders stay: all, none, or those of runs that failed.
    limits : Limits
        Memory a job may take.

    Raises
    ------
    SimulatorNotFound
        There is no ngspice.
    """

    def __init__(
        self,
        runs_dir: Path | None = None,
        *,
        timeout_s: float | None = None,
        keep: Keep = "failed",
        limits: Limits | None = None,
    ) -> None:
        self._ngspice, self._limits = find_ngspice(), limits or Limits()
        self._runs_dir, self._timeout_s, self._keep = Path(runs_dir or "runs"), timeout_s, keep
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._aborted = False

    @property
    def name(self) -> str:
        """Name, version and the linear solver that decks with ``klu`` get."""
        return f"ngspice-{self._ngspice.version} {self._ngspice.solver}, batch"

    def run(self, deck: Deck, *, label: str = "") -> Waveforms:
        """Simulate one deck; see `base.Simulator`. Several threads may call it at once."""
        name = label or deck.netlist.title
        folder = fresh_folder(self._runs_dir, name)
        try:
            digest = write_deck(deck, folder / DECK)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        final = kept_folder(self._runs_dir, name, digest)
        try:
            waveforms = self._simulate(deck, label, folder, final, digest)
        except BaseException as bad:
            if isinstance(bad, SimulationTimeout) or not isinstance(bad, SimulationError):
                (folder / RAW).unlink(missing_ok=True)  # of a killed run: a header without points, then gigabytes
            _leave(folder, final, keep=self._keep is not False)
            raise
        _leave(folder, final, keep=self._keep is True)
        return waveforms

    def abort(self) -> None:
        """Kill what runs now, from any thread; runs that are asked for later fail at once."""
        with self._lock:
            self._aborted = True
            for process in self._running:
                _kill_group(process)

    def close(self) -> None:
        """Kill what still runs."""
        self.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _simulate(self, deck: Deck, label: str, folder: Path, final: Path, digest: str) -> Waveforms:
        write_start_up(folder)
        started = time.perf_counter()
        try:
            exit_code, in_time = self._process(folder)
        except OutOfMemory as bad:
            run = Run(deck, label, "", 0, final if self._keep else None, self._ngspice.command)
            raise run.error(OutOfMemory, bad.what, hint=bad.hint) from bad
        wall_s = time.perf_counter() - started
        log = "\n".join(_read(folder / name) for name in (LOG, _CONSOLE))
        run = Run(deck, label, log, exit_code, final if self._keep else None, self._ngspice.command)
        if not in_time:
            raise timed_out(run, self._timeout_s)
        check_run(run)
        checked = accept(run, _plots(run, folder / RAW))
        simulator = f"ngspice-{self._ngspice.version} {solver_of(log)}, batch"
        return Waveforms(checked.axis_name, checked.axis, checked.signals, simulator, digest, wall_s, log, about(deck))

    def _process(self, folder: Path) -> tuple[int, bool]:
        command = [*_tied(), str(self._ngspice.path), "-b", "-r", RAW, "-o", LOG, DECK]
        environment = {**os.environ, **self._ngspice.environment, "OMP_NUM_THREADS": "1"}
        with (folder / _CONSOLE).open("wb") as console:
            process = self._start(command, folder, environment, console.fileno())
        try:
            return _wait(process, self._timeout_s, self._limits.job_mb), True
        except subprocess.TimeoutExpired:
            return 0, False
        finally:
            self._end(process)

    def _start(
        self, command: list[str], folder: Path, environment: dict[str, str], out: int
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._aborted:
                raise SimulatorCrashed("this simulator was closed", hint="open a new one")
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(process)
            _kill_group(process)
        process.wait()


def _wait(process: subprocess.Popen[bytes], timeout_s: float | None, memory_mb: float | None) -> int:
    """Return the exit code; raise `subprocess.TimeoutExpired` or `OutOfMemory`."""
    if memory_mb is None:
        return process.wait(timeout_s)
    end = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(WATCH_S)
        check_memory(process.pid, memory_mb)
        if end is not None and time.monotonic() >= end:
            raise subprocess.TimeoutExpired(process.args, timeout_s or 0.0)


def timed_out(run: Run, timeout_s: float | None) -> SimulationError:
    """Say that the time limit passed."""
    return run.error(
        SimulationTimeout,
        f"no result within {timeout_s:g} s",
        hint="a longer time limit (--timeout, or timeout in the file), or a larger t_step",
    )


@cache
def _tied() -> tuple[str, ...]:
    """Start of a command whose process dies with the thread that waits for it, even by SIGKILL; () where unknown."""
    words = ("setpriv", "--pdeathsig", "KILL")
    with suppress(OSError):
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return words
    return ()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _read(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:  # a log can grow without end: its start tells the cause, its end how far it came
        head = file.read(_LOG_BYTES)
        file.seek(max(len(head), path.stat().st_size - _LOG_BYTES))
        return (head + file.read()).decode("utf-8", errors="replace")


def _leave(folder: Path, final: Path, *, keep: bool) -> None:
    if keep:
        settle(folder, final)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _plots(run: Run, path: Path) -> tuple[Plot, ...]:
    try:
        return read_plots(path)
    except SimulationError as bad:
        raise run.error(type(bad), bad.what, cause=bad.cause, hint=bad.hint) from bad
