"""What are the wire resistance and capacitance of one cell pitch?

Given directly, or from geometry: resistivity with surface and grain-boundary scattering, capacitance by Sakurai and
Tamaru. A *segment* is one cell pitch of one line. It does not model inductance or coupling between lines as such:
neighbours enter as capacitance to ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetlistError
from aimc_spice.units import show

EPS_0 = 8.854e-12  # F/m, four digits as in the published parameter set


@dataclass(frozen=True)
class Wire:
    """Resistance [Ω] and capacitance to ground [F] of one segment of a word line and of a bit line.

    Zero resistance means an ideal wire: the nodes of the line are one node.
    """

    r_wire_wl: float = 0.0
    r_wire_bl: float = 0.0
    c_wire_wl: float = 0.0
    c_wire_bl: float = 0.0

    def __post_init__(self) -> None:
        for name in ("r_wire_wl", "r_wire_bl", "c_wire_wl", "c_wire_bl"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                unit = "Ω" if name.startswith("r") else "F"
                raise NetlistError(f"wire: got {name} = {show(value, unit)}, wanted zero or more")


@dataclass(frozen=True)
class WireGeometry:
    """Cross-section and pitch of the array wires, all lengths in m.

    Parameters
    ----------
    width, thickness, height : float
        Wire width w, thickness T, distance H to the plane below.
    pitch_wl, pitch_bl : float
        Cell pitch along a word line (cell width W) and along a bit line (cell length L).
    spacing : float
        Distance D between the two bit lines of a differential pair.
    rho_bulk : float
        Bulk resistivity [Ω·m].
    eps_r : float
        Relative permittivity of the dielectric.
    mean_free_path : float
        Electron mean free path λ0 [m].
    specularity, reflection : float
        Surface specularity p and grain-boundary reflection R, both in [0, 1).
    """

    width: float
    thickness: float
    height: float
    pitch_wl: float
    pitch_bl: float
    spacing: float
    rho_bulk: float
    eps_r: float
    mean_free_path: float = 39e-9
    specularity: float = 0.25
    reflection: float = 0.3

    def __post_init__(self) -> None:
        names = ("width", "thickness", "height", "pitch_wl", "pitch_bl", "spacing", "mean_free_path")
        for name in names:
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise NetlistError(
                    f"wire geometry: got {name} = {show(getattr(self, name), 'm')}, wanted a length above zero"
                )
        for name in ("rho_bulk", "eps_r"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise NetlistError(f"wire geometry: got {name} = {getattr(self, name)!r}, wanted above zero")
        for name in ("specularity", "reflection"):
            if not 0 <= getattr(self, name) < 1:
                raise NetlistError(f"wire geometry: got {name} = {getattr(self, name)!r}, wanted 0 to below 1")

    @property
    def rho(self) -> float:
        """Effective resistivity [Ω·m]: Fuchs–Sondheimer surface excess plus Mayadas–Shatzkes grain factor.

        Grain size equals the wire width. With Cu and 27 nm this is 2.675 times bulk.
        """
        alpha = self.mean_free_path * self.reflection / (self.width * (1 - self.reflection))
        grain = 1 / (1 - 1.5 * alpha + 3 * alpha**2 - 3 * alpha**3 * math.log(1 + 1 / alpha)) if alpha else 1.0
        surface = 0.75 * (1 - self.specularity) * self.mean_free_path / self.width
        return self.rho_bulk * (grain + surface)

    def resistance(self, pitch: float) -> float:
        """Resistance of a segment of length `pitch` [Ω]."""
        return self.rho * pitch / (self.width * self.thickness)

    def capacitance_per_length(self, distances: NDArray[np.float64]) -> float:
        """Capacitance of a line with neighbours at the given distances [F/m] (Sakurai and Tamaru 1983)."""
        w_h, t_h = self.width / self.height, self.thickness / self.height
        ground = 0.5 * (1.15 * w_h + 2.8 * t_h**0.222)
        coupling = 0.03 * w_h + 0.83 * t_h - 0.07 * t_h**0.222
        neighbours = float(np.sum((self.height / np.asarray(distances, dtype=float)) ** 1.34))
        return float(self.eps_r * EPS_0 * (ground + coupling * neighbours))

    def c_wl(self, line: int, n_lines: int) -> float:
        """Capacitance of a segment of word line `line` among `n_lines` [F]; edge lines have fewer neighbours.

        As published, neighbours lie at multiples of the cell width W, not of the length L between word lines.
        """
        others = np.delete(np.arange(n_lines), line)
        return self.pitch_wl * self.capacitance_per_length(self.pitch_wl * np.abs(others - line))

    def c_bl(self) -> float:
        """Capacitance of a segment of a bit line, its partner at `spacing` as the one neighbour [F].

        As published it is per cell *width* W; per cell length L it would be L/W times larger.
        """
        return self.pitch_wl * self.capacitance_per_length(np.array([self.spacing]))

    def wire(self, n_rows: int = 32) -> Wire:
        """Return the segment values for an array of `n_rows` word lines (middle line for the capacitance)."""
        return Wire(
            self.resistance(self.pitch_wl),
            self.resistance(self.pitch_bl),
            self.c_wl(n_rows // 2, n_rows),
            self.c_bl(),
        )
