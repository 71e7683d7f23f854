"""How are all transition levels found with few conversions?

One idea: a ramp of one step a code, then halving, all transitions of all converters in one batch a round, until every
bracket is narrower than the resolution: 1 + log2(1 / resolution) conversions a code instead of 1 / resolution. Where a
ramp costs next to nothing (a DC sweep) it has the full resolution at once, in one deck. Of many transitions a few are
halved first; where a law tells them (`guess`), the others are looked for beside it, two conversions each. A ramp whose
ends do not show the end codes is lengthened once. Rounds are counted, so a converter that falls or flickers ends too.
An oscillator's levels are found by its edges (`phase`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import ConfigError, SimulationError
from aimc_spice.metrology.convert import _PER_SWEEP, Request, convert, is_static
from aimc_spice.metrology.guess import LAWS, N_ANCHORS, Law
from aimc_spice.metrology.levels import Array, Sweep
from aimc_spice.metrology.linearity import Linearity
from aimc_spice.metrology.phase import levels_by_phase
from aimc_spice.metrology.record import Record
from aimc_spice.netlist.adcs.base import Converter, Phased
from aimc_spice.rng import stream

_PHASE = 2 / 3  # of a step: however often it is halved, no input falls on an ideal level, where no code is right


@dataclass(frozen=True)
class Resolution:
    """How finely levels are searched.

    Parameters
    ----------
    lsb : float
        Widest bracket around a level, of an LSB; the level is its middle.
    margin : float
        How far the ramp goes beyond the nominal range, of the range; at least two LSB.
    further : float
        How far it is lengthened where an end code does not show, of the range.
    """

    lsb: float = 1 / 64
    margin: float = 0.02
    further: float = 0.25

    def __post_init__(self) -> None:
        if not (0 < self.lsb <= 1 and 0 <= self.margin <= self.further <= 1):
            raise ConfigError(
                f"resolution: got {self.lsb:g} LSB, margin {self.margin:g} and {self.further:g} of the range",
                hint="lsb is above 0 and at most 1; 0 <= margin <= further <= 1",
            )


Measured = tuple[Linearity, Record]


def find_levels(
    converters: Mapping[str, Converter], bench: Bench, resolution: Resolution | None = None
) -> dict[str, Measured | SimulationError]:
    """Return the static transfer of every converter with all its conversions, or why there is none.

    Parameters
    ----------
    converters : mapping of str to Converter
        By name, for progress and errors.
    bench : Bench
        Simulators and store.
    resolution : Resolution, optional
        How finely.
    """
    resolution = resolution or Resolution()
    known: dict[str, Measured | SimulationError] = {}
    for name, one in converters.items():
        if isinstance(one, Phased) and one.shows_edges:
            width = resolution.lsb * (one.high - one.low) / 2**one.n_bits
            known |= {name: found} if (found := levels_by_phase(one, bench, width)) else {}
    hunts = {name: _Hunt(one, resolution) for name, one in converters.items() if name not in known}
    while wanted := {name: hunt.wanted() for name, hunt in hunts.items() if len(hunt.wanted())}:
        requests = [Request(converters[name], inputs, name) for name, inputs in wanted.items()]
        for name, answer in zip(wanted, convert(requests, bench), strict=True):
            hunts[name].take(answer)
    return {name: known[name] if name in known else hunts[name].outcome() for name in converters}


class _Hunt:
    """The search in one converter: what is known, and what to ask next."""

    def __init__(self, converter: Converter, resolution: Resolution) -> None:
        self._converter, self._how = converter, resolution
        self._n_codes = 2**converter.n_bits
        self._lsb = (converter.high - converter.low) / self._n_codes
        self._static = is_static(converter)
        dense = self._static and self._n_codes / resolution.lsb <= 0.9 * _PER_SWEEP
        self._step = self._lsb / 2 ** ceil(log2(1 / resolution.lsb)) if dense else self._lsb
        self._depth = ceil(log2(self._step / (resolution.lsb * self._lsb)) - 1e-9)
        self._left = {"anchors": 0, "halving": self._depth}
        self._anchors: Array = np.empty((0, 2))
        self._laws: list[Law] | None = None
        self._guessed = False
        self._records: list[Record] = []
        self._failure: SimulationError | None = None
        self._lengthened = False
        self._next = self._ramp()

    def wanted(self) -> Array:
        """Return the inputs to convert next; none at the end.

        Clocked ones in random order: what a conversion takes may depend on the one before.
        """
        return self._next if self._static else stream(len(self._next), "order").permutation(self._next)

    def take(self, answer: Record | SimulationError) -> None:
        """Learn what the inputs gave."""
        if isinstance(answer, SimulationError):
            self._failure, self._next = answer, np.empty(0)
            return
        self._records.append(answer)
        self._next = self._choose(Record.joined(self._records).sweep)

    def outcome(self) -> Measured | SimulationError:
        """Return what was found."""
        if self._failure:
            return self._failure
        record, c = Record.joined(self._records), self._converter
        sweep = record.sweep
        width = min(self._step, self._width)
        defects, levels = sweep.defects(c.n_bits, c.quantity, 1.5 * width), sweep.levels(c.n_bits)
        return Linearity(levels, c.low, c.high, c.quantity, width, len(record.codes), defects), record

    def _ramp(self) -> Array:
        """One input a code, or finer."""
        margin = max(2 * self._lsb, self._how.margin * (self._converter.high - self._converter.low))
        return self._points(-margin, self._n_codes * self._lsb + margin)

    def _points(self, start: float, stop: float) -> Array:
        k = np.arange(ceil(start / self._step - _PHASE), np.floor(stop / self._step - _PHASE) + 1)
        return np.asarray(self._converter.low + (k + _PHASE) * self._step)

    def _choose(self, sweep: Sweep) -> Array:
        if not self._lengthened:
            self._lengthened = True
            if len(more := self._longer(sweep)):
                return more
        gaps = sweep.gaps(self._width * (1 + 1e-9))
        if self._laws is None:
            self._laws = list(LAWS) if len(gaps) >= 3 * N_ANCHORS and self._depth >= 4 else []
            self._choose_anchors(gaps)
        while self._laws and len(gaps):
            inside = gaps[_within(gaps, self._anchors)]
            if len(inside) and self._left["anchors"]:
                self._left["anchors"] -= 1
                return np.asarray(inside.mean(axis=1))
            law = self._laws.pop(0)
            if len(guesses := self._guess(sweep, gaps, law)):
                self._laws, self._guessed = [] if self._guessed else [law], True  # once more, knowing more
                return guesses
            self._choose_anchors(gaps)
        self._left["halving"] -= 1
        return np.asarray(gaps.mean(axis=1)) if self._left["halving"] >= 0 else np.empty(0)

    @property
    def _width(self) -> float:
        return float(self._how.lsb * self._lsb)

    def _choose_anchors(self, gaps: Array) -> None:
        """Add the levels that the next law has to know."""
        if self._laws:
            more = gaps[self._laws[0].anchors(len(gaps))]
            self._anchors = np.unique(np.concatenate([self._anchors, more]), axis=0)
            self._left["anchors"] = self._depth

    def _guess(self, sweep: Sweep, gaps: Array, law: Law) -> Array:
        """Return inputs on both sides of where the law says that levels are; nothing where it does not hold."""
        ideal = self._converter.low + self._lsb * np.arange(1, self._n_codes)
        known = sweep.narrow(self._width * (1 + 1e-9))
        off = (sweep.levels(self._converter.n_bits) - ideal)[known]
        curve = law.curve(known, off, len(ideal), self._width)
        if curve is None:
            return np.empty(0)
        first, last = (sweep.codes[np.searchsorted(sweep.inputs, ends)] for ends in gaps.T)
        places = np.arange(len(ideal))
        own = np.clip(np.searchsorted(first, places, side="right") - 1, 0, len(gaps) - 1)
        wide = (first[own] <= places) & (places < last[own])
        sides = (ideal + curve)[wide, None] + 0.49 * self._width * np.array([-1.0, 1.0])
        low, high = gaps[own[wide]].T[:, :, None]
        inset = 0.98 * self._width  # a level beyond its gap is looked for at the nearer end
        return np.unique(np.clip(sides, low + inset, high - inset))

    def _longer(self, sweep: Sweep) -> Array:
        """Return inputs beyond an end whose code did not show; nothing for one that is stuck."""
        span, low = self._converter.high - self._converter.low, self._converter.low
        first, last = int(sweep.codes.min()), int(sweep.codes.max())
        if first == last:
            return np.empty(0)
        reach = self._how.further * span
        below = self._points(-reach, sweep.inputs[0] - low - 0.5 * self._step) if first > 0 else np.empty(0)
        beyond = sweep.inputs[-1] - low + 0.5 * self._step
        above = self._points(beyond, span + reach) if last < self._n_codes - 1 else np.empty(0)
        return np.concatenate([below, above])


def _within(gaps: Array, brackets: Array) -> NDArray[np.bool_]:
    """Return which gaps (m, 2) lie inside one of the brackets (k, 2), both in rising order."""
    if not len(brackets):
        return np.zeros(len(gaps), dtype=np.bool_)
    place = np.clip(np.searchsorted(brackets[:, 0], gaps[:, 0], side="right") - 1, 0, len(brackets) - 1)
    return np.asarray((brackets[place, 0] <= gaps[:, 0]) & (gaps[:, 1] <= brackets[place, 1]))
