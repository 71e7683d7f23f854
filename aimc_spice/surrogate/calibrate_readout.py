"""How does a converter's circuit become a read-out? Measured, judged at other inputs, fitted.

One idea: the held-out inputs are drawn at random over the nominal range, so that they know nothing of the levels, and
run on decks of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from aimc_spice.errors import SimulationError
from aimc_spice.metrology.characterise import Case
from aimc_spice.metrology.characteristic import Characteristic
from aimc_spice.metrology.convert import Lab, Request, convert
from aimc_spice.metrology.population import Population
from aimc_spice.metrology.record import Record
from aimc_spice.netlist.adcs.base import Converter
from aimc_spice.rng import stream
from aimc_spice.surrogate.fitted import FittedReadout, fit_readout


@dataclass(frozen=True)
class HeldOut:
    """How many inputs judge a fit, and the seed they are drawn by."""

    n: int = 256
    seed: int = 0


def convert_held_out(converter: Converter, lab: Lab, held_out: HeldOut | None = None) -> Record:
    """Convert random inputs over the nominal range; raises `SimulationError` where that fails."""
    how = held_out or HeldOut()
    inputs = stream(how.seed, "held out", converter.name).uniform(converter.low, converter.high, how.n)
    (answer,) = convert([Request(converter, inputs, f"{converter.name}, held out")], lab)
    if isinstance(answer, SimulationError):
        raise answer
    return answer


def calibrate_readout(
    case: Case, one: Characteristic, lab: Lab, population: Population | None = None, held_out: HeldOut | None = None
) -> FittedReadout:
    """Judge and fit a measured converter.

    Raises
    ------
    SimulationError, FitError
        The held-out decks failed; there is nothing to fit.
    """
    return fit_readout(one, convert_held_out(case.converter, lab, held_out), population)
