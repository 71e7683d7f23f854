"""What can a tile file say? One kind of tile, current mode or charge mode, with its periphery and how to calibrate it.

A current-mode tile has ``[device]``, perhaps ``[cell]``, and ``[front_end]``; a charge-mode tile has ``[capacitor]``.
Both have ``[wire]``, ``[readout]`` and perhaps ``[calibration]``, ``[write]`` (what it takes to write cells) and
``[area]``. It builds no circuit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from aimc_spice.config.array import DeviceConfig, WireConfig
from aimc_spice.config.base import (
    DriverOhm,
    Farad,
    FolderName,
    Kelvin,
    Levels,
    Number,
    Positive,
    PositiveOhm,
    PositiveSecond,
    PositiveVolt,
    SquareMetre,
    Table,
    explain,
    merged,
    quantity,
    read_toml,
)
from aimc_spice.config.network import WriteConfig
from aimc_spice.errors import ConfigError

PositiveFarad = Annotated[float, quantity("F", above=0)]
Volt = Annotated[float, quantity("V")]
Second = Annotated[float, quantity("s", least=0)]
Joule = Annotated[float, quantity("J", least=0)]
Hertz = Annotated[float, quantity("Hz", above=0)]


class CellConfig(Table):
    """What sits at a crossing: a plain resistor, a law of the toolkit, or a user's subcircuit ``a b`` with ``g``."""

    kind: Literal["resistor", "sinh", "one_t_one_r", "polynomial", "subckt"] = "resistor"
    file: Path | None = None
    name: str | None = None
    params: dict[str, float] = Field(default_factory=dict)


class CapacitorConfig(Table):
    """The cell of a charge-mode tile: capacitance of a weight of one and of zero, parasitic at the top plate."""

    c_on: PositiveFarad
    c_off: Farad = 0.0
    c_top: Farad = 0.0
    c_load: Farad = 0.0
    n_levels: Levels = None


class TileFrontEndConfig(Table):
    """The read-out of a current-mode column: transimpedance `r_f`, or a resistive amplifier, or a user's subcircuit.

    With `gbw` the op-amps of a transimpedance have a pole.
    """

    kind: Literal["tia", "diff_amp", "subckt"] = "tia"
    r_f: PositiveOhm | None = None
    r_1: PositiveOhm = 100.0
    gain: Positive | None = None
    r_in: PositiveOhm = 1e3
    a_0: Positive = 1e6
    gbw: Hertz | None = None
    swing: PositiveVolt | None = None
    file: Path | None = None
    name: str | None = None
    params: dict[str, float] = Field(default_factory=dict)


class ReadoutConfig(Table):
    """The converters: ideal ones by their range, or `surrogate`, a fitted read-out by name or path."""

    surrogate: str | None = None
    n_bits: int = Field(default=8, ge=1, le=16)
    low: Volt = -0.4
    high: Volt = 0.4
    t_conv: Second = 0.0
    e_conv: Joule = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> ReadoutConfig:
        if self.low >= self.high:
            raise ValueError(f"low = {self.low:g} V is not below high = {self.high:g} V")
        return self


class AreaConfig(Table):
    """How large a tile is: pitch of a differential cell, and what surrounds each row and column; no converters."""

    pitch_wl: Annotated[float, quantity("m", above=0)]
    pitch_bl: Annotated[float, quantity("m", above=0)]
    per_line: SquareMetre = 0.0


class CornerConfig(Table):
    """A condition: temperature, resistance of the wires relative to the file's, other parameters of the cell."""

    temp: Kelvin = 300.15
    r_wire: Positive = 1.0
    cell: dict[str, float] = Field(default_factory=dict)


class CalibrationConfig(Table):
    """How a tile is calibrated.

    Tiles to fit (at most), to choose a family by, to judge, and to judge at each of the corners, none of them in two
    roles; inputs of each; input steps in time; errors that are good enough (rms and worst, of full scale); probability
    of the interval.
    """

    seed: int = Field(default=0, ge=0)
    n_fit: int = Field(default=12, ge=2)
    n_choose: int = Field(default=4, ge=1)
    n_held_out: int = Field(default=10, ge=1)
    n_corner: int = Field(default=3, ge=1)
    n_vectors: int = Field(default=24, ge=1)
    n_steps: int = Field(default=4, ge=0)
    goal: Positive = 5e-4
    worst: Positive = 1e-2
    level: Positive = 0.9

    @model_validator(mode="after")
    def _enough(self) -> CalibrationConfig:
        if not self.level < 1:
            raise ValueError(f"level: got {self.level:g}, wanted below 1")
        needed = int(self.level / (1 - self.level)) + 1
        if self.n_held_out < needed:
            raise ValueError(f"n_held_out = {self.n_held_out}: an interval of {self.level:.0%} needs at least {needed}")
        return self

    workers: int = Field(default=2, ge=1, le=1024)
    timeout: PositiveSecond = 600.0


class TileConfig(Table):
    """A whole tile file; `name` becomes the name of its surrogate, `corner` is where it is, `corners` are others."""

    name: FolderName
    mode: Literal["current", "charge"] = "current"
    n_rows: int = Field(ge=1, le=4096)
    n_cols: int = Field(ge=1, le=4096)
    v_read: PositiveVolt
    r_driver: DriverOhm = 0.0
    t_rise: PositiveSecond = 1e-11
    t_int: PositiveSecond = 1e-8
    settled_within: Number = 0.005
    device: DeviceConfig | None = None
    cell: CellConfig = CellConfig()
    capacitor: CapacitorConfig | None = None
    wire: WireConfig
    front_end: TileFrontEndConfig = TileFrontEndConfig()
    readout: ReadoutConfig = ReadoutConfig()
    write: WriteConfig = WriteConfig()
    area: AreaConfig | None = None
    vdd: PositiveVolt = 0.8
    corner: CornerConfig = CornerConfig()
    corners: dict[FolderName, CornerConfig] = Field(default_factory=dict)
    calibration: CalibrationConfig = CalibrationConfig()

    @model_validator(mode="after")
    def _mode(self) -> TileConfig:
        wanted, other = ("device", "capacitor") if self.mode == "current" else ("capacitor", "device")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"a tile of {self.mode} mode needs [{wanted}] and has no [{other}]")
        if self.mode == "current" and self.front_end.kind == "tia" and self.front_end.r_f is None:
            raise ValueError('front_end.r_f is missing: the transimpedance, for example r_f = "1 kΩ"')
        return self


def load_tile(path: Path) -> TileConfig:
    """Read a tile file.

    Raises
    ------
    ConfigError
        Not readable, not TOML, or an entry that is wrong: named with its place in the file.
    """
    raw, base = read_toml(path), path.resolve().parent
    for section in ("device", "wire"):
        if isinstance(raw.get(section), dict):
            raw[section] = merged(raw[section], section, path)
    for section, key in (("cell", "file"), ("front_end", "file"), ("readout", "surrogate")):
        table = raw.get(section)
        if isinstance(table, dict) and isinstance(table.get(key), str) and (key == "file" or ".npz" in table[key]):
            table[key] = str(base / table[key])
    try:
        return TileConfig.model_validate(raw)
    except ValidationError as bad:
        hint = "compare with calibration/tiles/current_64.toml; quantities are quoted with their unit"
        raise ConfigError(f"{path} is not a valid tile", cause=explain(bad), hint=hint) from bad
