"""What is a tile at a real frequency? A resistive network again, so its exact operator is known.

One idea: at ``exp(s t)`` with real s a capacitor is the conductance ``s C``. Wire capacitances become conductances to
ground, capacitive cells become ``s C``, a front end becomes the numbers that its own netlist has at s; `dissect` does
the rest, all frequencies in one batch. Nothing here is fitted; time comes in `timebase`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import FitError, NetlistError, ShapeError
from aimc_spice.netlist.bench import front_end_deck
from aimc_spice.netlist.flat import FlatCircuit
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.parse import parse_netlist
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.mna import Factorised, branch_of, equations
from aimc_spice.simulate.nodal import refuse_nonlinear
from aimc_spice.simulate.stimulus import Stimulus
from aimc_spice.surrogate.operator import LinearPorts, crossbar_admittance

Array = NDArray[np.float64]
_CELLS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class PortsAt:
    """A linear front end at some real frequencies.

    Parameters
    ----------
    y : ndarray, shape (n_s, 2, 2)
        Input admittance at (p, n) [S].
    reads : ndarray, shape (n_s, n_reads, 2)
        What it gives for (p, n): the output first [V/V], then the currents of its supplied devices [A/V].
    """

    y: Array
    reads: Array


class FrontEndAt(Protocol):
    """A front end that can be asked at any real frequency."""

    def at(self, s: Array) -> PortsAt:
        """Return what it is at frequencies s (n_s,) [1/s]."""
        ...


@dataclass(frozen=True)
class StaticPorts:
    """A front end without memory."""

    ports: LinearPorts

    def at(self, s: Array) -> PortsAt:
        """Return the same at every frequency."""
        return PortsAt(np.broadcast_to(self.ports.y, (len(s), 2, 2)), np.tile(self.ports.h, (len(s), 1, 1)))


@dataclass(frozen=True)
class CapacitiveLoad:
    """A read-out that is a capacitor `c` [F] at each bit line and sees their difference."""

    c: float

    def at(self, s: Array) -> PortsAt:
        """Return ``s c`` at both lines."""
        return PortsAt(s[:, None, None] * self.c * np.eye(2), np.tile([1.0, -1.0], (len(s), 1, 1)))


@dataclass(frozen=True)
class MacroPorts:
    """A front end by its own netlist: linear, with capacitors and amplifier poles or without.

    The currents of its `Macro.sources` are read beside its output. Its offsets are not part of the answer to a step.
    """

    macro: Macro

    def at(self, s: Array) -> PortsAt:
        """Solve its equations at every frequency; raises `FitError` where it is not linear."""
        circuit = self._circuit
        try:
            refuse_nonlinear(circuit)
        except NetlistError as bad:
            raise FitError(f"front end {self.macro.name} is not linear, so it has no response", cause=bad.what) from bad
        stimulus = Stimulus(circuit)
        drives = stimulus.swept(stimulus.source_row("vctl"), np.arange(3.0))
        found = np.stack([Factorised(equations(circuit, stimulus, storage=one)).solve(drives) for one in s])
        found = found[..., 1:] - found[..., :1]  # offsets stand before the step
        lines, amplifiers = (
            [circuit.n_nodes + (branch_of(circuit, name) or 0) for name in names]
            for names in (("bin_0", "bin_1"), self.macro.source_names("x1"))
        )
        return PortsAt(-found[:, lines], found[:, [circuit.node("out"), *amplifiers]])

    @property
    def _circuit(self) -> FlatCircuit:
        return parse_netlist(front_end_deck(self.macro, np.eye(3, 2, -1), r_line=0.0).chunks())


@dataclass(frozen=True)
class Cells:
    """The network of one crossbar, its cells a conductance and a capacitance side by side.

    Parameters
    ----------
    g, c : ndarray, shape (n_rows, n_cols, 2)
        Conductances [S] and capacitances [F] of the differential pairs, zero or more.
    wire : Wire
        Segments.
    r_driver : float
        [Ω].
    c_node : float
        Capacitance to ground of every bit-line node beside the wire's [F].
    """

    g: Array
    c: Array
    wire: Wire
    r_driver: float = 0.0
    c_node: float = 0.0

    def __post_init__(self) -> None:
        if self.g.shape != self.c.shape or self.g.ndim != 3 or self.g.shape[2] != 2:
            raise ShapeError(f"cells: got g {self.g.shape} and c {self.c.shape}, wanted equal (n_rows, n_cols, 2)")


@dataclass(frozen=True)
class Samples:
    """A tile at some real frequencies.

    Parameters
    ----------
    reads : ndarray, shape (n_s, n_rows, n_cols, n_reads)
        What every front end reads for one volt on each word line.
    drivers : ndarray, shape (n_s, n_rows, n_rows)
        Current out of every driver for one volt on each word line [A/V], symmetric for reciprocal front ends.
    """

    reads: Array
    drivers: Array


def sample(cells: Cells, front_end: FrontEndAt, s: Array) -> Samples:
    """Solve a tile at real frequencies s (n_s,) [1/s]; zero is DC.

    Raises
    ------
    FitError
        A bit line floats at DC; a front end is not linear.
    """
    n_rows, n_cols, _ = cells.g.shape
    ports, step = front_end.at(s), max(1, _CELLS_AT_ONCE // (n_rows * n_cols))
    some = [slice(i, i + step) for i in range(0, len(s), step)]
    parts = [_solve(cells, PortsAt(ports.y[part], ports.reads[part]), s[part]) for part in some]
    return Samples(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _solve(cells: Cells, ports: PortsAt, s: Array) -> tuple[Array, Array]:
    at = s[:, None, None]
    leak = (at * cells.wire.c_wire_wl, at * (cells.wire.c_wire_bl + cells.c_node))
    found = crossbar_admittance(cells.g + s[:, None, None, None] * cells.c, cells.wire, cells.r_driver, leak=leak)
    c, wl, bl = found.c, found.wl_near, found.bl_near
    n_cols = (bl.stop - bl.start) // 2
    own = c.sum(axis=-1)
    matrix = -c[:, bl, bl]
    pairs = matrix.reshape(len(s), n_cols, 2, n_cols, 2)
    each = np.arange(n_cols)
    pairs[:, each, :, each, :] += ports.y
    index = np.arange(2 * n_cols)
    matrix[:, index, index] += own[:, bl]
    if not (np.abs(matrix).max(axis=-1) > 0).all():
        raise FitError("a bit line has neither conductance nor load at DC: it floats", hint="use g_off > 0")
    ends = np.linalg.solve(matrix, c[:, bl, wl])
    drivers = -c[:, wl, wl] - c[:, wl, bl] @ ends
    rows = np.arange(drivers.shape[-1])
    drivers[:, rows, rows] += own[:, wl]
    both = ends.reshape(len(s), n_cols, 2, -1)
    return np.einsum("scir,ski->srck", both, ports.reads), drivers
