"""What stands for a crossbar in a deck that would be too slow with all its wires? A resistor between any two terminals.

One idea: a resistive network seen from its terminals is a full graph of resistors, exactly; the capacitance of each
line is put at its terminal, which moves edges by the wires' own delay (about 1 ps for 64 cells of 1 Ω and 0.2 fF).
A matrix of 3 n terminals is far cheaper than one of 3 n² nodes. The couplings come from `surrogate.reduced`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.units import spice

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PortNetwork:
    """The elements between nodes ``wl_r`` (in), ``bp_c`` and ``bn_c`` (out), ground 0: a `Part` in place of a crossbar.

    Parameters
    ----------
    couplings : ndarray, shape (n_rows + 2 n_cols, n_rows + 2 n_cols)
        Conductance between terminals [S]: word lines, then bit lines p and n of each column. Symmetric.
    n_rows : int
        Word lines.
    c_wl, c_bl : float
        Capacitance of a whole word line and of a whole bit line [F].
    r_driver : float
        Series resistance of each word line [Ω].
    """

    couplings: Array
    n_rows: int
    c_wl: float = 0.0
    c_bl: float = 0.0
    r_driver: float = 0.0

    def __post_init__(self) -> None:
        size = self.couplings.shape[0]
        if self.couplings.shape != (size, size) or (size - self.n_rows) % 2 or size <= self.n_rows:
            raise ShapeError(f"couplings: got {self.couplings.shape}, wanted square with {self.n_rows} rows and pairs")
        if not (np.isfinite(self.couplings).all() and self.couplings.min() >= 0):
            raise NetlistError("couplings: wanted finite conductances of zero or more")

    @property
    def terminals(self) -> list[str]:
        """Nodes in the order of the couplings; word lines behind their drivers."""
        word = "wd" if self.r_driver else "wl"
        columns = range((len(self.couplings) - self.n_rows) // 2)
        return [f"{word}_{r}" for r in range(self.n_rows)] + [f"b{line}_{c}" for c in columns for line in "pn"]

    def chunks(self) -> Iterator[str]:
        """Yield the element lines, one terminal at a time."""
        nodes = self.terminals
        for i, node in enumerate(nodes):
            yield self._own(i, node)
            others = np.flatnonzero(self.couplings[i, i + 1 :]) + i + 1
            values = (1.0 / self.couplings[i, others]).tolist()
            pairs = zip(others.tolist(), values, strict=True)
            yield "".join(f"rk_{i}_{j} {node} {nodes[j]} {value!r}\n" for j, value in pairs)

    def _own(self, i: int, node: str) -> str:
        """Return driver and capacitance of a terminal."""
        row = i < self.n_rows
        c = self.c_wl if row else self.c_bl
        driver = f"rd_{i} wl_{i} {node} {spice(self.r_driver)}\n" if row and self.r_driver else ""
        return driver + (f"ck_{i} {node} 0 {spice(c)}\n" if c else "")
