"""Decks become waveforms; the only room that starts processes.

``open_simulator("shared")`` gives libngspice in a warm process, ``"batch"`` plain ``ngspice -b`` in run folders, and
``"nodal"`` the linear judge in SciPy. All take a `Deck` and return checked `Waveforms` or raise a `SimulationError`.
Importing this starts nothing and needs no ngspice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from aimc_spice.errors import ConfigError
from aimc_spice.simulate.base import Simulator, Waveforms
from aimc_spice.simulate.batch import BatchSimulator
from aimc_spice.simulate.locate import NgspiceInfo, find_ngspice
from aimc_spice.simulate.pool import SimulatorPool
from aimc_spice.simulate.worker import WorkerSimulator

__all__ = [
    "BatchSimulator",
    "NgspiceInfo",
    "Simulator",
    "SimulatorPool",
    "Waveforms",
    "WorkerSimulator",
    "find_ngspice",
    "open_simulator",
]


def open_simulator(
    backend: Literal["shared", "batch", "nodal"] = "shared",
    *,
    timeout_s: float | None = None,
    runs_dir: Path | None = None,
    keep: bool = False,
) -> Simulator:
    """Open a simulator by the name of its back end.

    Parameters
    ----------
    backend : {"shared", "batch", "nodal"}
        libngspice in a process of its own; ``ngspice -b`` in run folders; linear circuits in SciPy.
    timeout_s : float, optional
        Limit for one deck [s]; None waits for ever. "nodal" has none.
    runs_dir : Path, optional
        Where runs that failed are kept; "batch" uses ``runs`` where not given.
    keep : bool
        Keep the run folder of good runs too; only "batch" has one.

    Returns
    -------
    Simulator
        Close it when done; it may be opened before there is anything to run.

    Raises
    ------
    SimulatorNotFound
        There is no ngspice, or no libngspice for "shared".
    ConfigError
        Unknown back end, or `keep` with one that has no run folders.
    """
    if keep and backend != "batch":
        raise ConfigError(f"the back end {backend} leaves no run folder to keep", hint="take --backend batch")
    if backend == "shared":
        return WorkerSimulator(timeout_s=timeout_s, runs_dir=runs_dir)
    if backend == "batch":
        return BatchSimulator(runs_dir, timeout_s=timeout_s, keep=keep or "failed")
    if backend == "nodal":
        from aimc_spice.simulate.nodal import NodalSimulator  # noqa: PLC0415  SciPy's solvers are slow to import

        return NodalSimulator()
    raise ConfigError(f"simulator: got {backend!r}", hint="known: shared, batch, nodal")
