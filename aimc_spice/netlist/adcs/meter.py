"""How much charge has a supply delivered, whatever the simulator's time steps?

One idea: a capacitor that the supply's current charges is a meter in the deck. The simulator's own integration keeps
charge whatever its steps; adding up the currents that it prints does not: where a capacitor is charged in a few steps
that is wrong by 10 %, and by 17 % for what happens last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from aimc_spice.netlist.adcs.base import Array
from aimc_spice.units import spice

_C = 1e-9  # F: a volt a nanocoulomb
_R = 1e9  # Ω: forgotten in a second
Supplies = Mapping[str, Sequence[tuple[str, float]]]
"""By block, its sources and their constant voltages [V]."""


def sources_of(supplies: Supplies) -> tuple[str, ...]:
    """Return the names of all sources, each once."""
    return tuple(dict.fromkeys(name for pairs in supplies.values() for name, _ in pairs))


def meters(sources: Iterable[str]) -> str:
    """Return the text of a meter for every source."""
    return "\n".join(
        f"fq_{n} q_{n} 0 {n} 1\ncq_{n} q_{n} 0 {spice(_C)}\nrq_{n} q_{n} 0 {spice(_R)}\n.ic v(q_{n})=0" for n in sources
    )


def meter_probes(sources: Iterable[str]) -> tuple[str, ...]:
    """Return what must be kept to read the meters."""
    return tuple(f"v(q_{name})" for name in sources)


def metered(axis: Array, signals: Mapping[str, Array], supplies: Supplies, edges: Array) -> dict[str, Array]:
    """Return the energy of every window by block, each (n,) [J], as the meters say.

    Parameters
    ----------
    axis, signals
        Time [s], and the probes of `meter_probes`.
    supplies : mapping
        Block to its sources: name and voltage [V].
    edges : ndarray, shape (n + 1,)
        Bounds of the windows [s].
    """

    def delivered(name: str, volts: float) -> Array:
        return work(axis, signals, name, np.full(len(axis), volts), edges)

    return {block: np.sum([delivered(*pair) for pair in pairs], axis=0) for block, pairs in supplies.items()}


def work(axis: Array, signals: Mapping[str, Array], name: str, volts: Array, edges: Array) -> Array:
    """Return the energy that a source gave in every window (n,) [J]: voltage `volts` (n_points,) times charge."""
    charge = _C * signals[f"v(q_{name})"]
    running = np.append(0.0, np.cumsum(np.diff(charge) * (volts[1:] + volts[:-1]) / 2))
    return np.diff(np.interp(edges, axis, running))
