"""May a result be believed?

One idea: every back end brings what ngspice said, how its process ended and the plots it left, and this file alone
decides: nothing in the log speaks against it (`messages`), the process ended well, the wanted analysis has all its
points, every probe is there, finite and within the bound of the deck. All else is raised, with node, log line and a way
to repeat the run. It starts nothing and reads no files.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aimc_spice.errors import DeckRejected, MeasurementFailed, NotConverged, SimulationError, SimulatorCrashed
from aimc_spice.netlist.base import Deck
from aimc_spice.simulate.base import Array
from aimc_spice.simulate.evidence import LOG, by_hand
from aimc_spice.simulate.messages import find_trouble
from aimc_spice.simulate.rawfile import AXES, Plot

_WORDS = {"op": "operating point", "dc": "vector sweep", "tran": "transient"}


@dataclass(frozen=True)
class Run:
    """What a back end knows about one run, numbers aside.

    Parameters
    ----------
    deck : Deck
        What was asked.
    label : str
        Where the deck belongs, for error messages.
    log : str
        All that ngspice said.
    exit_code : int
        As of a process: 0 is good, -n and 128 + n mean that signal n ended it.
    folder : Path or None
        Where deck and log are kept for a person; None where they are not.
    program : str
        How a person starts this ngspice.
    """

    deck: Deck
    label: str
    log: str
    exit_code: int = 0
    folder: Path | None = None
    program: str = "ngspice"

    def error(
        self, kind: type[SimulationError], what: str, *, cause: str = "", hint: str = "", at: str = ""
    ) -> SimulationError:
        """Build an error that says where, why, what to try and how to repeat the run."""
        place = ", ".join(part for part in (self.label or self.deck.netlist.title, at) if part)
        again = (
            f"by hand: {by_hand(self.folder, self.program)}"
            if self.folder
            else "give runs_dir=… to keep the deck and the log"
        )
        return kind(what, where=place, cause=cause, hint="; ".join(part for part in (hint, again) if part))

    def log_line(self, number: int) -> str:
        """Say where a line of the log is."""
        return f"{self.folder / LOG}:{number}" if self.folder else f"log line {number}"


@dataclass(frozen=True)
class Checked:
    """The numbers of an accepted run: the axis and one array a probe, each (n_points,)."""

    axis_name: str
    axis: Array
    signals: dict[str, Array]


def check_run(run: Run) -> None:
    """Raise what the log or the end of the process says against the result, before any number is read.

    Raises
    ------
    SimulatorCrashed, DeckRejected, NotConverged, MeasurementFailed
        By cause.
    """
    if name := signal_name(run.exit_code):
        raise run.error(SimulatorCrashed, f"ngspice died of {name}", cause=_tail(run.log))
    if found := find_trouble(run.log):
        cause = f'ngspice: "{found.quote}" ({run.log_line(found.line)})'
        at = f"node {found.node}" if found.node else ""
        what = _how_far(run, found.rule.what) if found.rule.error is NotConverged else found.rule.what
        raise run.error(found.rule.error, what, cause=cause, hint=found.rule.hint, at=at)
    if run.exit_code:
        raise run.error(DeckRejected, f"ngspice ended with exit code {run.exit_code}", cause=_tail(run.log))


def accept(run: Run, plots: Sequence[Plot]) -> Checked:
    """Return the probes of the wanted analysis, checked.

    Raises
    ------
    MeasurementFailed
        No such analysis, wrong number of points, a probe missing, not finite or out of bounds.
    """
    plot = _wanted(run, plots)
    _check_size(run, plot)
    axis = _axis(run, plot)
    signals = {probe: np.array(plot.column(probe.lower()), dtype=np.float64) for probe in run.deck.probes}
    for probe, values in signals.items():
        _check_values(run, probe, values, axis)
    return Checked("time" if kind_of(run.deck) == "tran" else "vector", axis, signals)


def kind_of(deck: Deck) -> str:
    """Return "op", "dc", "tran" or what else the analysis card asks for."""
    return deck.analysis.card.split()[0].lstrip(".").lower()


def signal_name(exit_code: int) -> str:
    """Name the signal that an exit code stands for: -11 and 139 give "SIGSEGV"; "" for an ordinary exit."""
    number = exit_code - 128 if exit_code > 128 else -exit_code
    if number <= 0:
        return ""
    known = {int(member): member.name for member in signal.Signals}
    return known.get(number, f"signal {number}")


def _how_far(run: Run, what: str) -> str:
    stop, reached = _t_stop(run.deck), re.search(r"\btime = ([0-9.eE+-]+)", run.log)
    if stop is None or reached is None:
        return f"{_WORDS.get(kind_of(run.deck), kind_of(run.deck))}: {what}"
    return f"transient stopped at {reached.group(1)} s of {stop:g} s: {what}"


def _tail(log: str) -> str:
    return " / ".join(line.strip() for line in log.splitlines()[-4:] if line.strip())


def _t_stop(deck: Deck) -> float | None:
    words = deck.analysis.card.split()
    try:
        return float(words[2]) if kind_of(deck) == "tran" else None
    except (IndexError, ValueError):
        return None


def _wanted(run: Run, plots: Sequence[Plot]) -> Plot:
    kind = kind_of(run.deck)
    matching = [plot for plot in plots if plot.kind == kind]
    if not matching:
        got = ", ".join(plot.kind for plot in plots) or "none"
        raise run.error(MeasurementFailed, f"results of analysis {kind}: got {got}")
    return matching[-1]


def _check_size(run: Run, plot: Plot) -> None:
    for probe in run.deck.probes:
        if plot.column(probe.lower()) is None:
            known = ", ".join(sorted(set(plot.names) - AXES)[:8]) or "none"
            raise run.error(
                MeasurementFailed,
                f"probe {probe} is not in the results",
                cause=f"the circuit has no such node or source; got {known}",
                hint="a probe is v(node) or i(source), inside subcircuits v(x1.node) and i(v.x1.vname)",
            )
    if np.iscomplexobj(plot.values):
        raise run.error(MeasurementFailed, f"analysis {plot.kind} gave complex values, wanted real ones")
    wanted, got_points = run.deck.analysis.n_points, len(plot.values)
    if got_points == 0 or (wanted is not None and got_points != wanted):
        raise run.error(MeasurementFailed, f"points: got {got_points}, wanted {wanted or 'at least one'}")


def _axis(run: Run, plot: Plot) -> Array:
    if kind_of(run.deck) == "op":
        return np.zeros(1)
    name = next((name for name in plot.names if name in AXES), None)
    values = None if name is None else plot.column(name)
    if values is None or not np.all(np.isfinite(values)):
        raise run.error(MeasurementFailed, f"the axis of analysis {plot.kind} is missing or not finite")
    axis = np.array(values, dtype=np.float64)
    stop = _t_stop(run.deck)
    if stop is not None and axis[-1] < stop * (1 - 1e-9):
        raise run.error(MeasurementFailed, f"transient: got times up to {axis[-1]:g} s, wanted {stop:g} s")
    return axis


def _check_values(run: Run, probe: str, values: Array, axis: Array) -> None:
    unit = "A" if probe.lower().startswith("i(") else "V"
    bad = ~(np.abs(values) <= run.deck.bound)  # catches NaN too
    if np.any(bad):
        first = int(np.argmax(bad))
        raise run.error(
            MeasurementFailed,
            f"{probe} is {values[first]:g} {unit}, wanted at most {run.deck.bound:g} {unit} in magnitude",
            at=f"point {first} of {len(values)} (axis {axis[first]:g})",
            hint="look for a division by zero, a floating node or a unit slip; in Python, Deck.bound if it is right",
        )
