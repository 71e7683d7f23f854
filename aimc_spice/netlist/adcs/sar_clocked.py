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
from dataclasses import dataclass, replace

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Array, Level, Mismatch
from aimc_spice.netlist.adcs.blocks import adc_text
from aimc_spice.netlist.adcs.charge_parts import Clocking, Comparator, Ideal, Parts, ideal_parts, mos_parts, sequencer
from aimc_spice.netlist.adcs.clocked import Clocked
from aimc_spice.netlist.adcs.mos import Process, generic
from aimc_spice.netlist.adcs.noise import STRONG_ARM, draws, resistor_noise, total
from aimc_spice.netlist.base import Part
from aimc_spice.netlist.driven import Corner
from aimc_spice.rng import stream
from aimc_spice.units import show, spice

_WAIT = 2  # periods before the first decision
_NODE = "g180"


@dataclass(frozen=True)
class SarClocked(Clocked):
    """A clocked SAR with an R-2R ladder; a `Converter`. Build it with `sar_clocked`.

    Parameters
    ----------
    parts, clocking, noise
        As of `Clocked`; `vref` and `vcm` are the ladder's references.
    low, high : float
        Input range and references [V].
    rungs, rails : tuple of float
        Of every bit, least significant first, less the switch (about 2R); between bits, the terminator first [Ω].
    c_dac : float
        Load of the ladder's output and of the input's resistance besides the comparator [F].
    """

    low: float
    high: float
    rungs: tuple[float, ...]
    rails: tuple[float, ...]
    c_dac: float
    kind = "sar_clocked"

    @property
    def n_bits(self) -> int:
        """Bits."""
        return len(self.rungs)

    @property
    def references(self) -> tuple[float, float]:
        """Upper and lower end of the ladder [V]."""
        return self.high, self.low

    def definitions(self) -> tuple[Part, ...]:
        """Return models and subcircuits."""
        return self.parts.definitions

    def _circuit(self, inputs: Array) -> list[str]:
        return [
            self.clocking.input_source("vin", "in" if self.noise is None else "quiet", self.n_bits, inputs, self.low),
            *self._noise(inputs),
            self.parts.comparator,
            *self._ladder(),
            *self._slices(),
            sequencer(self.parts.v_dd),
        ]

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
    process: Process | None = None,
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
    process : Process, optional
        Transistors in the place of the generic ones; their supply counts at both levels.
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
    parts = _parts(level, corner, comparator or Comparator(), mismatch, seed, process, offset=offset, r_on=r_on)
    clocking = Clocking(t_clk, _WAIT, t_clk)
    return SarClocked(parts, clocking, low, high, tuple(rungs.tolist()), tuple(rails.tolist()), c_dac)


def _parts(  # noqa: PLR0917  one place calls it
    level: Level,
    corner: Corner,
    comparator: Comparator,
    mismatch: Mismatch,
    seed: int | None,
    process: Process | None,
    **ideal: float,
) -> Parts:
    """Return comparator and bit slices; the rest of `Parts` is as for charge."""
    if level not in {"behavioural", "transistor"}:
        raise NetlistError(f"sar_clocked: got level {level!r}", hint="known: behavioural, transistor")
    text, separator, mos = adc_text("sar_r2r_bit").partition("* The same with transistors")
    if level == "behavioural":
        parts = ideal_parts(Ideal(v_os=ideal["offset"]), _NODE, corner, process)
        bit = f"sar_r2r_bit_b r_on={spice(ideal['r_on'])} v_dd={spice(parts.v_dd)}"
        return parts.with_bit(text, bit)
    process = process or generic(_NODE, corner)
    parts = mos_parts(process, _NODE, corner, comparator, w_reset=1e-6, mismatch=mismatch, seed=seed, p_inputs=True)
    parts = replace(parts, options=(*parts.options, "bypass=1"))  # switches at rest are not evaluated again
    return parts.with_bit(separator + mos, f"sar_r2r_bit v_dd={spice(process.vdd)}")
