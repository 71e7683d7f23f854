"""Can this machine run the toolkit, and how does one get what is missing?

One idea: look at every part, then trust only a result: a divider, whose voltage everybody knows, is sent through both
ngspice back ends. It installs nothing and changes nothing.
"""

from __future__ import annotations

import math
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from aimc_spice.errors import AimcSpiceError, SimulatorNotFound
from aimc_spice.netlist.base import Deck, Lines, Netlist, OperatingPoint
from aimc_spice.simulate import open_simulator
from aimc_spice.simulate.locate import HOW_TO_INSTALL, NgspiceInfo, find_ngspice

KLU_SINCE = 42
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Finding:
    """One row of the diagnosis.

    Parameters
    ----------
    part : str
        What was looked at.
    found : str
        What was found.
    state : {"ok", "note", "missing"}
        Good; works but could be better or is optional; needed and not there.
    advice : str
        What to do; empty where there is nothing to do.
    """

    part: str
    found: str
    state: Literal["ok", "note", "missing"] = "ok"
    advice: str = ""

    @property
    def mark(self) -> str:
        """One character for a table."""
        return {"ok": "+", "note": "~", "missing": "!"}[self.state]


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was found."""

    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether nothing that is needed is missing."""
        return all(finding.state != "missing" for finding in self.findings)


def examine() -> Diagnosis:
    """Look at this machine and try both back ends; raises nothing for what is missing, but says it."""
    return Diagnosis((*_host(), *_packages(), *_ngspice()))


def _host() -> Iterator[Finding]:
    yield Finding("Python", f"{platform.python_version()} ({sys.executable})")
    yield Finding(
        "CPU cores", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    )


def _packages() -> Iterator[Finding]:
    yield _package("PySpice", "missing", "pip install PySpice")
    yield _package("torch", "note", "only for hardware-aware training: pip install 'aimc_spice[train]'")


def _package(name: str, state: Literal["note", "missing"], advice: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", state, advice)


def _ngspice() -> Iterator[Finding]:
    try:
        ngspice = find_ngspice()
    except SimulatorNotFound as error:
        in_checkout = "in a checkout: make ngspice; else " if error.hint == HOW_TO_INSTALL else ""
        yield Finding("ngspice", error.what, "missing", in_checkout + error.hint)
        return
    yield _program(ngspice)
    yield _library(ngspice)
    with tempfile.TemporaryDirectory(prefix="aimc-doctor-") as folder:
        yield _trial("batch", Path(folder))
        if ngspice.library:
            yield _trial("shared", Path(folder))


def _program(ngspice: NgspiceInfo) -> Finding:
    found = f"{ngspice.version}, solver {ngspice.solver} ({ngspice.path})"
    if ngspice.has_klu:
        return Finding("ngspice", found)
    advice = f"works, but large arrays are many times slower; ngspice >= {KLU_SINCE} has the solver KLU: make ngspice"
    return Finding("ngspice", found, "note", advice)


def _library(ngspice: NgspiceInfo) -> Finding:
    if ngspice.library:
        return Finding("libngspice", str(ngspice.library))
    advice = (
        "it must lie beside the program; Debian and Ubuntu: apt-get install libngspice0; macOS: brew install libngspice"
    )
    return Finding("libngspice", "not found", "missing", advice)


def divider() -> Deck:
    """Return the deck that is tried: 1 V over 1 kΩ and 3 kΩ.

    ::

        v1 ── top ──[ 1k ]── mid ──[ 3k ]── 0        v(mid) = 0.75 V
    """
    circuit = Lines("v1 top 0 1\nr1 top mid 1e3\nr2 mid 0 3e3\n")
    return Deck(Netlist("divider of the doctor", (), (circuit,)), OperatingPoint(), ("v(mid)",))


def _trial(backend: Literal["batch", "shared"], folder: Path) -> Finding:
    part = f"divider, {backend}"
    try:
        simulator = open_simulator(backend, timeout_s=_TIMEOUT_S, runs_dir=folder)
        try:
            waveforms = simulator.run(divider(), label="doctor")
        finally:
            simulator.close()
    except AimcSpiceError as error:
        return Finding(part, error.what, "missing", "; ".join(filter(None, (error.cause, error.hint))) or str(error))
    got = float(waveforms.signals["v(mid)"][0])
    found = f"{got:.6f} V in {1e3 * waveforms.wall_s:.0f} ms ({waveforms.simulator})"
    if math.isclose(got, 0.75, rel_tol=1e-9):
        return Finding(part, found)
    return Finding(part, found, "missing", "wanted 0.75 V: this ngspice cannot be trusted; install another")
