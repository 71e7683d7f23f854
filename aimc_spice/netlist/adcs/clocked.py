"""How does a converter with a clock and a sequencer become a deck, and how is that deck read?

One idea: what `sar_charge` and `sar_clocked` have in common. They differ in the circuit that the comparator looks at;
clocks, supplies with their meters, the flag at the end and the bits are the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from aimc_spice.errors import ShapeError
from aimc_spice.netlist.adcs.base import RECKONED, Array, Conversions
from aimc_spice.netlist.adcs.charge_parts import Clocking, Parts
from aimc_spice.netlist.adcs.meter import Supplies, meter_probes, metered, meters, sources_of
from aimc_spice.netlist.adcs.windows import read_codes, rise_times
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck, Lines, Netlist, Part, Transient


@dataclass(frozen=True)
class Clocked(ABC):
    """A converter that decides a bit a clock period; a `Converter`.

    Parameters
    ----------
    parts : Parts
        Bit slices, switches and comparator of one level and corner.
    clocking : Clocking
        Times.
    noise : int or None
        Seed of the noise sources (see `noise`); None is quiet.
    """

    parts: Parts
    clocking: Clocking
    noise: int | None = field(default=None, kw_only=True)
    kind: ClassVar[str]
    quantity: ClassVar[str] = "V"

    @property
    @abstractmethod
    def n_bits(self) -> int:
        """Bits."""

    @property
    @abstractmethod
    def references(self) -> tuple[float, float]:
        """Voltages of ``vref`` and ``vcm`` [V]."""

    @abstractmethod
    def definitions(self) -> tuple[Part, ...]:
        """Return models and subcircuits."""

    @abstractmethod
    def _circuit(self, inputs: Array) -> list[str]:
        """Return inputs, noise and converter; it has the nodes ``b0`` … of the bits and the flag ``eoc``."""

    @property
    def name(self) -> str:
        """Type, level and bits."""
        return f"{self.kind} {self.n_bits} bit, {self.parts.level}"

    @property
    def t_window(self) -> float:
        """Time from one conversion to the next [s]."""
        return self.clocking.t_window(self.n_bits)

    @property
    def supplies(self) -> Supplies:
        """The sources of each block and their voltages [V]."""
        return self.parts.blocks(*self.references)

    def deck(self, inputs: Array) -> Deck:
        """Return one deck that converts every input (n,) [V], each in its own window."""
        inputs = np.asarray(inputs, dtype=np.float64)
        if inputs.ndim != 1 or not len(inputs) or not np.isfinite(inputs).all():
            raise ShapeError(f"{self.name}: got inputs of shape {inputs.shape}, wanted finite (n,)")
        sources, clocks = sources_of(self.supplies), self.clocking.sources(self.n_bits, self.parts.v_dd)
        body = [clocks, self.parts.supplies(*self.references), meters(sources), *self._circuit(inputs)]
        netlist = Netlist(self.name, self.definitions(), (Lines("\n".join(body)),))
        probes = (*(f"v({node})" for node in self._bit_nodes()), "v(eoc)", *meter_probes(sources))
        options = (*DEFAULT_OPTIONS, *self.parts.options)
        return Deck(netlist, Transient(self.clocking.t_step, self.t_window * len(inputs)), probes, options)

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:
        """Read codes, times and energies.

        Raises
        ------
        MeasurementFailed
            A conversion that never finished, a bit that is neither high nor low: a latch that had no time to decide.
        """
        starts: Array = np.arange(len(inputs)) * np.float64(self.t_window)
        bits = np.stack([signals[f"v({node})"] for node in self._bit_nodes()])
        half, where = self.parts.v_dd / 2, self.name
        t_conv = rise_times(axis, signals["v(eoc)"], starts, self.t_window, half, where=where, inputs=inputs)
        at = starts + self.t_window - 0.25 * self.clocking.t_clk
        codes = read_codes(axis, bits, at, inputs, self.parts.v_dd, where=where)
        energy = metered(axis, signals, self.supplies, np.append(starts, starts[-1] + self.t_window))
        logic = self.parts.logic.sequencer(self.n_bits, self.clocking.n_wait + self.n_bits)
        return Conversions(codes, t_conv, energy | {RECKONED: np.full(len(codes), logic)})

    def _bit_nodes(self) -> list[str]:
        return [f"b{i}" for i in range(self.n_bits)]
