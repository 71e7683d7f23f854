"""How does a converter file become a characteristic, a yield and a read-out, step by step?

::

    file ─ builder_of ─► circuits ─ characterise ─► Characteristic of every corner
                            │                                │
                            ├─ measure_population ─► Population, yield
                            │                                │
                            └─ held-out inputs ─► fit_readout ─► FittedReadout

Every simulation goes through the store: stop at any time, the same command resumes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from aimc_spice.build.converter import at_time, builder_of, corners_of, describe_corner, measurements_of, spec_of
from aimc_spice.config.converter import ConverterConfig, MonteCarloConfig
from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import AimcSpiceError, ConfigError, SimulationError
from aimc_spice.metrology.characterise import Case, Measurements, characterise
from aimc_spice.metrology.characteristic import Characteristic
from aimc_spice.metrology.population import Population, measure_population
from aimc_spice.metrology.search import Resolution
from aimc_spice.metrology.spec import Spec
from aimc_spice.report.converter import converter_figure
from aimc_spice.report.figure import save_figure
from aimc_spice.surrogate.calibrate_readout import HeldOut, calibrate_readout
from aimc_spice.surrogate.fitted import FittedReadout
from aimc_spice.surrogate.readout_archive import save_readout
from aimc_spice.surrogate.timed import Build, Plan, Samples, TimedReadout, calibrate_over_time
from aimc_spice.surrogate.timed_archive import save_timed

_FEWEST = 8  # Monte Carlo samples, as in a file


@dataclass(frozen=True)
class Calibrated:
    """What came out.

    Parameters
    ----------
    measured : tuple of Characteristic
        Corners, the nominal one first; those that failed are left out.
    failures : tuple of AimcSpiceError
        Why.
    population : Population or None
        Monte Carlo samples, where the file asks for them.
    readout : FittedReadout or None
        Of the nominal corner; None where its transfer has defects that are not allowed.
    timed : TimedReadout or None
        The same over one of its times, where the file asks for it.
    spec : Spec
        Of the file.
    allow : tuple of str
        Defects that are no errors.
    """

    measured: tuple[Characteristic, ...]
    failures: tuple[AimcSpiceError, ...]
    population: Population | None
    readout: FittedReadout | None
    timed: TimedReadout | None
    spec: Spec
    allow: tuple[str, ...]

    def raise_for_failures(self) -> None:
        """Raise the first failure or defect, as the error of its name."""
        for failure in self.failures:
            raise failure
        for one in self.measured:
            one.raise_defects(self.allow)

    def misses(self) -> list[str]:
        """Return what misses the specification, by corner."""
        return [f"{one.corner.name}: {miss}" for one in self.measured for miss in self.spec.misses(one.figures)]


def changed(config: ConverterConfig, *, corner: str = "", n_samples: int = -1) -> ConverterConfig:
    """Return a file with one process instead of its corners, and another number of Monte Carlo samples (0: none)."""
    if corner:
        config = config.model_copy(update={"corners": [config.corners[0].model_copy(update={"process": corner})]})
    if n_samples < 0:
        return config
    table = config.monte_carlo or MonteCarloConfig()
    if 0 < n_samples < _FEWEST:
        raise ConfigError(f"--samples: got {n_samples} Monte Carlo samples, wanted 0 or at least {_FEWEST}")
    if n_samples and config.subckt is not None:
        raise ConfigError("--samples: a user's subcircuit has no mismatch to draw", hint="leave --samples out")
    wanted = MonteCarloConfig.model_validate({**table.model_dump(), "n_samples": n_samples}) if n_samples else None
    return config.model_copy(update={"monte_carlo": wanted})


def calibrate_converter(config: ConverterConfig, bench: Bench, models: Path | None = None) -> Calibrated:
    """Measure, judge and fit.

    Parameters
    ----------
    config : ConverterConfig
        The file.
    bench : Bench
        Simulators and store.
    models : Path, optional
        Library of transistor models for a user's subcircuit.

    Raises
    ------
    ConfigError, NetlistError
        The file does not fit the circuit.
    SimulationError, ConverterStuck
        No corner could be measured.
    """
    build, corners, allow = builder_of(config, models), corners_of(config), tuple(config.measure.allow)
    over_time = _over_time(config, models) if config.over_time else None
    cases = {corner.name: Case(build(corner, None), corner) for corner in corners}
    found = list(characterise(cases, bench, measurements_of(config)).values())
    good = tuple(one for one in found if isinstance(one, Characteristic) and not one.is_stuck)
    failures = tuple(_failure(one) for one in found if one not in good)
    if not good:
        raise failures[0]
    samples = _samples(config.monte_carlo)
    population = measure_population(build, good[0].corner, samples.seeds, bench, samples.tests) if samples else None
    first, readout = good[0], None
    if all(defect.name in allow for defect in first.linearity.defects):
        case = cases[first.corner.name]
        readout = calibrate_readout(case, first, bench, population, HeldOut(config.measure.n_held_out))
    timed = _timed(config, bench, *over_time) if over_time else None
    return Calibrated(good, failures, population, readout, timed, spec_of(config), allow)


def calibrate_times(config: ConverterConfig, bench: Bench, models: Path | None = None) -> TimedReadout:
    """Measure, judge and fit the read-out over the time that ``[over_time]`` names, in the first corner.

    Raises
    ------
    ConfigError
        No such table, no such time.
    FitError, SimulationError, ConverterError
        Times that cannot be fitted or judged; a time at which the converter does not convert.
    """
    return _timed(config, bench, *_over_time(config, models))


def _over_time(config: ConverterConfig, models: Path | None) -> tuple[Plan, Build]:
    """Return which times, and what builds the converter there, after it has built all of them."""
    if not (table := config.over_time):
        raise ConfigError(f"{config.name} does not say over which time", hint='[over_time] with param = "t_clk", times')
    plan = Plan(table.param, table.times, table.held_out)
    builders = {t: builder_of(at_time(config, table, t), models) for t in [*plan.times, *plan.held_out]}
    return plan, lambda time, seed: builders[time](corners_of(config)[0], seed)


def _timed(config: ConverterConfig, bench: Bench, plan: Plan, build: Build) -> TimedReadout:
    return calibrate_over_time(
        build,
        plan,
        bench,
        replace(measurements_of(config), n_sine=0, kick_back=None),
        HeldOut(config.measure.n_held_out),
        _samples(config.monte_carlo),
        corners_of(config)[0],
        ("missing codes", *config.measure.allow),
    )


def _samples(table: MonteCarloConfig | None) -> Samples | None:
    if table is None:
        return None
    tests = Measurements(replace(Resolution(), lsb=table.resolution), n_sine=0)
    return Samples(range(table.seed, table.seed + table.n_samples), tests)


def write_results(results: Calibrated, folder: Path) -> None:
    """Write netCDF files of corners and population, the read-out, and the figure."""
    for one in results.measured:
        one.save(folder / f"{describe_corner(one.corner)}.nc")
    if results.population:
        results.population.save(folder / "monte_carlo.nc")
    if results.readout:
        save_readout(results.readout, folder / "readout.npz")
    if results.timed:
        save_timed(results.timed, folder / "readout_over_time.npz")
    folder.mkdir(parents=True, exist_ok=True)
    save_figure(converter_figure(results.measured, results.population, results.spec), folder / "converter.png")


def _failure(one: Characteristic | SimulationError) -> AimcSpiceError:
    if isinstance(one, Characteristic):
        return one.linearity.defects[0].error(f"{one.name}, {one.corner.name}")
    return one
