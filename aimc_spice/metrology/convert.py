"""How do many converters convert many inputs at once?

One idea: requests become decks of a fixed number of conversions, all in one `collect`: stored, resumed and spread over
the workers whatever converter they belong to. A table sweep is cheap a point, so it carries thousands; a transient
carries few, so that workers share. A converter that fails is reported in its own place and stops no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aimc_spice.dataset.collect import Job, Progress, collect
from aimc_spice.dataset.store import Store
from aimc_spice.errors import SimulationError
from aimc_spice.metrology.levels import Array
from aimc_spice.metrology.record import Record
from aimc_spice.netlist.adcs.base import Converter
from aimc_spice.netlist.base import Transient
from aimc_spice.simulate.base import Pool, Waveforms

_PER_SWEEP, _PER_TRANSIENT = 20_000, 16


@dataclass(frozen=True)
class Lab:
    """Where converters are measured: simulators, finished results, and who is told how far it is."""

    pool: Pool
    store: Store
    progress: Progress | None = None


@dataclass(frozen=True)
class Request:
    """Inputs (n,) [V, A or C] for one converter, and a label for progress and errors."""

    converter: Converter
    inputs: Array
    label: str


def is_static(converter: Converter) -> bool:
    """Return whether a converter answers in a DC sweep; others need a transient."""
    return not isinstance(converter.deck(np.array([converter.low, converter.high])).analysis, Transient)


def convert(requests: Sequence[Request], lab: Lab) -> list[Record | SimulationError]:
    """Return what each converter did, or why there is no answer.

    Every converter's failure stands in its own place of the list. Raises `DatasetError` where the store cannot be
    written to.
    """
    parts = [list(_parts(request)) for request in requests]
    jobs = [
        [Job(request.label, request.converter.deck(x)) for x in xs] for request, xs in zip(requests, parts, strict=True)
    ]
    try:
        found = iter(collect([job for row in jobs for job in row], lab.pool, lab.store, lab.progress))
    except SimulationError:
        return [_one_by_one(request, row, xs, lab) for request, row, xs in zip(requests, jobs, parts, strict=True)]
    return [_read(request, xs, [next(found) for _ in xs]) for request, xs in zip(requests, parts, strict=True)]


def _parts(request: Request) -> Iterator[Array]:
    n = _PER_SWEEP if is_static(request.converter) else _PER_TRANSIENT
    for start in range(0, len(request.inputs), n):
        yield request.inputs[start : start + n]


def _one_by_one(request: Request, jobs: list[Job], inputs: list[Array], lab: Lab) -> Record | SimulationError:
    """Look at one converter alone; what succeeded is in the store."""
    try:
        found = collect(jobs, lab.pool, lab.store, lab.progress)
    except SimulationError as failure:
        return failure
    return _read(request, inputs, found)


def _read(request: Request, inputs: list[Array], found: list[Waveforms]) -> Record | SimulationError:
    try:
        return Record.joined([_record(request.converter, x, w) for x, w in zip(inputs, found, strict=True)])
    except SimulationError as failure:
        return type(failure)(
            failure.what, where=f"{request.label}, {failure.where}".rstrip(", "), cause=failure.cause, hint=failure.hint
        )


def _record(converter: Converter, inputs: Array, found: Waveforms) -> Record:
    conversions = converter.read(inputs, found.axis, found.signals)
    return Record.of(inputs, conversions, found.deck_digest, found.simulator, found.wall_s)
