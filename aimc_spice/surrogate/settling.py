"""What does a tile give at any time after its inputs stepped? Samples at real frequencies, weighted by time.

One idea: prepare once (`settle`: some twenty operators at real frequencies, see `frequency`), then every answer is
``y(t) = x @ Σ_k c_k(t) H_k`` with weights that know only the time (see `timebase`): any input, any time, no time step.
Linear tiles only. Inputs rise together in `t_rise` from 0 V and stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import FitError, OutsideValidity, ShapeError
from aimc_spice.surrogate.frequency import Cells, FrontEndAt, Samples, sample
from aimc_spice.surrogate.timebase import TimeBase
from aimc_spice.units import show

Array = NDArray[np.float64]
_FOUND, _SETTLED = 0.03, 1e-3  # change at the lowest frequency that is wanted; what counts as settled
_DOUBT = 1e-2  # largest error that is answered for
_PROBES, _WIDER = 30, 4  # tries to find the window
_SLOWEST, _FASTEST = 1e-3, 1e22  # [1/s] where a tile never rests; where nothing in it stores charge
_INSTANT = 1e-12  # a window for the latter [s]
_NO_SIGNAL = 1e-12  # [V/V]
_NEAR_DC = 1e-4  # of the lowest frequency: where the charge at DC is read
_GRID = 400


@dataclass(frozen=True)
class Settling:
    """A tile in time.

    Parameters
    ----------
    base : TimeBase
        Weights of time.
    t_rise : float
        Time of the inputs' edge [s].
    settled : ndarray, shape (n_rows, n_cols, n_reads)
        Answers at rest, for one volt on each word line: the outputs first [V], then supplied currents [A].
    samples : ndarray, shape (n_samples, n_rows, n_cols, n_reads)
        The same at the frequencies of `base`.
    drivers : ndarray, shape (n_rows, n_rows)
        Currents out of the drivers at rest [S].
    charges : ndarray, shape (n_samples, n_rows, n_rows)
        Charge that the drivers moved beside those currents [F].
    """

    base: TimeBase
    t_rise: float
    settled: Array
    samples: Array
    drivers: Array
    charges: Array

    def __post_init__(self) -> None:
        found = np.tensordot(self.base.doubt(), self.samples[..., 0], 1)
        doubt = max(map(_size, found)) / _size(self.operator)
        if not doubt <= _DOUBT:
            raise FitError(
                f"settling: the answer in time is known to {doubt:.1e} of the outputs, wanted {_DOUBT:g}",
                cause="the amplifiers ring: modes more than about 60° off the real axis",
                hint="damp them, or simulate in ngspice",
            )

    @cached_property
    def unsettled(self) -> float:
        """What is still to come at the end of the window, of the largest output."""
        weights = self.base.response(np.array([self.base.t_last]), self.t_rise)[0]
        left = np.tensordot(weights, self.samples[..., 0], 1) - self.operator
        return _size(left) / _size(self.operator)

    @property
    def operator(self) -> Array:
        """The settled outputs, shape (n_rows, n_cols)."""
        return self.settled[..., 0]

    def at(self, t: float) -> Array:
        """Return the matrix (n_rows, n_cols) from word-line voltages to outputs [V/V] at time t [s]; inf is settled."""
        return np.asarray(self._at(np.array([t]), np.eye(len(self.settled)), slice(0, 1))[0, ..., 0])

    def outputs(self, v_wl: Array, t: Array) -> Array:
        """Return the outputs (n_t, batch, n_cols) [V] at times t (n_t,) [s] from the start of the edge.

        Parameters
        ----------
        v_wl : ndarray, shape (batch, n_rows)
            Word-line voltages [V].

        Raises
        ------
        OutsideValidity
            A time below zero, or beyond a window within which the tile does not settle.
        """
        return self._at(t, v_wl, slice(0, 1))[..., 0]

    def supplied(self, v_wl: Array, t: Array) -> Array:
        """Return the currents of the front ends' supplied devices, (n_t, batch, n_cols, n_devices) [A]."""
        return self._at(t, v_wl, slice(1, None))

    def settling_time(self, v_wl: Array, within: float, full_scale: float | None = None) -> Array:
        """Return when outputs stay within ``within * full_scale`` of rest: (batch, n_cols) [s] from the edge's start.

        Parameters
        ----------
        v_wl : ndarray, shape (batch, n_rows)
            Word-line voltages [V].
        within : float
            Fraction of full scale.
        full_scale : float, optional
            [V]; default the largest settled output of the batch.
        """
        rest = v_wl @ self.operator
        band = within * (np.abs(rest).max() if full_scale is None else full_scale)
        return last_crossing(self.base.t_last, lambda t: np.abs(self.outputs(v_wl, t) - rest) - band)

    def columns(self, t: float) -> Array:
        """Return how far each column has come at time t, (n_cols,): the best common factor of its weights."""
        return np.asarray(self.shares(np.array([t]))[0])

    def shares(self, t: Array) -> Array:
        """Return `columns` at several times (n_t,) [s], (n_t, n_cols)."""
        each = (self.samples[..., 0] * self.operator).sum(1) / (self.operator**2).sum(0)
        late = t > self.base.t_last
        found = self.base.response(np.where(late, 0.0, t), self.t_rise) @ each
        if late.any():
            self._check_settled()
            found[late] = 1.0
        return np.asarray(found)

    def _at(self, t: Array, v_wl: Array, reads: slice) -> Array:
        if v_wl.ndim != 2 or v_wl.shape[1] != len(self.settled):
            raise ShapeError(f"word lines: got shape {v_wl.shape}, wanted (batch, {len(self.settled)})")
        if not (t >= 0).all():
            raise OutsideValidity(f"settling: got a time of {show(float(t.min()), 's')}, wanted zero or more")
        rest = np.tensordot(v_wl, self.settled[..., reads], 1)
        each = np.einsum("br,srck->sbck", v_wl, self.samples[..., reads], optimize=True)
        late = t > self.base.t_last
        found = np.tensordot(self.base.response(np.where(late, 0.0, t), self.t_rise), each, 1)
        if late.any():
            self._check_settled()
            found[late] = rest
        return np.asarray(found)

    def _check_settled(self) -> None:
        if not self.unsettled <= _SETTLED:
            raise OutsideValidity(
                f"settling: {self.unsettled:.1e} of the outputs is still to come at the end of the window of "
                f"{show(self.base.t_last, 's')}, so later times are unknown",
                hint="settle with a longer t_last, or without one",
            )


