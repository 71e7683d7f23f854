"""Is the model of a tile in time right? One step of its inputs, ngspice beside the model.

One idea: outputs at sixty times even and sixty logarithmic ones, the work of the drivers, and the settling time: three
numbers a step, each beside ngspice's own error (`step_halving`). Current mode and charge mode differ only in their
decks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aimc_spice.config.tile import TileConfig
from aimc_spice.flows.step_halving import Answer, Level, Limit
from aimc_spice.simulate.base import Waveforms
from aimc_spice.surrogate.base import Fit, measure
from aimc_spice.surrogate.calibrated import Judge
from aimc_spice.surrogate.energy import driver_energy
from aimc_spice.surrogate.experiment import Case, design
from aimc_spice.surrogate.settling import Settling

Array = NDArray[np.float64]
_N_TIMES = 60
_CORNERS = 2  # of `experiment`: decks of extremes, the first with all bit lines moving, the second nearly still


class StepModel(Protocol):
    """A tile in time for one input, as a model knows it."""

    @property
    def tile(self) -> Settling:
        """The linear tile behind it."""
        ...

    def outputs(self, t: Array) -> Array:
        """Return the outputs (n_t, n_cols) [V] at times t (n_t,) [s]."""
        ...

    def settling_time(self, within: float) -> float:
        """Return when all outputs stay within this fraction of the largest around rest [s]."""
        ...

    def energy(self, t: float) -> float:
        """Return the work of the drivers to time t [J]."""
        ...


@dataclass(frozen=True)
class LinearStep:
    """A linear tile, its drivers at `v_wl` (1, n_rows) [V]."""

    tile: Settling
    v_wl: Array

    def outputs(self, t: Array) -> Array:
        """See `StepModel`."""
        return self.tile.outputs(self.v_wl, t)[:, 0]

    def settling_time(self, within: float) -> float:
        """See `StepModel`."""
        return float(self.tile.settling_time(self.v_wl, within).max())

    def energy(self, t: float) -> float:
        """See `StepModel`."""
        return float(driver_energy(self.tile, self.v_wl, t)[0])


@dataclass(frozen=True)
class Step:
    """A model, the word lines [V] (1, n_rows) it is stepped to, and until when [s]."""

    model: StepModel
    volts: Array
    t_stop: float

    @classmethod
    def of(cls, config: TileConfig, model: StepModel, volts: Array) -> Step:
        """Step long enough for the tile to settle, twice; two digits of that, so that rounding makes no new deck."""
        settled = model.settling_time(0.1 * config.settled_within)
        return cls(model, volts, float(f"{2.0 * settled + 5 * config.t_rise:.2g}"))

    def t_step(self, level: Level) -> float:
        """Return the largest time step of the simulation [s]."""
        return self.t_stop / level.n_steps

    def answer(self, waves: Waveforms, outs: Array) -> Answer:
        """Return what a simulation said: outputs (n, n_cols) [V], and the work of its drivers ``vin_r``."""
        currents = -waves.stack([f"i(vin_{r})" for r in range(self.volts.shape[1])])
        edge = np.clip(waves.axis / self.model.tile.t_rise, 0.0, 1.0)
        work = float(np.trapezoid((currents @ self.volts[0]) * edge, waves.axis))
        return Answer(waves.axis, outs, work, waves.deck_digest)


@dataclass(frozen=True)
class Stepped:
    """One input step: ngspice's answer in time beside the model's, for the report.

    Parameters
    ----------
    t : ndarray, shape (n_t,)
        [s], from the start of the edge.
    spice, model : ndarray, shape (n_t, n_cols)
        Outputs [V].
    energy, latency : (float, float)
        ngspice and model: work of the drivers [J], settling time [s].
    doubt : (float, float, float)
        What ngspice itself may be off: outputs, of full scale; energy, latency, relative.
    shape : (int, int)
        Rows and columns of the tile.
    digests : tuple of str
        Of the decks.
    """

    t: Array
    spice: Array
    model: Array
    energy: tuple[float, float]
    latency: tuple[float, float]
    doubt: tuple[float, float, float]
    shape: tuple[int, int]
    digests: tuple[str, ...]


def step_cases(config: TileConfig) -> list[Case]:
    """Return the tiles that are stepped, one vector each: a full tile, for nonlinear cells the hardest one, others."""
    n, shape = config.calibration.n_steps, (config.n_rows, config.n_cols)
    drawn = design(n + _CORNERS, shape, 1, config.calibration.seed, "steps", full=_CORNERS)
    full, *others = drawn[_CORNERS:] or drawn[:1]
    hardest = [] if config.cell.kind == "resistor" else drawn[:1]
    return [full, *hardest, *others][:n]


def compare_step(config: TileConfig, step: Step, found: Limit) -> Stepped:
    """Set ngspice beside the model."""
    even, fine = np.linspace(0, step.t_stop, _N_TIMES), step.t_stop * np.logspace(-3, 0, _N_TIMES)
    t, within = np.unique(np.concatenate([even, fine])), config.settled_within
    spice, own = found.answer, found.finest
    latency = spice.latency(within)
    return Stepped(
        t,
        spice.at(t),
        step.model.outputs(t),
        (spice.work, step.model.energy(step.t_stop)),
        (latency, step.model.settling_time(within)),
        (found.doubt, abs(own.work / spice.work - 1), abs(own.latency(within) / latency - 1)),
        (step.model.tile.operator.shape[0], step.model.tile.operator.shape[1]),
        found.digests,
    )


def settling_fit(steps: Sequence[Stepped], simulator: str) -> Fit | None:
    """Return errors at every time, as fractions of each step's full scale; None without steps."""
    if not steps:
        return None
    scale = [np.abs(one.spice[-1]).max() for one in steps]
    got, wanted = (
        np.concatenate([(getattr(one, which) / s).ravel() for one, s in zip(steps, scale, strict=True)])
        for which in ("model", "spice")
    )
    return replace(measure(got, wanted, (), _digests(steps), simulator), full_scale=1.0)


def ratio_fit(pairs: Sequence[tuple[float, float]], steps: Sequence[Stepped], simulator: str) -> Fit | None:
    """Return relative errors of the model in pairs (ngspice, model); None without steps."""
    if not pairs:
        return None
    ratio = np.array([model / spice for spice, model in pairs])
    found = measure(ratio, np.ones_like(ratio), (), _digests(steps), simulator)
    return replace(found, full_scale=1.0)


def judge_in_time(steps: Sequence[Stepped]) -> Judge | None:
    """Return what ngspice itself may be off in time, at worst; None without steps."""
    if not steps:
        return None
    settling, energy, latency = np.max([one.doubt for one in steps], axis=0).tolist()
    return Judge(settling, energy, latency, tuple(one.shape for one in steps))


def _digests(steps: Sequence[Stepped]) -> tuple[str, ...]:
    return tuple(digest for one in steps for digest in one.digests)
