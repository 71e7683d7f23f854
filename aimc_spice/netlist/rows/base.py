"""What can drive the word lines of a tile, and what does the tile's deck have to know of it?

One idea: a tile says what its lines shall do (`Drive`); `RowDrivers` write circuits with logic inputs that do it, and
say in closed form which levels come of it, behind which resistance, and whose charge is the energy::

    logic ── driver ── drv_r ──(vin_r)── wl_r ── crossbar          vin_r: 0 V, shows what row r takes

Ideal sources are ``vin_r`` themselves. One kind of drivers a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from aimc_spice.netlist.base import Part
from aimc_spice.netlist.drivers import Array, Pulses, Windows
from aimc_spice.netlist.inputs import Planes

DRIVERS, LADDERS, LOGIC = "drivers", "dac ladders", "driver logic"  # blocks of the energy
EDGE = 2e-11  # s, of logic inputs
T = TypeVar("T")


@dataclass(frozen=True)
class Drive:
    """What the word lines of a tile shall do.

    Parameters
    ----------
    planes : Planes
        Levels of the operations, plane after plane.
    windows : Windows
        When.
    v_read, v_rest : float
        Voltage of a level of one above rest, and rest [V].
    """

    planes: Planes
    windows: Windows
    v_read: float
    v_rest: float = 0.0

    @property
    def levels(self) -> Array:
        """Levels, shape (n_operations, n_rows)."""
        return self.planes.sequence()

    @property
    def rows(self) -> range:
        """Numbers of the word lines."""
        return range(self.levels.shape[1])

    @property
    def sensed(self) -> dict[str, Sequence[tuple[str, str]]]:
        """What goes into the array: ``vin_r``, and the lines' nodes."""
        return {"array": [(f"vin_{r}", f"wl_{r}") for r in self.rows]}

    def train(self, name: str, high: Array, v_dd: float, *, rest: int = 0) -> str:
        """Return a logic source at node `name`: `high` (n_operations,) of 0 or 1 in the windows, `rest` in between."""
        starts = self.windows.starts(len(high))
        widths = np.full(len(high), self.windows.t_on)
        return Pulses(starts, (high - rest) * v_dd, widths, EDGE, rest * v_dd).source(f"v{name}", name)


@dataclass(frozen=True)
class Feeds:
    """Whose energy goes into drivers and array; by block, as in `tiles.base.TileProbes`."""

    sources: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    supplies: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    rails: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)

    def __add__(self, other: Feeds) -> Feeds:
        """Return the feeds of both."""
        pairs = ((self.sources, other.sources), (self.supplies, other.supplies), (self.rails, other.rails))
        return Feeds(*(_joined(*pair) for pair in pairs))


def _joined(one: Mapping[str, Sequence[T]], other: Mapping[str, Sequence[T]]) -> dict[str, list[T]]:
    return {block: [*one.get(block, ()), *other.get(block, ())] for block in {**one, **other}}


class RowDrivers(Protocol):
    """Circuits that drive the word lines ``wl_0``, …"""

    @property
    def r_out(self) -> float:
        """Resistance between what `levels` says and the line [Ω]."""
        ...

    def lead(self, t_on: float) -> float:
        """Return how long before the first operation their logic begins [s]; `t_on` as of `Windows`."""
        ...

    def levels(self, drive: Drive) -> Array:
        """Return what they put behind `r_out` above rest (n_operations, n_rows), closed form [V]; of pulses the mean.

        Raises
        ------
        NetlistError
            Levels that they cannot give.
        """
        ...

    def definitions(self, drive: Drive) -> tuple[Part, ...]:
        """Return models and subcircuits, once for the deck."""
        ...

    def circuit(self, drive: Drive) -> Part:
        """Return logic sources, drivers and ``vin_r``."""
        ...

    def feeds(self, drive: Drive) -> Feeds:
        """Return whose energy counts beside that of ``vin_r`` into the array."""
        ...
