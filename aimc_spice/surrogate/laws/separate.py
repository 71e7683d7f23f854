"""How does a law of (v, g) become a few matrices? By separating what depends on the voltage from what depends on g.

One idea: ``i(v, g) ≈ γ(g) [v + δ(v)] + Σ_k ρ_k(g) ψ_k(v)``: a chord conductance, the curve that all states share, and
what is left by singular values, dropped where it is small. A sinh needs no ψ, a transistor in series needs one. Curves
are polynomials in ``u = v / v_read``. Port b is taken at 0 V: at a virtual ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from aimc_spice.surrogate.base import Box
from aimc_spice.surrogate.laws.base import Array, CellLaw, LinearLaw
from aimc_spice.surrogate.laws.fit import FittedCell

_N_V, _N_G = 101, 33
_SMALL = 1e-4  # of v_read at g_on: modes below are dropped
_CURVE, _DEGREE = 2e-5, 15  # worst error of a polynomial, of v_read; highest power
_MODES = 2


@dataclass(frozen=True)
class Curve:
    """A polynomial without constant, ``Σ_j c_j u^j``, j = 1 …; `c` (n,)."""

    c: Array

    def __call__(self, u: Array) -> Array:
        """Return the values."""
        return _horner(self.c, u)

    def scaled_slope(self, u: Array) -> Array:
        """Return ``u`` times the derivative."""
        return _horner(self.c * np.arange(1, len(self.c) + 1), u)


@dataclass(frozen=True)
class SeparatedLaw:
    """A law by its factors, for |v| <= v_read.

    Parameters
    ----------
    v_read : float
        Scale of the voltage [V].
    log_g : ndarray, shape (n_g,)
        Knots.
    chord : ndarray, shape (n_g,)
        ``γ / g`` at the knots.
    curve : Curve
        δ in units of v_read.
    modes : tuple of Curve
        ψ_k in units of v_read.
    patterns : ndarray, shape (n_modes, n_g)
        ``ρ_k / γ`` at the knots.
    left : float
        Worst error of the separation in units of v_read at the largest conductance.
    """

    v_read: float
    log_g: Array
    chord: Array
    curve: Curve
    modes: tuple[Curve, ...]
    patterns: Array
    left: float

    @property
    def is_linear(self) -> bool:
        """Whether every cell is a plain conductance."""
        return not self.modes and not self.curve.c.any()

    def gamma(self, g: Array) -> Array:
        """Return the chord conductance [S] of cells `g` of any shape; raises `OutsideValidity` beyond the knots."""
        if len(self.log_g) > 1:
            low, high = np.exp(self.log_g[[0, -1]])
            Box(float(low), float(high), "S").check(g, "cells' parameter g")
        return g * self._between(self.chord, g)

    def pattern(self, k: int, g: Array) -> Array:
        """Return ``ρ_k / γ`` of cells `g` of any shape."""
        return self._between(self.patterns[k], g)

    def _between(self, values: Array, g: Array) -> Array:
        """Join values at the knots by a cubic spline in log g."""
        if len(self.log_g) == 1:
            return np.full(g.shape, values[0])
        return np.asarray(CubicSpline(self.log_g, values)(np.log(g)))


def separate_cell(cell: FittedCell, v_read: float) -> SeparatedLaw:
    """Separate a fitted cell over its own conductances; raises `OutsideValidity` where `v_read` [V] leaves its box."""
    cell.box.v.check(np.array([-v_read, v_read]), "v_read")
    return separate(cell.law, (cell.box.g.low, cell.box.g.high), v_read)


def separate(law: CellLaw, g_range: tuple[float, float], v_read: float) -> SeparatedLaw:
    """Separate a law over conductances `g_range` [S] and voltages ± `v_read` [V]."""
    if isinstance(law, LinearLaw):
        none = Curve(np.zeros(1))
        return SeparatedLaw(v_read, np.zeros(1), np.ones(1), none, (), np.zeros((0, 1)), 0.0)
    g = np.geomspace(*g_range, _N_G) if g_range[0] < g_range[1] else np.array(g_range[:1])
    u = np.linspace(-1, 1, _N_V)
    y = law.current(v_read * u[None], np.zeros((1, 1)), g[:, None])[0] / g[:, None] / v_read
    chord = y @ u / (u @ u)
    relative = y / chord[:, None] - u
    weight = g * chord / (g * chord).max()
    shared = weight @ relative / weight.sum()
    curve = _fit_curve(u, shared)
    modes, patterns = _modes(u, weight[:, None] * (relative - shared), weight)
    rebuilt = curve(u) + sum((p[:, None] * m(u) for p, m in zip(patterns, modes, strict=True)), np.zeros(1))
    left = float(np.abs(weight[:, None] * (relative - rebuilt)).max())
    return SeparatedLaw(v_read, np.log(g), chord, curve, modes, patterns, left)


def _modes(u: Array, left: Array, weight: Array) -> tuple[tuple[Curve, ...], Array]:
    a, s, b = np.linalg.svd(left, full_matrices=False)
    sizes = s * np.abs(a).max(0) * np.abs(b).max(1)
    n = int(np.count_nonzero(sizes[:_MODES] > _SMALL))
    curves = tuple(_fit_curve(u, b[k] * np.abs(a[:, k] * s[k]).max()) for k in range(n))
    return curves, np.array([a[:, k] / np.abs(a[:, k]).max() / weight for k in range(n)]).reshape(n, len(weight))


def _fit_curve(u: Array, wanted: Array) -> Curve:
    """Return the polynomial of least degree that is good enough; odd where the curve is."""
    odd = bool(np.abs(wanted + wanted[::-1]).max() <= _CURVE / 10)
    powers = np.arange(1, _DEGREE + 1, 2 if odd else 1)
    c = np.zeros(1)
    if np.abs(wanted).max() <= 1e-14:
        return Curve(c)
    for n in range(1, len(powers) + 1):
        matrix = u[:, None] ** powers[:n]
        c = np.zeros(powers[n - 1])
        c[powers[:n] - 1] = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
        if np.abs(_horner(c, u) - wanted).max() <= _CURVE:
            break
    return Curve(c)


def _horner(c: Array, u: Array) -> Array:
    """Evaluate ``Σ_j c_j u^j`` without temporaries, by squares where only odd powers are there."""
    odd = not c[1::2].any()
    terms, step = (c[::2].tolist(), u * u) if odd else (c.tolist(), u)
    total = np.full_like(u, terms[-1])
    for term in terms[-2::-1]:
        total *= step
        total += term
    total *= u
    return np.asarray(total)
