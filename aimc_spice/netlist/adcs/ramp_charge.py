r"""A ramp that moves charge: how does the time until two bit lines meet become a code?

One idea: after the reset the input moves the bit lines apart and a step on `c_off` lowers the negative one by half the
range, so that it starts below; a shared ramp on `c_ramp` raises it until the comparator trips::

     inp --||--+---------- p ---[reset]--- vcm        n -->|+ \
          c_in |                                           |   >-- trip        code = clock periods until the trip
             c_ramp, c_off to gnd (dummies)           p -->|- /
     inn --||--+---------- n ---[reset]--- vcm
          c_in |   |
     ramp --||-+   +-||-- off (falls by v_off)        ramp: 0 to v_ramp in 2**n_bits periods
         c_ramp     c_off

A step of one code moves n by ``v_ramp c_ramp / (2**n_bits c_n)``: bits, not capacitors, must fit, so the converter is
linear by its ramp, and slow. The clock starts `t_delay` after the ramp (a replica of the comparator's delay). The
counter is XSPICE logic where `counter` is set; else the time of the trip is counted when it is read, with equal
codes in a small part of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import RECKONED, Array, Conversions, Level, Mismatch
from aimc_spice.netlist.adcs.blocks import Blocks, blocks
from aimc_spice.netlist.adcs.meter import Supplies, meter_probes, metered, meters, sources_of
from aimc_spice.netlist.adcs.mos import Process
from aimc_spice.netlist.adcs.noise import COMPARATOR, added_charge, draws, mirror_density, reset_noise, total
from aimc_spice.netlist.adcs.slots import Slots, first_rises, pwl, require
from aimc_spice.netlist.adcs.windows import read_codes
from aimc_spice.netlist.base import Deck, Lines, Netlist, Transient
from aimc_spice.netlist.driven import Corner
from aimc_spice.rng import stream
from aimc_spice.share import share
from aimc_spice.units import show, spice

_MORE = 0.125  # of the ramp beyond full scale
_GUARD = 1e-9  # s, between the end of the reset and what moves


@dataclass(frozen=True)
class RampCharge:
    """A charge-mode ramp converter; a `Converter`. Build it with `ramp_charge`.

    Parameters
    ----------
    n_bits : int
        Bits.
    high : float
        Upper end of the differential input range [V]; the lower is its negative.
    blocks : Blocks
        Definitions, supply and level.
    source, comparator, reset : str
        Instance texts: subcircuit and parameters; nodes and subcircuit of the two reset switches.
    c_in, c_ramp, c_off : tuple of float
        Capacitors of the positive and the negative side [F]; those of the positive side but `c_in` are dummies.
    c_par : float
        Parasitic of each top plate [F].
    v_ramp, v_off, v_cm : float
        Span of the ramp, step on `c_off`, common mode [V].
    offset : float
        Of the behavioural comparator [V].
    t_clk, t_delay, t_reset, t_in : float
        Clock period, start of the clock after that of the ramp, reset, settling of the input [s].
    counter : bool
        Whether the deck holds the counter.
    i_ref : float
        Current of the ramp [A].
    noise : int or None
        Seed of the noise sources (see `noise`); None is quiet.
    """

    n_bits: int
    high: float
    blocks: Blocks
    source: str
    comparator: str
    reset: str
    c_in: tuple[float, float]
    c_ramp: tuple[float, float]
    c_off: tuple[float, float]
    c_par: float
    v_ramp: float
    v_off: float
    v_cm: float
    offset: float
    t_clk: float
    t_delay: float
    t_reset: float
    t_in: float
    counter: bool
    i_ref: float
    noise: int | None = None
    quantity: str = "V"

    @property
    def low(self) -> float:
        """Lower end of the input range [V]."""
        return -self.high

    @property
    def name(self) -> str:
        """Type, level and bits."""
        return f"ramp_charge {self.n_bits} bit, {self.blocks.level}"

    @property
    def slots(self) -> Slots:
        """Times of the conversions."""
        return Slots(self.t_reset, self.t_in + self.t_delay + (1 + _MORE) * 2**self.n_bits * self.t_clk)

    @property
    def c_top(self) -> tuple[float, float]:
        """Whole capacitance of the two top plates [F]."""
        p, n = (sum(pair) + self.c_par for pair in zip(self.c_in, self.c_ramp, self.c_off, strict=True))
        return p, n

    @property
    def gain(self) -> float:
        """From the input to the difference of the top plates."""
        return sum(c / top for c, top in zip(self.c_in, self.c_top, strict=True)) / 2

    def noise_parts(self) -> Mapping[str, float]:
        """Return the noise by origin in closed form, at mid range [V]; see `Noisy`."""
        temp_k, (c_p, c_n), t_ramp = self.blocks.temp_k, self.c_top, 2**self.n_bits * self.t_clk
        on_ramp = added_charge(mirror_density(self.i_ref, temp_k), t_ramp / 2) * self.v_ramp / (self.i_ref * t_ramp)
        reset = float(np.hypot(reset_noise(c_p, temp_k), reset_noise(c_n, temp_k)))
        parts = {"comparator": COMPARATOR, "reset": reset, "reference": on_ramp * self.c_ramp[1] / c_n}
        return {origin: volts / self.gain for origin, volts in parts.items()}

    def _noise(self, inputs: Array) -> list[str]:
        if self.noise is None:
            return []
        (drawn,) = total(self.noise_parts()) * self.gain * draws(self.noise, self.name, inputs)
        return [self._held("vnoise", "noisy", "n", drawn, 0.0)]

    def levels(self) -> Array:
        """Return the input at which each code begins in closed form, (2**n_bits - 1,) [V]."""
        c_n = self.c_top[1]
        k = np.arange(1, 2**self.n_bits)
        raised = (self.v_ramp * self.c_ramp[1] * k / 2**self.n_bits - self.v_off * self.c_off[1]) / c_n
        return np.asarray((raised - self.offset) / self.gain)

    def deck(self, inputs: Array) -> Deck:
        """Return one transient that converts every input (n,) [V] in its own slot."""
        slots, vdd = self.slots, self.blocks.vdd
        held = slots.t_run - 2 * _GUARD
        body = [
            self._held("vinp", "inp", "0", self.v_cm + inputs / 2, self.v_cm),
            self._held("vinn", "inn", "0", self.v_cm - inputs / 2, self.v_cm),
            slots.control("vst", "st", vdd, running=False),
            slots.control("vstb", "stb", vdd, running=True),
            slots.logic("voff", "off", self.v_off, start=self.t_reset + _GUARD, width=held, invert=True),
            slots.logic("vrun", "run", vdd, start=self.t_reset + self.t_in, width=slots.t_run - self.t_in),
            slots.logic(
                "vhalt", "halt", vdd, start=self.t_reset + self.t_in, width=slots.t_run - self.t_in, invert=True
            ),
            *(f"{node} {node} 0 {spice(v)}" for node, v in self._rails().items()),
            meters(sources_of(self.supplies)),
            f"xramp ramp run halt 0 vdd_ramp 0 {self.source}",
            *self._capacitors(),
            *(f"xr{side} {side} vcm {self.reset}" for side in "pn"),
            *self._noise(inputs),
            f"xcmp {'n' if self.noise is None else 'noisy'} p trip vdd_cmp 0 {self.comparator}",
            *(self._counter(len(inputs)) if self.counter else []),
        ]
        netlist = Netlist(self.name, (*self.blocks.definitions, *map(Lines, charge_texts())), (Lines("\n".join(body)),))
        bits = tuple(f"v(b{i})" for i in range(self.n_bits)) if self.counter else ()
        probes = (self._decision[0], *meter_probes(sources_of(self.supplies)), *bits)
        analysis = Transient(slots.t_run / self.blocks.n_steps, slots.t_slot * len(inputs))
        return Deck(netlist, analysis, probes, (*self.blocks.solver_options, "method=gear"))

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:
        """Read codes, times and energies.

        Raises
        ------
        MeasurementFailed
            An input inside the range for which the comparator never trips; a bit that is neither high nor low.
        """
        probe, level = self._decision
        edges = self.slots.edges(len(inputs))
        starts = edges[:-1] + self.t_reset + self.t_in
        t_trip = first_rises(axis, signals[probe], level, starts, edges[1:])
        require(
            np.isfinite(t_trip) | (inputs >= self.high),
            inputs,
            "V",
            "never finished: the comparator did not trip on the whole ramp",
            self.name,
            "the ramp does not bring the bit lines together: look at v(ramp), v(p) and v(n)",
        )
        if self.counter:
            bits = np.stack([signals[f"v(b{i})"] for i in range(self.n_bits)])
            at = edges[1:] - 0.2 * self.t_clk
            codes = read_codes(axis, bits, at, inputs, self.blocks.vdd, where=self.name)
        else:
            counts = np.floor((t_trip - starts - self.t_delay) / self.t_clk)
            codes = np.clip(counts, 0, 2**self.n_bits - 1).astype(np.int64)
        t_conv: Array = self.t_reset + self.t_in + self.t_delay + (codes + 1.0) * np.float64(self.t_clk)
        energy = metered(axis, signals, self.supplies, edges) | {RECKONED: self.blocks.logic.counter(codes)}
        return Conversions(codes, t_conv, energy)

    @property
    def supplies(self) -> Supplies:
        """The sources of each block and their voltages [V]."""
        return {"ramp": [("vdd_ramp", self.blocks.vdd)], "comparator": [("vdd_cmp", self.blocks.vdd)]}

    @property
    def _decision(self) -> tuple[str, float]:
        """What is probed, and the level at which it says "tripped"."""
        if self.blocks.level == "behavioural":
            return "v(xcmp.d)", 0.0  # in front of the decision: a straight line, read exactly between time points
        return "v(trip)", self.blocks.vdd / 2

    def _rails(self) -> dict[str, float]:
        return {"vcm": self.v_cm, "vdd_ramp": self.blocks.vdd, "vdd_cmp": self.blocks.vdd, "vdl": self.blocks.vdd}

    def _held(self, name: str, plus: str, minus: str, values: Array, rest: float) -> str:
        """Return a source that is at `rest` in every reset and at one of `values` (n,) afterwards [V].

        Noise, too: during the reset the comparator is balanced, and what its first stage makes of a difference there
        comes back onto a top plate through the gate of its transistor, as large as the difference itself.
        """
        slots, resting = self.slots, np.full_like(values, rest)
        at = np.array([0.0, self.t_reset + _GUARD, self.t_reset + 2 * _GUARD, slots.t_slot - _GUARD])
        times = (slots.edges(len(values))[:-1, None] + at).ravel()
        return pwl(name, plus, minus, times, np.stack([resting, resting, values, values], axis=1).ravel())

    def _capacitors(self) -> list[str]:
        lines = [f"ci{s} in{s} {s} {spice(c)}" for s, c in zip("pn", self.c_in, strict=True)]
        lines += [f"crp 0 p {spice(self.c_ramp[0])}", f"crn ramp n {spice(self.c_ramp[1])}"]
        lines += [f"cop 0 p {spice(self.c_off[0])}", f"con off n {spice(self.c_off[1])}"]
        return lines + ([f"cp{s} {s} 0 {spice(self.c_par)}" for s in "pn"] if self.c_par else [])

    def _counter(self, n: int) -> list[str]:
        """Return the clock, its gate and the stages; the window lets one pulse less than there are codes pass."""
        slots, vdd, edge = self.slots, self.blocks.vdd, 0.02 * self.t_clk
        first = self.t_reset + self.t_in + self.t_delay
        width = (2**self.n_bits - 1) * self.t_clk
        v, e, slot = spice(vdd), spice(edge), spice(slots.t_slot)
        on = (slots.edges(n)[:-1, None] + first + self.t_clk * np.arange(1, 2**self.n_bits) - edge / 2).ravel()
        times = np.stack([on, on + edge, on + self.t_clk / 2, on + self.t_clk / 2 + edge], axis=1).ravel()
        return [
            pwl("vclk", "clk", "0", times, np.tile([0.0, vdd, vdd, 0.0], len(on))),
            f"vwin win 0 pulse(0 {v} {spice(first + self.t_clk / 2)} {e} {e} {spice(width)} {slot})",
            "acnt [clk st win trip] [dclk dst dwin dtrip] cnt_in",
            "anot dtrip ntrip cnt_not\nagate [dclk dwin ntrip] c0 cnt_and",
            *(f"xb{i} c{i} dst c{i + 1} b{i} counter_stage v_dd={v}" for i in range(self.n_bits)),
            f".model cnt_in adc_bridge(in_low={spice(vdd / 2)} in_high={spice(vdd / 2)})",
            ".model cnt_not d_inverter(rise_delay=1e-12 fall_delay=1e-12)",
            ".model cnt_and d_and(rise_delay=1e-12 fall_delay=1e-12)",
        ]


def ramp_charge(
    n_bits: int,
    level: Level = "behavioural",
    corner: Corner | None = None,
    mismatch: Mismatch | None = None,
    seed: int | None = None,
    *,
    c_in: float = 256e-15,
    c_ramp: float = 256e-15,
    c_off: float = 128e-15,
    c_par: float = 0.0,
    c_density: float = 2e-3,
    v_ramp: float = 1.0,
    v_cm: float = 0.5,
    t_ramp: float = 1.024e-6,
    t_reset: float = 6e-8,
    t_in: float = 5e-8,
    t_delay: float = 1.1e-8,
    i_ref: float = 3.125e-6,
    c_drawn: float = 3e-14,
    i_bias: float = 1e-5,
    offset: float = 0.0,
    counter: bool = False,
    process: Process | None = None,
) -> RampCharge:
    """Build a charge-mode ramp converter.

    Parameters
    ----------
    n_bits : int
        Bits.
    level : {"behavioural", "transistor"}
        Equations and ideal switches, or transistors of the 1.8 V node.
    corner : Corner, optional
        Process, temperature, supply.
    mismatch, seed : Mismatch, int, optional
        Of capacitors, comparator and ramp; no seed: nominal.
    c_in, c_ramp, c_off, c_par : float
        Column, coupling of the ramp, of the step, and parasitic of each top plate [F]. The range is
        ``v_ramp c_ramp / c_in``.
    c_density : float
        Capacitance per area, for the mismatch [F/m²] (assumed).
    v_ramp, v_cm : float
        Span of the ramp, common mode [V]; the p-input comparator works up to about 1.1 V.
    t_ramp, t_reset, t_in : float
        Time of 2**n_bits clock periods, reset, settling of the input [s].
    t_delay : float
        Start of the clock after that of the ramp, which cancels the comparator's delay [s]; transistor level.
    i_ref, c_drawn : float
        Current of the ramp [A]; what transistors add to its capacitor [F] (transistor level).
    i_bias, offset : float
        Bias of the comparator [A]; offset of the behavioural one, on top of that of the mismatch [V].
    counter : bool
        Put the counter into the deck.
    process : Process, optional
        Transistors in the place of the generic ones; their supply counts at both levels.

    Raises
    ------
    NetlistError
        Values out of range.
    """
    corner, mismatch = corner or Corner(), mismatch or Mismatch()
    if not (2 <= n_bits <= 12 and min(c_in, c_ramp, c_off, t_ramp, t_reset, t_in, v_ramp) > 0):
        raise NetlistError(
            f"ramp_charge: got {n_bits} bits, c_in {show(c_in, 'F')}, c_ramp {show(c_ramp, 'F')}, c_off "
            f"{show(c_off, 'F')}, v_ramp {show(v_ramp, 'V')}; wanted 2 to 12 bits, capacitors and times above zero"
        )
    nominal = np.array([c_in, c_in, c_ramp, c_ramp, c_off, c_off])
    drawn = np.zeros(6) if seed is None else stream(seed, "ramp_charge", "capacitors").standard_normal(6)
    c = (nominal * (1 + mismatch.a_c * np.sqrt(c_density / nominal) * drawn)).tolist()
    built = blocks(
        "ramp_charge", level, corner, ("comparator", "ramp"), ("comparator", "ramp_source"), mismatch, seed, process
    )
    load = c_ramp * (c_in + c_off + c_par) / (c_ramp + c_in + c_off + c_par)
    c_source = i_ref * t_ramp / v_ramp - load - (c_drawn if level == "transistor" else 0.0)
    if not c_source > 0:
        raise NetlistError(f"ramp_charge: i_ref = {show(i_ref, 'A')} is too small for the load of {show(load, 'F')}")
    ideal = level == "behavioural"
    return RampCharge(
        n_bits=n_bits,
        high=v_ramp * c_ramp / c_in / 2,
        blocks=built,
        source=f"ramp_source{'_b' if ideal else ''} i_ref={spice(i_ref)} c={spice(c_source)}",
        comparator=f"comparator_b offset={spice(offset)} i_bias={spice(5 * i_bias)}"
        if ideal
        else f"comparator i_bias={spice(i_bias)}",
        reset=f"st stb charge_switch_ideal r_on=1e3 v_t={spice(built.vdd / 2)}"
        if ideal
        else "st stb vdl 0 tgate u=4e-6",
        c_in=(c[0], c[1]),
        c_ramp=(c[2], c[3]),
        c_off=(c[4], c[5]),
        c_par=c_par,
        v_ramp=v_ramp,
        v_off=v_ramp * c_ramp / c_off / 2,
        v_cm=v_cm,
        offset=offset if ideal else 0.0,
        t_clk=t_ramp / 2**n_bits,
        t_delay=0.0 if ideal else t_delay,
        t_reset=t_reset,
        t_in=t_in,
        counter=counter,
        i_ref=i_ref,
    )


def charge_texts() -> tuple[str, ...]:
    """Return the subcircuits that it takes from other folders: ideal reset switch, stage of the counter."""
    ideal = share("netlists", "cells", "charge_switch.cir").read_text(encoding="utf-8").split("* The same with")[0]
    return ideal, share("netlists", "adcs", "counter_stage.cir").read_text(encoding="utf-8")
