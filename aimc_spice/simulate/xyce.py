"""How does a deck run in Xyce, where there is one?

One idea: the pair of `netlist.dialects`: translated deck in a run folder, ``Xyce -r``, and the same verdict as for
ngspice. Xyce was not at hand when this was written: the deck is tested as text, the runner with a stand-in program.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from aimc_spice.errors import DeckRejected, SimulationTimeout, SimulatorNotFound
from aimc_spice.netlist.base import Deck
from aimc_spice.netlist.dialects import write_dialect
from aimc_spice.simulate.base import Waveforms, about
from aimc_spice.simulate.evidence import DECK, RAW, fresh_folder
from aimc_spice.simulate.rawfile import AXES, Plot, read_plots
from aimc_spice.simulate.verdict import Run, accept, kind_of


class XyceSimulator:
    """Run decks with ``Xyce``; a `Simulator`.

    Parameters
    ----------
    runs_dir : Path
        Where run folders go; those of good runs are removed.
    timeout_s : float, optional
        Limit for one deck [s].

    Raises
    ------
    SimulatorNotFound
        There is no ``Xyce`` on the path.
    """

    def __init__(self, runs_dir: Path, *, timeout_s: float | None = None) -> None:
        found = shutil.which("Xyce")
        if found is None:
            raise SimulatorNotFound("there is no Xyce on this machine", hint="put the program Xyce on PATH")
        self._program, self._runs_dir, self._timeout_s = found, Path(runs_dir), timeout_s

    @property
    def name(self) -> str:
        """Name and linear solver."""
        return "Xyce KLU, batch"

    def run(self, deck: Deck, *, label: str = "") -> Waveforms:
        """Simulate one deck; see `base.Simulator`."""
        folder = fresh_folder(self._runs_dir, label or deck.netlist.title)
        with (folder / DECK).open("w", encoding="utf-8") as out:
            out.writelines(write_dialect(deck, "xyce"))
        started = time.perf_counter()
        done = self._process(deck, label, folder)
        run = Run(deck, label, done.stdout + done.stderr, done.returncode, folder, self._program)
        if done.returncode:
            last = " / ".join(run.log.splitlines()[-4:])
            raise run.error(DeckRejected, f"Xyce ended with exit code {done.returncode}", cause=last)
        checked = accept(run, [_as_ngspice(plot, kind_of(deck)) for plot in read_plots(folder / RAW)])
        wall_s = time.perf_counter() - started
        shutil.rmtree(folder, ignore_errors=True)
        return Waveforms(
            checked.axis_name, checked.axis, checked.signals, self.name, deck.digest(), wall_s, run.log, about(deck)
        )

    def close(self) -> None:
        """Release nothing: every run is a process of its own."""

    def _process(self, deck: Deck, label: str, folder: Path) -> subprocess.CompletedProcess[str]:
        command = [self._program, "-r", RAW, DECK]
        try:
            return subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=self._timeout_s, check=False
            )
        except subprocess.TimeoutExpired as bad:
            what = f"no result within {self._timeout_s:g} s"
            raise Run(deck, label, "", 0, folder, self._program).error(SimulationTimeout, what) from bad


def _as_ngspice(plot: Plot, kind: str) -> Plot:
    """Name the sweep as ngspice does; an operating point was asked for as a sweep of one point."""
    first = plot.names[0]
    return Plot(kind, (first if first in AXES else "v-sweep", *plot.names[1:]), plot.values)
