"""Reference converters as plain decks, with known levels, noise, times and faults: what metrology is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import MeasurementFailed
from aimc_spice.netlist.adcs.base import Conversions
from aimc_spice.netlist.base import Deck, Lines, Netlist, Transient
from aimc_spice.netlist.driven import Corner, Driven
from aimc_spice.rng import stream

Array = NDArray[np.float64]
Fault = Literal["none", "stuck", "saturates", "falls", "skips", "hangs"]
T_CYCLE, T_CONV, E_STEP = 1e-7, 4e-8, 1e-15


def ideal_levels(n_bits: int, low: float = 0.0, high: float = 1.0) -> Array:
    """Return the levels of an ideal converter."""
    return low + (high - low) * np.arange(1, 2**n_bits) / 2**n_bits


def bowed(n_bits: int, bow_lsb: float) -> Array:
    """Return levels with an INL (endpoint) of ``bow_lsb * sin(π (k - 1) / (N - 2))``."""
    n = 2**n_bits
    k = np.arange(1, n)
    return ideal_levels(n_bits) + bow_lsb * np.sin(np.pi * (k - 1) / (n - 2)) / n


_FAULTS = {
    "none": "{c}",
    "stuck": "0*v(in)+5",
    "saturates": "min({c},9)",
    "falls": "{c}-3*({c} >= 8 ? 1 : 0)*({c} <= 9 ? 1 : 0)",
    "skips": "{c}+({c} >= 6 ? 1 : 0)*({c} < 7 ? 1 : 0)",
    "hangs": "{c}",
}


@dataclass(frozen=True)
class Flash:
    """A flash converter in B-sources, DC: the code is the number of levels below the input."""

    levels: Array
    low: float = 0.0
    high: float = 1.0
    quantity: str = "V"
    fault: Fault = "none"

    @property
    def n_bits(self) -> int:
        return int(len(self.levels) + 1).bit_length() - 1

    @property
    def name(self) -> str:
        return f"flash {self.n_bits} bit, reference"

    def deck(self, inputs: Array) -> Deck:
        steps = "".join(f"+u(v(in)-({t!r}))" for t in self.levels.tolist())
        text = f"bcount count 0 v=0{steps}\nbcode code 0 v={_FAULTS[self.fault].format(c='v(count)')}"
        return Driven(Netlist(self.name, (), (Lines(text),)), ("in",), ("v(code)",)).dc(inputs[:, None])

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:
        codes = np.round(signals["v(code)"]).astype(np.int64)
        if self.fault == "hangs":
            raise MeasurementFailed("conversion 0 never finished", hint="a longer clock period")
        return Conversions(codes, np.zeros(len(inputs)))


@dataclass(frozen=True)
class Clocked:
    """The same with a cycle time, a noisy input, a time of conversion and an energy that grow with the code."""

    levels: Array
    sigma: float = 0.0
    low: float = 0.0
    high: float = 1.0
    quantity: str = "V"

    @property
    def n_bits(self) -> int:
        return int(len(self.levels) + 1).bit_length() - 1

    @property
    def name(self) -> str:
        return f"clocked {self.n_bits} bit, reference"

    def deck(self, inputs: Array) -> Deck:
        edges = T_CYCLE * np.arange(len(inputs))
        knots = " ".join(f"{t!r} {x!r} {t + T_CYCLE * 0.99!r} {x!r}" for t, x in zip(edges.tolist(), inputs.tolist()))
        noise = f"dc 0 trnoise({self.sigma!r} {T_CYCLE / 2!r} 0 0)" if self.sigma else "0"
        steps = "".join(f"+u(v(noisy)-({t!r}))" for t in self.levels.tolist())
        text = f"vin in 0 pwl({knots})\nvn noisy in {noise}\nbcode code 0 v=0{steps}"
        stop = T_CYCLE * len(inputs)
        return Deck(Netlist(self.name, (), (Lines(text),)), Transient(T_CYCLE / 20, stop), ("v(code)",))

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:
        middle = T_CYCLE * (np.arange(len(inputs)) + 0.5)
        found = np.searchsorted(axis, middle, side="right") - 1
        codes = np.round(signals["v(code)"][found]).astype(np.int64)
        return Conversions(codes, T_CONV * (1 + codes / 2**self.n_bits), {"counter": E_STEP * (1.0 + codes)})


def varied(n_bits: int, sigma_lsb: float, offset_lsb: float = 0.0):
    """Return a builder of flash converters whose levels differ at random, by seed, in offset and one by one."""

    def build(corner: Corner, seed: int | None) -> Flash:
        levels = ideal_levels(n_bits)
        if seed is not None:
            rng = stream(seed, "levels")
            shift = offset_lsb * rng.standard_normal() + sigma_lsb * rng.standard_normal(len(levels))
            levels = np.sort(levels + shift / 2**n_bits)
        return Flash(levels)

    return build
