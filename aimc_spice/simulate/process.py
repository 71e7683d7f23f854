"""How is a worker process started, spoken to, and ended for certain?

One idea: a process, its pipe, its scratch folder and what it wrote to stderr are one object with a finaliser, so
nothing outlives the object: not after an error, not at the end of the interpreter. It knows nothing of decks.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

from aimc_spice.errors import OutOfMemory, SimulatorCrashed
from aimc_spice.simulate.limits import WATCH_S, resident_mb
from aimc_spice.simulate.verdict import signal_name
from aimc_spice.simulate.worker_main import Reply

_START_S = 120.0  # imports on a busy machine with a cold disk
_OUT_OF_MEMORY = "SIGKILL often means that memory ran out: use fewer workers or smaller partitions"
_PROGRAM = "from aimc_spice.simulate.worker_main import main; main()"
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class WorkerProcess:
    """A process that runs `worker_main`.

    Parameters
    ----------
    environment : Mapping of str to str
        Variables that ngspice needs beside the caller's.
    runs_dir : Path or None
        Where the worker keeps runs that failed.

    Raises
    ------
    SimulatorNotFound, SimulatorCrashed
        It did not get ready.
    """

    def __init__(self, environment: Mapping[str, str], runs_dir: Path | None) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="aimc_spice_")
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by the finaliser
        self._pipe, theirs = multiprocessing.Pipe(duplex=True)
        arguments = [str(theirs.fileno()), self._scratch.name, str(runs_dir.absolute()) if runs_dir else ""]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, *arguments],
            env={**os.environ, **environment, **_ONE_THREAD, "PYTHONPATH": os.pathsep.join(map(_absolute, sys.path))},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            start_new_session=True,  # Ctrl-C in the terminal reaches the parent alone
        )
        theirs.close()
        self.close = weakref.finalize(self, _end, os.getpid(), self._process, self._pipe, self._stderr, self._scratch)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def await_ready(self) -> str:
        """Wait until the worker has loaded the library; return its simulator's name."""
        reply = self._receive(_START_S)
        if reply is None:
            raise SimulatorCrashed(f"the worker process was not ready within {_START_S:g} s", cause=self._last_words())
        kind, payload, _ = reply
        if kind == "error":
            raise payload
        return str(payload)

    @property
    def resident_mb(self) -> float:
        """Its resident memory [MB]; zero where the system does not tell."""
        return resident_mb(self.pid)

    def ask(self, job: bytes, timeout_s: float | None, memory_mb: float | None = None) -> Reply | None:
        """Send a job and return its reply, or None where the time passed.

        Raises
        ------
        SimulatorCrashed
            The process died; the text names the signal.
        OutOfMemory
            It took more than `memory_mb`.
        """
        with suppress(OSError):  # a dead process is noticed below, with its cause
            self._pipe.send_bytes(job)
        return self._receive(timeout_s, memory_mb)

    def stop(self) -> None:
        """Kill the process, from any thread; `close` then tidies up in the owner's."""
        self._process.kill()

    def _receive(self, timeout_s: float | None, memory_mb: float | None = None) -> Reply | None:
        try:
            if not self._wait(timeout_s, memory_mb):
                return None
            reply: Reply = pickle.loads(self._pipe.recv_bytes())  # noqa: S301  from our own process
        except (EOFError, OSError) as gone:
            how = self._how_it_died()
            hint = _OUT_OF_MEMORY if how == "SIGKILL" else ""
            raise SimulatorCrashed(f"the worker process died: {how}", cause=self._last_words(), hint=hint) from gone
        return reply

    def _wait(self, timeout_s: float | None, memory_mb: float | None) -> bool:
        """Return whether a reply came in time; look at the memory meanwhile."""
        if memory_mb is None:
            return self._pipe.poll(timeout_s)
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._pipe.poll(WATCH_S if end is None else max(0.0, min(WATCH_S, end - time.monotonic()))):
            check_memory(self.pid, memory_mb)
            if end is not None and time.monotonic() >= end:
                return False
        return True

    def _how_it_died(self) -> str:
        try:
            code = self._process.wait(5)
        except (subprocess.TimeoutExpired, OSError):
            return "its pipe was closed"
        return signal_name(code) or f"exit code {code}"

    def _last_words(self) -> str:
        with suppress(OSError, ValueError):
            size = os.fstat(self._stderr.fileno()).st_size
            data = os.pread(self._stderr.fileno(), 2000, max(0, size - 2000))
            return " / ".join(data.decode("utf-8", errors="replace").split("\n")[-4:]).strip(" /")
        return ""


def check_memory(pid: int, memory_mb: float) -> None:
    """Raise `OutOfMemory` where a process has passed its limit."""
    if (taken := resident_mb(pid)) > memory_mb:
        what = f"the job took {taken:.0f} MB, wanted at most {memory_mb:.0f} MB"
        raise OutOfMemory(what, hint="raise the limit, use smaller partitions or fewer vectors and probes a deck")


def _absolute(entry: str) -> str:
    return str(Path(entry).absolute())


def _end(
    owner: int,
    process: subprocess.Popen[bytes],
    pipe: Connection,
    stderr: IO[bytes],
    scratch: tempfile.TemporaryDirectory[str],
) -> None:
    if os.getpid() != owner:  # a fork of the owner must leave its worker alone
        return
    process.kill()
    process.wait()
    pipe.close()
    stderr.close()
    scratch.cleanup()
