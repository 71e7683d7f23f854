r"""Successive approximation in time: does an R-2R ladder settle, and a latch decide, within a clock period?

One idea: the ladder of `sar` once, with a register and a sequencer of XSPICE flip-flops in the deck, and a clocked
comparator: one period a bit, and the code is read from the register's outputs. It is the judge of the unrolled `sar`::

    in -[R]-(+ \                                    clk
           |  latch >-- comp --> sequencer, register --> b_(n-1) .. b_0
    dac --(- /  strobe                                        |
     |                                          [switch: high or low] s_i
     +--[R]-- .. --+--[2R]-- low                              |
                   +--[2R]------------------------------------+

The latch has p inputs, as the range lies near the ground. What it kicks back into its inputs must be alike on both, so
the input has the ladder's resistance and load, too: without them a 6-bit converter is off by 12 codes. Logic draws
nothing: its energy is reckoned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.netlist.adcs.base import RECKONED, Array, Conversions, Level, Mismatch
from aimc_spice.netlist.adcs.blocks import adc_text
from aimc_spice.netlist.adcs.charge_parts import Clocking, Comparator, Ideal, Parts, ideal_parts, mos_parts, sequencer
from aimc_spice.netlist.adcs.mos import generic
from aimc_spice.netlist.adcs.noise import STRONG_ARM, draws, resistor_noise, total
from aimc_spice.netlist.adcs.windows import read_codes, rise_times
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck, Lines, Netlist, Transient
from aimc_spice.netlist.driven import Corner
from aimc_spice.rng import stream
from aimc_spice.units import show, spice

_WAIT = 2  # periods before the first decision
_NODE = "g180"


@dataclass(frozen=True)
class SarClocked:
    """A clocked SAR with an R-2R ladder; a `Converter`. Build it with `sar_clocked`.

    Parameters
    ----------
    parts : Parts
        Bit slices and comparator of one level and corner; `vref` and `vcm` are the ladder's references.
    low, high : float
        Input range and references [V].
    rungs, rails : tuple of float
        Of every bit, least significant first, less the switch (about 2R); between bits, the terminator first [Ω].
    c_dac : float
        Load of the ladder's output and of the input's resistance besides the comparator [F].
    clocking : Clocking
        Times.
    noise : int or None
        Seed of the noise sources (see `noise`); None is quiet.
    """

    parts: Parts
    low: float
    high: float
    rungs: tuple[float, ...]
    rails: tuple[float, ...]
    c_dac: float
    clocking: Clocking
    noise: int | None = None
    quantity: str = "V"

    @property
    def n_bits(self) -> int:
        """Bits."""
        return len(self.rungs)

    @property
    def name(self) -> str:
        """Type, level and bits."""
        return f"sar_clocked {self.n_bits} bit, {self.parts.level}"

    @property
    def t_window(self) -> float:
        """Time from one conversion to the next [s]."""
        return self.clocking.t_window(self.n_bits)

    def deck(self, inputs: Array) -> Deck:
        """Return one deck that converts every input (n,) [V], each in its own window."""
        inputs = np.asarray(inputs, dtype=np.float64)
        if inputs.ndim != 1 or not len(inputs) or not np.isfinite(inputs).all():
            raise ShapeError(f"{self.name}: got inputs of shape {inputs.shape}, wanted finite (n,)")
        clocks, n_bits = self.clocking, self.n_bits
        body = [
            clocks.sources(n_bits, self.parts.v_dd),
            clocks.input_source("vin", "in" if self.noise is None else "quiet", n_bits, inputs, self.low),
            *self._noise(inputs),
            self.parts.supplies(self.high, self.low),
            self.parts.meters(),
            self.parts.comparator,
            *self._ladder(),
            *self._slices(),
            sequencer(self.parts.v_dd),
        ]
        netlist = Netlist(self.name, self.parts.definitions, (Lines("\n".join(body)),))
        probes = (*(f"v({node})" for node in self._bit_nodes()), "v(eoc)", *self.parts.meter_probes)
        options = (*DEFAULT_OPTIONS, *self.parts.options)
        return Deck(netlist, Transient(clocks.t_step, self.t_window * len(inputs)), probes, options)

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
        t_conv = rise_times(axis, signals["v(eoc)"], starts, self.t_window, half, where=where)
        at = starts + self.t_window - 0.25 * self.clocking.t_clk
        codes = read_codes(axis, bits, at, inputs, self.parts.v_dd, where=where)
        edges = np.append(starts, starts[-1] + self.t_window)
        energy = self.parts.energies(axis, signals, self.parts.volts(self.high, self.low), edges)
        logic = self.parts.logic.sequencer(self.n_bits, self.clocking.n_wait + self.n_bits)
        return Conversions(codes, t_conv, energy | {RECKONED: np.full(len(codes), logic)})

    def noise_parts(self) -> Mapping[str, float]:
        """Return the noise of a decision by origin in closed form [V]; see `Noisy`."""
        band = 1 / (4 * self.rails[-1] * self.c_dac)  # of the ladder and its load: together sqrt(kT/C)
        return {"comparator": STRONG_ARM, "ladder": resistor_noise(self.rails[-1], self.parts.temp_k, band)}

    def _noise(self, inputs: Array) -> list[str]:
        if self.noise is None:
            return []
        drawn = total(self.noise_parts()) * draws(self.noise, self.name, inputs, self.n_bits).T
        return [self.clocking.levels("vnoise", "in", "quiet", drawn)]

    def _ladder(self) -> list[str]:
        lines = [f"rin in p {spice(self.rails[-1])}", *(f"c{node} {node} 0 {spice(self.c_dac)}" for node in "pn")]
        lines.append(f"rt d0 vcm {spice(self.rails[0])}")
        for j, (rung, rail) in enumerate(zip(self.rungs, self.rails, strict=True)):
            top = "n" if j == self.n_bits - 1 else f"d{j}"
            lines.append(f"rs{j} s{j} {top} {spice(rung)}")
            lines += [f"rr{j} {top} d{j - 1} {spice(rail)}"] if j else []
        return lines

    def _slices(self) -> list[str]:
        """Return the bits; the token goes from the first to the last, as in `Parts.sar`."""
        lines = []
        for i in reversed(range(self.n_bits)):
            first = i == self.n_bits - 1
            token, clear = ("zero", "start zero") if first else (f"shift{i + 1}", "zero start")
            following = f"shift{i - 1}" if i else "done"
            ports = f"{token} {following} comp dclk {clear} shift{i} b{i} s{i} vref vcm vdl"
            lines.append(f"xb{i} {ports} {self.parts.bit}")
        return lines

    def _bit_nodes(self) -> list[str]:
        return [f"b{i}" for i in range(self.n_bits)]


def sar_clocked(
    n_bits: int,
    level: Level = "behavioural",
    corner: Corner | None = None,
    mismatch: Mismatch | None = None,
    seed: int | None = None,
    *,
    low: float = 0.1,
    high: float = 0.9,
    r_unit: float = 5e3,
    r_on: float = 1e2,
    area_r: float = 2e-11,
    c_dac: float = 5e-14,
    t_clk: float = 1e-8,
    offset: float = 0.0,
    comparator: Comparator | None = None,
) -> SarClocked:
    """Build a clocked SAR with an R-2R ladder.

    Parameters
    ----------
    n_bits : int
        2 to 12.
    level : {"behavioural", "transistor"}
        Ideal switches and comparator; MOS switches with drivers, and a strong-arm latch of the 1.8 V node.
    corner : Corner, optional
        Process, temperature, supply; default typical.
    mismatch, seed : Mismatch, int, optional
        Of the resistors (`a_r`) and of the comparator's transistors; no seed: nominal.
    low, high : float
        Input range and the references of the ladder [V]; up to about 1.0 V at transistor level.
    r_unit, r_on, area_r : float
        R of the ladder, which the switch is part of; the switch as the design reckons it [Ω]; area of R [m²].
    c_dac : float
        Load of the ladder's output [F]: with R it says how fast the ladder settles.
    t_clk : float
        Clock period [s].
    offset : float
        Of the behavioural comparator [V].
    comparator : Comparator, optional
        Transistor level: sizes of the latch.
    """
    corner, mismatch = corner or Corner(), mismatch or Mismatch()
    if not (2 <= n_bits <= 12 and high > low and 0 < r_on < 2 * r_unit and min(area_r, c_dac, t_clk) > 0):
        raise NetlistError(
            f"sar_clocked: got {n_bits} bits, {show(low, 'V')} to {show(high, 'V')}, R {show(r_unit, 'Ω')}, r_on "
            f"{show(r_on, 'Ω')}; wanted 2 to 12 bits, a rising range, a switch below 2R"
        )
    z = np.zeros((2, n_bits)) if seed is None else stream(seed, "sar_clocked", "ladder").standard_normal((2, n_bits))
    sigma = mismatch.a_r / np.sqrt(area_r)
    nominal = r_unit * np.where(np.arange(n_bits) == 0, 2.0, 1.0)
    rungs = 2 * r_unit * (1 + sigma * z[0] / np.sqrt(2)) - r_on
    rails = nominal * (1 + sigma * z[1] / np.sqrt(nominal / r_unit))
    parts = _parts(level, corner, comparator or Comparator(), mismatch, seed, offset=offset, r_on=r_on)
    clocking = Clocking(t_clk, _WAIT, t_clk)
    return SarClocked(parts, low, high, tuple(rungs.tolist()), tuple(rails.tolist()), c_dac, clocking)


def _parts(
    level: Level, corner: Corner, comparator: Comparator, mismatch: Mismatch, seed: int | None, **ideal: float
) -> Parts:
    """Return comparator and bit slices; the rest of `Parts` is as for charge."""
    if level not in {"behavioural", "transistor"}:
        raise NetlistError(f"sar_clocked: got level {level!r}", hint="known: behavioural, transistor")
    text, separator, mos = adc_text("sar_r2r_bit").partition("* The same with transistors")
    if level == "behavioural":
        parts = ideal_parts(Ideal(v_os=ideal["offset"]), _NODE, corner)
        bit = f"sar_r2r_bit_b r_on={spice(ideal['r_on'])} v_dd={spice(parts.v_dd)}"
        return parts.with_bit(text, bit)
    process = generic(_NODE, corner)
    parts = mos_parts(process, corner, comparator, w_reset=1e-6, mismatch=mismatch, seed=seed, p_inputs=True)
    return parts.with_bit(separator + mos, f"sar_r2r_bit v_dd={spice(process.vdd)}")