def settle(
    cells: Cells,
    front_end: FrontEndAt,
    *,
    t_rise: float = 0.0,
    t_last: float | None = None,
    rest: Samples | None = None,
) -> Settling:
    """Prepare a tile for any time.

    Parameters
    ----------
    cells : Cells
        The crossbar.
    front_end : FrontEndAt
        At every column.
    t_rise : float
        Time of the inputs' edge [s].
    t_last : float, optional
        Times of interest end here [s]. Default: when all has settled; integrators need it.
    rest : Samples, optional
        The tile at DC where its equations are singular there: capacitive cells.

    Raises
    ------
    FitError
        A tile that never comes to rest, without `t_last`; amplifiers that ring.
    """
    at_rest = sample(cells, front_end, np.zeros(1)) if rest is None else rest
    if t_last is not None:
        return _prepared(cells, front_end, at_rest, t_rise, t_last)
    t_last = window(cells, front_end, at_rest)
    for _ in range(_WIDER):
        found = _prepared(cells, front_end, at_rest, t_rise, t_last + t_rise)
        if found.unsettled <= _SETTLED / 2:
            break
        t_last *= 4
    return found


def _prepared(cells: Cells, front_end: FrontEndAt, at_rest: Samples, t_rise: float, t_last: float) -> Settling:
    base = TimeBase(t_last)
    s = np.concatenate([[_NEAR_DC * base.s[0]], base.s])
    found = sample(cells, front_end, s)
    charges = (found.drivers - at_rest.drivers) / s[:, None, None]
    return Settling(base, t_rise, at_rest.reads[0], found.reads[1:], at_rest.drivers[0], charges[1:])


def window(cells: Cells, front_end: FrontEndAt, at_rest: Samples) -> float:
    """Return a time [s] after which a step has settled to about 1e-4, from where DC ends in frequency."""
    rest = at_rest.reads[0, ..., 0]
    size, s = _size(rest), 1.0 / _first_guess(cells)
    if not size > _NO_SIGNAL:
        raise FitError(
            f"settling: one volt on the word lines gives {size:.1e} V at the outputs at rest: no signal arrives",
            cause="word lines, bit lines or cells are open, or all pairs are balanced",
            hint="wire resistances far below those of the cells, g_off above zero",
        )
    for _ in range(_PROBES):
        change = _size(sample(cells, front_end, np.array([s])).reads[0, ..., 0] - rest) / size
        if abs(change / _FOUND - 1) < 0.3:
            return float(_low() / s)
        s *= min(max(_FOUND / max(change, 1e-9), 1e-3), 1e3)
        if s > _FASTEST:
            return _INSTANT
        if s < _SLOWEST:
            break
    raise FitError(
        "settling: no frequency is low enough for the tile to be at rest", cause="it integrates", hint="set t_last"
    )


def _size(operator: Array) -> float:
    """Return the largest output for inputs that are all equal, or random: what all cells share does not cancel."""
    return float(max(np.abs(operator.sum(0)).max(), np.linalg.norm(operator, axis=0).max()))


def _low() -> float:
    return float(TimeBase(1.0).s[0])


def _first_guess(cells: Cells) -> float:
    """Return a time constant [s] of the right order: a line's resistance and capacitance."""
    rows, cols, _ = cells.g.shape
    r = cells.r_driver + cols * cells.wire.r_wire_wl + rows * cells.wire.r_wire_bl
    c = cols * cells.wire.c_wire_wl + rows * (cells.wire.c_wire_bl + cells.c_node) + cells.c.sum((0, 2)).max()
    return float(max(r * c, 1e-15))


def last_crossing(t_last: float, away: Callable[[Array], Array]) -> Array:
    """Return when `away`, of times (n_t,) [s] the values (n_t, …), falls to zero for good within `t_last` [s]."""
    t = np.concatenate([[0.0], t_last * np.logspace(-3, 0, _GRID), [np.inf]])
    for _ in range(2):
        last, crossing = _last_crossing(t, away(t))
        low, high = t[last].min(), t[np.minimum(last + 1, len(t) - 2)].max()
        t = np.concatenate([[low], np.linspace(low, max(high, low), _GRID), [np.inf]])
    return crossing


def _last_crossing(t: Array, away: Array) -> tuple[NDArray[np.intp], Array]:
    """Return the last point where `away` (n_t, …) is above zero, and when it falls to zero after that."""
    outside = away > 0
    last = len(t) - 1 - outside[::-1].argmax(axis=0)
    last = np.where(outside.any(axis=0), np.minimum(last, len(t) - 2), 0)
    at = np.take_along_axis(away, np.stack([last, last + 1]), axis=0)
    step = np.where(np.isfinite(t[last + 1]), t[last + 1], t[last]) - t[last]
    share = np.divide(at[0], at[0] - at[1], out=np.zeros(at[0].shape), where=at[0] > at[1])
    return last, np.where(outside.any(axis=0), t[last] + step * np.clip(share, 0, 1), 0.0)
