"""How does a crossbar with wires become the network of its terminals, for decks?

One idea: the couplings that the operator is made from are conductances between terminals, so they can stand in a deck
as resistors (`netlist.tiles.ports`). Exact for resistances; the capacitance of a line is lumped.
"""

from __future__ import annotations

import numpy as np

from aimc_spice.device.base import ConductanceMap
from aimc_spice.netlist.tiles.ports import PortNetwork
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import crossbar_admittance


def reduced_crossbar(cells: ConductanceMap, wire: Wire, r_driver: float = 0.0) -> PortNetwork:
    """Reduce a crossbar to its terminals.

    Parameters
    ----------
    cells : ConductanceMap
        Conductances, shape (n_rows, n_cols).
    wire : Wire
        Segment values.
    r_driver : float
        Series resistance of each word-line driver [Ω]; stays an element of its own.
    """
    n_rows, n_cols = cells.shape
    found = crossbar_admittance(np.stack([cells.g_pos, cells.g_neg], axis=-1)[None], wire)
    order = np.r_[found.wl_near, found.bl_near]
    couplings = found.c[0][np.ix_(order, order)]
    return PortNetwork(couplings, n_rows, n_cols * wire.c_wire_wl, n_rows * wire.c_wire_bl, r_driver)
