"""How are all levels of an oscillator found from a few dozen runs? By when each of its edges comes.

One idea: the code is the number of edges in a fixed time T, so the level of code k is the input whose k-th edge comes
at T. One run tells when *all* its edges come, and the time of the k-th is a smooth function of the input, so that a few
dozen runs, each a little longer than T, hold all levels between them (a parabola of 1/input through four). Levels are
then judged as always: at some of them, spread over the range, the codes on both sides are converted. Where one is
wrong, nothing is returned and the search goes its usual way.
"""

from __future__ import annotations

import numpy as np

from aimc_spice.dataset.bench import Bench
from aimc_spice.dataset.collect import Job, collect
from aimc_spice.errors import SimulationError
from aimc_spice.metrology.convert import Request, convert
from aimc_spice.metrology.levels import Array
from aimc_spice.metrology.linearity import Linearity
from aimc_spice.metrology.record import Record
from aimc_spice.netlist.adcs.base import Phased

_RATIO, _STEP = 1.25, 1 / 32  # from one input to the next: at the low end, and of full scale above, at least a code
_FIRST, _LAST = 0.8, 1.08  # LSB; of full scale
_PER_DECK, _POINTS, _N_JUDGED = 4, 4, 16
_SLIP, _FEW = 0.1, 8  # edges: from which on a run is left out, and from how many on that is looked at
_NEAR = 0.95  # of the count: how far beyond the runs that have an edge its level may lie, where one was left out
_FINEST = 1 / 8  # LSB
_BEYOND = 0.02  # of full scale: how far above it the last conversion that judges lies


def levels_by_phase(converter: Phased, bench: Bench, width: float) -> tuple[Linearity, Record] | None:
    """Return levels that hold within `width` [V or A] and the conversions that judged them; None where they do not.

    The edges of a run scatter with its time steps, by some hundredths of an LSB: no width below 1/8 LSB is promised,
    and twice as much is tried before giving up.
    """
    width = max(width, _FINEST * converter.high / 2**converter.n_bits)
    inputs = converter.high * _spread(2**converter.n_bits)
    try:
        levels = _levels(converter, *_sound(inputs, _edge_times(converter, inputs, bench)))
    except SimulationError:
        return None
    if levels is None:
        return None
    for bracket in (width, 2 * width):
        record = _judged(converter, levels, bracket, bench)
        if record is not None:
            n = len(inputs) + len(record.codes)
            return Linearity(levels, converter.low, converter.high, converter.quantity, bracket, n, ()), record
    return None


def _judged(converter: Phased, levels: Array, bracket: float, bench: Bench) -> Record | None:
    """Convert on both sides of some levels, and beyond both ends; return that where all codes are right."""
    k = np.unique(np.linspace(1, len(levels), _N_JUDGED).round().astype(int))
    sides = (levels[k - 1] + 0.5 * bracket * np.array([[-1.0], [1.0]])).ravel()
    judges = np.concatenate([[converter.low], sides, [(1 + _BEYOND) * converter.high]])
    (record,) = convert([Request(converter, judges, f"{converter.name}, judging levels")], bench)
    wanted = np.concatenate([[0], k - 1, k, [len(levels)]])
    return record if isinstance(record, Record) and (record.codes == wanted).all() else None


def _spread(n_codes: int) -> Array:
    """Return inputs of full scale, rising: steps of a ratio, then of a share of full scale."""
    step = max(_STEP, 1 / n_codes)
    low = _FIRST / n_codes * _RATIO ** np.arange(200)
    low = low[low < step / (_RATIO - 1)]
    return np.concatenate([low, np.arange(low[-1] + step, _LAST + step, step)])


def _edge_times(converter: Phased, inputs: Array, bench: Bench) -> list[Array]:
    """Return when the edges of every input come, from the start of the count [s], until the next input has had its."""
    cuts = range(0, len(inputs), _PER_DECK)
    reach = np.append(inputs[1:] / inputs[:-1], 1.0)
    longer = [converter.counting((1 + _BEYOND) * float(reach[k : k + _PER_DECK].max())) for k in cuts]
    parts = [inputs[k : k + _PER_DECK] for k in cuts]
    jobs = [
        Job(f"{converter.name}, edges of {len(part)} inputs", one.deck(part))
        for one, part in zip(longer, parts, strict=True)
    ]
    found = collect(jobs, bench.pool, bench.store, bench.progress)
    runs = zip(longer, parts, found, strict=True)
    return [times for one, part, waves in runs for times in one.edge_times(part, waves.axis, waves.signals)]


def _sound(inputs: Array, times: list[Array]) -> tuple[Array, list[Array]]:
    """Leave out runs whose edges do not come when the two runs on either side say: the simulator's slips."""
    kept = list(range(len(inputs)))
    while len(kept) > 2 * _POINTS:
        odd = [_departure(inputs, times, kept[p - 2 : p + 3]) for p in range(2, len(kept) - 2)]
        if max(odd) <= _SLIP:
            break
        kept.pop(2 + int(np.argmax(odd)))
    return inputs[kept], [times[j] for j in kept]


def _departure(inputs: Array, times: list[Array], five: list[int]) -> float:
    """Return how far the last common edge of the middle one of five runs is from where the others say, in edges."""
    k, middle = min(len(times[j]) for j in five), five[2]
    if k < _FEW:
        return 0.0
    others = [j for j in five if j != middle]
    curve = np.polyfit(inputs[middle] / inputs[others] - 1, [times[j][k - 1] for j in others], 3)
    return float(abs(times[middle][k - 1] / curve[-1] - 1) * k)


def _levels(converter: Phased, inputs: Array, times: list[Array]) -> Array | None:
    """Return the input whose k-th edge comes at the end of the count, for all codes; None where one is out of reach."""
    levels = []
    for k in range(2**converter.n_bits - 1):
        have = [j for j in range(len(inputs)) if len(times[j]) > k][:_POINTS]  # the slowest that got there
        t = np.array([times[j][k] for j in have]) / converter.t_count
        if len(have) < _POINTS or t[0] < _NEAR or t[-1] > 1.0:
            return None
        levels.append(1 / np.polyfit(t - 1, 1 / inputs[have], 2)[-1])
    found = np.array(levels)
    return found if (np.diff(found) > 0).all() else None
