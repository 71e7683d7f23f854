"""Current-controlled oscillator and counter: how does a column's current become a code?

One idea: the current starves a ring of three inverters, so its edges come at a rate that follows the current, and a
counter adds them up for a fixed time (the read-out of the HERMES core, IBM, with parameters of our own)::

    i_in --> [mirror] --> ring of 3 starved stages --> e1 e2 e3 --> count edges while run is high --> code
                               ^ run

    edges per second  f = i / (c_edge v_swing / 2 + i t_dead)

`t_dead` is the time of an edge that no current shortens: it bends the curve by about ``2**n_bits / 4 * t_dead f_full``.
The counter takes edges of all three phases, six a period, and is ideal logic that stops at full scale; its energy is
reckoned. The time of the count is chosen so that `high` gives ``2**n_bits`` edges in the typical corner; a corner
changes the gain, as in silicon without calibration. `deck` takes one slot per input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import RECKONED, Array, Conversions, Level, Mismatch
from aimc_spice.netlist.adcs.blocks import Blocks, blocks
from aimc_spice.netlist.adcs.meter import Supplies, meter_probes, metered, meters, sources_of
from aimc_spice.netlist.adcs.mos import Process
from aimc_spice.netlist.adcs.noise import added_charge, draws, mirror_density, reset_noise, total
from aimc_spice.netlist.adcs.slots import Slots, require
from aimc_spice.netlist.base import Deck, Lines, Netlist, Transient
from aimc_spice.netlist.driven import Corner
from aimc_spice.units import show, spice

_EDGES = ("v(e1)", "v(e2)", "v(e3)")


@dataclass(frozen=True)
class Cco:
    """A current-controlled oscillator with counter; a `Converter`. Build it with `cco`.

    Parameters
    ----------
    n_bits : int
        Bits.
    low, high : float
        Input range [A].
    blocks : Blocks
        Definitions, supply and level.
    oscillator : str
        Instance text: subcircuit and parameters.
    t_count, t_reset, t_step : float
        Time of the count, reset before it, largest time step [s].
    c_edge : float
        Capacitance at each stage [F].
    noise : int or None
        Seed of the noise sources (see `noise`); None is quiet.
    """

    n_bits: int
    low: float
    high: float
    blocks: Blocks
    oscillator: str
    t_count: float
    t_reset: float
    t_step: float
    c_edge: float
    noise: int | None = None
    quantity: str = "A"

    @property
    def name(self) -> str:
        """Type, level and bits."""
        return f"cco {self.n_bits} bit, {self.blocks.level}"

    @property
    def slots(self) -> Slots:
        """Times of the conversions."""
        return Slots(self.t_reset, self.t_count)

    @property
    def supplies(self) -> Supplies:
        """The sources of each block and their voltages [V]."""
        return {"oscillator": [("vdd_cco", self.blocks.vdd)]}

    @property
    def _probes(self) -> tuple[str, ...]:
        return ("v(xcco.phase)",) if self.blocks.level == "behavioural" else _EDGES

    def deck(self, inputs: Array) -> Deck:
        """Return one transient that converts every input (n,) [A] in its own slot."""
        slots = self.slots
        body = [
            slots.steps("iin", "in", -inputs),
            *self._noise(inputs),
            slots.control("vrun", "run", self.blocks.vdd, running=True),
            f"vdd_cco vdd_cco 0 {spice(self.blocks.vdd)}",
            meters(sources_of(self.supplies)),
            f"xcco in run e1 e2 e3 vdd_cco 0 {self.oscillator}",
        ]
        netlist = Netlist(self.name, self.blocks.definitions, (Lines("\n".join(body)),))
        analysis = Transient(self.t_step, slots.t_slot * len(inputs))
        probes = (*self._probes, *meter_probes(sources_of(self.supplies)))
        return Deck(netlist, analysis, probes, self.blocks.solver_options)

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:
        """Read codes, times and energies.

        Raises
        ------
        MeasurementFailed
            An input of two steps or more that moves no edge: the ring does not oscillate.
        """
        slots, edges = self.slots, self.slots.edges(len(inputs))
        counts = self.counts(axis, signals, edges[:-1] + slots.t_reset, edges[1:])
        lsb = (self.high - self.low) / 2**self.n_bits
        require(
            (counts > 0) | (inputs < self.low + 2 * lsb),
            inputs,
            "A",
            "never finished: the ring did not oscillate",
            self.name,
            hint="look at v(e1); a higher supply, or a longer t_reset",
        )
        codes = np.clip(counts, 0, 2**self.n_bits - 1).astype(np.int64)
        t_conv = np.full(len(inputs), slots.t_slot)
        energy = metered(axis, signals, self.supplies, edges) | {RECKONED: self.blocks.logic.edges(codes)}
        return Conversions(codes, t_conv, energy)

    def noise_parts(self) -> Mapping[str, float]:
        """Return the noise by origin in closed form, at mid range [A]; see `Noisy`.

        A mirror's noise current is averaged over the count; every edge adds what kT/C makes of its threshold.
        """
        temp_k, middle = self.blocks.temp_k, (self.low + self.high) / 2
        mirror = added_charge(mirror_density(middle, temp_k), self.t_count) / self.t_count
        steps = reset_noise(self.c_edge, temp_k) / (self.blocks.vdd / 2)  # of an edge's time
        return {"mirror": mirror, "edges": steps * np.sqrt(2**self.n_bits / 2) * self.high / 2**self.n_bits}

    def _noise(self, inputs: Array) -> list[str]:
        if self.noise is None:
            return []
        (drawn,) = total(self.noise_parts()) * draws(self.noise, self.name, inputs)
        return [self.slots.steps("inoise", "in", -drawn)]

    def counts(self, axis: Array, signals: Mapping[str, Array], starts: Array, ends: Array) -> Array:
        """Return the edges of every count, (n,); the first fall of e1 only starts the ring."""
        if self.blocks.level == "behavioural":
            last = ends - 2 * self.slots.t_edge  # run falls in the last edge
            return np.floor(np.interp(last, axis, signals["v(xcco.phase)"]) + 1e-9)
        times = self._crossings(axis, signals)
        return np.asarray(np.searchsorted(times, ends) - np.searchsorted(times, starts) - 1.0)

    @property
    def shows_edges(self) -> bool:
        """Whether there are edges: the law has a phase only."""
        return self.blocks.level == "transistor"

    def counting(self, longer: float) -> Cco:
        """Return the same that counts `longer` times as long; see `Phased`."""
        return replace(self, t_count=longer * self.t_count)

    def edge_times(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> list[Array]:
        """Return the times of the counted edges of every input, from the start of its count [s]; see `Phased`."""
        times, bounds = self._crossings(axis, signals), self.slots.edges(len(inputs))
        starts = bounds[:-1] + self.slots.t_reset
        first, last = np.searchsorted(times, starts), np.searchsorted(times, bounds[1:])
        return [times[a + 1 : b] - start for a, b, start in zip(first, last, starts, strict=True)]

    def _crossings(self, axis: Array, signals: Mapping[str, Array]) -> Array:
        """Return all edges of the three phases, in order [s]."""
        return np.sort(np.concatenate([_crossings(axis, signals[e], self.blocks.vdd / 2) for e in _EDGES]))


def _crossings(axis: Array, wave: Array, level: float) -> Array:
    index = np.flatnonzero((wave[:-1] < level) != (wave[1:] < level))
    step = (level - wave[index]) / (wave[index + 1] - wave[index])
    return np.asarray(axis[index] + step * np.diff(axis)[index])


def cco(
    n_bits: int,
    level: Level = "behavioural",
    corner: Corner | None = None,
    mismatch: Mismatch | None = None,
    seed: int | None = None,
    *,
    process: Process | None = None,
    i_full: float = 2e-5,
    t_reset: float = 2e-7,
    c_edge: float = 3.155e-13,
    c_par: float = 1.55e-14,
    t_dead: float = 1.27e-9,
) -> Cco:
    """Build a current-controlled oscillator with counter.

    Parameters
    ----------
    n_bits : int
        Bits.
    level : {"behavioural", "transistor"}
        The law above, or transistors of the 1.8 V node.
    corner : Corner, optional
        Process, temperature, supply; default typical.
    mismatch, seed : Mismatch, int, optional
        Of the ring's transistors; no seed: nominal.
    process : Process, optional
        Transistors in the place of the generic ones, already those of the corner (see `mos.pdk`).
    i_full : float
        Current of full scale [A]; the range begins at zero.
    t_reset : float
        Reset [s]: time for the input mirror.
    c_edge : float
        Capacitance at each stage, transistors included [F].
    c_par : float
        Of it, what the transistors bring [F], typical corner: the drawn capacitor is smaller by as much.
    t_dead : float
        Time of an edge that no current shortens [s], measured in the typical corner; the law of the behavioural level.
    """
    corner, mismatch = corner or Corner(), mismatch or Mismatch()
    if not (i_full > 0 and c_edge > c_par >= 0 and t_dead >= 0 and t_reset > 0):
        raise NetlistError(
            f"cco: got full scale {show(i_full, 'A')}, capacitor {show(c_edge, 'F')}, parasitic {show(c_par, 'F')}",
            hint="all above zero, and the capacitor above its parasitic part",
        )
    built = blocks("cco", level, corner, ("cco",), ("cco",) if level == "transistor" else (), mismatch, seed, process)
    t_edge = c_edge * built.vdd_nominal / (2 * i_full) + t_dead
    t_count = 2**n_bits * t_edge
    if level == "behavioural":
        law = f"cco_b c={spice(c_edge)} v_swing={spice(built.vdd)} t_dead={spice(t_dead)}"
        return Cco(n_bits, 0.0, i_full, built, law, t_count, t_reset, t_count / 10, c_edge)
    ring = f"cco c={spice(c_edge - c_par)}"
    return Cco(n_bits, 0.0, i_full, built, ring, t_count, t_reset, t_edge / 5, c_edge)
