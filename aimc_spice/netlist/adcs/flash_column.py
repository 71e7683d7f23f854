"""How does a flash converter stand behind the columns of a tile?

One idea: one ladder serves all columns, each has its own comparators and an ideal encoder that counts ones::

    adc_high --[r]--+-- … --+--[r]-- adc_low
                    |       |
    column ----->(comparators: + column, - tap)--> encoder: a volt for each that has tripped --> name_count

It has no clock: the code is taken when a conversion has lasted `t_sample`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aimc_spice.netlist.adcs.base import Array, Codes
from aimc_spice.netlist.adcs.flash import Flash
from aimc_spice.netlist.adcs.static import whole_codes
from aimc_spice.netlist.base import Lines, Part, fold
from aimc_spice.units import spice


@dataclass(frozen=True)
class FlashColumn:
    """An `Embeddable` around a `Flash`; all columns have the same comparators.

    Parameters
    ----------
    flash : Flash
        The converter, of either level.
    """

    flash: Flash
    quantity: str = "V"

    @property
    def n_bits(self) -> int:
        """Bits."""
        return self.flash.n_bits

    @property
    def low(self) -> float:
        """Lower end of the input range [V]."""
        return self.flash.low

    @property
    def high(self) -> float:
        """Upper end of the input range [V]."""
        return self.flash.high

    @property
    def t_conv(self) -> float:
        """What a conversion is reckoned to last [s]."""
        return self.flash.t_sample

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the corner and of the level."""
        return tuple(o for o in self.flash.blocks.solver_options if "=" in o and not o.startswith("pivrel"))

    def definitions(self) -> tuple[Part, ...]:
        """Return models, comparators and the subcircuit of one column."""
        half, calls = spice(self.flash.blocks.vdd / 2), self.flash.comparators
        taps = [f"t{k}" for k in range(1, 1 + len(calls))]
        lines = [
            fold([".subckt flash_column in count vdd", *taps]).rstrip(),
            "rcount count 0 1",
            *(f"xc{k} in t{k} o{k} vdd 0 {call}" for k, call in enumerate(calls, 1)),
            *(f"bn{k} 0 count i=v(o{k})>{half} ? 1 : 0" for k in range(1, 1 + len(calls))),
            ".ends flash_column",
        ]
        return (*self.flash.blocks.definitions, Lines("\n".join(lines)))

    def shared(self, starts: Array) -> Part:  # noqa: ARG002  nothing is clocked
        """Return the ladder and the supplies."""
        n = len(self.flash.resistors)
        ends = {"adc_high": (n, self.high), "adc_low": (0, self.low)}
        lines = [
            *(f"v{name} adc_tap{k} 0 {spice(volts)}" for name, (k, volts) in ends.items()),
            *(f"radc_{k} adc_tap{k + 1} adc_tap{k} {spice(r)}" for k, r in enumerate(self.flash.resistors)),
            f"vadc_vcmp adc_vcmp 0 {spice(self.flash.blocks.vdd)}",
        ]
        return Lines("\n".join(lines))

    def instance(self, name: str, node: str) -> Part:
        """Return the comparators of one column."""
        taps = [f"adc_tap{k}" for k in range(1, len(self.flash.resistors))]
        return Lines(fold([f"x{name} {node} {name}_count adc_vcmp", *taps, "flash_column"]))

    def probes(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the counts."""
        return tuple(f"v({name}_count)" for name in names)

    def decode(self, name: str, starts: Array, axis: Array, signals: Mapping[str, Array]) -> tuple[Codes, Array]:
        """Take the count before each conversion ends; see `Embeddable.decode`."""
        at = starts + 0.95 * self.t_conv
        held = signals[f"v({name}_count)"][np.searchsorted(axis, at, side="right") - 1]
        codes = whole_codes(held, at, where=f"{self.flash.name}, {name} (times of reading in place of inputs)")
        return codes, np.full(len(starts), self.t_conv)

    def supplies(self, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, float]]]:  # noqa: ARG002  shared
        """Return the sources of ladder and comparators."""
        ladder = [("vadc_high", self.high), ("vadc_low", self.low)]
        return {"adc ladder": ladder, "adc comparators": [("vadc_vcmp", self.flash.blocks.vdd)]}
