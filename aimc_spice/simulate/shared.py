"""How does one deck run in libngspice, inside this process?

One idea: PySpice brings the binding to the library; all it would raise on a mere note is kept as a message instead, and
`verdict` decides. The only file that imports PySpice. The library has one global state a process: a fatal error
leaves it unusable (`broken`), and a crash takes the process with it; `worker.WorkerSimulator` wraps both.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from aimc_spice.errors import SimulationError, SimulatorCrashed, SimulatorNotFound
from aimc_spice.netlist.base import Deck
from aimc_spice.simulate.base import Waveforms, about
from aimc_spice.simulate.evidence import DECK, keep, kept_folder, write_deck, write_start_up
from aimc_spice.simulate.locate import HOW_TO_INSTALL, NgspiceInfo, find_ngspice
from aimc_spice.simulate.messages import solver_of
from aimc_spice.simulate.rawfile import AXES, Plot, canonical
from aimc_spice.simulate.verdict import Run, accept, check_run, kind_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # PySpice has escape sequences that Python now warns about
    import PySpice.Spice.NgSpice.Shared as _pyspice  # noqa: N813  a module

_ffi = _pyspice.ffi
_QUIET = logging.getLogger("aimc_spice.pyspice")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False
_HEAD, _TAIL = 2000, 500  # messages kept of one run: the first tell the cause, the last how it ended
_LARGE = 2_000_000  # bytes of a deck whose circuit takes 50 MB and more
_RELEASE_EVERY = 1000  # commands: the library keeps a history of them


class _Library(_pyspice.NgSpiceShared):  # type: ignore[misc]
    """PySpice's binding, which here keeps every message and raises nothing."""

    _logger = _QUIET

    def __init__(self, library: Path) -> None:
        self.LIBRARY_PATH = str(library).replace("{", "{{").replace("}", "}}")
        self.head: list[str] = []
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self.exited = False
        self._n_commands = 0
        super().__init__()

    def _init_ngspice(self, send_data: bool) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            write_start_up(Path(folder))  # read instead of the one at home, which must not change results
            super()._init_ngspice(send_data)

    @staticmethod
    def _send_char(message: Any, _number: int, user_data: Any) -> int:
        self = _ffi.from_handle(user_data)
        _, _, text = _ffi.string(message).decode("utf-8", errors="replace").partition(" ")
        if not text.lstrip().startswith("Reference value"):  # progress of a transient
            (self.head if len(self.head) < _HEAD else self.tail).append(text)
        return 0

    @staticmethod
    def _exit(status: int, _immediate: bool, _quit: bool, _number: int, user_data: Any) -> int:
        _ffi.from_handle(user_data).exited = True
        return status

    def exec_command(self, command: str, join_lines: bool = True) -> Any:
        """Run a command and return what it said; PySpice's own start-up calls this too."""
        before = len(self.head)
        self._n_commands += 1
        if self._n_commands % _RELEASE_EVERY == 0:
            self._ngspice_shared.ngSpice_Command(_ffi.NULL)
        self._ngspice_shared.ngSpice_Command(command.encode())
        said = self.head[before:]
        return "\n".join(said) if join_lines else said

    def take_log(self) -> str:
        """Return all messages since the last call."""
        text = "\n".join([*self.head, *self.tail])
        self.head.clear()
        self.tail.clear()
        return text

    def copy_plot(self, kind: str, wanted: frozenset[str]) -> Plot | None:
        """Copy the wanted vectors of the last analysis of a kind; None where there was none."""
        c = self._ngspice_shared
        plot = next((name for name in self.plot_names if re.fullmatch(rf"{re.escape(kind)}\d+", name)), None)
        if plot is None:
            return None
        raw_names = self._names(c.ngSpice_AllVecs(plot.encode()))
        # the library answers a question for a node "pi" or "c" that does not exist with the constant: ask by list only
        named = ((canonical(raw), raw) for raw in raw_names)
        found = {name: raw for name, raw in named if name in wanted or name in AXES}
        columns = [_copy(c.ngGet_Vec_Info(f"{plot}.{raw}".encode())) for raw in found.values()]
        n_points = min((len(column) for column in columns), default=0)
        values = np.array([column[:n_points] for column in columns]).T if columns else np.zeros((0, 0))
        return Plot(kind, tuple(found), values)

    def _names(self, array: Any) -> list[str]:
        return [] if array == _ffi.NULL else self._convert_string_array(array)


