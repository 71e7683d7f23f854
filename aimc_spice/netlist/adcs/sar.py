r"""Successive approximation of a voltage: how does an R-2R ladder find the code bit by bit?

One idea: each clock period tries one bit, from the first: the ladder makes the voltage of the bits found so far plus
the trial, and the comparator says whether the input is above it. Without a clock the periods become copies of one and
the same ladder and comparator, one after the other, so that a DC sweep converts::

    period of bit k:   bits found ---> [switches] ---> s_(n-1) .. s_0     (high or low)
                       bit k = 1                         |2R      |2R
                       bits below = 0         dac ---+--[R]-- .. -+--[2R]-- low
                                               |
                           in ---(+ comparator -)---> bit k

    v(dac) = low + (high - low) code / 2**n_bits

Settling within a period is not in it (`sar_clocked` has it); the sequencer's energy is reckoned, `t_clk` scales the
rest. Charge-redistribution is in `sar_charge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import RECKONED, Array, Conversions, Level, Mismatch
from aimc_spice.netlist.adcs.blocks import Blocks, blocks
from aimc_spice.netlist.adcs.mos import Process
from aimc_spice.netlist.adcs.noise import COMPARATOR, draws, resistor_noise, total
from aimc_spice.netlist.adcs.static import whole_codes
from aimc_spice.netlist.base import Deck, Lines, Netlist
from aimc_spice.netlist.drive import dc_vectors
from aimc_spice.netlist.driven import Corner
from aimc_spice.rng import stream
from aimc_spice.units import show, spice

_OFF = 1e-12  # of an open switch [S]


@dataclass(frozen=True)
class Sar:
    """A successive-approximation converter with an R-2R ladder; a `Converter`. Build it with `sar`.

    Parameters
    ----------
    n_bits : int
        Bits.
    low, high : float
        Input range and the references of the ladder [V].
    blocks : Blocks
        Definitions, supply and level.
    rungs, rails : tuple of float
        Of every bit, least significant first, less the switch (about 2R); between bits, the terminator first [Ω].
    r_on : float
        Switches [Ω].
    comparator : str
        Instance text: subcircuit and parameters.
    t_clk : float
        Clock period [s].
    noise : int or None
        Seed of the noise sources (see `noise`); None is quiet.
    """

    n_bits: int
    low: float
    high: float
    blocks: Blocks
    rungs: tuple[float, ...]
    rails: tuple[float, ...]
    r_on: float
    comparator: str
    t_clk: float
    noise: int | None = None
    quantity: str = "V"

    @property
    def name(self) -> str:
        """Type, level and bits."""
        return f"sar {self.n_bits} bit, {self.blocks.level}"

    def deck(self, inputs: Array) -> Deck:
        """Return a DC sweep over the inputs (n,) [V]."""
        drawn = self._drawn(inputs)
        nodes = [f"n{k}" for k in range(len(drawn))]
        drive = dc_vectors(["in", *nodes], np.stack([inputs, *drawn], axis=1))
        half = spice(self.blocks.vdd / 2)
        body = [f"vhigh high 0 {spice(self.high)}", f"vlow low 0 {spice(self.low)}"]
        body += [f"vdd_cmp vdd_cmp 0 {spice(self.blocks.vdd)}", "rcount count 0 1"]
        for k in range(self.n_bits):
            body += self._ladder(k, half)
            node = f"noisy{k}" if nodes else "in"
            body.append(f"xcmp{k} {node} d{k}_{self.n_bits - 1} bit{k} vdd_cmp 0 {self.comparator}")
            body.append(f"bcount{k} 0 count i=v(bit{k})>{half} ? {2**k} : 0")
        body += [f"bnoise{k} noisy{k} 0 v=v(in)+v({node})" for k, node in enumerate(nodes)]
        netlist = Netlist(self.name, self.blocks.definitions, (drive.lines, Lines("\n".join(body))))
        probes = ("v(count)", "i(vhigh)", "i(vlow)", "i(vdd_cmp)")
        return Deck(netlist, drive.analysis, probes, self.blocks.solver_options)

    def _ladder(self, k: int, half: str) -> list[str]:
        """Return the ladder as it stands while bit `k` is tried."""
        lines = [f"rt{k} d{k}_0 low {spice(self.rails[0])}"]
        lines += [f"rr{k}_{j} d{k}_{j} d{k}_{j - 1} {spice(self.rails[j])}" for j in range(1, self.n_bits)]
        for j, rung in enumerate(self.rungs):
            node = f"s{k}_{j}"
            lines.append(f"rs{k}_{j} {node} d{k}_{j} {spice(rung)}")
            if j > k:
                on, off = spice(1 / self.r_on), spice(_OFF)
                lines.append(f"bh{k}_{j} high {node} i=v(high,{node})*(v(bit{j})>{half} ? {on} : {off})")
                lines.append(f"bl{k}_{j} {node} low i=v({node},low)*(v(bit{j})>{half} ? {off} : {on})")
            else:
                lines.append(f"ro{k}_{j} {node} {'high' if j == k else 'low'} {spice(self.r_on)}")
        return lines

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:  # noqa: ARG002
        """Read codes and energies.

        Raises
        ------
        MeasurementFailed
            A code that is no whole number: the copies did not settle.
        """
        codes = whole_codes(signals["v(count)"], inputs, where=self.name)
        ladder = -self.high * signals["i(vhigh)"] - self.low * signals["i(vlow)"]
        power = {"ladder": ladder, "comparator": -self.blocks.vdd * signals["i(vdd_cmp)"]}
        energy = {block: watts * self.t_clk for block, watts in power.items()}
        energy[RECKONED] = np.full(len(inputs), self.blocks.logic.sequencer(self.n_bits, self.n_bits))
        return Conversions(codes, np.full(len(inputs), self.n_bits * self.t_clk), energy)

    def noise_parts(self) -> Mapping[str, float]:
        """Return the noise of a decision by origin in closed form [V]; see `Noisy`."""
        # seen from its output the ladder is 2R beside 2R, whatever the code
        return {"comparator": COMPARATOR, "ladder": resistor_noise(self.rails[-1], self.blocks.temp_k)}

    def _drawn(self, inputs: Array) -> Array:
        """Return the noise of each decision, (n_bits, n) [V]; none where it is quiet."""
        if self.noise is None:
            return np.empty((0, len(inputs)))
        return total(self.noise_parts()) * draws(self.noise, self.name, inputs, self.n_bits)


def sar(
    n_bits: int,
    level: Level = "behavioural",
    corner: Corner | None = None,
    mismatch: Mismatch | None = None,
    seed: int | None = None,
    *,
    process: Process | None = None,
    low: float = 0.1,
    high: float = 0.9,
    r_unit: float = 1e4,
    r_on: float = 1e2,
    area_r: float = 2e-11,
    t_clk: float = 2e-8,
    i_bias: float = 1e-5,
    offset: float = 0.0,
) -> Sar:
    """Build a successive-approximation converter with an R-2R ladder.

    Parameters
    ----------
    n_bits : int
        Bits.
    level : {"behavioural", "transistor"}
        Comparator of equations, or of transistors of the 1.8 V node; the switches are resistances at both.
    corner : Corner, optional
        Process, temperature, supply; default typical.
    mismatch, seed : Mismatch, int, optional
        Of the resistors (`a_r`) and of the comparator's transistors; no seed: nominal.
    process : Process, optional
        Transistors in the place of the generic ones, already those of the corner (see `mos.pdk`).
    low, high : float
        Input range [V]; up to about 1.0 V at transistor level.
    r_unit, r_on, area_r : float
        R of the ladder, which the switch is part of; the switch [Ω]; area of R [m²], of 2R twice as much.
    t_clk : float
        Clock period [s].
    i_bias : float
        Bias of the comparator [A].
    offset : float
        Of the behavioural comparator [V].
    """
    corner, mismatch = corner or Corner(), mismatch or Mismatch()
    if not (high > low and 0 < r_on < 2 * r_unit and area_r > 0 and t_clk > 0):
        raise NetlistError(
            f"sar: got {show(low, 'V')} to {show(high, 'V')}, R {show(r_unit, 'Ω')}, r_on {show(r_on, 'Ω')}"
        )
    built = blocks("sar", level, corner, ("comparator",), ("comparator",), mismatch, seed, process)
    z = np.zeros((2, n_bits)) if seed is None else stream(seed, "sar", "ladder").standard_normal((2, n_bits))
    sigma = mismatch.a_r / np.sqrt(area_r)
    nominal = r_unit * np.where(np.arange(n_bits) == 0, 2.0, 1.0)
    rungs = 2 * r_unit * (1 + sigma * z[0] / np.sqrt(2)) - r_on
    rails = nominal * (1 + sigma * z[1] / np.sqrt(nominal / r_unit))
    behavioural = f"comparator_b offset={spice(offset)} i_bias={spice(5 * i_bias)}"
    comparator = behavioural if level == "behavioural" else f"comparator i_bias={spice(i_bias)}"
    return Sar(n_bits, low, high, built, tuple(rungs.tolist()), tuple(rails.tolist()), r_on, comparator, t_clk)
