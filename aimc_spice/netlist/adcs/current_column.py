"""How do converters of currents stand behind the columns of a tile: oscillators, dual-slope integrators?

One idea: both are a circuit with an input node, controls that all columns share, and a waveform that is read as if the
converter stood alone; a conveyor (`readout.current_conveyor`) pushes ``i_0 + i_p - i_n`` into the input node::

    bp_c ─┐ conveyor ── out_c ── in ┌───────────┐
    bn_c ─┘   i_0 + i_p - i_n       │ converter │── edges, or the second slope's end ── code
                                    └───────────┘
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aimc_spice.netlist.adcs.base import Array, Codes
from aimc_spice.netlist.adcs.cco import Cco
from aimc_spice.netlist.adcs.dual_slope import DualSlope
from aimc_spice.netlist.adcs.slots import Slots, first_rises
from aimc_spice.netlist.base import Lines, Part
from aimc_spice.netlist.drivers import pwl
from aimc_spice.units import spice

_C_EDGE, _T_DEAD = 3.155e-13, 1.27e-9  # F, s: of `cco`


@dataclass(frozen=True)
class _CurrentColumn:
    """What oscillator and integrator share.

    Parameters
    ----------
    adc : Cco or DualSlope
        The converter, of either level.
    """

    adc: Cco | DualSlope
    quantity: str = "A"

    @property
    def n_bits(self) -> int:
        """Bits."""
        return self.adc.n_bits

    @property
    def low(self) -> float:
        """Lower end of the input range [A]."""
        return self.adc.low

    @property
    def high(self) -> float:
        """Upper end of the input range [A]."""
        return self.adc.high

    @property
    def slots(self) -> Slots:
        """Times within a conversion."""
        return self.adc.slots

    @property
    def t_conv(self) -> float:
        """Time of a conversion, reset included [s]."""
        return self.adc.slots.t_slot

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the corner and of the level."""
        return tuple(o for o in self.adc.blocks.solver_options if "=" in o and not o.startswith("pivrel"))

    def levels(self) -> Array:
        """Return the currents at which each code of an ideal converter begins, (2**n_bits - 1,) [A]."""
        return np.asarray(self.low + (self.high - self.low) * np.arange(1, 2**self.n_bits) / 2**self.n_bits)

    def definitions(self) -> tuple[Part, ...]:
        """Return models and subcircuits."""
        return self.adc.blocks.definitions

    def _clock(self, node: str, starts: Array, start: float, width: float, *, on: bool = True) -> str:
        """Return a control that is high (or low) for `width` from `start` of every conversion [s], with its edges."""
        vdd, edge = self.adc.blocks.vdd, self.adc.slots.t_edge
        times = (starts[:, None] + np.array([start, start + edge, start + width - edge, start + width])).ravel()
        levels = np.tile([0.0, vdd, vdd, 0.0], len(starts))
        return pwl(f"v{node}", node, times, levels if on else vdd - levels)


