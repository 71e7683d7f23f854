"""What does a simulation return, and what must every simulator do?

One idea: all back ends (libngspice in process, ``ngspice -b`` in a run folder, the nodal judge) take a `Deck` and
return `Waveforms`, or raise a `SimulationError`. A result is only returned after it has been checked (see `verdict`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DatasetError, SimulationError
from aimc_spice.netlist.base import Deck

Array = NDArray[np.float64]
_LOG_KEPT = 20_000  # characters: a netCDF attribute holds at most 64 kB


@dataclass(frozen=True)
class Waveforms:
    """Checked results of one deck.

    Parameters
    ----------
    axis_name : str
        "vector" (operating point or vector sweep) or "time".
    axis : ndarray, shape (n_points,)
        Vector number, or time [s].
    signals : dict of str to ndarray, each (n_points,)
        One entry per probe, keyed as in the deck: ``"v(out_0)"`` [V], ``"i(vdd)"`` [A].
    simulator : str
        For example "ngspice-46 KLU, shared" or "nodal (SciPy splu)".
    deck_digest : str
        SHA-256 of the deck's text.
    wall_s : float
        Time the simulator took [s].
    log : str
        What the simulator said.
    provenance : dict of str to str
        How it came to be: "title", "analysis" and "options" of the deck that ran, "retries" where the first try did not
        converge (see `ladder`), "label" in the plan.
    """

    axis_name: str
    axis: Array
    signals: Mapping[str, Array]
    simulator: str
    deck_digest: str
    wall_s: float
    log: str = field(default="", repr=False)
    provenance: Mapping[str, str] = field(default_factory=dict)

    def stack(self, probes: tuple[str, ...] | list[str]) -> Array:
        """Return the named signals as one array, shape (n_points, n_probes)."""
        return np.stack([self.signals[probe] for probe in probes], axis=1)

    def save(self, path: Path) -> None:
        """Write to netCDF, whole or not at all; one variable ``signal`` (probe, axis), units by probe name."""
        import xarray as xr  # noqa: PLC0415  slow to import, wanted here alone; workers start without it

        probes = list(self.signals)
        values = np.stack([self.signals[p] for p in probes])
        attrs = {
            "simulator": self.simulator,
            "deck_digest": self.deck_digest,
            "wall_s": self.wall_s,
            "log": self.log[-_LOG_KEPT:],
            "axis_name": self.axis_name,
            "provenance": json.dumps(dict(self.provenance)),
        }
        coords = {"probe": probes, "axis": self.axis}
        data = xr.Dataset({"signal": (("probe", "axis"), values)}, coords=coords, attrs=attrs)
        data["signal"].attrs["units"] = "V for v(...), A for i(...)"
        data["axis"].attrs["units"] = "s" if self.axis_name == "time" else "1"
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            data.to_netcdf(partial, engine="h5netcdf")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> Waveforms:
        """Read what `save` wrote; raises `DatasetError` where the file is damaged."""
        import xarray as xr  # noqa: PLC0415

        try:
            with xr.open_dataset(path, engine="h5netcdf") as data:
                probes = [str(p) for p in data["probe"].values]
                values = np.asarray(data["signal"].values, dtype=np.float64)
                axis = np.asarray(data["axis"].values, dtype=np.float64)
                a = data.attrs
                return cls(
                    str(a["axis_name"]),
                    axis,
                    dict(zip(probes, values, strict=True)),
                    str(a["simulator"]),
                    str(a["deck_digest"]),
                    float(a["wall_s"]),
                    str(a["log"]),
                    json.loads(a.get("provenance", "{}")),
                )
        except (OSError, KeyError, ValueError) as bad:
            raise DatasetError(f"{path} holds no readable waveforms", cause=str(bad)) from bad


Outcome = Waveforms | SimulationError


def about(deck: Deck) -> dict[str, str]:
    """Return what a result remembers of its deck."""
    return {"title": deck.netlist.title, "analysis": deck.analysis.card, "options": " ".join(deck.used_options)}


class Simulator(Protocol):
    """What every back end offers."""

    @property
    def name(self) -> str:
        """Name, version and linear solver, for provenance."""
        ...

    def run(self, deck: Deck, *, label: str = "") -> Waveforms:
        """Simulate one deck.

        Parameters
        ----------
        deck : Deck
            Circuit, analysis, probes.
        label : str
            Where the deck belongs ("layer 0, partition (0, 2)"), for error messages.

        Raises
        ------
        SimulationError
            Whenever the result cannot be trusted.
        """
        ...

    def close(self) -> None:
        """Release processes and files."""
        ...


class Pool(Protocol):
    """What runs many decks: `SimulatorPool` on this machine, `ClusterPool` on a Dask cluster."""

    @property
    def name(self) -> str:
        """Name of the simulators, which the store looks results up by."""
        ...

    def run_many(self, jobs: Iterable[tuple[str, Deck]]) -> Iterator[tuple[int, Outcome]]:
        """Yield (number of the job, result or failure) as they finish; see `SimulatorPool.run_many`."""
        ...

    def close(self) -> None:
        """Kill what runs and end the processes."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