def _copy(info: Any) -> Any:
    if info == _ffi.NULL or info.v_length == 0:
        return np.zeros(0)
    n_bytes, dtype = (16, np.complex128) if info.v_realdata == _ffi.NULL else (8, np.float64)
    data = info.v_compdata if n_bytes == 16 else info.v_realdata
    return np.frombuffer(_ffi.buffer(data, info.v_length * n_bytes), dtype=dtype).copy()


def _give_memory_back() -> None:
    """Ask the C library to return freed memory, which one large circuit would else pin for good (glibc only)."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@cache
def _load(ngspice: NgspiceInfo) -> _Library:
    hint = f'use open_simulator("batch"), or install the library: {HOW_TO_INSTALL}'
    if ngspice.library is None:
        raise SimulatorNotFound(f"{ngspice.path} has no libngspice beside it", hint=hint)
    if "SPICE_LIB_DIR" in ngspice.environment:
        os.environ["SPICE_LIB_DIR"] = ngspice.environment["SPICE_LIB_DIR"]
    try:
        return _Library(ngspice.library)
    except (OSError, NameError) as bad:  # cffi and PySpice
        raise SimulatorNotFound(f"{ngspice.library} cannot be loaded", cause=str(bad), hint=hint) from bad


class SharedSimulator:
    """Run decks in libngspice in this process; one at a time, one instance a process.

    Parameters
    ----------
    runs_dir : Path, optional
        Where deck and log of a run that failed are kept.
    scratch : Path, optional
        Existing folder for the deck file; a new one where not given.
    stray_output : callable, optional
        Returns what the library wrote past its callbacks since the last call (KLU does, to stderr).

    Raises
    ------
    SimulatorNotFound
        There is no ngspice, or no libngspice: then use ``open_simulator("batch")``.
    """

    def __init__(
        self,
        *,
        runs_dir: Path | None = None,
        scratch: Path | None = None,
        stray_output: Callable[[], str] = str,
    ) -> None:
        self._ngspice = find_ngspice()
        self._library = _load(self._ngspice)
        self._own = None if scratch else tempfile.TemporaryDirectory(prefix="aimc_spice_")
        self._deck_file = Path(scratch or (self._own.name if self._own else "")) / DECK
        self._runs_dir, self._stray_output = runs_dir, stray_output

    @property
    def name(self) -> str:
        """Name, version and the linear solver that decks with ``klu`` get."""
        return f"ngspice-{self._library.ngspice_version} {self._ngspice.solver}, shared"

    @property
    def broken(self) -> bool:
        """Whether a fatal error has left the library unusable for this process."""
        return self._library.exited

    def run(self, deck: Deck, *, label: str = "") -> Waveforms:
        """Simulate one deck; see `base.Simulator`."""
        if self.broken:
            raise SimulatorCrashed(
                "libngspice cannot be used again in this process after a fatal error",
                hint='open_simulator("shared") renews its process by itself',
            )
        digest = write_deck(deck, self._deck_file)
        started = time.perf_counter()
        plot, log = self._simulate(kind_of(deck), frozenset(probe.lower() for probe in deck.probes))
        wall_s = time.perf_counter() - started
        folder = kept_folder(self._runs_dir, label or deck.netlist.title, digest) if self._runs_dir else None
        run = Run(deck, label, log, int(self.broken), folder, self._ngspice.command)
        try:
            check_run(run)
            checked = accept(run, [plot] if plot else [])
        except SimulationError:
            if self._runs_dir:
                keep(self._runs_dir, label or deck.netlist.title, self._deck_file, digest, log)
            raise
        simulator = f"ngspice-{self._library.ngspice_version} {solver_of(log)}, shared"
        return Waveforms(checked.axis_name, checked.axis, checked.signals, simulator, digest, wall_s, log, about(deck))

    def close(self) -> None:
        """Remove the scratch folder; the library stays loaded until the process ends."""
        if self._own:
            self._own.cleanup()

    def _simulate(self, kind: str, wanted: frozenset[str]) -> tuple[Plot | None, str]:
        library = self._library
        library.take_log()
        self._stray_output()
        library.exec_command(f"source '{self._deck_file}'")
        if not library.exited:
            library.exec_command("run")
        log = library.take_log() + "\n" + self._stray_output()
        plot = library.copy_plot(kind, wanted)
        for command in ("destroy all", "remcirc"):  # else 1 MB a run stays, and runs get slower
            library.exec_command(command)
        if self._deck_file.stat().st_size > _LARGE:
            _give_memory_back()
        return plot, log
