r"""Single-slope converter: how does the time a ramp takes to reach the input become a code?

One idea: a constant current charges a capacitor, all columns compare their input with that one ramp, and each keeps the
count of clock periods at which its comparator tripped::

    i_ref                        v_in (held)
      |                            |
      v    +-- ramp ----- (+)\      |
           |                  >----|--- trip -> count = floor((t_trip - t_0) / t_clk)
      c === \  reset       (-)/ ----+
           |  |
          gnd low            slope = i_ref / c = (high - low) / (2**n_bits t_clk)

The counter is ideal logic: it starts `t_delay` after the ramp (a replica of the comparator's own delay, a constant of
the design), and stops at full scale. The ramp goes on for an eighth more, so that an input at the top still trips.
`deck` takes one slot per input; energy is that of ramp and comparator, and what a counter of gates is reckoned to take.
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
from aimc_spice.netlist.adcs.slots import Slots, first_rises, require
from aimc_spice.netlist.base import Deck, Lines, Netlist, Transient
from aimc_spice.netlist.driven import Corner
from aimc_spice.units import show, spice

_MORE = 0.125  # of the ramp beyond full scale


@dataclass(frozen=True)
class Ramp:
    """A single-slope converter; a `Converter`. Build it with `ramp`.

    Parameters
    ----------
    n_bits : int
        Bits.
    low, high : float
        Input range [V].
    blocks : Blocks
        Definitions, supply and level.
    source, comparator : str
        Instance texts: subcircuit and parameters.
    t_clk, t_delay, t_reset : float
        Clock period, start of the counter after that of the ramp, reset [s].
    i_ref, c_ramp : float
        Current [A] and capacitor [F] of the ramp.
    noise : int or None
        Seed of the noise sources (see `noise`); None is quiet.
    """

    n_bits: int
    low: float
    high: float
    blocks: Blocks
    source: str
    comparator: str
    t_clk: float
    t_delay: float
    t_reset: float
    i_ref: float
    c_ramp: float
    noise: int | None = None
    quantity: str = "V"

    @property
    def name(self) -> str:
        """Type, level and bits."""
        return f"ramp {self.n_bits} bit, {self.blocks.level}"

    @property
    def slots(self) -> Slots:
        """Times of the conversions."""
        return Slots(self.t_reset, (1 + _MORE) * 2**self.n_bits * self.t_clk + self.t_delay)

    @property
    def supplies(self) -> Supplies:
        """The sources of each block and their voltages [V]."""
        return {name: [(f"vdd_{short}", self.blocks.vdd)] for name, short in _BLOCKS.items()}

    @property
    def _decision(self) -> tuple[str, float]:
        """What is probed, and the level at which it says "tripped"."""
        if self.blocks.level == "behavioural":
            return "v(xcmp.d)", 0.0  # in front of the decision: a straight line, read exactly between time points
        return "v(trip)", self.blocks.vdd / 2

    def deck(self, inputs: Array) -> Deck:
        """Return one transient that converts every input (n,) [V] in its own slot."""
        slots, vdd = self.slots, self.blocks.vdd
        body = [
            slots.steps("vin", "in", inputs),
            *self._noise(inputs),
            slots.control("vrun", "run", vdd, running=True),
            slots.control("vhalt", "halt", vdd, running=False),
            f"vlow low 0 {spice(self.low)}",
            f"vdd_ramp vdd_ramp 0 {spice(vdd)}",
            f"vdd_cmp vdd_cmp 0 {spice(vdd)}",
            meters(sources_of(self.supplies)),
            f"xramp ramp run halt low vdd_ramp 0 {self.source}",
            f"xcmp ramp {'in' if self.noise is None else 'noisy'} trip vdd_cmp 0 {self.comparator}",
        ]
        netlist = Netlist(self.name, self.blocks.definitions, (Lines("\n".join(body)),))
        probes = (self._decision[0], *meter_probes(sources_of(self.supplies)))
        analysis = Transient(slots.t_run / self.blocks.n_steps, slots.t_slot * len(inputs))
        return Deck(netlist, analysis, probes, self.blocks.solver_options)

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:
        """Read codes, times and energies.

        Raises
        ------
        MeasurementFailed
            An input inside the range for which the comparator never trips.
        """
        probe, level = self._decision
        slots, edges = self.slots, self.slots.edges(len(inputs))
        t_trip = first_rises(axis, signals[probe], level, edges[:-1] + slots.t_reset, edges[1:])
        require(
            np.isfinite(t_trip) | (inputs >= self.high),
            inputs,
            "V",
            "never finished: the comparator did not trip on the whole ramp",
            self.name,
            "the ramp does not reach the input: look at v(ramp); a lower i_ref, or a higher supply",
        )
        counts = np.asarray(np.floor((t_trip - edges[:-1] - slots.t_reset - self.t_delay) / self.t_clk))
        codes = np.clip(counts, 0, 2**self.n_bits - 1).astype(np.int64)
        t_conv: Array = self.t_reset + self.t_delay + (codes + 1.0) * self.t_clk
        energy = metered(axis, signals, self.supplies, edges) | {RECKONED: self.blocks.logic.counter(codes)}
        return Conversions(codes, t_conv, energy)

    def noise_parts(self) -> Mapping[str, float]:
        """Return the noise by origin in closed form, at mid range [V]; see `Noisy`."""
        t_half, temp_k = 2 ** (self.n_bits - 1) * self.t_clk, self.blocks.temp_k
        current = added_charge(mirror_density(self.i_ref, temp_k), t_half) / self.c_ramp
        return {"comparator": COMPARATOR, "reset": reset_noise(self.c_ramp, temp_k), "reference": current}

    def _noise(self, inputs: Array) -> list[str]:
        if self.noise is None:
            return []
        (drawn,) = total(self.noise_parts()) * draws(self.noise, self.name, inputs)
        return [self.slots.steps("vnoise", "noisy", drawn, low="in")]


_BLOCKS = {"ramp": "ramp", "comparator": "cmp"}


def ramp(
    n_bits: int,
    level: Level = "behavioural",
    corner: Corner | None = None,
    mismatch: Mismatch | None = None,
    seed: int | None = None,
    *,
    process: Process | None = None,
    low: float = 0.1,
    high: float = 0.9,
    t_ramp: float = 1.024e-6,
    t_reset: float = 5e-8,
    i_ref: float = 3.125e-6,
    c_par: float = 3e-14,
    t_delay: float = 1.17e-8,
    i_bias: float = 1e-5,
    offset: float = 0.0,
) -> Ramp:
    """Build a single-slope converter.

    Parameters
    ----------
    n_bits : int
        Bits.
    level : {"behavioural", "transistor"}
        Equations, or transistors of the 1.8 V node.
    corner : Corner, optional
        Process, temperature, supply; default typical.
    mismatch, seed : Mismatch, int, optional
        Of the comparator's and the ramp's transistors; no seed: nominal.
    process : Process, optional
        Transistors in the place of the generic ones, already those of the corner (see `mos.pdk`).
    low, high : float
        Input range [V]; up to about 1.0 V at transistor level.
    t_ramp, t_reset : float
        Time from `low` to `high`, of 2**n_bits clock periods; reset [s]. Against a slow ramp the
        comparator's delay is small.
    i_ref : float
        Current of the ramp [A]; its capacitance follows from the slope.
    c_par : float
        What transistors are reckoned to add to the capacitor [F]: it is drawn smaller by as much; transistor level.
    t_delay : float
        Start of the counter after that of the ramp [s]; transistor level.
    i_bias : float
        Bias of the comparator [A].
    offset : float
        Of the behavioural comparator [V].
    """
    corner, mismatch = corner or Corner(), mismatch or Mismatch()
    c_ramp = i_ref * t_ramp / (high - low)
    if not (high > low and t_ramp > 0 and t_reset > 0 and c_ramp > c_par >= 0):
        span = f"{show(low, 'V')} to {show(high, 'V')}, ramp {show(t_ramp, 's')}, capacitor {show(c_ramp, 'F')}"
        raise NetlistError(f"ramp: got {span}; wanted a rising range, times above zero, a capacitor above c_par")
    t_clk = t_ramp / 2**n_bits
    built = blocks(
        "ramp", level, corner, ("comparator", "ramp"), ("comparator", "ramp_source"), mismatch, seed, process
    )
    if level == "behavioural":
        source = f"ramp_source_b i_ref={spice(i_ref)} c={spice(c_ramp)}"
        comparator = f"comparator_b offset={spice(offset)} i_bias={spice(5 * i_bias)}"
        return Ramp(n_bits, low, high, built, source, comparator, t_clk, 0.0, t_reset, i_ref, c_ramp)
    source = f"ramp_source i_ref={spice(i_ref)} c={spice(c_ramp - c_par)}"
    comparator = f"comparator i_bias={spice(i_bias)}"
    return Ramp(n_bits, low, high, built, source, comparator, t_clk, t_delay, t_reset, i_ref, c_ramp)
