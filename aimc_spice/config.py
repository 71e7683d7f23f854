"""What can a study file say, and what does each entry mean?

The only reader of TOML. Every quantity is quoted with its unit and checked; unknown keys are refused with the known
ones listed. ``use = "name"`` takes a parameter file of ``calibration/``, which states the source of every value. It
builds no circuit: `pipeline` does.
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from aimc_spice.errors import ConfigError, UnitError
from aimc_spice.share import share
from aimc_spice.units import parse, show


def _quantity(unit: str, *, above: float = -math.inf, least: float = -math.inf) -> BeforeValidator:
    def read(value: object) -> float:
        number = _number(value, unit)
        if not math.isfinite(number):
            raise ValueError(f"got {number}, wanted a finite number")
        if not number > above:
            raise ValueError(f"got {show(number, unit)}, wanted above {show(above, unit)}")
        if not number >= least:
            raise ValueError(f"got {show(number, unit)}, wanted at least {show(least, unit)}")
        return number

    return BeforeValidator(read)


def _number(value: object, unit: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and not unit:
        return float(value)
    try:
        return parse(value, unit)  # type: ignore[arg-type]  # parse refuses what is no text
    except UnitError as bad:
        raise ValueError(f"{bad.what}; {bad.cause}; {bad.hint}") from bad


def _named(name: str) -> str:
    if not (name.strip() and len(name) <= _LONGEST_NAME and name.isprintable()):
        raise ValueError(f"got {name[:_LONGEST_NAME]!r}, wanted 1 to {_LONGEST_NAME} printable characters")
    return name


def _folder(name: str) -> str:
    if {"/", "\\"} & set(name) or name.startswith("."):
        raise ValueError(f"got {name!r}, wanted the name of a folder: no / or \\, no dot in front")
    return name


_LONGEST_NAME = 100
Name = Annotated[str, AfterValidator(_named)]
FolderName = Annotated[Name, AfterValidator(_folder)]
Levels = Annotated[int | None, BeforeValidator(lambda value: None if value == "continuous" else value)]

Ohm = Annotated[float, _quantity("Ω")]
PositiveOhm = Annotated[float, _quantity("Ω", above=0)]
DriverOhm = Annotated[float, _quantity("Ω", least=0)]
PositiveVolt = Annotated[float, _quantity("V", above=0)]
PositiveSecond = Annotated[float, _quantity("s", above=0)]
Positive = Annotated[float, _quantity("", above=0)]
NotNegative = Annotated[float, _quantity("", least=0)]
Siemens = Annotated[float, _quantity("S")]
Farad = Annotated[float, _quantity("F")]
Metre = Annotated[float, _quantity("m")]
SquareMetre = Annotated[float, _quantity("m²", least=0)]
Watt = Annotated[float, _quantity("W", least=0)]
OhmMetre = Annotated[float, _quantity("Ω·m")]
OhmSquareMetre = Annotated[float, _quantity("Ω·m²")]
Number = Annotated[float, _quantity("")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeviceConfig(_Table):
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


class WireConfig(_Table):
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


class FrontEndConfig(_Table):
    """A read-out: ``diff_amp`` (gain per layer), ``tia`` (r_f, or from the weights' scale) or a user's subcircuit."""

    kind: Literal["diff_amp", "tia", "subckt"]
    gain: list[Positive] | None = None
    r_in: PositiveOhm = 1e3
    r_f: PositiveOhm | None = None
    r_1: PositiveOhm = 100.0
    a_0: Positive = 1e6
    swing: PositiveVolt | None = None
    file: Path | None = None
    name: str | None = None
    params: dict[str, float] = Field(default_factory=dict)


class NeuronConfig(_Table):
    """The neuron behind every output."""

    kind: Literal["sigmoid", "cmos", "subckt"] = "sigmoid"
    slope: Positive = 3.0
    file: Path | None = None
    name: str | None = None
    params: dict[str, float] = Field(default_factory=dict)


class CellConfig(_Table):
    """A user's cell subcircuit with ports ``a b`` and a parameter ``g``."""

    file: Path
    name: str
    params: dict[str, float] = Field(default_factory=dict)


class PeripheryConfig(_Table):
    """What surrounds the arrays."""

    area_per_line: SquareMetre = 0.0
    p_amplifier: Watt = 0.0


class TransientConfig(_Table):
    """The input step: all inputs rise from 0 V at time zero."""

    t_rise: PositiveSecond = 1e-11
    t_step: PositiveSecond = 2e-11
    t_stop: PositiveSecond = 1e-9
    settled_within: Positive = 0.01

    @model_validator(mode="after")
    def _ordered(self) -> TransientConfig:
        for name, value in (("t_step", self.t_step), ("t_rise", self.t_rise)):
            if value >= self.t_stop:
                raise ValueError(f"{name} = {show(value, 's')} is not below t_stop = {show(self.t_stop, 's')}")
        return self


class SpiceConfig(_Table):
    """How much is simulated, and with what; `seed` picks the images."""

    seed: int = Field(default=0, ge=0)
    n_images: int = Field(default=8, ge=0)
    images_per_deck: int = Field(default=10, ge=1)
    backend: Literal["shared", "batch"] = "shared"
    workers: int = Field(default=2, ge=1, le=1024)
    timeout: PositiveSecond = 1800.0
    transient: TransientConfig | None = None


class ChoiceConfig(_Table):
    """One partitioning to compare, with what it changes."""

    name: Name
    n_h: list[int]
    n_v: list[int]
    weights: str | None = None
    front_end: str | None = None
    transient: bool = True
    n_images: int | None = Field(default=None, ge=0)


class StudyConfig(_Table):
    """A whole study file; `name` becomes the folder of its results."""

    name: FolderName
    data: str
    weights: str
    front_end: str
    vdd: PositiveVolt = 0.8
    r_driver: DriverOhm = 0.0
    r_tie: PositiveOhm = 1e4
    within: NotNegative = 0.01
    device: DeviceConfig
    wire: WireConfig
    front_ends: dict[str, FrontEndConfig]
    neuron: NeuronConfig = NeuronConfig()
    cell: CellConfig | None = None
    periphery: PeripheryConfig = PeripheryConfig()
    spice: SpiceConfig = SpiceConfig()
    choices: list[ChoiceConfig] = Field(min_length=1)

    @model_validator(mode="after")
    def _names(self) -> StudyConfig:
        for choice in self.choices:
            _known(choice.front_end or self.front_end, self.front_ends, f"front end of choice {choice.name!r}")
            if len(choice.n_h) != len(choice.n_v):
                raise ValueError(f"choice {choice.name!r}: n_h has {len(choice.n_h)} layers, n_v {len(choice.n_v)}")
        names = [choice.name for choice in self.choices]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two choices are called {', '.join(twice)}")
        return self

    def choice(self, name: str) -> ChoiceConfig:
        """Return a choice by name; raises `ConfigError` listing the known ones."""
        for choice in self.choices:
            if choice.name == name:
                return choice
        known = ", ".join(choice.name for choice in self.choices)
        raise ConfigError(f"the study {self.name} has no partitioning {name!r}", hint=f"it has: {known}")


def load_study(path: Path, **changes: str) -> StudyConfig:
    """Read a study file.

    Parameters
    ----------
    path : Path
        The file.
    **changes : str
        Top-level entries to replace: ``data="mnist"``.

    Raises
    ------
    ConfigError
        Not readable, not TOML, or an entry that is wrong: named with its place in the file.
    """
    raw = {**_read(path), **changes}
    base = path.resolve().parent
    for section in ("device", "wire", "periphery"):
        if isinstance(raw.get(section), dict):
            raw[section] = _merged(raw[section], section, path)
    for table in _tables_with_files(raw):
        table["file"] = str(base / table["file"])
    try:
        return StudyConfig.model_validate(raw)
    except ValidationError as bad:
        raise ConfigError(f"{path} is not a valid study", cause=_explain(bad), hint=_FIELDS_HINT) from bad


class ClusterConfig(_Table):
    """A batch system, for `simulate.cluster`: how many jobs of it, and what dask-jobqueue is told about each."""

    scheduler: Literal["slurm", "lsf", "sge", "pbs"]
    jobs: int = Field(default=1, ge=1)
    wait: PositiveSecond = 600.0
    options: dict[str, Any] = Field(default_factory=dict)


def load_cluster(path: Path) -> ClusterConfig:
    """Read a cluster file; raises `ConfigError` where it is not readable or not valid."""
    try:
        return ClusterConfig.model_validate(_read(path))
    except ValidationError as bad:
        raise ConfigError(
            f"{path} is not a valid cluster file", cause=_explain(bad), hint="see docs/cluster.md"
        ) from bad


_FIELDS_HINT = "compare with calibration/studies/demo.toml; quantities are quoted with their unit"
_FOLDERS = {"device": "devices", "wire": "wires", "periphery": "periphery"}


def _tables_with_files(raw: dict[str, Any]) -> list[dict[str, Any]]:
    ends = raw.get("front_ends")
    tables = [raw.get("neuron"), raw.get("cell"), *(ends.values() if isinstance(ends, dict) else ())]
    return [table for table in tables if isinstance(table, dict) and isinstance(table.get("file"), str)]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows add a mark
    except OSError as bad:
        raise ConfigError(f"cannot read {path}", cause=str(bad)) from bad
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as bad:
        raise ConfigError(f"{path} is not valid TOML", cause=str(bad)) from bad


def _merged(table: dict[str, Any], section: str, path: Path) -> dict[str, Any]:
    """Replace ``use = "name"`` by the values of a calibration file; entries beside it override."""
    own = dict(table)
    name = own.pop("use", None)
    if name is None:
        return own
    folder = share("calibration", _FOLDERS[section])
    source = folder / f"{name}.toml"
    if not source.exists():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.toml")))
        raise ConfigError(f"{path}: [{section}] use = {name!r} is unknown", hint=f"known: {known}")
    return {**{key: entry["value"] for key, entry in _read(source).items()}, **own}


def _known(name: str, table: dict[str, FrontEndConfig], what: str) -> None:
    if name not in table:
        raise ValueError(f"{what} is {name!r}; [front_ends] has {', '.join(sorted(table)) or 'none'}")


def _explain(bad: ValidationError) -> str:
    lines = []
    for error in bad.errors():
        place = ".".join(map(str, error["loc"])) or "file"
        lines.append(f"{place}: {error['msg'].removeprefix('Value error, ')}")
    return "\n         ".join(lines)
