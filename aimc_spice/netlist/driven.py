"""What is a circuit that waits for its inputs?

One idea: `Driven` is a netlist without sources at its inputs; given vectors it becomes a deck, in the way that suits
the analysis. `Corner` says under which conditions. Pure: it runs nothing and plans nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck, Netlist
from aimc_spice.netlist.drive import Drive, dc_vectors, step_train
from aimc_spice.netlist.flat import FlatCircuit
from aimc_spice.netlist.parse import parse_netlist

_ROOM_K, _ZERO_C = 300.15, 273.15


@dataclass(frozen=True)
class Corner:
    """Process, temperature and supply.

    Parameters
    ----------
    process : str
        "tt", "ss", "ff", …: what it changes is up to who builds the circuit.
    temp_k : float
        Temperature [K]; other than 300.15 it is given to ngspice as ``temp``.
    vdd_scale : float
        Supply relative to nominal; up to who builds the circuit.
    """

    process: str = "tt"
    temp_k: float = _ROOM_K
    vdd_scale: float = 1.0

    def __post_init__(self) -> None:
        if not (self.temp_k > 0 and self.vdd_scale > 0):
            raise NetlistError(f"corner: got {self.temp_k:g} K and vdd_scale {self.vdd_scale:g}, wanted above zero")

    @property
    def name(self) -> str:
        """Short name: ``tt 300.15 K x1``."""
        return f"{self.process} {self.temp_k:g} K x{self.vdd_scale:g}"

    @property
    def options(self) -> tuple[str, ...]:
        """Options of ngspice: its temperature in °C."""
        return () if self.temp_k == _ROOM_K else (f"temp={self.temp_k - _ZERO_C:.6g}",)


NOMINAL = Corner()


@dataclass(frozen=True)
class Driven:
    """A circuit, the nodes that input vectors drive, and what to keep.

    Parameters
    ----------
    netlist : Netlist
        Without sources at `inputs`.
    inputs : tuple of str
        Driven nodes.
    probes : tuple of str
        As of a `Deck`.
    options : tuple of str
        As of a `Deck`.
    """

    netlist: Netlist
    inputs: tuple[str, ...]
    probes: tuple[str, ...]
    options: tuple[str, ...] = DEFAULT_OPTIONS

    def dc(self, vectors: ArrayLike) -> Deck:
        """Return the deck of many DC vectors (n_vectors, n_inputs) [V]."""
        return self._deck(dc_vectors(self.inputs, vectors))

    def steps(self, vectors: ArrayLike, *, t_rise: float, t_step: float, t_stop: float, t_rest: float = 0.0) -> Deck:
        """Return the deck that steps the inputs to one vector after the other; see `drive.step_train`."""
        drive = step_train(self.inputs, vectors, t_rise=t_rise, t_step=t_step, t_stop=t_stop, t_rest=t_rest)
        return self._deck(drive)

    def with_options(self, options: tuple[str, ...]) -> Driven:
        """Return the same circuit with more options."""
        return replace(self, options=(*self.options, *options))

    def flat(self) -> FlatCircuit:
        """Read the circuit's own text back, its inputs driven by 0 V sources."""
        return parse_netlist(self.dc(np.zeros((1, len(self.inputs)))).chunks())

    def _deck(self, drive: Drive) -> Deck:
        netlist = replace(self.netlist, body=(drive.lines, *self.netlist.body))
        return Deck(netlist, drive.analysis, self.probes, self.options)


def is_linear(circuit: FlatCircuit) -> bool:
    """Return whether a circuit has nothing but R, C, L, V, I and linear E and G."""
    return not len(circuit.formulas) and not circuit.devices and not circuit.problems
