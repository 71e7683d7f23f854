"""Which measurements make a characteristic? Levels, a sine, repeated conversions, for many converters at once.

One idea: a `Case` is a converter in a corner with a seed; all cases go through each test together, so that corners and
Monte Carlo samples fill the workers and a stopped run resumes. It fits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import SimulationError
from aimc_spice.metrology.characteristic import Characteristic
from aimc_spice.metrology.convert import Request, convert
from aimc_spice.metrology.kickback import KickProbe, measure_kick_back
from aimc_spice.metrology.levels import Array
from aimc_spice.metrology.linearity import Linearity
from aimc_spice.metrology.noise import Noise, fit_noise
from aimc_spice.metrology.record import Record
from aimc_spice.metrology.search import Resolution, find_levels
from aimc_spice.metrology.sine import SineTest, spectrum
from aimc_spice.netlist.adcs.base import Converter
from aimc_spice.netlist.adcs.noise import noisy, reckoned_noise
from aimc_spice.netlist.driven import Corner

_AROUND = np.array([1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2])  # LSB from a level, on either side
_SIGMAS = np.array([0.2, 0.5, 0.9, 1.4, 2.0, 3.0])  # the same where it is known what the noise should be
_SHARES = (0.25, 0.5, 0.75)  # where in the range noise is looked at


@dataclass(frozen=True)
class Case:
    """A converter, the conditions it was built for and the seed of its mismatch (None: nominal)."""

    converter: Converter
    corner: Corner = field(default_factory=Corner)
    seed: int | None = None


@dataclass(frozen=True)
class Measurements:
    """What is measured.

    Parameters
    ----------
    resolution : Resolution
        Of the levels.
    n_sine : int
        Samples of the sine test; 0 leaves it out.
    n_repeat : int
        Conversions of each input of the noise test, with the circuit's noise sources on; 0 leaves it out.
    kick_back : KickProbe or None
        Where the disturbance of the input is looked for; None leaves it out.
    """

    resolution: Resolution = field(default_factory=Resolution)
    n_sine: int = 512
    n_repeat: int = 0
    kick_back: KickProbe | None = None


def characterise(
    cases: Mapping[str, Case], bench: Bench, tests: Measurements | None = None
) -> dict[str, Characteristic | SimulationError]:
    """Measure every case; one that fails has its failure in its place.

    Parameters
    ----------
    cases : mapping of str to Case
        By name, for progress and errors.
    bench : Bench
        Simulators and store.
    tests : Measurements, optional
        What is measured.
    """
    tests = tests or Measurements()
    levels = find_levels({name: case.converter for name, case in cases.items()}, bench, tests.resolution)
    found: dict[str, Characteristic | SimulationError] = {
        name: _static(cases[name], *got) if isinstance(got, tuple) else got for name, got in levels.items()
    }
    for wanted, test in ((tests.n_sine, _sine), (tests.n_repeat, _noise)):
        if wanted:
            found |= test(cases, found, bench, wanted)
    if tests.kick_back:
        found |= _kicked(cases, found, bench, tests.kick_back)
    return found


Found = Mapping[str, Characteristic | SimulationError]


def _static(case: Case, line: Linearity, record: Record) -> Characteristic:
    return Characteristic(case.converter.name, case.corner, case.seed, line, record)


def _sound(found: Found) -> dict[str, Characteristic]:
    """Return the cases that converted at all: a stuck one has no sine and no noise to speak of."""
    good = {name: one for name, one in found.items() if isinstance(one, Characteristic)}
    return {name: one for name, one in good.items() if not one.is_stuck}


def _sine(cases: Mapping[str, Case], found: Found, bench: Bench, n: int) -> Found:
    good = _sound(found)
    plans = {name: SineTest.full_scale(n, one.linearity.low, one.linearity.high) for name, one in good.items()}
    requests = [Request(cases[name].converter, plan.inputs, f"{name}, sine") for name, plan in plans.items()]
    return {
        name: _with_sine(good[name], answer, plans[name])
        for name, answer in zip(plans, convert(requests, bench), strict=True)
    }


def _kicked(cases: Mapping[str, Case], found: Found, bench: Bench, probe: KickProbe) -> Found:
    done: dict[str, Characteristic | SimulationError] = {}
    for name, one in _sound(found).items():
        try:
            done[name] = replace(one, kick_back=measure_kick_back(cases[name].converter, probe, bench))
        except SimulationError as failure:
            done[name] = failure
    return done


def _with_sine(
    one: Characteristic, answer: Record | SimulationError, plan: SineTest
) -> Characteristic | SimulationError:
    if isinstance(answer, SimulationError):
        return answer
    return replace(one, spectrum=spectrum(answer.codes, plan, one.linearity.high - one.linearity.low))


def _noise(cases: Mapping[str, Case], found: Found, bench: Bench, n_repeat: int) -> Found:
    good = _sound(found)
    grids = {name: noise_grid(one.linearity, reckoned_noise(cases[name].converter)) for name, one in good.items()}
    requests = [
        Request(noisy(cases[name].converter), _repeated(grid, good[name].linearity.lsb, n_repeat), f"{name}, noise")
        for name, (_, grid) in grids.items()
    ]
    return {
        name: _with_noise(good[name], answer, grids[name], n_repeat)
        for name, answer in zip(grids, convert(requests, bench), strict=True)
    }


def _repeated(grid: Array, lsb: float, n_repeat: int) -> Array:
    """Repeat inputs, a billionth of an LSB apart: two equal decks would be simulated once, with one draw of noise."""
    return np.asarray((grid[..., None] + 1e-9 * lsb * np.arange(n_repeat)).ravel())


def _with_noise(
    one: Characteristic, answer: Record | SimulationError, plan: tuple[Array, Array], n_repeat: int
) -> Characteristic | SimulationError:
    if isinstance(answer, SimulationError):
        return answer
    return replace(one, noise=noise_of(answer, one.linearity, plan, n_repeat))


def noise_grid(line: Linearity, sigma: float = 0.0) -> tuple[Array, Array]:
    """Return codes (3,) and inputs (3, 12) across their levels [V, A or C].

    As far apart as a noise of `sigma` asks for, or the resolution of the levels; over half an LSB where it is unknown.
    """
    codes = np.array([round(share * (len(line.levels) - 1)) for share in _SHARES]) + 1
    side = max(sigma, line.resolution) * _SIGMAS if sigma else line.lsb * _AROUND
    around = np.concatenate([-side[::-1], side])
    return codes, line.levels[codes - 1][:, None] + around


def noise_of(answer: Record, line: Linearity, plan: tuple[Array, Array], n_repeat: int) -> Noise:
    """Read the repeated conversions of `noise_grid`."""
    codes, grid = plan
    above = (answer.codes.reshape(*grid.shape, n_repeat) >= codes[:, None, None]).sum(axis=2)
    return fit_noise(grid, above, n_repeat, line.levels[codes - 1])
