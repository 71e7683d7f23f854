"""Which cells come with the toolkit, and which deck shows what one draws?

Builders read the plain files under ``netlists/cells``. The deck holds a few copies of one cell, each with its own g,
between two driven nodes::

    a --[0 V: current into port a]-- cell --[0 V: current out of port b]-- b
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aimc_spice.netlist.base import DEFAULT_OPTIONS, Analysis, Deck, Lines, Netlist, Transient
from aimc_spice.netlist.drive import dc_vectors
from aimc_spice.netlist.macro import Macro, definitions
from aimc_spice.share import share
from aimc_spice.units import spice

PRECISE = (*DEFAULT_OPTIONS, "reltol=1e-9", "abstol=1e-15", "vntol=1e-12")  # as it comes, ngspice stops at 1e-3


def sinh_cell(*, v0: float = 0.5) -> Macro:
    """Memristive cell ``i = g v0 sinh(v / v0)``; `v0` [V] is assumed."""
    return Macro("cell", "sinh_cell", _text("cells", "sinh.cir"), {"v0": v0})


def polynomial_cell(*, c2: float = 0.0, c3: float = 1.0) -> Macro:
    """Cell ``i = g (v + c2 v² + c3 v³)``; `c2` [1/V] and `c3` [1/V²] are assumed."""
    return Macro("cell", "polynomial_cell", _text("cells", "polynomial.cir"), {"c2": c2, "c3": c3})


def one_t_one_r(*, vdd: float = 0.8, w: float = 2e-7, l: float = 5e-8) -> Macro:  # noqa: E741  as in SPICE
    """Resistor behind an access transistor of the generic MOS card, its gate at `vdd` [V]; `w`, `l` [m]."""
    text, card = _text("cells", "one_t_one_r.cir"), _text("models", "generic_mos.cir")
    return Macro("cell", "one_t_one_r", text, {"vdd": vdd, "w": w, "l": l}, support=(card,))


def cell_sweep_deck(cell: Macro, g: ArrayLike, v_a: ArrayLike, v_b: ArrayLike) -> Deck:
    """Return the deck that drives copies of a cell with one pair of voltages after the other.

    Parameters
    ----------
    cell : Macro
        Ports a, b.
    g : array_like, shape (n_copies,)
        Parameter g of each copy [S].
    v_a, v_b : array_like, shape (n_points,)
        Voltages of the ports [V].

    Returns
    -------
    Deck
        Probes ``i(va_k)``, the current into port a of copy k, and ``i(vb_k)``, out of its port b: all of the former
        first.
    """
    drive = dc_vectors(["a", "b"], np.column_stack([np.asarray(v_a, float), np.asarray(v_b, float)]))
    return _cell_deck(cell, g, drive.lines, drive.analysis)


def cell_ramp_deck(cell: Macro, g: ArrayLike, v: float, t_ramp: float) -> Deck:
    """Return the deck that moves port a of copies of a cell to `v` [V] and back, `t_ramp` [s] each way, then port b.

    Port b starts at ``3 * t_ramp``. Probes as of `cell_sweep_deck`.
    """
    moves = (
        " ".join(f"{spice(k * t_ramp)} {spice(to)}" for k, to in zip(range(start, start + 3), (0, v, 0), strict=True))
        for start in (0, 3)
    )
    sources = [f"v{port} {port} 0 pwl({points})" for port, points in zip("ab", moves, strict=True)]
    return _cell_deck(cell, g, Lines("\n".join(sources)), Transient(t_ramp / 200, 5 * t_ramp), ("chgtol=1e-20",))


def _cell_deck(cell: Macro, g: ArrayLike, drive: Lines, analysis: Analysis, options: tuple[str, ...] = ()) -> Deck:
    values = np.atleast_1d(np.asarray(g, dtype=np.float64)).tolist()
    lines = [
        f"va_{k} a a_{k} 0\nx_{k} a_{k} b_{k} {cell.call()} g={spice(value)}\nvb_{k} b_{k} b 0"
        for k, value in enumerate(values)
    ]
    netlist = Netlist(f"cell {cell.name}", (definitions([cell]),), (drive, Lines("\n".join(lines))))
    probes = tuple(f"i(v{end}_{k})" for end in "ab" for k in range(len(values)))
    return Deck(netlist, analysis, probes, (*PRECISE, *options))


def _text(*parts: str) -> str:
    return share("netlists", *parts).read_text(encoding="utf-8")
