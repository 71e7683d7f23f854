"""What do counters, sequencers and encoders cost? Toggles of a conversion times what a toggle of real gates takes.

One idea: the decks' logic is XSPICE or a reading of waveforms and draws nothing; how often its bits toggle is known,
and what a toggle takes was measured once on flip-flops and gates of transistors (``calibration/logic``). The energy of
this block is therefore reckoned, not simulated; it scales with the square of the supply. Wires and clock trees beyond a
buffer for each flip-flop are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from aimc_spice.config.base import read_toml
from aimc_spice.netlist.adcs.base import Array, Codes
from aimc_spice.netlist.adcs.mos import NODES
from aimc_spice.share import share
from aimc_spice.units import parse

_GATES_A_SUM = 9  # nand2 in a full adder
_ACTIVE = 0.5  # share of them that change in a conversion; assumed
_GATES_AN_EDGE = 8  # two exclusive ors join the three phases of a ring


@dataclass(frozen=True)
class Logic:
    """Energies of one node at one supply [J].

    Parameters
    ----------
    e_clock, e_toggle : float
        Clock period of a flip-flop, and what a change of its output adds.
    e_count : float
        Toggle of a bit of a ripple counter, its clock included.
    e_gate : float
        Change of a gate's output.
    """

    e_clock: float
    e_toggle: float
    e_count: float
    e_gate: float

    def counter(self, counts: Codes) -> Array:
        """Return the energy of a ripple counter that counts to `counts` (n,) from zero and is cleared [J].

        Bit i toggles every ``2**i`` counts, in all ``2 counts - ones``; a gate lets the clock through.
        """
        ones = np.bitwise_count(counts.astype(np.uint64)).astype(np.float64)
        toggles = 2.0 * counts - ones
        return np.asarray(self.e_count * toggles + self.e_toggle * ones + 2 * self.e_gate * counts)

    def edges(self, counts: Codes) -> Array:
        """Return the same for the edges of three phases, which two exclusive ors join [J]."""
        return np.asarray(self.counter(counts) + _GATES_AN_EDGE * self.e_gate * counts)

    def sequencer(self, n_bits: int, n_periods: int) -> float:
        """Return the energy of a successive-approximation register over a conversion of `n_periods` [J].

        A chain of ``n_bits + 1`` flip-flops passes a token, clocked in every period; each bit's own is clocked once, by
        the token. Every flip-flop goes up and down once: a bit of 1 is set and cleared, one of 0 is set and taken back.
        """
        clocks = (n_bits + 1) * n_periods + n_bits
        return self.e_clock * clocks + self.e_toggle * 2 * (2 * n_bits + 1)

    def encoder(self, n_bits: int) -> float:
        """Return the energy of a tree of full adders that counts ``2**n_bits - 1`` comparators [J]; half toggles."""
        sums = float(2**n_bits - 1 - n_bits)
        return _ACTIVE * _GATES_A_SUM * sums * self.e_gate + n_bits * (self.e_clock + _ACTIVE * self.e_toggle)


def logic_of(node: str, vdd: float) -> Logic:
    """Return the logic of a node ("g180", "g45") at a supply [V]."""
    scale = (vdd / NODES[node]) ** 2
    return Logic(**{name: scale * value for name, value in _measured(node).items()})


@cache
def _measured(node: str) -> dict[str, float]:
    table = read_toml(share("calibration", "logic", f"{node}.toml"))
    return {name: parse(entry["value"], "J", name=name) for name, entry in table.items()}
