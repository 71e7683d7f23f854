"""How does one ramp serve all columns of a tile?

One idea: the parts are those of `ramp`, the generator once and a comparator for every instance::

    xadc_ramp ── adc_ramp ──+── (+)\
                            :       |── name_trip -> count of the shared, ideal counter
                 column ────:── (-)/

A column that is above the range never trips and gets the top code. The generator is reset at the start of each
conversion and stands still when none is under way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aimc_spice.netlist.adcs.base import Array, Codes
from aimc_spice.netlist.adcs.ramp import Ramp
from aimc_spice.netlist.adcs.slots import first_rises
from aimc_spice.netlist.base import Lines, Part
from aimc_spice.netlist.drivers import pwl
from aimc_spice.units import spice


@dataclass(frozen=True)
class RampColumn:
    """An `Embeddable` around a `Ramp`.

    Parameters
    ----------
    ramp : Ramp
        The converter, of either level.
    """

    ramp: Ramp
    quantity: str = "V"

    @property
    def n_bits(self) -> int:
        """Bits."""
        return self.ramp.n_bits

    @property
    def low(self) -> float:
        """Lower end of the input range [V]."""
        return self.ramp.low

    @property
    def high(self) -> float:
        """Upper end of the input range [V]."""
        return self.ramp.high

    @property
    def t_conv(self) -> float:
        """Reset and the whole ramp [s]."""
        return self.ramp.slots.t_slot

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the corner and of the level."""
        return tuple(o for o in self.ramp.blocks.solver_options if "=" in o and not o.startswith("pivrel"))

    def definitions(self) -> tuple[Part, ...]:
        """Return models and subcircuits."""
        return self.ramp.blocks.definitions

    def shared(self, starts: Array) -> Part:
        """Return the generator, its control and the supplies."""
        vdd, slots = self.ramp.blocks.vdd, self.ramp.slots
        edge, end = slots.t_edge, slots.t_slot - slots.t_edge
        times = (starts[:, None] + np.array([slots.t_reset, slots.t_reset + edge, end - edge, end])).ravel()
        run = np.tile([0.0, vdd, vdd, 0.0], len(starts))
        lines = [
            pwl("vadc_run", "adc_run", times, run),
            pwl("vadc_halt", "adc_halt", times, vdd - run),
            f"vadc_low adc_low 0 {spice(self.low)}\n",
            *(f"v{node} {node} 0 {spice(vdd)}\n" for node in ("adc_vramp", "adc_vcmp")),
            f"xadc_ramp adc_ramp adc_run adc_halt adc_low adc_vramp 0 {self.ramp.source}\n",
        ]
        return Lines("".join(lines))

    def instance(self, name: str, node: str) -> Part:
        """Return one comparator."""
        return Lines(f"x{name} adc_ramp {node} {name}_trip adc_vcmp 0 {self.ramp.comparator}")

    def probes(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return what the comparators decide on."""
        return tuple(self._decision(name)[0] for name in names)

    def decode(self, name: str, starts: Array, axis: Array, signals: Mapping[str, Array]) -> tuple[Codes, Array]:
        """Count clock periods until the comparator trips; see `Embeddable.decode`."""
        probe, level = self._decision(name)
        begins, top = starts + self.ramp.slots.t_reset, 2**self.n_bits - 1
        trips = first_rises(axis, signals[probe], level, begins, starts + self.t_conv)
        counts = np.floor((trips - begins - self.ramp.t_delay) / self.ramp.t_clk)
        codes: Codes = np.clip(counts, 0, top).astype(np.int64)
        return codes, np.asarray(self.ramp.slots.t_reset + self.ramp.t_delay + (codes + 1) * self.ramp.t_clk)

    def supplies(self, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, float]]]:  # noqa: ARG002  shared
        """Return the sources of generator and comparators."""
        vdd = self.ramp.blocks.vdd
        return {"adc ramp": [("vadc_vramp", vdd)], "adc comparator": [("vadc_vcmp", vdd)]}

    def _decision(self, name: str) -> tuple[str, float]:
        """Return what is probed, and the level at which it says "tripped"; see `Ramp`."""
        if self.ramp.blocks.level == "behavioural":
            return f"v(x{name}.d)", 0.0
        return f"v({name}_trip)", self.ramp.blocks.vdd / 2
