"""What are the two resistances of a magnetic tunnel junction, from its geometry?

Resistance–area product and tunnel magnetoresistance over an elliptic pillar. It does not model bias dependence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from aimc_spice.device.base import Device
from aimc_spice.errors import DeviceError


@dataclass(frozen=True)
class MtjGeometry:
    """An elliptic magnetic tunnel junction.

    Parameters
    ----------
    ra : float
        Resistance–area product of the parallel state [Ω·m²].
    tmr : float
        Tunnel magnetoresistance ``(r_ap - r_p) / r_p``, 2.0 for 200 %.
    length, width : float
        Axes of the ellipse [m].

    Notes
    -----
    ``r_p = ra / (π/4 · length · width)`` and ``r_ap = r_p · (1 + tmr)``. With RA = 10 Ω·µm², 50 nm × 30 nm and
    200 % this gives 8488.26 Ω and 25464.79 Ω, the values of Amin, Elbtity and Zand (arXiv 2201.12480).
    """

    ra: float
    tmr: float
    length: float
    width: float

    def __post_init__(self) -> None:
        for name in ("ra", "tmr", "length", "width"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise DeviceError(f"MTJ: got {name} = {getattr(self, name)!r}, wanted a value above zero")

    @property
    def r_p(self) -> float:
        """Resistance of the parallel state [Ω]."""
        return self.ra / (math.pi / 4 * self.length * self.width)

    @property
    def r_ap(self) -> float:
        """Resistance of the antiparallel state [Ω]."""
        return self.r_p * (1 + self.tmr)

    def device(self) -> Device:
        """Return the cell with these two states."""
        return Device.from_resistances(self.r_p, self.r_ap, "mtj")
