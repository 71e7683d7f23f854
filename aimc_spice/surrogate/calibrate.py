"""How is a layer programmed: exact operators, and the curves of its neurons and front ends measured in ngspice?

One idea: two decks a circuit, one to fit and one, at other points, to judge. A neuron is swept over every voltage its
layer can produce. A limited front end is driven through two Thevenin lines; its curve maps the output that the linear
circuit would give to the output it gives, judged at another common mode and source resistance.
"""

from __future__ import annotations

import numpy as np

from aimc_spice.dataset.base import Dataset
from aimc_spice.dataset.collect import Job, collect
from aimc_spice.dataset.store import Store
from aimc_spice.netlist.bench import front_end_deck, neuron_deck
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import FrontEnd
from aimc_spice.netlist.macro import Macro
from aimc_spice.simulate.base import Pool, Waveforms
from aimc_spice.surrogate.base import Array, Box
from aimc_spice.surrogate.layer import LayerSurrogate, output_range, program_operators, row_slices
from aimc_spice.surrogate.ports import linear_ports
from aimc_spice.surrogate.transfer import TransferCurve, fit_transfer, sample_points

_N_TRAIN, _N_HELD_OUT = 1201, 500
_KNEE = 0.05  # V: the neurons' sigmoids bend within about this of zero


def program_layer(layer: Layer, v_max: float, pool: Pool, store: Store) -> LayerSurrogate:
    """Turn a layer's circuit into its surrogate for word lines in [0, v_max] [V].

    Raises
    ------
    SimulationError, FitError
        ngspice failed; a circuit is not what a curve can describe.
    """
    operators = program_operators(layer)
    limit = 1.05 * output_range(operators, v_max)
    curve = None
    if not layer.front_end.is_linear:
        r_line = 1.0 / float(layer.cells.g_pos.mean() * layer.partition.row_bounds()[1])
        curve = front_end_curve(layer.front_end, (limit, v_max, r_line), pool, store)
    neuron = neuron_curve(layer.neuron, limit, pool, store) if layer.neuron else None
    return LayerSurrogate(operators, row_slices(layer), curve, neuron, Box(0.0, v_max))


def neuron_curve(neuron: Macro, limit: float, pool: Pool, store: Store) -> TransferCurve:
    """Fit a neuron's transfer over inputs in [-limit, limit] [V].

    Raises
    ------
    SimulationError, FitError
        ngspice failed; the response is not a function of the input.
    """
    inputs = [sample_points(limit, _N_TRAIN, knee=_KNEE), sample_points(limit, _N_HELD_OUT, knee=0.7 * _KNEE)]
    jobs = [Job(f"neuron {neuron.name}", neuron_deck(neuron, v)) for v in inputs]
    found = collect(jobs, pool, store)
    train, held_out = (_dataset(v, w) for v, w in zip(inputs, found, strict=True))
    return fit_transfer(train, held_out, knee=_KNEE)


def front_end_curve(front_end: FrontEnd, ranges: tuple[float, float, float], pool: Pool, store: Store) -> TransferCurve:
    """Fit a limited front end's output against the linear circuit's.

    Parameters
    ----------
    front_end : FrontEnd
        With its linear version.
    ranges : tuple of float
        Largest output the linear circuit can be asked for [V], largest line voltage [V], Thevenin resistance of a
        typical bit line [Ω].
    pool, store : Pool, Store
        Where to simulate and to keep results.
    """
    limit, v_max, r_line = ranges
    plans = [
        (_N_TRAIN, 0.5, r_line),
        (_N_HELD_OUT, 0.4, 1.3 * r_line),
    ]  # points, common mode / v_max, source resistance
    jobs, linear = [], []
    for n, common, r in plans:
        gain = _line_gain(front_end.linear, r)
        # the inputs that make the linear circuit give sample_points: common mode plus difference
        base = common * v_max * gain.sum()
        difference = (sample_points(limit, n, knee=_KNEE) - base) / (0.5 * (gain[0] - gain[1]))
        lines = common * v_max + 0.5 * difference[:, None] * np.array([1.0, -1.0])
        jobs.append(Job(f"front end {front_end.macro.name}", front_end_deck(front_end.macro, lines, r)))
        linear.append(lines @ gain)
    found = collect(jobs, pool, store)
    train, held_out = (_dataset(v, w) for v, w in zip(linear, found, strict=True))
    return fit_transfer(train, held_out, knee=_KNEE)


def _line_gain(front_end: Macro, r_line: float) -> Array:
    """Gain (2,) from the two open-circuit line voltages to the output of the linear circuit."""
    ports = linear_ports(front_end)
    return np.asarray(ports.h @ np.linalg.inv(np.eye(2) + r_line * ports.y))


def _dataset(x: Array, found: Waveforms) -> Dataset:
    return Dataset(x[:, None], found.signals["v(out)"][:, None], "V", "V", (found.deck_digest,), found.simulator)
