r"""How does a charge ramp stand on the bit lines of a charge-mode tile?

One idea: the bit lines are p and n of `ramp_charge`, whose input capacitors fall away; one ramp serves all columns by
an ideal buffer (assumed), so that its slope does not depend on their number::

    bp_c ──+──────────+──[reset]── adc_vcm      n ──|+ \
        c_ramp, c_off (dummies)                        | >── name_trip -> count of the shared, ideal counter
    bn_c ──+──────────+──[reset]── adc_vcm      p ──|- /
           |          |
        c_ramp      c_off
       adc_line    adc_off (falls by v_off)

The code begins where the lines meet, ``T(k) = (v_ramp c_ramp k / 2**n - v_off c_off) / c_n`` of the difference that the
array made: columns of other capacitance have another gain, as with `SarOnColumn`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aimc_spice.netlist.adcs.base import Array, Codes, Level
from aimc_spice.netlist.adcs.ramp_charge import RampCharge, charge_texts, ramp_charge
from aimc_spice.netlist.adcs.slots import first_rises
from aimc_spice.netlist.base import Lines, Part
from aimc_spice.netlist.drivers import pwl
from aimc_spice.units import spice

_PORTS = "p n ramp off st stb vcm vdl vcmp trip"
_GUARD = 1e-9  # s, between the end of the reset and what moves
_SIZE = 0.25  # of the comparator and its bias, to those of `ramp_charge`: its gates move a bit line when it trips
_RESET = "st stb vdl 0 tgate u=5e-7"  # an eighth of the size in `ramp_charge`, which would inject two codes of 64
_I_REF, _C_DRAWN = 3.125e-6, 3e-14  # as of `ramp_charge`


@dataclass(frozen=True)
class RampOnColumn:
    """An `OnColumn` around a `RampCharge`. Build it with `ramp_on_column`.

    Parameters
    ----------
    ramp : RampCharge
        The converter, of either level; its `c_in` do not count, its source drives nothing but its own capacitor.
    c_column : float
        Typical capacitance of a bit line with all that hangs on it [F]: it fixes the nominal range.
    """

    ramp: RampCharge
    c_column: float
    quantity: str = "V"

    @property
    def n_bits(self) -> int:
        """Bits."""
        return self.ramp.n_bits

    @property
    def high(self) -> float:
        """Upper end of the range of the difference of the bit lines [V]."""
        return self.low + self.ramp.v_ramp * self.ramp.c_ramp[1] / self.c_column

    @property
    def low(self) -> float:
        """Lower end of the range [V]."""
        return -self.ramp.v_off * self.ramp.c_off[1] / self.c_column

    @property
    def t_conv(self) -> float:
        """Time of a conversion, reset included [s]."""
        return self.ramp.slots.t_slot

    @property
    def lead(self) -> float:
        """From the start of a conversion until the word lines may move [s]."""
        return self.ramp.t_reset + _GUARD

    @property
    def settle(self) -> float:
        """What the columns then have until the ramp starts [s]."""
        return self.ramp.t_in - _GUARD

    @property
    def t_step(self) -> float:
        """Largest time step [s]."""
        return self.ramp.slots.t_run / self.ramp.blocks.n_steps

    @property
    def level(self) -> Level:
        """Of its circuits."""
        return self.ramp.blocks.level

    @property
    def v_cm(self) -> float:
        """Common mode [V]."""
        return self.ramp.v_cm

    @property
    def loads(self) -> tuple[float, float]:
        """What it adds to the capacitance of the positive and the negative line [F]."""
        p, n = (ramp + off for ramp, off in zip(self.ramp.c_ramp, self.ramp.c_off, strict=True))
        return p, n

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the corner and of the level."""
        return tuple(o for o in self.ramp.blocks.solver_options if "=" in o and not o.startswith("pivrel"))

    def levels(self, c_p: float, c_n: float) -> Array:  # noqa: ARG002  the positive line only enters the difference
        """Return the differences at which each code begins, on lines of `c_p` and `c_n`, its own included [V]."""
        k, ramp = np.arange(1, 2**self.n_bits), self.ramp
        raised = ramp.v_ramp * ramp.c_ramp[1] * k / 2**self.n_bits - ramp.v_off * ramp.c_off[1]
        return np.asarray(raised / c_n - ramp.offset)

    def definitions(self) -> tuple[Part, ...]:
        """Return models and the subcircuit ``ramp_column``."""
        ramp = self.ramp
        pairs = zip("pn", ("0", "ramp"), ("0", "off"), ramp.c_ramp, ramp.c_off, strict=True)
        capacitors = [f"cr{s} {r} {s} {spice(c_r)}\nco{s} {o} {s} {spice(c_o)}" for s, r, o, c_r, c_o in pairs]
        switches = [f"xr{side} {side} vcm {ramp.reset}" for side in "pn"]
        comparator = f"xcmp n p trip vcmp 0 {ramp.comparator}"
        body = "\n".join([f".subckt ramp_column {_PORTS}", *capacitors, *switches, comparator, ".ends ramp_column"])
        return (*ramp.blocks.definitions, *map(Lines, charge_texts()), Lines(body))

    def shared(self, starts: Array) -> Part:
        """Return ramp, step, clocks and supplies."""
        ramp, vdd = self.ramp, self.ramp.blocks.vdd
        begin, end = ramp.t_reset + ramp.t_in, self.t_conv
        rails = {"vcm": ramp.v_cm, "vramp": vdd, "vcmp": vdd, "vdl": vdd}
        lines = [
            self._clock("st", starts, 0.0, ramp.t_reset, vdd),
            self._clock("stb", starts, 0.0, ramp.t_reset, vdd, on=False),
            self._clock("off", starts, self.lead, end - _GUARD, ramp.v_off, on=False),
            self._clock("run", starts, begin, end, vdd),
            self._clock("halt", starts, begin, end, vdd, on=False),
            *(f"vadc_{node} adc_{node} 0 {spice(volts)}\n" for node, volts in rails.items()),
            f"xadc_ramp adc_ramp adc_run adc_halt 0 adc_vramp 0 {ramp.source}\neadc_line adc_line 0 adc_ramp 0 1\n",
        ]
        return Lines("".join(lines))

    def instance(self, name: str, node: str) -> Part:
        """Return the converter on two nodes: ``"bp_0 bn_0"``."""
        shared = "adc_line adc_off adc_st adc_stb adc_vcm adc_vdl adc_vcmp"
        return Lines(f"x{name} {node} {shared} {name}_trip ramp_column")

    def probes(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return what the comparators decide on."""
        return tuple(self._decision(name)[0] for name in names)

    def decode(self, name: str, starts: Array, axis: Array, signals: Mapping[str, Array]) -> tuple[Codes, Array]:
        """Count clock periods until the lines meet; see `Embeddable.decode`."""
        (probe, level), ramp, top = self._decision(name), self.ramp, 2**self.n_bits - 1
        begins = starts + ramp.t_reset + ramp.t_in
        trips = first_rises(axis, signals[probe], level, begins, starts + self.t_conv)
        codes: Codes = np.clip(np.floor((trips - begins - ramp.t_delay) / ramp.t_clk), 0, top).astype(np.int64)
        return codes, np.asarray(ramp.t_reset + ramp.t_in + ramp.t_delay + (codes + 1.0) * ramp.t_clk)

    def supplies(self, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, float]]]:  # noqa: ARG002  shared
        """Return the sources of generator and comparators."""
        vdd = self.ramp.blocks.vdd
        return {"adc ramp": [("vadc_vramp", vdd)], "adc comparator": [("vadc_vcmp", vdd)]}

    def _decision(self, name: str) -> tuple[str, float]:
        """Return what is probed, and the level at which it says "tripped"."""
        if self.ramp.blocks.level == "behavioural":
            return f"v(x{name}.xcmp.d)", 0.0
        return f"v({name}_trip)", self.ramp.blocks.vdd / 2

    def _clock(self, node: str, starts: Array, start: float, end: float, v: float, *, on: bool = True) -> str:
        """Return a clock that is high (or low) from `start` to `end` of every conversion [s], edges included."""
        edge = self.ramp.slots.t_edge
        times = (starts[:, None] + np.array([start, start + edge, end - edge, end])).ravel()
        levels = np.tile([0.0, v, v, 0.0], len(starts))
        return pwl(f"vadc_{node}", f"adc_{node}", times, levels if on else v - levels)


def ramp_on_column(n_bits: int, level: Level = "behavioural", *, c_bl: float, share: float = 0.5) -> RampOnColumn:
    """Put charge ramps on bit lines of typically `c_bl` [F].

    Parameters
    ----------
    n_bits, level : int, Level
        As of `ramp_charge`.
    c_bl : float
        Of a bit line without the converter [F].
    share : float
        Coupling of the ramp as a part of `c_bl`; that of the step is half of it.
    """
    c_ramp = share * c_bl
    ramp = ramp_charge(n_bits, level, c_in=c_bl, c_ramp=c_ramp, c_off=c_ramp / 2)
    c = _I_REF * ramp.t_clk * 2**n_bits / ramp.v_ramp - (_C_DRAWN if level == "transistor" else 0.0)
    ending = "_b" if level == "behavioural" else ""
    source = f"ramp_source{ending} i_ref={spice(_I_REF)} c={spice(c)}"
    ramp = replace(ramp, source=source)
    if level == "transistor":
        comparator = f"comparator i_bias={spice(_SIZE * 1e-5)} u={spice(_SIZE * 1e-6)}"
        ramp = replace(ramp, comparator=comparator, reset=_RESET)
    return RampOnColumn(ramp, c_bl + 1.5 * c_ramp)
