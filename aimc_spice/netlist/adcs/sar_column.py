"""How does a charge-redistribution SAR stand behind the columns of a tile, or on them?

One idea: the converter is `sar_charge`, unchanged; an input switch gives its capacitor the common mode during the reset
and the column's voltage afterwards, so that a steady voltage is as good as one that moves::

    column ---/ pass --+--||-- p ┐
    adc_vcm --/ st ----+  c_in   ├ sar_charge ── name_b0 … name_b(n-1), name_eoc
    adc_vcm --------------||-- n ┘

The switch passes the column a tenth of a clock period after the reset, which would else drain what comes in. Clocks and
supplies are shared by all instances. The range is centred on the common mode. In charge mode the bit lines are p and n
themselves (`SarOnColumn`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.approximation import search_levels
from aimc_spice.netlist.adcs.base import Array, Codes, Level
from aimc_spice.netlist.adcs.charge_parts import SAR_PORTS
from aimc_spice.netlist.adcs.sar_charge import SarCharge
from aimc_spice.netlist.adcs.windows import read_codes, rise_times
from aimc_spice.netlist.base import Lines, Part, fold
from aimc_spice.netlist.drivers import pwl
from aimc_spice.netlist.readout import switch_text
from aimc_spice.units import spice

_EDGE = 0.02  # of a clock period


@dataclass(frozen=True)
class SarColumn:
    """An `Embeddable` around a `SarCharge`.

    Parameters
    ----------
    sar : SarCharge
        The converter, of either level.
    """

    sar: SarCharge
    quantity: str = "V"

    @property
    def n_bits(self) -> int:
        """Bits."""
        return self.sar.n_bits

    @property
    def low(self) -> float:
        """Lower end of the input range [V]."""
        return self.sar.v_cm + self.sar.low

    @property
    def high(self) -> float:
        """Upper end of the input range [V]."""
        return self.sar.v_cm + self.sar.high

    @property
    def t_conv(self) -> float:
        """Time of a conversion, reset included [s]."""
        return self.sar.t_window

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the corner."""
        return self.sar.parts.options

    def definitions(self) -> tuple[Part, ...]:
        """Return models and the subcircuit ``sar_charge``."""
        return (*self.sar.definitions(), Lines(self._switch()))

    def shared(self, starts: Array) -> Part:
        """Return supplies and clocks: reset, input, their complements, run, and the pulses of the decisions."""
        t, t_reset, window = self.sar.clocking.t_clk, self.sar.clocking.t_reset, self.sar.t_window
        first, passed = (self.sar.clocking.n_wait - 0.55) * t, (starts + t_reset + 0.1 * t, window - t_reset - 0.2 * t)
        ticks = t * np.arange(1, round(window / t))
        lines = [f"v{node} {node} 0 {spice(volts)}\n" for node, volts in self._supplies().items()]
        lines += [
            self._clock("adc_st", starts, t_reset),
            self._clock("adc_stb", starts, t_reset, high=False),
            self._clock("adc_pass", *passed),
            self._clock("adc_passb", *passed, high=False),
            self._clock("adc_run", starts + first, window - first - _EDGE * t),
            self._clock("adc_clk", (starts[:, None] + ticks).ravel(), t / 2),
        ]
        return Lines("".join(lines))

    def instance(self, name: str, node: str) -> Part:
        """Return the input switch, the input capacitors and the converter."""
        nodes = {"p": f"{name}_p", "n": f"{name}_n", "eoc": f"{name}_eoc"}
        ports = [nodes.get(port, f"adc_{port}") for port in SAR_PORTS]
        lines = [
            f"x{name}_i {node} {name}_x {self._gates('adc_pass')}",
            f"x{name}_r adc_vcm {name}_x {self._gates('adc_st')}",
            f"c{name}_p {name}_x {name}_p {spice(self.sar.c_in[0])}",
            f"c{name}_n adc_vcm {name}_n {spice(self.sar.c_in[1])}",
            fold([f"x{name}", *ports, *self._bits(name), "sar_charge"]).rstrip(),
        ]
        return Lines("\n".join(lines))

    def probes(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return bits and flags."""
        return tuple(f"v({node})" for name in names for node in (*self._bits(name), f"{name}_eoc"))

    def decode(self, name: str, starts: Array, axis: Array, signals: Mapping[str, Array]) -> tuple[Codes, Array]:
        """Read bits and flag; see `Embeddable.decode`."""
        v_dd, where = self.sar.parts.v_dd, f"{self.sar.name}, {name}"
        bits = np.stack([signals[f"v({node})"] for node in self._bits(name)])
        times = rise_times(axis, signals[f"v({name}_eoc)"], starts, self.t_conv, v_dd / 2, where=where)
        at = starts + self.t_conv - 0.25 * self.sar.clocking.t_clk
        return read_codes(axis, bits, at, None, v_dd, where=where), times

    def supplies(self, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, float]]]:  # noqa: ARG002  shared
        """Return the sources of each block of the converters."""
        blocks = self.sar.supplies.items()
        return {f"adc {block}": [(f"vadc_{source}", v) for source, v in pairs] for block, pairs in blocks}

    def _switch(self) -> str:
        return switch_text(mos=self.sar.parts.level == "transistor")

    def _gates(self, on: str) -> str:
        """Return clocks and name of an input switch."""
        mos = self.sar.parts.level == "transistor"
        return f"{on} {on}b adc_vdl transmission_gate" if mos else f"{on} analog_switch r_on=300"

    def _supplies(self) -> dict[str, float]:
        v_dd = self.sar.parts.v_dd
        return {"adc_vref": self.sar.v_ref, "adc_vcm": self.sar.v_cm, "adc_vdl": v_dd, "adc_vdc": v_dd}

    def _clock(self, node: str, starts: Array, width: float, *, high: bool = True) -> str:
        """Return a clock with a pulse of one width at each start, low (or high) otherwise."""
        edge, v = _EDGE * self.sar.clocking.t_clk, self.sar.parts.v_dd
        level = np.array([0.0, v, v, 0.0])
        times = (starts[:, None] + np.array([0.0, edge, width, width + edge])).ravel()
        return pwl(f"v{node}", node, times, np.tile(level if high else v - level, len(starts)))

    def _bits(self, name: str) -> list[str]:
        return [f"{name}_b{i}" for i in range(self.n_bits)]


@dataclass(frozen=True)
class SarOnColumn(SarColumn):
    """The same on the bit lines of a charge-mode column, which are its top plates: no input switch, no capacitor.

    Parameters
    ----------
    c_column : float
        Typical capacitance of a bit line with all that hangs on it [F]: it fixes the nominal range.
    """

    c_column: float = 0.0

    def __post_init__(self) -> None:
        if not self.c_column > 0:
            raise NetlistError(f"got c_column = {self.c_column:g} F, wanted the capacitance of a bit line above zero")

    @classmethod
    def of(cls, sar: SarCharge, c_bl: float) -> SarOnColumn:
        """Put a converter on bit lines of typically `c_bl` [F]; its own capacitors come on top."""
        return cls(sar, c_column=c_bl + sum(sar.c_bits) + sar.c_fixed[0])

    @property
    def high(self) -> float:
        """Upper end of the range of the difference of the bit lines [V]."""
        return float(self.sar.v_ref * self.sar.c_unit * 2 ** (self.n_bits - 1) / self.c_column)

    @property
    def low(self) -> float:
        """Lower end of the range [V]."""
        return -self.high

    def definitions(self) -> tuple[Part, ...]:
        """Return models and the subcircuit ``sar_charge``."""
        return self.sar.definitions()

    def instance(self, name: str, node: str) -> Part:
        """Return the converter on two nodes: ``"bp_0 bn_0"``."""
        nodes = {**dict(zip("pn", node.split(), strict=True)), "eoc": f"{name}_eoc"}
        ports = [nodes.get(port, f"adc_{port}") for port in SAR_PORTS]
        return Lines(fold([f"x{name}", *ports, *self._bits(name), "sar_charge"]))

    @property
    def level(self) -> Level:
        """Of its circuits."""
        return self.sar.parts.level

    @property
    def v_cm(self) -> float:
        """Common mode [V]."""
        return self.sar.v_cm

    @property
    def lead(self) -> float:
        """From the start of a conversion until the word lines may move [s]."""
        return self.sar.clocking.t_reset + 0.1 * self.sar.clocking.t_clk

    @property
    def settle(self) -> float:
        """What the columns then have until the first decision [s]."""
        return (self.sar.clocking.n_wait - 0.55) * self.sar.clocking.t_clk - self.lead

    @property
    def t_step(self) -> float:
        """Largest time step [s]."""
        return self.sar.clocking.t_step

    @property
    def loads(self) -> tuple[float, float]:
        """What it adds to the capacitance of the positive and the negative line [F]."""
        return sum(self.sar.c_bits) + self.sar.c_fixed[0], self.sar.c_fixed[1]

    def levels(self, c_p: float, c_n: float) -> Array:  # noqa: ARG002  its bits stand on the positive line
        """Return the differences at which each code begins, on lines of `c_p` and `c_n`, its own included [V]."""
        steps = self.sar.v_ref * np.array(self.sar.c_bits) / c_p
        return np.asarray(search_levels(steps) - steps[-1] + self.sar.parts.v_os)
