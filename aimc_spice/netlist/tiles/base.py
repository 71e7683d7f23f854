"""When does what happen in one operation of a tile, and what is read from its deck?

One idea: an operation owns a window of time; `Schedule` says when word lines move, when columns are sampled and when
each converter starts, so that deck and reader agree. It writes no circuit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.meter import meter_probes, meters, sources_of
from aimc_spice.netlist.base import Lines, Part
from aimc_spice.netlist.drivers import Windows
from aimc_spice.netlist.inputs import Planes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """Times of the operations of a tile.

    Parameters
    ----------
    t_rise : float
        Edges of the word lines [s].
    t_int : float
        How long inputs act before a column is converted, or held: settling, or integration [s].
    t_conv : float
        Of one conversion [s].
    n_slots : int
        Conversions one after the other in an operation: columns that share a converter.
    t_hold : float
        Columns that hold their value (samplers, integrators): word lines fall after `t_int`, samplers open an edge
        before, and `t_hold` later [s] the first conversion starts. Zero: word lines stay until the last code is there.
    t_idle : float
        At the end of each operation, for the columns to come to rest [s].
    t_reset : float
        Charge mode: the operation begins with a reset of the columns; word lines move when it is over and stay until
        the last code is there [s].
    t_wait : float
        Charge mode: from the start of an operation to that of its first conversion [s]; zero where the converter
        resets the columns.
    t_lead : float
        Before the first operation, for the logic of the drivers [s].
    """

    t_rise: float
    t_int: float
    t_conv: float
    n_slots: int = 1
    t_hold: float = 0.0
    t_idle: float = 0.0
    t_reset: float = 0.0
    t_wait: float = 0.0
    t_lead: float = 0.0

    def __post_init__(self) -> None:
        least = min(self.t_hold, self.t_idle, self.t_reset, self.t_wait, self.t_lead)
        if not (min(self.t_rise, self.t_int, self.t_conv) > 0 and self.n_slots > 0 and least >= 0):
            raise NetlistError(f"schedule: got {self}, wanted times above zero")

    @property
    def t_busy(self) -> float:
        """From the start of an operation to its last code [s]."""
        first = self.t_wait if self.t_reset else self.t_first
        return first + self.n_slots * self.t_conv

    @property
    def t_first(self) -> float:
        """From the start of an operation until its columns are converted, or decided on for the first time [s]."""
        return self.t_reset + self.t_int + self.t_hold

    @property
    def windows(self) -> Windows:
        """When the word lines move."""
        first = self.t_lead + self.t_rise
        if self.t_reset:
            on = self.t_busy - self.t_reset - self.t_rise
            return Windows(self.t_rise, on, self.t_busy + self.t_idle, t_first=first + self.t_reset)
        on = self.t_int if self.t_hold else self.t_busy
        return Windows(self.t_rise, on, max(self.t_busy, on + self.t_rise) + self.t_idle, t_first=first)

    def operations(self, n: int) -> Array:
        """Return when each of n operations starts [s]."""
        return self.windows.starts(n) - self.t_reset

    def conversions(self, n: int) -> Array:
        """Return when the conversions of n operations start, slot after slot, shape (n * n_slots,) [s]."""
        slots = (self.t_wait if self.t_reset else self.t_first) + self.t_conv * np.arange(self.n_slots)
        return np.asarray((self.operations(n)[:, None] + slots).ravel())

    def t_stop(self, n: int) -> float:
        """When n operations are over [s]."""
        return float(self.operations(n)[-1] + self.windows.t_window)


def check_sharing(n_cols: int, n_shared: int) -> None:
    """Refuse columns that do not divide evenly among converters."""
    if n_shared < 1 or n_cols % n_shared:
        divisors = ", ".join(str(k) for k in range(1, n_cols + 1) if n_cols % k == 0)
        raise NetlistError(f"{n_cols} columns cannot share converters by {n_shared}", hint=f"one of {divisors}")


@dataclass(frozen=True)
class TileProbes:
    """Where a reader finds what in the waveforms of a tile's deck.

    Parameters
    ----------
    planes : Planes
        Operations, plane after plane.
    schedule : Schedule
        Their times.
    columns : tuple of str
        Nodes of the columns' outputs, behind the samplers where there are some.
    converters : tuple of str
        Names of the converters; column c is converted by number ``c // n_slots`` in slot ``c % n_slots``.
    sources : mapping of str to sequence of (str, str)
        By block, sources and the nodes they drive: their energy is that of their own charge and the node's voltage.
        "array": those of the word lines, or what shows their currents; what it gets is taken off the block "drivers".
    supplies : mapping of str to sequence of (str, float)
        By block, sources and their constant voltage [V]; the deck has a meter for each (see `adcs.meter`).
    rails : mapping of str to sequence of (str, float)
        By block, outputs of ideal amplifiers and the supply that a class-B stage would have [V]: their energy is
        supply times magnitude of the current (assumed).
    r_driver : float
        Series resistance of each word line [Ω], whose loss is that of the drivers.
    v_rest : float
        Where word lines and outputs stand without input, and what is subtracted from converted voltages [V]. The
        array burns what its sources give above it; what flows from there to ground is in the supply of the front ends.
    references : tuple of str
        Differential columns: the nodes of their negative sides.
    zero : float, optional
        What a converter is given without input, where that is not `v_rest`: the current `i_0` of a conveyor [A].
    """

    planes: Planes
    schedule: Schedule
    columns: tuple[str, ...]
    converters: tuple[str, ...]
    sources: Mapping[str, Sequence[tuple[str, str]]]
    supplies: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    rails: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    r_driver: float = 0.0
    v_rest: float = 0.0
    references: tuple[str, ...] = ()
    zero: float | None = None

    @property
    def metered(self) -> tuple[str, ...]:
        """Sources whose charge is metered: those of the word lines and the supplies."""
        names = [name for pairs in self.sources.values() for name, _ in pairs]
        return tuple(dict.fromkeys([*names, *sources_of(self.supplies)]))

    def meters(self) -> Part:
        """Return the meters."""
        return Lines(meters(self.metered))

    @property
    def n_operations(self) -> int:
        """Operations in the deck."""
        return len(self.planes.sequence())

    def names(self) -> tuple[str, ...]:
        """Return the probes that the reader needs beside those of the converters."""
        currents = [name for pairs in self.rails.values() for name, _ in pairs]
        driven = [pair for pairs in self.sources.values() for pair in pairs]
        names = [name for name, _ in self.sources.get("array", ())]
        return (
            *(f"v({node})" for node in (*self.columns, *self.references)),
            *(f"v({node})" for _, node in driven),
            *(f"i({name})" for name in dict.fromkeys([*names, *currents])),
            *meter_probes(self.metered),
        )
