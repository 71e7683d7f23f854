"""Is the model of a tile in time right? One step of its inputs, ngspice beside the model.

One idea: outputs at sixty times even and sixty logarithmic ones, the work of the drivers, and the settling time: three
numbers a step. Current mode and charge mode differ only in their decks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aimc_spice.config.tile import TileConfig
from aimc_spice.netlist.base import DEFAULT_OPTIONS
from aimc_spice.surrogate.base import Fit, measure
from aimc_spice.surrogate.energy import driver_energy
from aimc_spice.surrogate.experiment import Case, design
from aimc_spice.surrogate.settling import Settling

Array = NDArray[np.float64]
IN_TIME = (*DEFAULT_OPTIONS, "method=gear", "reltol=1e-4")
_N_TIMES, _N_STEPS = 60, 800  # a coarser ngspice errs by 1 % itself where an amplifier overshoots
_CORNERS = 2  # of `experiment`: decks of extremes, nearly without a signal


@dataclass(frozen=True)
class Step:
    """A model, the word lines [V] (1, n_rows) it is stepped to, and until when [s]."""

    model: Settling
    volts: Array
    t_stop: float

    @classmethod
    def of(cls, config: TileConfig, model: Settling, case: Case) -> Step:
        """Step long enough for the tile to settle, twice."""
        volts = config.v_read * case.inputs
        settled = float(model.settling_time(volts, 0.1 * config.settled_within).max())
        return cls(model, volts, 2.0 * settled + 5 * config.t_rise)

    @property
    def t_step(self) -> float:
        """Largest time step of the simulation [s]."""
        return self.t_stop / _N_STEPS


@dataclass(frozen=True)
class Answer:
    """What ngspice said: times (n,) [s] from the start of the edge, outputs [V], currents out of the drivers [A]."""

    t: Array
    outs: Array
    currents: Array
    digest: str


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
    digest : str
        Of the deck.
    """

    t: Array
    spice: Array
    model: Array
    energy: tuple[float, float]
    latency: tuple[float, float]
    digest: str


def step_cases(config: TileConfig) -> list[Case]:
    """Return the tiles that are stepped, one vector each."""
    n, shape = config.calibration.n_steps, (config.n_rows, config.n_cols)
    return design(n + _CORNERS, shape, 1, config.calibration.seed, "steps")[_CORNERS:]


def compare_step(config: TileConfig, step: Step, found: Answer) -> Stepped:
    """Set ngspice beside the model."""
    even, fine = np.linspace(0, step.t_stop, _N_TIMES), step.t_stop * np.logspace(-3, 0, _N_TIMES)
    t = np.unique(np.concatenate([even, fine]))
    spice = np.stack([np.interp(t, found.t, out) for out in found.outs.T], axis=1)
    edge = np.clip(found.t / config.t_rise, 0.0, 1.0)
    work = float(np.trapezoid((found.currents @ step.volts[0]) * edge, found.t))
    return Stepped(
        t,
        spice,
        step.model.outputs(step.volts, t)[:, 0],
        (work, float(driver_energy(step.model, step.volts, step.t_stop)[0])),
        (
            _latency(config.settled_within, found),
            float(step.model.settling_time(step.volts, config.settled_within).max()),
        ),
        found.digest,
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
    return replace(measure(got, wanted, (), tuple(one.digest for one in steps), simulator), full_scale=1.0)


def ratio_fit(pairs: Sequence[tuple[float, float]], steps: Sequence[Stepped], simulator: str) -> Fit | None:
    """Return relative errors of the model in pairs (ngspice, model); None without steps."""
    if not pairs:
        return None
    ratio = np.array([model / spice for spice, model in pairs])
    found = measure(ratio, np.ones_like(ratio), (), tuple(one.digest for one in steps), simulator)
    return replace(found, full_scale=1.0)


def _latency(within: float, found: Answer) -> float:
    """Return when all outputs stay within the band around their last values [s]."""
    band = within * np.abs(found.outs[-1]).max()
    away = np.abs(found.outs - found.outs[-1]).max(axis=1) - band
    last = int(np.flatnonzero(away > 0)[-1])
    share = away[last] / (away[last] - away[last + 1])
    return float(found.t[last] + share * (found.t[last + 1] - found.t[last]))