@dataclass(frozen=True)
class CcoColumn(_CurrentColumn):
    """An `Embeddable` around a `Cco`: a ring and a counter a column."""

    adc: Cco

    def levels(self) -> Array:
        """Return the currents at which each code begins by the law of the oscillator, (2**n_bits - 1,) [A]."""
        k = np.arange(1, 2**self.n_bits)
        return np.asarray(k * _C_EDGE * self.adc.blocks.vdd / 2 / (self.adc.t_count - k * _T_DEAD))

    def shared(self, starts: Array) -> Part:
        """Return the gate of the count and the supply."""
        run = self._clock("adc_run", starts, self.slots.t_reset, self.slots.t_run)
        return Lines(f"{run}vadc_vcco adc_vcco 0 {spice(self.adc.blocks.vdd)}")

    def instance(self, name: str, node: str) -> Part:
        """Return one ring."""
        edges = " ".join(f"{name}_e{k}" for k in (1, 2, 3))
        return Lines(f"x{name} {node} adc_run {edges} adc_vcco 0 {self.adc.oscillator}")

    def probes(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return what is counted."""
        return tuple(theirs for name in names for _, theirs in self._signals(name))

    def decode(self, name: str, starts: Array, axis: Array, signals: Mapping[str, Array]) -> tuple[Codes, Array]:
        """Count edges while the gate is open; see `Embeddable.decode`."""
        own = {mine: signals[theirs] for mine, theirs in self._signals(name)}
        counts = self.adc.counts(axis, own, starts + self.slots.t_reset, starts + self.t_conv)
        codes: Codes = np.clip(counts, 0, 2**self.n_bits - 1).astype(np.int64)
        return codes, np.full(len(starts), self.t_conv)

    def supplies(self, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, float]]]:  # noqa: ARG002  shared
        """Return the source of the oscillators."""
        return {"adc oscillator": [("vadc_vcco", self.adc.blocks.vdd)]}

    def _signals(self, name: str) -> list[tuple[str, str]]:
        """Return the probes of a converter that stands alone, and those of an instance."""
        if self.adc.blocks.level == "behavioural":
            return [("v(xcco.phase)", f"v(x{name}.phase)")]
        return [(f"v(e{k})", f"v({name}_e{k})") for k in (1, 2, 3)]


@dataclass(frozen=True)
class DualSlopeColumn(_CurrentColumn):
    """An `Embeddable` around a `DualSlope`: integrator and comparator a column, controls and counter shared."""

    adc: DualSlope

    def shared(self, starts: Array) -> Part:
        """Return controls with their complements, reference levels and supplies."""
        slots, down = self.slots, self.adc.t_down
        phases = {"sample": (slots.t_reset, self.adc.t_int), "deint": (down, slots.t_slot - down)}
        lines = [
            self._clock(f"adc_{'' if on else 'n'}{name}", starts, *phase, on=on)
            for name, phase in {**phases, "halt": (slots.t_reset, slots.t_run)}.items()
            for on in (True, False)
        ]
        start, vdd = self.adc.v_start, self.adc.blocks.vdd
        rails = {"start": start, "level": start - self.adc.v_step, "vint": vdd, "vcmp": vdd}
        return Lines("".join([*lines, *(f"vadc_{k} adc_{k} 0 {spice(v)}\n" for k, v in rails.items())]))

    def instance(self, name: str, node: str) -> Part:
        """Return one integrator and its comparator; a clock of the table above that is high is a run, not a halt."""
        controls = "adc_sample adc_nsample adc_deint adc_ndeint adc_nhalt adc_halt adc_start adc_vint"
        integrator = f"x{name}_i {node} {name}_x {controls} 0 {self.adc.integrator}"
        return Lines(f"{integrator}\nx{name} adc_level {name}_x {name}_trip adc_vcmp 0 {self.adc.comparator}")

    def probes(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return what the comparators decide on."""
        return tuple(self._decision(name)[0] for name in names)

    def decode(self, name: str, starts: Array, axis: Array, signals: Mapping[str, Array]) -> tuple[Codes, Array]:
        """Count clock periods of the second slope; see `Embeddable.decode`."""
        probe, level = self._decision(name)
        begins, t_clk, top = starts + self.adc.t_down, self.adc.t_int / 2**self.n_bits, 2**self.n_bits - 1
        trips = first_rises(axis, signals[probe], level, begins, starts + self.t_conv)
        codes: Codes = np.clip(np.floor((trips - begins - self.adc.t_0) / t_clk), 0, top).astype(np.int64)
        return codes, np.asarray(self.adc.t_down + self.adc.t_0 + (codes + 1.0) * t_clk)

    def supplies(self, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, float]]]:  # noqa: ARG002  shared
        """Return the sources of integrators and comparators."""
        vdd = self.adc.blocks.vdd
        return {"adc integrator": [("vadc_vint", vdd)], "adc comparator": [("vadc_vcmp", vdd)]}

    def _decision(self, name: str) -> tuple[str, float]:
        """Return what is probed, and the level at which it says "tripped"."""
        if self.adc.blocks.level == "behavioural":
            return f"v(x{name}.d)", 0.0
        return f"v({name}_trip)", self.adc.blocks.vdd / 2
