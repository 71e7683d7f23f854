"""What does the worker process do?

One idea: the process owns one libngspice and answers one deck at a time over a pipe; a thread waits at the pipe, so the
process ends at once when the other end disappears, even in the middle of an endless transient. It is a fresh Python
and never imports the caller's main script. It keeps no time and decides nothing.
"""

from __future__ import annotations

import os
import pickle
import queue
import shutil
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aimc_spice.errors import AimcSpiceError, SimulatorNotFound

# what a reply can be: (kind, payload, whether the process must be replaced)
Reply = tuple[str, Any, bool]


def main() -> None:
    """Serve decks until the pipe closes; the arguments are its file descriptor, the scratch folder and `runs_dir`."""
    fd, scratch, runs_dir = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    pipe = Connection(int(fd))
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, jobs, scratch), daemon=True).start()
    simulator = _open(pipe, Path(scratch), Path(runs_dir) if runs_dir else None)
    while True:
        reply = _answer(simulator, jobs.get())
        pipe.send_bytes(pickle.dumps(reply))
        if reply[2]:
            return


def _listen(pipe: Connection, jobs: queue.SimpleQueue[bytes], scratch: str) -> None:
    while True:
        try:
            jobs.put(pipe.recv_bytes())
        except (EOFError, OSError):
            shutil.rmtree(scratch, ignore_errors=True)
            os._exit(0)  # the parent is gone; libngspice may be busy and cannot be asked


def _open(pipe: Connection, scratch: Path, runs_dir: Path | None) -> Any:
    try:
        from aimc_spice.simulate.shared import SharedSimulator  # noqa: PLC0415  its errors go to the parent

        simulator = SharedSimulator(runs_dir=runs_dir, scratch=scratch, stray_output=_StderrReader())
    except Exception as bad:  # noqa: BLE001  such as PySpice missing: no deck can run, so this is not a crash
        error = (
            bad if isinstance(bad, AimcSpiceError) else SimulatorNotFound("the worker cannot start", cause=repr(bad))
        )
        pipe.send_bytes(pickle.dumps(("error", error, True)))
        sys.exit(1)
    pipe.send_bytes(pickle.dumps(("ready", simulator.name, False)))
    return simulator


def _answer(simulator: Any, job: bytes) -> Reply:
    try:
        deck, label = pickle.loads(job)  # noqa: S301  from the parent alone
    except Exception:  # noqa: BLE001  a part whose class cannot be imported here
        return "unreadable", traceback.format_exc(), False
    try:
        return "result", simulator.run(deck, label=label), simulator.broken
    except AimcSpiceError as bad:
        return "error", bad, simulator.broken
    except Exception as bad:  # noqa: BLE001  a fault of the deck's own code: raised again in the parent
        bad.add_note(traceback.format_exc())
        return "fault", bad, True


class _StderrReader:
    """Returns what was written to stderr (a file) since the last call."""

    def __init__(self) -> None:
        self._at = os.fstat(2).st_size

    def __call__(self) -> str:
        size = os.fstat(2).st_size
        data = os.pread(2, min(size - self._at, 100_000), self._at)
        self._at = size
        return data.decode("utf-8", errors="replace")
