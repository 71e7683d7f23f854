"""What would a converter without any flaw give? One table source: a reference for tiles, not a circuit of a converter.

It follows its input at once, takes no energy, and its code is a voltage of one volt a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import MeasurementFailed
from aimc_spice.netlist.adcs.base import Array, Codes
from aimc_spice.netlist.base import Lines, Part
from aimc_spice.units import spice


@dataclass(frozen=True)
class IdealAdc:
    """An `Embeddable` whose code is ``floor((v - low)/lsb)``.

    Parameters
    ----------
    n_bits : int
        Bits.
    low, high : float
        Input range [V].
    t_conv : float
        How long the tile waits for it [s].
    """

    n_bits: int
    low: float
    high: float
    t_conv: float = 1e-9
    options: tuple[str, ...] = ()
    quantity: str = "V"

    def definitions(self) -> tuple[Part, ...]:
        """Return nothing."""
        return ()

    def shared(self, starts: Array) -> Part:
        """Return a comment: nothing is shared."""
        return Lines(f"* {len(starts)} conversions by ideal quantisers")

    def instance(self, name: str, node: str) -> Part:
        """Return the source of the code at ``<name>_code``."""
        lsb, top = (self.high - self.low) / 2**self.n_bits, 2**self.n_bits - 1
        return Lines(f"b{name} {name}_code 0 v=max(0,min({top},floor((v({node})-{spice(self.low)})/{spice(lsb)})))")

    def probes(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the codes."""
        return tuple(f"v({name}_code)" for name in names)

    def decode(self, name: str, starts: Array, axis: Array, signals: Mapping[str, Array]) -> tuple[Codes, Array]:
        """Sample the code at the end of each conversion; see `Embeddable.decode`."""
        at = np.searchsorted(axis, starts + 0.9 * self.t_conv)
        if at.max(initial=0) >= len(axis):
            raise MeasurementFailed(f"{name}: the last conversion ends after the simulation, at {axis[-1]:g} s")
        codes: Codes = np.rint(signals[f"v({name}_code)"][at]).astype(np.int64)
        return codes, np.full(len(starts), self.t_conv)

    def supplies(self, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, float]]]:  # noqa: ARG002
        """Return nothing: it draws no current."""
        return {}
