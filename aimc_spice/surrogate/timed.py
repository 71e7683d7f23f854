"""What does a read-out give when it has less time: to integrate, to settle, to decide?

One idea: the same converter measured at several values of one time of its builder (``t_int``, ``t_clk``, …). Levels,
their spread and noise between them follow shape-preserving cubics over the logarithm of that time, times and energies
over the time itself, which they are nearly straight in. Judged at times that were not fitted, on random inputs. Where
nothing settles any more there are no levels: measure where the converter works. Files: `timed_archive`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import FitError, SimulationError
from aimc_spice.metrology.characterise import Case, Measurements, characterise
from aimc_spice.metrology.convert import convert
from aimc_spice.metrology.population import Population, measure_population
from aimc_spice.netlist.adcs.base import Converter
from aimc_spice.netlist.driven import Corner
from aimc_spice.surrogate.base import Array, Box
from aimc_spice.surrogate.calibrate_readout import HeldOut, calibrate_readout, random_request
from aimc_spice.surrogate.fitted import FittedReadout, judge
from aimc_spice.surrogate.spread import Spread, fit_spread
from aimc_spice.units import show

Build = Callable[[float, int | None], Converter]
"""Builds a converter with a time [s]; the seed draws its mismatch, None is nominal."""


@dataclass(frozen=True)
class TimedReadout:
    """A read-out as a function of one of its times.

    Parameters
    ----------
    param : str
        The time: a parameter of the converter's builder.
    times : ndarray, shape (m,)
        Where it was measured [s], rising.
    readouts : tuple of FittedReadout
        What was measured there, with errors on other inputs at the same time.
    judged_times : ndarray, shape (k,)
        Times that were left out [s].
    judged : tuple of FittedReadout
        What `at` says of them, with its errors there.
    """

    param: str
    times: Array
    readouts: tuple[FittedReadout, ...]
    judged_times: Array
    judged: tuple[FittedReadout, ...]

    @property
    def error_lsb(self) -> float:
        """Rms error on held-out inputs at all times that were left out [LSB]."""
        return float(np.sqrt(np.mean([one.error_lsb**2 for one in self.judged])))

    def at(self, time: float) -> FittedReadout:
        """Return the read-out with this much time [s]; its evidence is that of the nearest that was judged.

        Instances of the same seed and names are the same converters at all times.

        Raises
        ------
        OutsideValidity
            A time that is shorter or longer than any measured.
        """
        known = [*self.times, *self.judged_times]
        near = [*self.readouts, *self.judged][int(np.abs(np.log(np.array(known) / time)).argmin())]
        evidence = {name: getattr(near, name) for name in ("fit", "fit_time", "fit_energy", "energy_bias")}
        return replace(self._said(time), **evidence)

    def _said(self, time: float) -> FittedReadout:
        """Return what the fit says, with the evidence of the nearest measured time."""
        Box(float(self.times[0]), float(self.times[-1]), "s").check(np.array([time]), f"{self.param} of the read-out")
        near, many = self.readouts[int(np.abs(np.log(self.times / time)).argmin())], self.readouts
        spreads = [one.spread for one in many]
        spread = Spread(
            self._settled(time, [one.mean for one in spreads]),
            self._settled(time, [one.factors for one in spreads]),
            self._settled(time, [one.own for one in spreads]),
            near.spread.n_samples,
        )
        return replace(
            near,
            name=f"{near.name.split(', ' + self.param)[0]}, {_label(self.param, time)}",
            levels=np.sort(self._settled(time, [one.levels for one in many])),
            spread=spread,
            sigma_noise=float(self._settled(time, [one.sigma_noise for one in many])),
            t_code=self._straight(time, [one.t_code for one in many]),
            e_code={name: self._straight(time, [one.e_code[name] for one in many]) for name in near.e_code},
            e_before={name: self._straight(time, [one.e_before[name] for one in many]) for name in near.e_before},
            e_slope={name: float(self._straight(time, [one.e_slope[name] for one in many])) for name in near.e_slope},
        )

    def _settled(self, time: float, values: Sequence[Array | float]) -> Array:
        return np.asarray(PchipInterpolator(np.log(self.times), np.stack(values))(np.log(time)))

    def _straight(self, time: float, values: Sequence[Array | float]) -> Array:
        return np.asarray(PchipInterpolator(self.times, np.stack(values))(time))


@dataclass(frozen=True)
class Plan:
    """Which times are measured and which judge.

    Parameters
    ----------
    param : str
        Name of the time.
    times : sequence of float
        Three or more [s].
    held_out : sequence of float
        Times between them that judge [s]; by default the middle of every gap, in ratio.

    Raises
    ------
    FitError
        Fewer than three different times; a held-out time that is one of them or beyond them.
    """

    param: str
    times: Sequence[float]
    held_out: Sequence[float] = ()

    def __post_init__(self) -> None:
        grid = np.unique(np.asarray(self.times, dtype=np.float64))
        if len(grid) < 3:
            raise FitError(f"read-out over {self.param}: got {len(grid)} different times, wanted three or more")
        odd = [t for t in self.held_out if t in grid or not grid[0] < t < grid[-1]]
        if odd:
            span = f"{show(grid[0], 's')} and {show(grid[-1], 's')}"
            what = f"read-out over {self.param}: {show(odd[0], 's')} cannot judge"
            raise FitError(what, hint=f"times between {span} that are not measured")
        between = np.sqrt(grid[1:] * grid[:-1]).tolist()
        object.__setattr__(self, "times", tuple(grid.tolist()))
        object.__setattr__(self, "held_out", tuple(sorted(set(self.held_out or between))))


@dataclass(frozen=True)
class Samples:
    """Monte Carlo samples at every time: their seeds, and how they are measured."""

    seeds: range
    tests: Measurements


def calibrate_over_time(  # noqa: PLR0917  the first three say what, the rest how
    build: Build,
    plan: Plan,
    bench: Bench,
    tests: Measurements | None = None,
    how: HeldOut | None = None,
    samples: Samples | None = None,
    corner: Corner | None = None,
    allow: tuple[str, ...] = ("missing codes",),
) -> TimedReadout:
    """Measure a converter at several times, fit, and judge at other times.

    Parameters
    ----------
    build : callable
        Builds the converter with a time [s].
    plan : Plan
        Which times.
    bench : Bench
        Simulators and store.
    tests : Measurements, optional
        As of `characterise`; no sine by default.
    how : HeldOut, optional
        How many inputs judge, at every time.
    samples : Samples, optional
        Monte Carlo samples; without, all instances are alike.
    corner : Corner, optional
        What `build` builds in, for the records.
    allow : tuple of str
        Defects of the transfer that are no errors.

    Raises
    ------
    SimulationError, ConverterError
        A converter could not be measured, or has a defect that is not allowed: at which time.
    """
    how, corner = how or HeldOut(), corner or Corner()
    cases = {_label(plan.param, t): Case(build(t, None), corner) for t in plan.times}
    fitted = []
    for label, one in characterise(cases, bench, tests or Measurements(n_sine=0)).items():
        if isinstance(one, SimulationError):
            raise one
        named = replace(one, name=f"{one.name}, {label}")
        named.raise_defects(allow)
        fitted.append(calibrate_readout(cases[label], named, bench, None, how))
    if samples:
        fitted = _spread(fitted, [_population(build, t, samples, bench, corner) for t in plan.times])
    timed = TimedReadout(plan.param, np.asarray(plan.times), tuple(fitted), np.empty(0), ())
    return _judged(timed, build, plan, bench, how)


def _judged(timed: TimedReadout, build: Build, plan: Plan, bench: Bench, how: HeldOut) -> TimedReadout:
    """Convert random inputs at the times that were left out."""
    requests = [
        replace(random_request(build(t, None), how, "held out"), label=f"{_label(plan.param, t)}, held out")
        for t in plan.held_out
    ]
    decks, judged = decks_of(timed.readouts), []
    for t, answer in zip(plan.held_out, convert(requests, bench), strict=True):
        if isinstance(answer, SimulationError):
            raise answer
        judged.append(judge(timed.at(t), answer, decks))
    return replace(timed, judged_times=np.asarray(plan.held_out), judged=tuple(judged))


def decks_of(readouts: Sequence[FittedReadout]) -> tuple[str, ...]:
    """Return the digests of all decks that read-outs were fitted to."""
    return tuple(deck for one in readouts for deck in one.fit.fitted_on)


def _population(build: Build, time: float, samples: Samples, bench: Bench, corner: Corner) -> Population:
    return measure_population(lambda _, seed: build(time, seed), corner, samples.seeds, bench, samples.tests)


def _spread(fitted: list[FittedReadout], populations: list[Population]) -> list[FittedReadout]:
    """Give read-outs the spread of samples that could be measured at all times, fitted to all times at once.

    So a factor is the same capacitor or transistor at every time.
    """
    common = sorted(set.intersection(*(set(one.seeds.tolist()) for one in populations)))
    levels = [one.levels[np.isin(one.seeds, common)] for one in populations]
    joint, n = fit_spread(np.concatenate(levels, axis=1)), levels[0].shape[1]
    parts = [slice(k * n, (k + 1) * n) for k in range(len(fitted))]
    spreads = [Spread(joint.mean[s], joint.factors[:, s], joint.own[s], joint.n_samples) for s in parts]
    return [replace(one, spread=spread) for one, spread in zip(fitted, spreads, strict=True)]


def _label(param: str, time: float) -> str:
    return f"{param} {show(time, 's')}"


def describe_over_time(timed: TimedReadout) -> str:
    """Say how far a read-out is to trust at every time: measured ones, then those that judge."""
    lines = [f"read-out over {timed.param}: {timed.error_lsb:.3f} LSB rms at times that were left out"]
    for kind, times, readouts in (
        ("fitted", timed.times, timed.readouts),
        ("judged", timed.judged_times, timed.judged),
    ):
        for time, one in zip(times, readouts, strict=True):
            cost = f"{show(one.t_conv, 's')}, {show(one.e_conv, 'J')}"
            error = f"error {one.error_lsb:.3f} LSB, time {100 * one.fit_time.rms_of_full_scale:.2g} %"
            energy = f"energy {100 * one.fit_energy.rms_of_full_scale:.2g} % rms" if one.fit_energy.full_scale else ""
            lines.append(f"  {kind}  {show(time, 's'):>8}  {cost}; {error}, {energy}".rstrip(", "))
    return "\n".join(lines)
