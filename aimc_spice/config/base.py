"""How is a configuration file read: quantities with units, parameter files by name, errors with their place?

The only reader of TOML. Every quantity is quoted with its unit and checked; unknown keys are refused with the known
ones listed. ``use = "name"`` takes a parameter file of ``calibration/``, which states the source of every value.
"""

from __future__ import annotations

import math
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from aimc_spice.errors import ConfigError, UnitError
from aimc_spice.share import share
from aimc_spice.units import parse, show


def quantity(unit: str, *, above: float = -math.inf, least: float = -math.inf) -> BeforeValidator:
    """Return the validator of a quantity: text with this unit, finite, above or at least a bound."""

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

Ohm = Annotated[float, quantity("Ω")]
PositiveOhm = Annotated[float, quantity("Ω", above=0)]
DriverOhm = Annotated[float, quantity("Ω", least=0)]
Kelvin = Annotated[float, quantity("K", above=0)]
PositiveVolt = Annotated[float, quantity("V", above=0)]
PositiveSecond = Annotated[float, quantity("s", above=0)]
Positive = Annotated[float, quantity("", above=0)]
NotNegative = Annotated[float, quantity("", least=0)]
Siemens = Annotated[float, quantity("S")]
Farad = Annotated[float, quantity("F")]
Metre = Annotated[float, quantity("m")]
SquareMetre = Annotated[float, quantity("m²", least=0)]
Byte = Annotated[float, quantity("B", above=0)]
Watt = Annotated[float, quantity("W", least=0)]
OhmMetre = Annotated[float, quantity("Ω·m")]
OhmSquareMetre = Annotated[float, quantity("Ω·m²")]
Number = Annotated[float, quantity("")]


class Table(BaseModel):
    """A table of a file: unknown keys are refused, with the nearest known ones, or all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _knows_its_keys(cls, data: object) -> object:
        unknown = [key for key in data if key not in cls.model_fields] if isinstance(data, dict) else []
        if unknown:
            near = get_close_matches(unknown[0], cls.model_fields, cutoff=0.7)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(cls.model_fields)}"
            raise ValueError(f"unknown key{'s' * (len(unknown) > 1)} {', '.join(unknown)}; {hint}")
        return data


_FOLDERS = {"device": "devices", "wire": "wires", "periphery": "periphery"}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file; raises `ConfigError` where it is not readable or not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows add a mark
    except OSError as bad:
        raise ConfigError(f"cannot read {path}", cause=str(bad)) from bad
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as bad:
        raise ConfigError(f"{path} is not valid TOML", cause=str(bad)) from bad


def merged(table: dict[str, Any], section: str, path: Path) -> dict[str, Any]:
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
    return {**{key: entry["value"] for key, entry in read_toml(source).items()}, **own}


def explain(bad: ValidationError) -> str:
    """Say what is wrong, a line each, with its place in the file."""
    lines = []
    for error in bad.errors():
        place = ".".join(map(str, error["loc"])) or "file"
        lines.append(f"{place}: {error['msg'].removeprefix('Value error, ')}")
    return "\n         ".join(lines)
