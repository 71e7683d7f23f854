"""How is a capacitive crossbar written as SPICE text, and where do its bit lines settle?

One idea: word lines move the bottom plates of the cells, the bit lines are their common top plates, so a bit line adds
charge without a current that lasts. Written like `crossbar`: one row template, filled for every row. Cell (r, c)::

        wl_r --[r_driver]-- wd_r --[r_wire_wl]-- w_r_0 --[r_wire_wl]-- w_r_1 ...      word line r
                                                  | |
                                        c_pos === + + === c_neg
                                          |                 |
                       p_0_c --- ... --- p_r_c             n_r_c --- ...               bit lines p, n of column c
                                          |  |                |  |
                                 [r_wire_bl] = c_par [r_wire_bl] = c_par               and c_wire_bl beside c_par
                                          :                 :
                                         bp_c              bn_c                        ends: c_load, reset switch to vcm
                                          |                 |                          (phi_r), and where there is one
                                       sp_c === c_share  sn_c === c_share              a switch (phi_s) to c_share

After a reset with the word lines at `v_rest` and a step of them to v, every bit line rests at
``v_cm + sum(c (v - v_rest)) / (sum(c) + n_rows (c_par + c_wire_bl) + c_load)``, whatever the resistances; a capacitor
`c_share` that was reset, too, and joins later counts like a load. Leakage and dielectric absorption are not modelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.device.capacitance import CapacitanceMap
from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.wire import Wire
from aimc_spice.units import show, spice

Array = NDArray[np.float64]
_ROW, _NEXT = "\x00", "\x01"  # stand for the row number and the row below in a template
_ROWS_PER_CHUNK = 16


@dataclass(frozen=True)
class ChargeCrossbar:
    """The elements of one capacitive crossbar; nodes ``wl_r`` (in), ``bp_c`` and ``bn_c`` (out), ``vcm``, ground 0.

    Parameters
    ----------
    cells : CapacitanceMap
        Capacitances, shape (n_rows, n_cols).
    wire : Wire
        Segment values.
    r_driver : float
        Series resistance of each word-line driver [Ω].
    c_par : float
        Parasitic capacitance of every cell's top plate to ground [F].
    c_load : float
        What the read-out adds at the end of each bit line [F].
    reset : Macro, optional
        Switch (role "switch") between each bit line and ``vcm``, with clocks ``phi_r`` and ``phi_rb``. Without it a
        leak of `r_leak` takes its place, which keeps the circuit linear and its operating point defined.
    r_leak : float
        That leak [Ω].
    share : Macro, optional
        Switch (role "switch") between each bit line and its capacitor `c_share` at ``sp_c`` or ``sn_c``, with clocks
        ``phi_s`` and ``phi_sb``: the charge is shared with the sampling capacitor of a read-out.
    c_share : float
        That capacitor [F].
    """

    cells: CapacitanceMap
    wire: Wire = field(default_factory=Wire)
    r_driver: float = 0.0
    c_par: float = 0.0
    c_load: float = 0.0
    reset: Macro | None = None
    r_leak: float = 1e10
    share: Macro | None = None
    c_share: float = 0.0

    def __post_init__(self) -> None:
        for name, unit in (("r_driver", "Ω"), ("c_par", "F"), ("c_load", "F"), ("c_share", "F")):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise NetlistError(f"got {name} = {show(value, unit)}, wanted zero or more")
        for name, macro in (("reset", self.reset), ("share", self.share)):
            if macro is not None and macro.role != "switch":
                raise NetlistError(f"{name}: got a {macro.role}, wanted a switch")
        if (self.share is None) != (self.c_share == 0):
            raise NetlistError("give a switch `share` and a capacitor `c_share` above zero, or neither")
        if not (np.isfinite(self.c_bl).all() and min(c.min() for c in self.c_bl) > 0):
            raise NetlistError("a bit line has no capacitance at all", hint="give c_off, c_par, c_load or c_wire_bl")

    @property
    def c_bl(self) -> tuple[Array, Array]:
        """Whole capacitance of the bit lines, positive and negative, `c_share` left out, each (n_cols,) [F]."""
        fixed = self.cells.shape[0] * (self.c_par + self.wire.c_wire_bl) + self.c_load
        return self.cells.c_pos.sum(axis=0) + fixed, self.cells.c_neg.sum(axis=0) + fixed

    def bit_lines(self, v_wl: ArrayLike, *, v_rest: float = 0.0, v_cm: float = 0.0) -> tuple[Array, Array]:
        """Return where the bit lines rest in closed form, positive and negative, each (batch, n_cols) [V].

        Parameters
        ----------
        v_wl : array_like, shape (batch, n_rows)
            Word-line voltages after the step [V].
        v_rest, v_cm : float
            Word lines and bit lines during the reset [V].
        """
        step = np.asarray(v_wl, dtype=np.float64) - v_rest
        if step.ndim != 2 or step.shape[1] != self.cells.shape[0]:
            raise ShapeError(f"word lines: got shape {step.shape}, wanted (batch, {self.cells.shape[0]})")
        c_p, c_n = (c + self.c_share for c in self.c_bl)
        return v_cm + step @ self.cells.c_pos / c_p, v_cm + step @ self.cells.c_neg / c_n

    def chunks(self) -> Iterator[str]:
        """Yield the element lines, a few rows at a time, then the ends of the bit lines."""
        n_rows, _ = self.cells.shape
        inner, last = self._template(last=False), self._template(last=True)
        for start in range(0, n_rows, _ROWS_PER_CHUNK):
            rows = range(start, min(start + _ROWS_PER_CHUNK, n_rows))
            pairs = np.stack([self.cells.c_pos[rows.start : rows.stop], self.cells.c_neg[rows.start : rows.stop]], 2)
            yield "".join(
                _fill(last if row == n_rows - 1 else inner, row, cells.ravel())
                for row, cells in zip(rows, pairs, strict=True)
            )
        yield "".join(self._end(line, col) for col in range(self.cells.shape[1]) for line in "pn")

    def _template(self, *, last: bool) -> str:
        lines: list[str] = []
        entry = f"wl_{_ROW}"
        if self.r_driver:
            lines.append(f"rd_{_ROW} {entry} wd_{_ROW} {spice(self.r_driver)}")
            entry = f"wd_{_ROW}"
        for col in range(self.cells.shape[1]):
            entry = self._cell(lines, entry, col, last=last)
        return "\n".join(lines) + "\n"

    def _cell(self, lines: list[str], left: str, col: int, *, last: bool) -> str:
        wire, here = self.wire, f"{_ROW}_{col}"
        node = f"w_{here}" if wire.r_wire_wl else left
        if wire.r_wire_wl:
            lines.append(f"rw_{here} {left} {node} {spice(wire.r_wire_wl)}")
        if wire.c_wire_wl:
            lines.append(f"cw_{here} {node} 0 {spice(wire.c_wire_wl)}")
        for line in "pn":
            self._branch(lines, line, node, col, last=last)
        return node

    def _branch(self, lines: list[str], line: str, node: str, col: int, *, last: bool) -> None:
        wire, here, end = self.wire, f"{_ROW}_{col}", f"b{line}_{col}"
        mine = f"{line}_{here}" if wire.r_wire_bl else end
        lines.append(f"cg{line}_{here} {node} {mine} %s")
        if wire.r_wire_bl:
            below = end if last else f"{line}_{_NEXT}_{col}"
            lines.append(f"r{line}_{here} {mine} {below} {spice(wire.r_wire_bl)}")
            if self.c_par + wire.c_wire_bl:
                lines.append(f"c{line}_{here} {mine} 0 {spice(self.c_par + wire.c_wire_bl)}")

    def _end(self, line: str, col: int) -> str:
        end = f"b{line}_{col}"
        lumped = 0 if self.wire.r_wire_bl else self.cells.shape[0] * (self.c_par + self.wire.c_wire_bl)
        load = f"cl{line}_{col} {end} 0 {spice(self.c_load + lumped)}\n" if self.c_load + lumped else ""
        if self.share is not None:
            load += f"xs{line}_{col} {end} s{line}_{col} phi_s phi_sb {self.share.call()}\n"
            load += f"cs{line}_{col} s{line}_{col} 0 {spice(self.c_share)}\n"
        if self.reset is None:
            return f"{load}rl{line}_{col} {end} vcm {spice(self.r_leak)}\n"
        return f"{load}xr{line}_{col} {end} vcm phi_r phi_rb {self.reset.call()}\n"


def _fill(template: str, row: int, values: Array) -> str:
    return template.replace(_ROW, str(row)).replace(_NEXT, str(row + 1)) % tuple(map(repr, values.tolist()))
