"""May a neuron stand as a curve: does it draw nothing at its input, and hold its output under a load?

One idea: copies of it in one deck, one behind the resistance that drives it, one with a load; ngspice says what moves.
It knows no dynamics.
"""

from __future__ import annotations

import numpy as np

from aimc_spice.dataset.collect import Job, collect
from aimc_spice.dataset.store import Store
from aimc_spice.errors import FitError
from aimc_spice.netlist.bench import neuron_load_deck
from aimc_spice.netlist.layer import Layer
from aimc_spice.simulate.base import Pool
from aimc_spice.units import show

_R_LOAD = 1e3  # Ω; assumed: a word line of some ten cells
_TOLERANCE = 1e-4  # of v_max; ideal buffers move by less than 1e-9 of it


def check_neuron(layer: Layer, v_max: float, pool: Pool, store: Store) -> None:
    """Raise `FitError` where a layer's neuron loads the front ends or sags under word lines.

    Parameters
    ----------
    layer : Layer
        Its ties are the source resistance.
    v_max : float
        Supply of the neurons [V]; inputs are tried over ± this.
    pool, store : Pool, Store
        Where to simulate and to keep results.
    """
    if layer.neuron is None:
        return
    deck = neuron_load_deck(layer.neuron, np.linspace(-v_max, v_max, 9), layer.r_tie / layer.partition.n_h, _R_LOAD)
    found = collect([Job(f"load of neuron {layer.neuron.name}", deck)], pool, store)[0]
    for first, second, what in (("drive", "behind", "loads its input"), ("out", "loaded", "sags under a load")):
        moved = float(np.abs(found.signals[f"v({second})"] - found.signals[f"v({first})"]).max())
        if moved > _TOLERANCE * v_max:
            raise FitError(
                f"neuron {layer.neuron.name} {what}: {show(moved, 'V')} at {deck.netlist.title!r}, wanted none",
                cause="a curve cannot say what the circuit around it does to it",
                hint="put an ideal buffer there, for example: e1 out 0 x 0 1",
            )
