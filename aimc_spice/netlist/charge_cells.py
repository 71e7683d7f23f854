"""Which cells multiply in charge by a stored word, and where do columns of them settle?

One idea: a cell is capacitors between the word line and the bit line, so a column is charge sharing, and its closed
form is one capacitance matrix. Two cells: the switched capacitor of one bit (``netlists/cells/sc_mac.cir``), and the
C-2C ladder, which weighs n bits by powers of two with two sizes of capacitor::

    b_0 v    b_1 v          b_(n-1) v      b_i: bit i of the weight, v: the word line
      = c      = c            = c
      |        |              |
    +-+--||----+--||-- ... ---+--- bl      each node also has c_par to ground: the series capacitors' own parasitic
    = c   2c      2c                       bends the ladder
   gnd

With c_par zero and no load the ladder gives ``v * weight / 2**n``. Cells are ideal but for their parasitics: how bits
are stored is not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.units import spice

Array = NDArray[np.float64]
Words = NDArray[np.int64]


@dataclass(frozen=True)
class Ladder:
    """A C-2C ladder.

    Parameters
    ----------
    n_bits : int
        Bits of the weight, 1 to 16.
    c : float
        Unit capacitor [F]; the series ones are two units.
    c_par : float
        Parasitic of every node to ground [F].
    """

    n_bits: int
    c: float
    c_par: float = 0.0

    def __post_init__(self) -> None:
        if not (1 <= self.n_bits <= 16 and self.c > 0 and self.c_par >= 0):
            raise NetlistError(f"C-2C ladder: got {self}, wanted 1 to 16 bits, c above zero, c_par zero or more")

    def capacitances(self) -> Array:
        """Return the capacitance matrix of the nodes, least significant first, (n_bits, n_bits) [F]."""
        n, c = self.n_bits, self.c
        matrix = np.diag(np.full(n, c + self.c_par))
        matrix[0, 0] += c  # terminator
        for i in range(n - 1):
            matrix[i : i + 2, i : i + 2] += 2 * c * np.array([[1.0, -1.0], [-1.0, 1.0]])
        return matrix

    def nodes(self, bits: ArrayLike, c_load: float = 0.0) -> Array:
        """Return the node voltages for bottom plates at `bits` (n_bits,) [V] and a load on the last node [F]."""
        matrix = self.capacitances()
        matrix[-1, -1] += c_load
        return np.asarray(np.linalg.solve(matrix, self.c * np.asarray(bits, dtype=np.float64)))

    @property
    def weights(self) -> Array:
        """Output per volt on each bottom plate, unloaded, least significant first, (n_bits,)."""
        return np.asarray(self.c * np.linalg.inv(self.capacitances())[-1])

    @property
    def c_out(self) -> float:
        """What the ladder shows at its output [F]: 2c for n bits without parasitics."""
        return float(1 / np.linalg.inv(self.capacitances())[-1, -1])

    def lines(self, name: str, wl: str, out: str, word: int, r_leak: float) -> list[str]:
        """Return one ladder: bottom plates of set bits on `wl`, others on ground."""
        nodes = [*(f"{name}_{i}" for i in range(self.n_bits - 1)), out]
        plates = [wl if word >> i & 1 else "0" for i in range(self.n_bits)]
        rows = [
            f"cs_{name}_{i} {plate} {node} {spice(self.c)}"
            for i, (plate, node) in enumerate(zip(plates, nodes, strict=True))
        ]
        rows += [f"cd_{name}_{i} {a} {b} {spice(2 * self.c)}" for i, (a, b) in enumerate(pairwise(nodes))]
        rows += [f"rl_{name}_{i} {node} 0 {spice(r_leak)}" for i, node in enumerate(nodes)]
        rows += [f"cp_{name}_{i} {node} 0 {spice(self.c_par)}" for i, node in enumerate(nodes) if self.c_par]
        return [*rows, f"ct_{name} {nodes[0]} 0 {spice(self.c)}"]


@dataclass(frozen=True)
class LadderColumn:
    """C-2C cells on one bit line; nodes ``wl_r`` (in) and ``bl`` (out).

    Parameters
    ----------
    words : ndarray of int, shape (n_rows,)
        Weights, 0 to ``2**n_bits - 1``.
    ladder : Ladder
        The cell.
    c_load : float
        Load of the bit line [F].
    r_leak : float
        From every node to ground, so that there is an operating point [Ω].
    """

    words: Words
    ladder: Ladder
    c_load: float = 0.0
    r_leak: float = 1e15

    def __post_init__(self) -> None:
        _check_words(self.words, 2**self.ladder.n_bits - 1)

    def chunks(self) -> Iterator[str]:
        """Yield the cells, one after the other."""
        for row, word in enumerate(self.words.tolist()):
            yield "\n".join(self.ladder.lines(f"l{row}", f"wl_{row}", "bl", word, self.r_leak)) + "\n"
        if self.c_load:
            yield f"cload bl 0 {spice(self.c_load)}\n"

    def bit_line(self, v_wl: ArrayLike) -> Array:
        """Return where the bit line rests after a step of the word lines from 0 to (batch, n_rows), (batch,) [V]."""
        bits = self.words[:, None] >> np.arange(self.ladder.n_bits) & 1
        c_out = self.ladder.c_out
        total = len(self.words) * c_out + self.c_load
        return np.asarray(_steps(v_wl, len(self.words)) @ (bits @ self.ladder.weights) * c_out / total)


@dataclass(frozen=True)
class SwitchedColumn:
    """Switched-capacitor cells on one bit line; nodes ``wl_r`` (in), ``bl`` (out), ``ref``, ``vdd``.

    Parameters
    ----------
    bits : ndarray of int, shape (n_rows,)
        Weights, 0 or 1.
    c, c_par, c_load : float
        Capacitor and parasitic of each cell, load of the bit line [F].
    cell : str
        Subcircuit and further parameters: ``"sc_mac_b r_on=1e3"`` or ``"sc_mac u=5e-7"``.
    r_leak : float
        From the bit line to ``ref`` [Ω].
    """

    bits: Words
    c: float
    c_par: float = 0.0
    c_load: float = 0.0
    cell: str = "sc_mac_b"
    r_leak: float = 1e13

    def __post_init__(self) -> None:
        _check_words(self.bits, 1)
        if not (self.c > 0 and min(self.c_par, self.c_load) >= 0):
            raise NetlistError(
                f"switched column: got c = {self.c!r} F, wanted above zero, c_par and c_load zero or more"
            )

    def chunks(self) -> Iterator[str]:
        """Yield the cells; a stored bit is a constant voltage."""
        values = f"c={spice(self.c)} c_par={spice(self.c_par)}"
        for row, bit in enumerate(self.bits.tolist()):
            w, wb = ("vdd", "0") if bit else ("0", "vdd")
            yield f"xm_{row} wl_{row} ref {w} {wb} bl vdd {self.cell} {values}\n"
        yield f"rleak bl ref {spice(self.r_leak)}\n" + (f"cload bl 0 {spice(self.c_load)}\n" if self.c_load else "")

    def bit_line(self, v_wl: ArrayLike) -> Array:
        """Return the change of the bit line after a step of the word lines by (batch, n_rows), (batch,) [V]."""
        total = len(self.bits) * (self.c + self.c_par) + self.c_load
        return np.asarray(_steps(v_wl, len(self.bits)) @ self.bits * self.c / total)


def _check_words(words: Words, top: int) -> None:
    if words.ndim != 1 or not len(words) or not np.issubdtype(words.dtype, np.integer):
        raise ShapeError(f"weights: got {words.dtype} of shape {words.shape}, wanted integers (n_rows,)")
    if words.min() < 0 or words.max() > top:
        raise NetlistError(f"weights: got {words.min()} to {words.max()}, wanted 0 to {top}")


def _steps(v_wl: ArrayLike, n_rows: int) -> Array:
    table = np.asarray(v_wl, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != n_rows:
        raise ShapeError(f"word lines: got shape {table.shape}, wanted (batch, {n_rows})")
    return table
