r"""Dual-slope converter: how does integrating a current twice make a code that forgets its capacitor?

One idea: the input current charges a capacitor for ``2**n_bits`` clock periods; a reference current takes the charge
out, and the periods that takes are the code::

    v(x)      /\                        up:    i_in / c   for t_int = 2**n_bits t_clk
             /  \                       down:  i_ref / c  until x falls below the trip level
    start --/----\----                  t_down = t_int i_in / i_ref + t_0,   full scale: i_in = i_ref
             t_int \ <- trip level      t_0 = v_step c / i_ref + t_delay     (v_step: start less trip level)

Neither c nor the clock enters the ratio; the comparator always trips at one level and one slope, so its delay is a
constant. The counter is ideal logic, starts `t_0` after the reference is switched in, stops at full scale; its energy
is reckoned. Integrate-and-fire is this with the trip feeding back, see `cco`. `deck` takes one slot per input.
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

_GAP = 5e-9  # between sampling and reference: the switches do not overlap [s]
_MORE = 0.125  # of the second slope beyond full scale
_R_RESET, _N_TAU = 1e3, 10  # the reset switch [Ω], and how many time constants make it forget 1/100 LSB of 8 bits
_BLOCKS = {"integrator": "int", "comparator": "cmp"}


@dataclass(frozen=True)
class DualSlope:
    """A dual-slope converter; a `Converter`. Build it with `dual_slope`.

    Parameters
    ----------
    n_bits : int
        Bits.
    low, high : float
        Input range [A].
    blocks : Blocks
        Definitions, supply and level.
    integrator, comparator : str
        Instance texts: subcircuit and parameters.
    v_start, v_step : float
        Where the first slope starts, and how far below it the second one ends [V].
    t_int, t_0, t_reset : float
        First slope, start of the counter in the second, reset [s].
    c : float
        The integrator's capacitor [F].
    noise : int or None
        Seed of the noise sources (see `noise`); None is quiet.
    """

    n_bits: int
    low: float
    high: float
    blocks: Blocks
    integrator: str
    comparator: str
    v_start: float
    v_step: float
    t_int: float
    t_0: float
    t_reset: float
    c: float
    noise: int | None = None
    quantity: str = "A"

    @property
    def name(self) -> str:
        """Type, level and bits."""
        return f"dual slope {self.n_bits} bit, {self.blocks.level}"

    @property
    def slots(self) -> Slots:
        """Times of the conversions."""
        return Slots(self.t_reset, self.t_int + _GAP + (1 + _MORE) * self.t_int + self.t_0)

    @property
    def t_down(self) -> float:
        """Start of the second slope within the slot [s]."""
        return self.t_reset + self.t_int + _GAP

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
        """Return one transient that converts every input (n,) [A] in its own slot."""
        slots, vdd = self.slots, self.blocks.vdd
        body = [slots.steps("iin", "in", -inputs)]
        phases = {
            "sample": (slots.t_reset, self.t_int),
            "deint": (self.t_down, slots.t_slot - self.t_down),
            "nhalt": (slots.t_reset, slots.t_run),
        }
        for signal, (start, width) in phases.items():
            other = signal[1:] if signal.startswith("n") else f"n{signal}"
            body.append(slots.logic(f"v{signal}", signal, vdd, start=start, width=width))
            body.append(slots.logic(f"v{other}", other, vdd, start=start, width=width, invert=True))
        body += [
            f"vstart start 0 {spice(self.v_start)}",
            f"vlevel level 0 {spice(self.v_start - self.v_step)}",
            f"vdd_int vdd_int 0 {spice(vdd)}",
            f"vdd_cmp vdd_cmp 0 {spice(vdd)}",
            meters(sources_of(self.supplies)),
            f"xint in x sample nsample deint ndeint halt nhalt start vdd_int 0 {self.integrator}",
            *self._noise(inputs),
            f"xcmp {'level' if self.noise is None else 'noisy'} x trip vdd_cmp 0 {self.comparator}",
        ]
        netlist = Netlist(self.name, self.blocks.definitions, (Lines("\n".join(body)),))
        analysis = Transient(slots.t_run / self.blocks.n_steps, slots.t_slot * len(inputs))
        probes = (self._decision[0], *meter_probes(sources_of(self.supplies)))
        return Deck(netlist, analysis, probes, self.blocks.solver_options)

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:
        """Read codes, times and energies.

        Raises
        ------
        MeasurementFailed
            An input inside the range for which the comparator never trips.
        """
        probe, level = self._decision
        edges = self.slots.edges(len(inputs))
        t_trip = first_rises(axis, signals[probe], level, edges[:-1] + self.t_down, edges[1:])
        require(
            np.isfinite(t_trip) | (inputs >= self.high),
            inputs,
            "A",
            "never finished: the second slope did not reach the trip level",
            self.name,
            "look at v(x): the reference sink has too little voltage, or x is at the supply",
        )
        t_clk = self.t_int / 2**self.n_bits
        counts = np.asarray(np.floor((t_trip - edges[:-1] - self.t_down - self.t_0) / t_clk))
        codes = np.clip(counts, 0, 2**self.n_bits - 1).astype(np.int64)
        t_conv: Array = self.t_down + self.t_0 + (codes + 1.0) * t_clk
        logic = self.blocks.logic
        counted = logic.counter(codes) + logic.counter(np.full(len(codes), 2**self.n_bits))
        return Conversions(codes, t_conv, metered(axis, signals, self.supplies, edges) | {RECKONED: counted})

    def noise_parts(self) -> Mapping[str, float]:
        """Return the noise by origin in closed form, at mid range [A]; see `Noisy`."""
        temp_k, to_input = self.blocks.temp_k, self.c / self.t_int
        reference = added_charge(mirror_density(self.high, temp_k), self.t_int / 2) / self.c
        parts = {"comparator": COMPARATOR, "reset": reset_noise(self.c, temp_k), "reference": reference}
        return {origin: volts * to_input for origin, volts in parts.items()}

    def _noise(self, inputs: Array) -> list[str]:
        if self.noise is None:
            return []
        (drawn,) = total(self.noise_parts()) * self.t_int / self.c * draws(self.noise, self.name, inputs)
        return [self.slots.steps("vnoise", "noisy", drawn, low="level")]


def dual_slope(
    n_bits: int,
    level: Level = "behavioural",
    corner: Corner | None = None,
    mismatch: Mismatch | None = None,
    seed: int | None = None,
    *,
    process: Process | None = None,
    i_full: float = 2e-5,
    t_int: float = 5.12e-7,
    t_reset: float = 2e-7,
    v_start: float = 0.8,
    v_swing: float = 0.6,
    v_step: float = 0.05,
    t_delay: float = 1.2e-8,
    i_bias: float = 1e-5,
    offset: float = 0.0,
) -> DualSlope:
    """Build a dual-slope converter.

    Parameters
    ----------
    n_bits : int
        Bits.
    level : {"behavioural", "transistor"}
        Equations, or transistors of the 1.8 V node.
    corner : Corner, optional
        Process, temperature, supply; default typical.
    mismatch, seed : Mismatch, int, optional
        Of the comparator's and the integrator's transistors; no seed: nominal.
    process : Process, optional
        Transistors in the place of the generic ones, already those of the corner (see `mos.pdk`).
    i_full : float
        Reference current, and current of full scale [A]; the range begins at zero.
    t_int, t_reset : float
        First slope, of 2**n_bits clock periods; reset [s].
    v_start, v_swing, v_step : float
        Start of the first slope, its height at full scale (which sets the capacitor), and the trip level below the
        start [V].
    t_delay : float
        Of the comparator, as the design reckons it [s]; transistor level.
    i_bias : float
        Bias of the comparator [A].
    offset : float
        Of the behavioural comparator [V].
    """
    corner, mismatch = corner or Corner(), mismatch or Mismatch()
    if not (min(i_full, t_int, t_reset, v_swing) > 0 and 0 <= v_step < v_start):
        raise NetlistError(
            f"dual slope: got full scale {show(i_full, 'A')}, first slope {show(t_int, 's')} of {show(v_swing, 'V')}",
            hint="all above zero, and v_step below v_start",
        )
    built = blocks(
        "dual_slope", level, corner, ("comparator", "dual_slope"), ("comparator", "dual_slope"), mismatch, seed, process
    )
    c = i_full * t_int / v_swing
    if t_reset < _N_TAU * _R_RESET * c:
        raise NetlistError(
            f"dual slope: got a reset of {show(t_reset, 's')}, wanted {show(_N_TAU * _R_RESET * c, 's')}",
            cause=f"{_N_TAU} time constants of the reset switch and {show(c, 'F')}",
            hint="a conversion would remember the one before: a longer t_reset, or a smaller capacitor by more v_swing",
        )
    t_0 = v_step * c / i_full
    values = f"i_ref={spice(i_full)} c={spice(c)}"
    if level == "behavioural":
        texts = f"dual_slope_b {values}", f"comparator_b offset={spice(offset)} i_bias={spice(5 * i_bias)}"
    else:
        texts = f"dual_slope {values}", f"comparator i_bias={spice(i_bias)}"
        t_0 += t_delay
    return DualSlope(n_bits, 0.0, i_full, built, *texts, v_start, v_step, t_int, t_0, t_reset, c)
