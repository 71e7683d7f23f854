"""How do many converters convert many inputs at once?

One idea: requests become decks of a fixed number of conversions, all in one `collect`: stored, resumed and spread over
the workers whatever converter they belong to. A table sweep is cheap a point, so it carries thousands; a transient
carries few, so that workers share. A converter that fails is reported in its own place and stops no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aimc_spice.dataset.bench import Bench
from aimc_spice.dataset.collect import Job, collect
from aimc_spice.errors import MeasurementFailed, SimulationError
from aimc_spice.metrology.levels import Array
from aimc_spice.metrology.record import Record
from aimc_spice.netlist.adcs.base import Converter
from aimc_spice.netlist.base import Transient
from aimc_spice.simulate.base import Waveforms

_PER_SWEEP, _PER_TRANSIENT = 20_000, 16
_NUDGES = (1 / 256, 1 / 64, 1 / 16)  # LSB: how far inputs move where a code could not be read


@dataclass(frozen=True)
class Request:
    """Inputs (n,) [V, A or C] for one converter, and a label for progress and errors."""

    converter: Converter
    inputs: Array
    label: str


def is_static(converter: Converter) -> bool:
    """Return whether a converter answers in a DC sweep; others need a transient."""
    return not isinstance(converter.deck(np.array([converter.low, converter.high])).analysis, Transient)


def convert(requests: Sequence[Request], bench: Bench) -> list[Record | SimulationError]:
    """Return what each converter did, or why there is no answer.

    Every converter's failure stands in its own place of the list. A deck in which a code cannot be read, because an
    input stands on a transition, is tried again with inputs up to 1/16 LSB further; the record holds what was asked.
    Raises `DatasetError` where the store cannot be written to.
    """
    parts = [_Part(request, x) for request in requests for x in _cut(request)]
    _run(parts, bench)
    for nudge in _NUDGES:
        _run([part.nudged(nudge) for part in parts if part.is_undecided(parts)], bench)
    return [_joined([part for part in parts if part.request is request]) for request in requests]


class _Part:
    """A deck's worth of a request, and what became of it."""

    def __init__(self, request: Request, inputs: Array) -> None:
        self.request, self.inputs = request, inputs
        self.answer: Record | SimulationError | None = None

    @property
    def job(self) -> Job:
        return Job(self.request.label, self.request.converter.deck(self.inputs))

    def read(self, found: Waveforms) -> None:
        try:
            conversions = self.request.converter.read(self.inputs, found.axis, found.signals)
        except SimulationError as failure:
            where = f"{self.request.label}, {failure.where}".rstrip(", ")
            self.answer = type(failure)(failure.what, where=where, cause=failure.cause, hint=failure.hint)
            return
        self.answer = Record.of(self.inputs, conversions, found.deck_digest, found.simulator, found.wall_s)

    def is_undecided(self, parts: Sequence[_Part]) -> bool:
        """Say whether other inputs might do: it could not be read, others of its request could, or it is alone."""
        if not isinstance(self.answer, MeasurementFailed):
            return False
        twins = [part for part in parts if part.request is self.request]
        return len(twins) == 1 or any(isinstance(part.answer, Record) for part in twins)

    def nudged(self, by: float) -> _Part:
        """Move the inputs by a part of an LSB: one that stood on a transition has no right code."""
        converter = self.request.converter
        self.inputs = self.inputs + by * (converter.high - converter.low) / 2**converter.n_bits
        return self


def _cut(request: Request) -> Iterator[Array]:
    n = _PER_SWEEP if is_static(request.converter) else _PER_TRANSIENT
    for start in range(0, len(request.inputs), n):
        yield request.inputs[start : start + n]


def _run(parts: Sequence[_Part], bench: Bench) -> None:
    """Simulate and read; where something fails, look at every part alone: what succeeded is in the store."""
    try:
        found = collect([part.job for part in parts], bench.pool, bench.store, bench.progress)
    except SimulationError as failure:
        if len(parts) == 1:
            parts[0].answer = failure
            return
        for part in parts:
            _run([part], bench)
        return
    for part, waves in zip(parts, found, strict=True):
        part.read(waves)


def _joined(parts: list[_Part]) -> Record | SimulationError:
    answers = [part.answer for part in parts]
    for failure in answers:
        if isinstance(failure, SimulationError):
            return failure
    return Record.joined([answer for answer in answers if isinstance(answer, Record)])
