"""What describes the cells and the wires of an array, whatever it is used for?"""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from aimc_spice.config.base import Farad, Levels, Metre, Number, Ohm, OhmMetre, OhmSquareMetre, Siemens, Table


class DeviceConfig(Table):
    """The cell: two resistances, two conductances or the geometry of a tunnel junction."""

    r_low: Ohm | None = None
    r_high: Ohm | None = None
    g_on: Siemens | None = None
    g_off: Siemens | None = None
    ra: OhmSquareMetre | None = None
    tmr: Number | None = None
    length: Metre | None = None
    width: Metre | None = None
    n_levels: Levels = 2
    zero: Literal["on", "off"] = "on"

    @model_validator(mode="after")
    def _one_way(self) -> DeviceConfig:
        ways = [("r_low", "r_high"), ("g_on", "g_off"), ("ra", "tmr", "length", "width")]
        given = [way for way in ways if any(getattr(self, key) is not None for key in way)]
        if len(given) != 1 or any(getattr(self, key) is None for key in given[0]):
            options = " or ".join(" + ".join(way) for way in ways)
            raise ValueError(f"wanted exactly one complete description of the cell: {options}")
        return self


class WireConfig(Table):
    """The wires: per segment, or geometry."""

    r_wire_wl: Ohm | None = None
    r_wire_bl: Ohm | None = None
    c_wire_wl: Farad = 0.0
    c_wire_bl: Farad = 0.0
    width: Metre | None = None
    thickness: Metre | None = None
    height: Metre | None = None
    pitch_wl: Metre | None = None
    pitch_bl: Metre | None = None
    spacing: Metre | None = None
    rho_bulk: OhmMetre | None = None
    eps_r: Number | None = None
    mean_free_path: Metre = 39e-9
    specularity: Number = 0.25
    reflection: Number = 0.3

    @property
    def is_geometry(self) -> bool:
        """Whether the wires are given by geometry."""
        return self.width is not None

    @model_validator(mode="after")
    def _one_way(self) -> WireConfig:
        direct = self.r_wire_wl is not None and self.r_wire_bl is not None
        shape = ("width", "thickness", "height", "pitch_wl", "pitch_bl", "spacing", "rho_bulk", "eps_r")
        missing = [key for key in shape if getattr(self, key) is None]
        if direct == (not missing):
            raise ValueError(f"wanted either r_wire_wl + r_wire_bl or a geometry ({', '.join(shape)})")
        return self
