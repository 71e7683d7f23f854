"""How does a converter's circuit become a read-out? Measured, judged at other inputs, fitted.

One idea: the held-out inputs are drawn at random over the nominal range, so that they know nothing of the levels, and
run on decks of their own. As many others, drawn alike, teach time and energy what typical use is.
"""

from __future__ import annotations

from dataclasses import dataclass

from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import SimulationError
from aimc_spice.metrology.characterise import Case
from aimc_spice.metrology.characteristic import Characteristic
from aimc_spice.metrology.convert import Request, convert
from aimc_spice.metrology.population import Population
from aimc_spice.metrology.record import Record
from aimc_spice.netlist.adcs.base import Converter
from aimc_spice.netlist.adcs.noise import reckoned_noise
from aimc_spice.rng import stream
from aimc_spice.surrogate.fitted import FittedReadout, fit_readout


@dataclass(frozen=True)
class HeldOut:
    """How many inputs judge a fit (as many others help to fit it), and the seed they are drawn by."""

    n: int = 256
    seed: int = 0


def convert_random(converter: Converter, bench: Bench, how: HeldOut) -> tuple[Record, Record]:
    """Convert two sets of random inputs over the nominal range, to fit and to judge; may raise `SimulationError`."""
    requests = [random_request(converter, how, purpose) for purpose in ("typical", "held out")]
    typical, held_out = convert(requests, bench)
    for answer in (typical, held_out):
        if isinstance(answer, SimulationError):
            raise answer
    return typical, held_out  # type: ignore[return-value]  # neither is an error


def random_request(converter: Converter, how: HeldOut, purpose: str) -> Request:
    """Return random inputs over the nominal range for a converter; `purpose` and its name choose the stream."""
    inputs = stream(how.seed, purpose, converter.name).uniform(converter.low, converter.high, how.n)
    return Request(converter, inputs, f"{converter.name}, {purpose}")


def calibrate_readout(
    case: Case, one: Characteristic, bench: Bench, population: Population | None = None, held_out: HeldOut | None = None
) -> FittedReadout:
    """Judge and fit a measured converter.

    Raises
    ------
    SimulationError, FitError
        The held-out decks failed; there is nothing to fit.
    """
    typical, judge = convert_random(case.converter, bench, held_out or HeldOut())
    return fit_readout(one, judge, population, typical, reckoned_noise(case.converter))
