"""What do the independent sources put out, vector by vector or instant by instant?

One idea: all sources (V, I and table sources ``v=pwl(v(ctl),0,a,1,b,…)``) are one matrix, shape (n_sources, n_points).
A table source is independent because a V source fixes its control voltage. Any other formula is refused: it is not
linear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.flat import FlatCircuit

Array = NDArray[np.float64]
_TABLE = re.compile(r"pwl\(v\([^(),]+\),([-+.\de,]+)\)")


@dataclass(frozen=True)
class Table:
    """A source that looks its value up in a table.

    Parameters
    ----------
    row : int
        Which formula of the circuit.
    control : int
        Which source fixes the voltage it looks up; row in the stimulus.
    sign : float
        -1 where that source is written from ground to the node.
    knots : ndarray, shape (2, n)
        Control voltage [V], rising, and value [V or A].
    """

    row: int
    control: int
    sign: float
    knots: Array


class Stimulus:
    """All independent sources of a circuit: rows are V sources, then I sources, then table sources.

    Parameters
    ----------
    circuit : FlatCircuit
        Linear but for its table sources.

    Raises
    ------
    NetlistError
        A formula that is no table of a fixed voltage; it is named.
    """

    def __init__(self, circuit: FlatCircuit) -> None:
        self._circuit = circuit
        self._n_v = len(circuit.tables["v"])
        self._steady = np.concatenate([circuit.tables["v"].values, circuit.tables["i"].values])
        fixed = _fixed_nodes(circuit)
        self.tables = [_read_table(circuit, row, fixed) for row in range(len(circuit.formulas))]

    def source_row(self, name: str) -> int:
        """Return the row of a V or I source; raises `NetlistError` where there is none."""
        kind, row = self._circuit.find(name) or ("", 0)
        if kind not in ("v", "i"):
            raise NetlistError(f"the circuit has no source {name} to sweep")
        return row + self._n_v * (kind == "i")

    def steady(self, n_points: int = 1) -> Array:
        """Return the DC values, the same at every point, shape (n_sources, n_points)."""
        return self._with_tables(np.repeat(self._steady[:, None], n_points, axis=1))

    def swept(self, row: int, values: Array) -> Array:
        """Return the DC values while source `row` steps through `values` (n_points,)."""
        plain = np.repeat(self._steady[:, None], len(values), axis=1)
        plain[row] = values
        return self._with_tables(plain)

    def over_time(self, time: Array) -> Array:
        """Return the values at each time [s], shape (n_sources, n_points)."""
        plain = np.repeat(self._steady[:, None], len(time), axis=1)
        for kind, first in (("v", 0), ("i", self._n_v)):
            for row, wave in self._circuit.waves[kind].items():
                plain[first + row] = wave.at(time)
        return self._with_tables(plain)

    def _with_tables(self, plain: Array) -> Array:
        looked_up = [np.interp(t.sign * plain[t.control], *t.knots) for t in self.tables]
        return np.vstack([plain, *looked_up]) if looked_up else plain


def _fixed_nodes(circuit: FlatCircuit) -> dict[int, tuple[int, float]]:
    """Return, per node that a V source ties to ground, the row of the source and its sign."""
    nodes = circuit.tables["v"].nodes
    plus = {int(nodes[row, 0]): (int(row), 1.0) for row in np.flatnonzero(nodes[:, 1] == 0)}
    return {**{int(nodes[row, 1]): (int(row), -1.0) for row in np.flatnonzero(nodes[:, 0] == 0)}, **plus}


def _read_table(circuit: FlatCircuit, row: int, fixed: dict[int, tuple[int, float]]) -> Table:
    formulas = circuit.formulas
    text, reads = formulas.text(row, circuit.node_names).replace(" ", ""), formulas.reads(row).tolist()
    match = _TABLE.fullmatch(text)
    if match is None or len(reads) != 1 or reads[0] not in fixed or formulas.quantities[row] not in ("v", "i"):
        raise NetlistError(
            f"element {formulas.names[row]} is not linear: the nodal judge solves linear circuits only",
            cause=f"its formula is {text[:80]}{'…' if len(text) > 80 else ''}",
            hint="the one formula it takes is a table pwl(v(ctl),0,a,1,b,…) of a node that a V source fixes",
        )
    knots = np.array(match.group(1).split(","), dtype=np.float64)
    if len(knots) % 2 or np.any(np.diff(knots[::2]) <= 0):
        raise NetlistError(f"element {formulas.names[row]}: pwl(…) wants pairs whose first numbers rise")
    return Table(row, *fixed[reads[0]], knots.reshape(-1, 2).T)
