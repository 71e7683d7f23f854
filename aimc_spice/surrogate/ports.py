"""What does a linear front end look like from its two bit lines? Three numbers a port, read off its own netlist.

One idea: apply 1 V to either line in the nodal solver and read currents and output; so any linear subcircuit, the
user's too, can be used by the operator without a hand-written formula.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aimc_spice.errors import FitError, NetlistError
from aimc_spice.netlist.bench import cell_deck, front_end_deck
from aimc_spice.netlist.macro import Macro
from aimc_spice.simulate.nodal import NodalSimulator
from aimc_spice.surrogate.operator import LinearPorts
from aimc_spice.units import show

_IN_NGSPICE = "its decks run in ngspice all the same: AnalogNetwork.deck, tile_deck, aimc-spice netlist"


def check_cell(cell: Macro, g: float) -> None:
    """Raise `FitError` unless a user's cell is the plain conductance `g` [S] that the operator takes it for."""
    deck = cell_deck(cell, g)
    try:
        found = NodalSimulator().run(deck, label=f"cell {cell.name}")
    except NetlistError as bad:
        raise FitError(
            f"cell {cell.name} is not linear, so its array has no operator", cause=bad.what, hint=_IN_NGSPICE
        ) from bad
    currents = -found.stack(deck.probes)
    wanted = g * np.array([[1.0, -1.0], [-1.0, 1.0]])
    if not np.allclose(currents, wanted, rtol=0, atol=1e-9 * g):
        drive, port = np.unravel_index(np.abs(currents - wanted).argmax(), currents.shape)
        raise FitError(
            f"cell {cell.name} draws {show(currents[drive, port], 'A')} at port {'ab'[port]} with 1 V on port "
            f"{'ab'[drive]}, wanted {show(wanted[drive, port], 'A')} for g = {show(g, 'S')}",
            hint=_IN_NGSPICE,
        )


def linear_ports(front_end: Macro) -> LinearPorts:
    """Return the admittance and gain of a linear front end; raises `FitError` where it is not linear."""
    # 1 V across a virtual ground gives the op-amp's gain in volts and large currents: no bound
    deck = replace(front_end_deck(front_end, np.eye(2), r_line=0.0), bound=np.inf)
    try:
        found = NodalSimulator().run(deck, label=f"front end {front_end.name}")
    except NetlistError as bad:
        raise FitError(
            f"front end {front_end.name} is not linear, so it has no operator",
            cause=bad.what,
            hint="give FrontEnd a linear version of the same circuit",
        ) from bad
    currents = -found.stack([probe for probe in deck.probes if probe.startswith("i(")])
    return LinearPorts(currents.T, found.signals["v(out)"])
