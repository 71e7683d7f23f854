"""What did a tile do, seen from its waveforms: codes, products, latency and energy by block?

One idea: the deck's own probes say what is where (`netlist.tiles.base.TileProbes`), so the same reader serves every
kind of tile. It simulates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.netlist.adcs.base import Codes, Embeddable
from aimc_spice.netlist.adcs.meter import metered, work
from aimc_spice.netlist.adcs.windows import window_integrals
from aimc_spice.netlist.tiles.base import TileProbes
from aimc_spice.simulate.base import Waveforms

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TileRun:
    """What a tile did.

    Parameters
    ----------
    codes : ndarray of int, shape (n_operations, n_cols)
        As the converters gave them.
    columns : ndarray, shape (n_operations, n_cols)
        What they were given: outputs of the columns when the first conversion starts [V, or A of a conveyor].
    product : ndarray, shape (batch, n_cols)
        Codes as voltages (or currents) above the reference, planes shifted, added and subtracted [V or A].
    t_mvm : float
        Of one product: all its operations [s].
    latency : mapping of str to float
        Of one operation, by block [s]: "drivers" until the slowest word line has moved 90 %, "columns" until every
        output stays within half a step of what is converted, "converters" the slowest code; and "operation", from one
        to the next. Where nothing moves a block takes no time.
    energy : mapping of str to ndarray, shape (batch,)
        Of each product by block [J].
    """

    codes: Codes
    columns: Array
    product: Array
    t_mvm: float
    latency: Mapping[str, float]
    energy: Mapping[str, Array]

    @property
    def e_mvm(self) -> float:
        """Mean energy of a product [J]."""
        return float(sum(np.mean(values) for values in self.energy.values()))


def read_tile(found: Waveforms, probes: TileProbes, adc: Embeddable) -> TileRun:
    """Read the waveforms of a tile's deck.

    Parameters
    ----------
    found : Waveforms
        Of the deck that `probes` belongs to.
    probes : TileProbes
        What is where.
    adc : Embeddable
        The converters.

    Raises
    ------
    MeasurementFailed
        A conversion that never finished, a level that is neither high nor low.
    """
    n, planes = probes.n_operations, probes.planes
    codes, times = _codes(found, probes, adc)
    starts = probes.schedule.operations(n)
    columns = np.stack([np.interp(starts + probes.schedule.t_first, found.axis, v) for v in _columns(found, probes)], 1)
    lsb = (adc.high - adc.low) / 2**adc.n_bits
    zero = probes.v_rest if probes.zero is None else probes.zero
    product = planes.combine(adc.low + (codes + 0.5) * lsb - zero)
    latency = {
        "drivers": _driver_time(found, probes, starts),
        "columns": _column_time(found, probes, columns, lsb / 2),
        "converters": float(times.max()),
        "operation": probes.schedule.windows.t_window,
    }
    t_mvm = len(planes.weights) * probes.schedule.windows.t_window - probes.schedule.t_idle
    return TileRun(codes, columns, product, t_mvm, latency, _energies(found, probes))


def _codes(found: Waveforms, probes: TileProbes, adc: Embeddable) -> tuple[Codes, Array]:
    """Return codes and times to code, (n_operations, n_cols): slots of a converter are neighbouring columns."""
    n, slots = probes.n_operations, probes.schedule.n_slots
    starts = probes.schedule.conversions(n)
    pairs = [adc.decode(name, starts, found.axis, found.signals) for name in probes.converters]
    codes = np.stack([c.reshape(n, slots) for c, _ in pairs], axis=1).reshape(n, -1)
    times = np.stack([t.reshape(n, slots) for _, t in pairs], axis=1).reshape(n, -1)
    return codes, times


def _columns(found: Waveforms, probes: TileProbes) -> list[Array]:
    """Return the waveform of every column, of the difference where columns are differential [V]."""
    plus = [found.signals[f"v({node})"] for node in probes.columns]
    minus = [found.signals[f"v({node})"] for node in probes.references] or [np.zeros(1)] * len(plus)
    return [p - n for p, n in zip(plus, minus, strict=True)]


def _driver_time(found: Waveforms, probes: TileProbes, starts: Array) -> float:
    """Return the longest time from a start until a word line has done nine tenths of its move, to half of `t_int`.

    Lines that rest do not count, nor do pulses that are over by then.
    """
    worst, half = 0.0, probes.schedule.t_int / 2
    lines = [found.signals[f"v({node})"] for _, node in probes.sources["array"]]
    least = 0.5 if probes.planes.timed else 0.0
    for start, levels in zip(starts + probes.schedule.t_reset, probes.planes.sequence(), strict=True):
        inside = (found.axis >= start) & (found.axis <= start + half)
        for v in (lines[r] for r in np.flatnonzero(np.abs(levels) > least)):
            before, target = np.interp([start, start + half], found.axis, v)
            far = np.abs(v[inside] - target) > 0.1 * abs(target - before)
            worst = max(worst, float(found.axis[inside][far][-1] - start)) if far.any() else worst
    return worst


def _column_time(found: Waveforms, probes: TileProbes, columns: Array, tolerance: float) -> float:
    """Return the longest time from a start until an output stays within `tolerance` of what is converted."""
    worst, schedule, waves = 0.0, probes.schedule, _columns(found, probes)
    for start, targets in zip(schedule.operations(probes.n_operations), columns, strict=True):
        inside = (found.axis >= start) & (found.axis <= start + schedule.t_first)
        time = found.axis[inside] - start
        for wave, target in zip(waves, targets, strict=True):
            far = np.flatnonzero(np.abs(wave[inside] - target) > tolerance)
            worst = max(worst, float(time[far[-1]])) if len(far) else worst
    return worst


def _energies(found: Waveforms, probes: TileProbes) -> dict[str, Array]:
    """Return the energy of each product by block; what a driver's resistance burns is the drivers'."""
    edges = probes.schedule.operations(probes.n_operations)
    edges = np.append(edges, edges[-1] + probes.schedule.windows.t_window)
    energies = _by_block(found, probes, edges)
    if "drivers" in energies:  # of circuits: what their supplies gave and the array did not get
        energies["drivers"] = energies["drivers"] - energies["array"]
    if probes.r_driver and "array" in energies:
        currents = found.stack([f"i({name})" for name, _ in probes.sources["array"]])
        lost = window_integrals(found.axis, probes.r_driver * (currents**2).sum(axis=1), edges)
        energies["drivers"] = energies.get("drivers", 0.0) + lost
        energies["array"] = energies["array"] - lost
    return {block: e.reshape(-1, probes.planes.batch).sum(axis=0) for block, e in energies.items()}


def _by_block(found: Waveforms, probes: TileProbes, edges: Array) -> dict[str, Array]:
    """Return what sources, supplies and rails gave in every window (n,) [J]."""
    zero = np.zeros(len(edges) - 1)
    energies = dict.fromkeys((*probes.rails, *probes.supplies, *probes.sources), zero)
    for block, pairs in probes.rails.items():
        power = sum((v * np.abs(found.signals[f"i({name})"]) for name, v in pairs), np.zeros(len(found.axis)))
        energies[block] = energies[block] + window_integrals(found.axis, power, edges)
    for block, e in metered(found.axis, found.signals, probes.supplies, edges).items():
        energies[block] = energies[block] + e
    for block, given in probes.sources.items():
        energies[block] = energies[block] + _given(found, given, probes.v_rest, edges)
    return energies


def _given(found: Waveforms, pairs: Sequence[tuple[str, str]], v_rest: float, edges: Array) -> Array:
    """Return what sources gave above the resting voltage in every window (n,) [J]."""
    parts = [work(found.axis, found.signals, name, found.signals[f"v({node})"] - v_rest, edges) for name, node in pairs]
    return np.asarray(np.sum(parts, axis=0))
