"""How does one multiplication in charge look in time: reset, step of the word lines, rest?

One idea: a window a vector: the reset switches close and open while the word lines stay at `v_rest`, then the word
lines step to the vector and stay; where charge is shared, those switches close with the reset and once more at the end.
Vectors are independent, because every window starts with a reset. What reads the bit lines is not here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck, Lines, Netlist, Transient
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.macro import definitions
from aimc_spice.units import show, spice

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ChargePhases:
    """Times and levels of a multiplication.

    Parameters
    ----------
    t_reset, t_gap, t_stop : float
        The reset lasts `t_reset`, `t_gap` later the word lines step, `t_stop` after that the window ends [s].
    t_rise : float
        Time of all edges [s]; shorter than the others.
    t_share : float
        Before the end of the window the switches that share charge close [s].
    v_cm, v_rest : float
        Bit lines and word lines during the reset [V].
    v_high : float
        Clock level that closes the switches; their complement and the other level are 0 [V].
    """

    t_reset: float = 2e-9
    t_gap: float = 0.5e-9
    t_stop: float = 5e-9
    t_share: float = 2e-9
    t_rise: float = 0.1e-9
    v_cm: float = 0.4
    v_rest: float = 0.0
    v_high: float = 0.8

    def __post_init__(self) -> None:
        if (
            not 0 < 2 * self.t_rise < min(self.t_reset, self.t_gap, self.t_stop, self.t_share)
            or self.t_share > self.t_stop
        ):
            raise NetlistError(
                f"got t_rise = {show(self.t_rise, 's')}, wanted under half of every phase, and t_share within t_stop"
            )

    @property
    def t_window(self) -> float:
        """Time of one vector [s]."""
        return self.t_reset + self.t_gap + self.t_stop

    def step_times(self, n_vectors: int) -> Array:
        """Return when the word lines begin to move, (n_vectors,) [s]."""
        return np.asarray(np.arange(n_vectors) * self.t_window + self.t_reset + self.t_gap, dtype=np.float64)

    def sources(self, v_wl: Array) -> str:
        """Return the sources: ``wl_r``, ``vcm``, and the clocks ``phi_r``, ``phi_s`` and their complements."""
        starts: Array = np.arange(len(v_wl)) * np.float64(self.t_window)
        edges = (starts[:, None] + [0.0, self.t_rise, self.t_reset, self.t_reset + self.t_rise]).ravel()
        clock = np.tile([0.0, self.v_high, self.v_high, 0.0], len(v_wl))
        late = [0.0, self.t_rise, self.t_reset, self.t_reset + self.t_rise]  # the share switch opens with the reset
        late += [
            self.t_window - self.t_share,
            self.t_window - self.t_share + self.t_rise,
            self.t_window - 1e-3 * self.t_rise,
        ]
        share = np.tile([self.v_high, self.v_high, self.v_high, 0.0, 0.0, self.v_high, self.v_high], len(v_wl))
        shared = (starts[:, None] + late).ravel()
        lines = [f"vcm vcm 0 {spice(self.v_cm)}"]
        for name, times, level in (("phi_r", edges, clock), ("phi_s", shared, share)):
            lines.append(f"v{name} {name} 0 {_pwl(times, level)}")
            lines.append(f"v{name}b {name}b 0 {_pwl(times, self.v_high - level)}")
        begin, end = starts + self.t_reset + self.t_gap, starts + self.t_window
        times = np.stack([begin, begin + self.t_rise, end - self.t_rise, end], axis=1).ravel()
        for row, v in enumerate(v_wl.T):
            rest = np.full_like(v, self.v_rest)
            lines.append(f"vwl_{row} wl_{row} 0 {_pwl(times, np.stack([rest, v, v, rest], axis=1).ravel())}")
        return "\n".join(lines)


def charge_mvm_deck(
    crossbar: ChargeCrossbar,
    v_wl: ArrayLike,
    phases: ChargePhases | None = None,
    *,
    columns: tuple[int, ...] | None = None,
    t_step: float = 0.1e-9,
) -> Deck:
    """Return the deck that multiplies every vector, bit lines probed as ``v(bp_c)`` and ``v(bn_c)``.

    Parameters
    ----------
    crossbar : ChargeCrossbar
        With or without its reset switches.
    v_wl : array_like, shape (n_vectors, n_rows)
        Word-line voltages [V].
    phases : ChargePhases, optional
        Times and levels.
    columns : tuple of int, optional
        Which columns to probe; default all.
    t_step : float
        Largest time step [s].
    """
    phases, table = phases or ChargePhases(), np.asarray(v_wl, dtype=np.float64)
    n_rows, n_cols = crossbar.cells.shape
    if table.ndim != 2 or table.shape[1] != n_rows or not len(table):
        raise ShapeError(f"word lines: got shape {table.shape}, wanted (n_vectors, {n_rows})")
    macros = [macro for macro in (crossbar.reset, crossbar.share) if macro]
    netlist = Netlist(
        f"charge-mode crossbar {n_rows} x {n_cols}", (definitions(macros),), (Lines(phases.sources(table)), crossbar)
    )
    probes = tuple(f"v(b{line}_{c})" for c in (range(n_cols) if columns is None else columns) for line in "pn")
    return Deck(netlist, Transient(t_step, phases.t_window * len(table)), probes, (*DEFAULT_OPTIONS, "method=gear"))


def read_bit_lines(phases: ChargePhases, n_vectors: int, axis: Array, values: Array) -> Array:
    """Read bit lines at the end of every window, just before the word lines return.

    Parameters
    ----------
    phases : ChargePhases
        As of the deck.
    n_vectors : int
        Windows.
    axis, values : ndarray, shapes (n_points,) and (n_points, n_lines)
        Time [s] and bit lines [V].

    Returns
    -------
    ndarray, shape (n_vectors, n_lines)
        Voltages [V].
    """
    at = (np.arange(n_vectors) + 1) * phases.t_window - phases.t_rise
    return np.stack([np.interp(at, axis, line) for line in values.T], axis=1)


def _pwl(times: Array, values: Array) -> str:
    pairs = zip(times.tolist(), values.tolist(), strict=True)
    return f"pwl({' '.join(f'{spice(t)} {spice(v)}' for t, v in pairs)})"
