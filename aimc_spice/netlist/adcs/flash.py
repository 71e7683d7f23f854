r"""Flash converter: how does one comparator per level make a code at once?

One idea: a ladder of equal resistors gives all transition levels, a comparator stands at each, and the code is how many
of them have tripped::

    high --[r]--+--[r]--+-- ... --+--[r]-- low      2**n_bits resistors, 2**n_bits - 1 taps
                |       |         |
    in ----->(comparators: + in, - tap)--> trip --> encoder (counts ones; a gate decides at half the supply) --> code

The circuit has no clock: `deck` is a DC sweep over the inputs. A conversion is reckoned to last `t_sample`, which
scales the energy; that the comparators settle within it is a matter of their bench, not of this sweep. The encoder
counts ones, so bubbles cost no large errors; its energy is reckoned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import RECKONED, Array, Conversions, Level, Mismatch
from aimc_spice.netlist.adcs.blocks import Blocks, blocks, one_each
from aimc_spice.netlist.adcs.mos import Process
from aimc_spice.netlist.adcs.noise import COMPARATOR, draws, resistor_noise, total
from aimc_spice.netlist.adcs.static import whole_codes
from aimc_spice.netlist.base import Deck, Lines, Netlist
from aimc_spice.netlist.drive import dc_vectors
from aimc_spice.netlist.driven import Corner
from aimc_spice.rng import stream
from aimc_spice.units import show, spice


@dataclass(frozen=True)
class Flash:
    """A flash converter; a `Converter`. Build it with `flash`.

    Parameters
    ----------
    n_bits : int
        Bits.
    low, high : float
        Input range, the ends of the ladder [V].
    blocks : Blocks
        Definitions, supply and level.
    resistors : tuple of float
        The ladder from `low` upwards, ``2**n_bits`` of them [Ω].
    comparators : tuple of str
        Instance text at each tap from below: subcircuit and parameters.
    t_sample : float
        What a conversion is reckoned to last [s].
    noise : int or None
        Seed of the noise sources (see `noise`); None is quiet.
    """

    n_bits: int
    low: float
    high: float
    blocks: Blocks
    resistors: tuple[float, ...]
    comparators: tuple[str, ...]
    t_sample: float
    noise: int | None = None
    quantity: str = "V"

    @property
    def name(self) -> str:
        """Type, level and bits."""
        return f"flash {self.n_bits} bit, {self.blocks.level}"

    def deck(self, inputs: Array) -> Deck:
        """Return a DC sweep over the inputs (n,) [V]."""
        noisy, node = ([], "in") if self.noise is None else (["bnoise noisy 0 v=v(in)+v(n)"], "noisy")
        drive = dc_vectors(["in", "n"][: 1 + len(noisy)], np.stack([inputs, *self._drawn(inputs)], axis=1))
        half = spice(self.blocks.vdd / 2)
        body = [
            f"vhigh tap{len(self.resistors)} 0 {spice(self.high)}",
            f"vlow tap0 0 {spice(self.low)}",
            f"vdd_cmp vdd_cmp 0 {spice(self.blocks.vdd)}",
            "rcount count 0 1",
            *(f"r{k} tap{k + 1} tap{k} {spice(r)}" for k, r in enumerate(self.resistors)),
            *noisy,
            *(f"xcmp{k} {node} tap{k} trip{k} vdd_cmp 0 {call}" for k, call in enumerate(self.comparators, 1)),
            *(f"bcount{k} 0 count i=v(trip{k})>{half} ? 1 : 0" for k in range(1, len(self.resistors))),
        ]
        netlist = Netlist(self.name, self.blocks.definitions, (drive.lines, Lines("\n".join(body))))
        probes = ("v(count)", "i(vhigh)", "i(vlow)", "i(vdd_cmp)")
        return Deck(netlist, drive.analysis, probes, self.blocks.solver_options)

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:  # noqa: ARG002
        """Read codes and energies.

        Raises
        ------
        MeasurementFailed
            A count that is no whole number: a comparator's output between high and low.
        """
        codes = whole_codes(signals["v(count)"], inputs, where=self.name)
        ladder = -self.high * signals["i(vhigh)"] - self.low * signals["i(vlow)"]
        power = {"ladder": ladder, "comparators": -self.blocks.vdd * signals["i(vdd_cmp)"]}
        energy = {block: watts * self.t_sample for block, watts in power.items()}
        energy[RECKONED] = np.full(len(inputs), self.blocks.logic.encoder(self.n_bits))
        return Conversions(codes, np.full(len(inputs), self.t_sample), energy)

    def noise_parts(self) -> Mapping[str, float]:
        """Return the noise by origin in closed form, at mid range [V]; see `Noisy`."""
        middle = sum(self.resistors) / 4  # both halves of the ladder beside each other
        return {"comparator": COMPARATOR, "ladder": resistor_noise(middle, self.blocks.temp_k)}

    def _drawn(self, inputs: Array) -> Array:
        """Return the noise (1, n) [V], where there is any: one comparator decides at each level, so one number does."""
        if self.noise is None:
            return np.empty((0, len(inputs)))
        return total(self.noise_parts()) * draws(self.noise, self.name, inputs)


def flash(
    n_bits: int,
    level: Level = "behavioural",
    corner: Corner | None = None,
    mismatch: Mismatch | None = None,
    seed: int | None = None,
    *,
    process: Process | None = None,
    low: float = 0.1,
    high: float = 0.9,
    r_unit: float = 100.0,
    area_r: float = 1e-11,
    t_sample: float = 2e-8,
    i_bias: float = 1e-5,
    sigma_offset: float = 0.0,
) -> Flash:
    """Build a flash converter.

    Parameters
    ----------
    n_bits : int
        Bits.
    level : {"behavioural", "transistor"}
        Equations, or transistors of the 1.8 V node.
    corner : Corner, optional
        Process, temperature, supply; default typical.
    mismatch, seed : Mismatch, int, optional
        Of the resistors (`a_r`) and of each comparator's transistors; no seed: nominal.
    process : Process, optional
        Transistors in the place of the generic ones, already those of the corner (see `mos.pdk`).
    low, high : float
        Input range [V]; up to about 1.0 V at transistor level.
    r_unit, area_r : float
        Resistor [Ω] and its area [m²].
    t_sample : float
        What a conversion is reckoned to last [s].
    i_bias : float
        Bias of each comparator [A].
    sigma_offset : float
        Spread of the behavioural comparators' offsets [V], drawn with the seed.
    """
    corner, mismatch = corner or Corner(), mismatch or Mismatch()
    if not (high > low and r_unit > 0 and area_r > 0 and t_sample > 0):
        raise NetlistError(f"flash: got {show(low, 'V')} to {show(high, 'V')}, resistors of {show(r_unit, 'Ω')}")
    built = blocks("flash", level, corner, ("comparator",), (), mismatch, seed, process)
    n = 2**n_bits
    rng = None if seed is None else stream(seed, "flash", "ladder")
    errors = np.zeros(n) if rng is None else rng.standard_normal(n) * mismatch.a_r / np.sqrt(area_r)
    resistors = tuple((r_unit * (1 + errors)).tolist())
    if level == "behavioural":
        offsets = (
            np.zeros(n - 1) if seed is None else sigma_offset * stream(seed, "flash", "offset").standard_normal(n - 1)
        )
        calls = tuple(f"comparator_b offset={spice(v)} i_bias={spice(5 * i_bias)}" for v in offsets.tolist())
        return Flash(n_bits, low, high, built, resistors, calls, t_sample)
    built, names = one_each(built, "comparator", [f"flash/{k}" for k in range(1, n)], mismatch, seed)
    calls = tuple(f"{name} i_bias={spice(i_bias)}" for name in names)
    return Flash(n_bits, low, high, built, resistors, calls, t_sample)
