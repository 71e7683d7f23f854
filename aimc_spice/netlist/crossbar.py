"""How is a crossbar with its wires written as SPICE text, at millions of lines a second?

One idea: every row of cells is the same text but for the row number and the cell resistances, so one row template is
made per crossbar and filled with ``str.replace`` and ``%``. Rows stream out one by one. Circuit of cell (r, c)::

        wl_r --[r_driver]-- wd_r --[r_wire_wl]-- w_r_0 --[r_wire_wl]-- w_r_1 ...      word line r
                                                  | |
                                      [1/g_pos] --+ +-- [1/g_neg]
                                          |                 |
                       p_0_c --- ... --- p_r_c             n_r_c --- ...               bit lines p, n of column c
                                          |                 |
                                     [r_wire_bl]       [r_wire_bl]
                                          :                 :
                                         bp_c              bn_c                        ends: to the front end

Every node also has its segment's capacitance to ground. A zero resistance merges nodes instead of writing 0 Ω.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aimc_spice.device.base import ConductanceMap
from aimc_spice.errors import NetlistError
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.wire import Wire
from aimc_spice.units import show, spice

_ROW, _NEXT = "\x00", "\x01"  # stand for the row number and the row below in a template
_ROWS_PER_CHUNK = 16


@dataclass(frozen=True)
class Crossbar:
    """The elements of one crossbar; nodes ``wl_r`` (in), ``bp_c`` and ``bn_c`` (out), ground 0.

    Parameters
    ----------
    cells : ConductanceMap
        Conductances, shape (n_rows, n_cols).
    wire : Wire
        Segment values.
    r_driver : float
        Series resistance of each word-line driver [Ω].
    cell : Macro, optional
        A user's cell with ports ``a b`` and parameter ``g``; default a resistor.
    """

    cells: ConductanceMap
    wire: Wire = field(default_factory=Wire)
    r_driver: float = 0.0
    cell: Macro | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.r_driver) and self.r_driver >= 0):
            raise NetlistError(f"got r_driver = {show(self.r_driver, 'Ω')}, wanted zero or more")
        if min(self.cells.g_pos.min(), self.cells.g_neg.min()) <= 0:
            raise NetlistError(
                "a cell has zero conductance: its bit line may float",
                hint="give the device a g_off above zero (1 / the off resistance)",
            )

    @property
    def n_lines(self) -> int:
        """Number of lines of text, for estimates."""
        rows, cols = self.cells.shape
        wire = self.wire
        per_cell = 2 + sum(n for n, x in ((1, wire.r_wire_wl), (2, wire.r_wire_bl), (1, wire.c_wire_wl)) if x)
        return rows * (cols * (per_cell + 2 * (wire.c_wire_bl > 0)) + (self.r_driver > 0))

    def chunks(self) -> Iterator[str]:
        """Yield the element lines, a few rows at a time."""
        n_rows, _ = self.cells.shape
        inner, last = self._template(last=False), self._template(last=True)
        for start in range(0, n_rows, _ROWS_PER_CHUNK):
            rows = range(start, min(start + _ROWS_PER_CHUNK, n_rows))
            values = self._values(slice(rows.start, rows.stop))
            yield "".join(
                _fill(last if row == n_rows - 1 else inner, row, cells) for row, cells in zip(rows, values, strict=True)
            )

    def _values(self, rows: slice) -> list[list[str]]:
        pairs = np.stack([self.cells.g_pos[rows], self.cells.g_neg[rows]], axis=2)
        pairs = pairs if self.cell else 1.0 / pairs
        return [_number_texts(row.ravel()) for row in pairs]

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
        below = end if last else f"{line}_{_NEXT}_{col}"
        mine = f"{line}_{here}" if wire.r_wire_bl else end
        if self.cell:
            lines.append(f"xg{line}_{here} {node} {mine} {self.cell.call()} g=%s")
        else:
            lines.append(f"rg{line}_{here} {node} {mine} %s")
        if wire.r_wire_bl:
            lines.append(f"r{line}_{here} {mine} {below} {spice(wire.r_wire_bl)}")
        if wire.c_wire_bl:
            lines.append(f"c{line}_{here} {mine} 0 {spice(wire.c_wire_bl)}")


def _fill(template: str, row: int, values: list[str]) -> str:
    return template.replace(_ROW, str(row)).replace(_NEXT, str(row + 1)) % tuple(values)


def _number_texts(values: NDArray[np.float64]) -> list[str]:
    distinct = dict.fromkeys(values.tolist())
    texts = {value: spice(value) for value in distinct} if len(distinct) <= 64 else None  # few levels: format once
    return [texts[v] for v in values.tolist()] if texts else list(map(repr, values.tolist()))
