"""How do converters of one design differ, and how many of them meet a specification?

One idea: Monte Carlo samples are built by seed and measured like any converter; a `Population` keeps their levels.
A sample that fails or cannot be used counts as a miss, with its reason. The seeds and the store make a stopped run
resume, and a larger one continue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import ConverterError, DatasetError, ShapeError, SimulationError
from aimc_spice.metrology.characterise import Case, Measurements, characterise
from aimc_spice.metrology.characteristic import Characteristic
from aimc_spice.metrology.levels import Array
from aimc_spice.metrology.linearity import Linearity
from aimc_spice.metrology.spec import Figures, Spec, Yield, yield_of
from aimc_spice.metrology.whole import written_whole
from aimc_spice.netlist.adcs.base import ConverterBuilder
from aimc_spice.netlist.driven import Corner

FORMAT = 1
_PER_CONVERTER = ("inl_lsb", "dnl_lsb", "offset_lsb", "gain_error", "enob_bits", "monotonic", "t_conv", "e_conv")
_UNITS = {"gain_error": "1", "enob_bits": "bit", "monotonic": "1", "t_conv": "s", "e_conv": "J"}


@dataclass(frozen=True)
class Population:
    """Monte Carlo samples of one converter in one corner.

    Parameters
    ----------
    name : str
        Type, level and bits.
    corner : Corner
        Conditions.
    seeds : ndarray of int, shape (n,)
        Of the samples that could be measured.
    levels : ndarray, shape (n, 2**n_bits - 1)
        Their transition levels [V, A or C].
    figures : tuple of Figures
        Their figures of merit.
    failures : mapping of int to str
        Seed and reason of the others.
    low, high : float
        Nominal range [V, A or C].
    unit : str
        "V", "A" or "C".
    resolution : float
        Of the levels [V, A or C].
    simulator : str
        Who ran them.
    """

    name: str
    corner: Corner
    seeds: NDArray[np.int64]
    levels: Array
    figures: tuple[Figures, ...]
    failures: Mapping[int, str]
    low: float
    high: float
    unit: str
    resolution: float
    simulator: str

    def __post_init__(self) -> None:
        if self.levels.ndim != 2 or not len(self.levels) == len(self.seeds) == len(self.figures):
            raise ShapeError(f"population: got levels {self.levels.shape} for {len(self.seeds)} seeds")

    @property
    def linearities(self) -> list[Linearity]:
        """The static transfer of every sample."""
        return [Linearity(row, self.low, self.high, self.unit, self.resolution, 0) for row in self.levels]

    def values(self, name: str) -> Array:
        """Return one figure of merit of all samples (n,)."""
        return np.array([getattr(one, name) for one in self.figures], dtype=np.float64)

    def yield_for(self, spec: Spec) -> Yield:
        """Return the share that meets a specification; what failed does not."""
        return yield_of([not spec.misses(one) for one in self.figures] + [False] * len(self.failures))

    def save(self, path: Path) -> None:
        """Write to netCDF, whole or not at all."""
        variables: dict[str, Any] = {"level": (("sample", "code_above"), self.levels, {"units": self.unit})}
        for name in _PER_CONVERTER:
            variables[name] = ("sample", self.values(name), {"units": _UNITS.get(name, "LSB")})
        about = {
            "name": self.name,
            "corner": asdict(self.corner),
            "failures": {str(seed): text for seed, text in self.failures.items()},
            "range": [self.low, self.high, self.unit, self.resolution, self.simulator],
        }
        attrs = {"format": FORMAT, "about": json.dumps(about)}
        data = xr.Dataset(variables, {"seed": ("sample", self.seeds)}, attrs)
        written_whole(path, lambda target: data.to_netcdf(target, engine="h5netcdf"))

    @classmethod
    def load(cls, path: Path) -> Population:
        """Read what `save` wrote; raises `DatasetError` where it is damaged or of another format."""
        try:
            with xr.open_dataset(path, engine="h5netcdf") as data:
                if int(data.attrs["format"]) != FORMAT:
                    raise DatasetError(f"{path} has format {data.attrs['format']}, this version reads {FORMAT}")
                return _population(data.load(), json.loads(data.attrs["about"]))
        except (OSError, KeyError, ValueError, TypeError) as bad:
            raise DatasetError(f"{path} holds no readable population", cause=str(bad), hint="measure again") from bad


def measure_population(
    build: ConverterBuilder, corner: Corner, seeds: range, bench: Bench, tests: Measurements | None = None
) -> Population:
    """Measure one sample a seed.

    Parameters
    ----------
    build : callable
        Builds a converter in a corner with a seed.
    corner : Corner
        Conditions.
    seeds : range
        Of the samples.
    bench : Bench
        Simulators and store.
    tests : Measurements, optional
        By default levels to 1/16 LSB and no sine: ENOB is that of the levels.

    Raises
    ------
    ConverterError
        No sample could be measured: the first reason.
    """
    cases = {f"seed {seed}": Case(build(corner, seed), corner, seed) for seed in seeds}
    found = characterise(cases, bench, tests or Measurements(n_sine=0))
    good: list[Characteristic] = []
    failures: dict[int, str] = {}
    for seed, one in zip(seeds, found.values(), strict=True):
        reason = _useless(one)
        if reason or isinstance(one, SimulationError):
            failures[seed] = reason
        else:
            good.append(one)
    if not good:
        raise ConverterError(f"none of {len(seeds)} samples could be measured", cause=failures[seeds[0]])
    return _gathered(good, failures)


def _useless(one: Characteristic | SimulationError) -> str:
    if isinstance(one, SimulationError):
        return f"{type(one).__name__}: {one.what}"
    return "; ".join(f"{d.name}: {d.evidence}" for d in one.linearity.defects if d.name == "stuck")


def _gathered(good: list[Characteristic], failures: Mapping[int, str]) -> Population:
    first = good[0]
    line = first.linearity
    return Population(
        first.name,
        first.corner,
        np.array([one.seed for one in good], dtype=np.int64),
        np.stack([one.linearity.levels for one in good]),
        tuple(one.figures for one in good),
        failures,
        line.low,
        line.high,
        line.unit,
        line.resolution,
        first.record.simulator,
    )


def _population(data: xr.Dataset, about: dict[str, Any]) -> Population:
    columns = [data[name].values.tolist() for name in _PER_CONVERTER]
    figures = tuple(_figures(dict(zip(_PER_CONVERTER, row, strict=True))) for row in zip(*columns, strict=True))
    failures = {int(seed): text for seed, text in about["failures"].items()}
    corner = Corner(**about["corner"])
    seeds, levels = data["seed"].values.astype(np.int64), data["level"].values
    return Population(about["name"], corner, seeds, levels, figures, failures, *about["range"])


def _figures(row: dict[str, float]) -> Figures:
    monotonic = bool(row.pop("monotonic"))
    return Figures(**row, monotonic=monotonic)
