"""Which decks characterise one front end or one neuron alone?

One idea: the macro by itself, driven through known source resistances by a table of input vectors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.netlist.base import Deck, Lines, Netlist
from aimc_spice.netlist.drive import dc_vectors
from aimc_spice.netlist.macro import Macro, definitions
from aimc_spice.units import spice


def neuron_deck(neuron: Macro, v_in: ArrayLike) -> Deck:
    """Return the deck that sweeps a neuron's input over `v_in` (n,) [V]; probe ``v(out)``."""
    drive = dc_vectors(["in"], np.asarray(v_in, dtype=np.float64)[:, None])
    body = (drive.lines, Lines(f"x1 in out {neuron.call()}"))
    return Deck(Netlist(f"neuron {neuron.name}", (definitions([neuron]),), body), drive.analysis, ("v(out)",))


def neuron_load_deck(neuron: Macro, v_in: ArrayLike, r_source: float, r_load: float) -> Deck:
    """Return the deck that shows whether a neuron loads its input or sags under a load.

    Parameters
    ----------
    neuron : Macro
        Ports in, out.
    v_in : array_like, shape (n,)
        Input voltages [V].
    r_source, r_load : float
        Resistance in front of one copy's input, and behind another's output [Ω].

    Returns
    -------
    Deck
        Probes ``v(drive)``, ``v(behind)`` the source resistance, ``v(out)`` and ``v(loaded)``.
    """
    drive = dc_vectors(["drive"], np.asarray(v_in, dtype=np.float64)[:, None])
    call = neuron.call()
    lines = [
        f"rs drive behind {spice(r_source)}",
        f"x1 behind open {call}",
        f"x2 drive out {call}",
        f"x3 drive loaded {call}",
        f"rl loaded 0 {spice(r_load)}",
    ]
    netlist = Netlist(f"load of neuron {neuron.name}", (definitions([neuron]),), (drive.lines, Lines("\n".join(lines))))
    return Deck(netlist, drive.analysis, ("v(drive)", "v(behind)", "v(out)", "v(loaded)"))


def front_end_deck(front_end: Macro, v_lines: ArrayLike, r_line: float) -> Deck:
    """Return the deck that drives a front end from two Thevenin sources.

    Parameters
    ----------
    front_end : Macro
        Ports p, n, out.
    v_lines : array_like, shape (n, 2)
        Open-circuit voltages of the positive and the negative line [V].
    r_line : float
        Source resistance of each [Ω]; zero drives the ports directly.

    Returns
    -------
    Deck
        Probes ``v(out)`` and the currents of both sources, which are minus the currents into the lines.
    """
    nodes = ["vp", "vn"] if r_line else ["p", "n"]
    drive = dc_vectors(nodes, _pairs(v_lines))
    lines = [f"x1 p n out {front_end.call()}"]
    if r_line:
        lines += [f"rp vp p {spice(r_line)}", f"rn vn n {spice(r_line)}"]
    netlist = Netlist(
        f"front end {front_end.name}", (definitions([front_end]),), (drive.lines, Lines("\n".join(lines)))
    )
    return Deck(netlist, drive.analysis, ("v(out)", *(f"i({source})" for source in drive.sources)))


def cell_deck(cell: Macro, g: float) -> Deck:
    """Return the deck that puts 1 V on port a, then on port b, of one cell of conductance `g` [S].

    Its probes are minus the currents into the two ports.
    """
    drive = dc_vectors(["a", "b"], np.eye(2))
    body = (drive.lines, Lines(f"x1 a b {cell.call()} g={spice(g)}"))
    netlist = Netlist(f"cell {cell.name}", (definitions([cell]),), body)
    return Deck(netlist, drive.analysis, tuple(f"i({source})" for source in drive.sources))


def _pairs(v_lines: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(v_lines, dtype=np.float64).reshape(-1, 2)
