"""What can a study file say, and what does each entry mean? It builds no circuit: `pipeline` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from aimc_spice.config.array import DeviceConfig, WireConfig
from aimc_spice.config.base import (
    Byte,
    DriverOhm,
    FolderName,
    Name,
    NotNegative,
    Positive,
    PositiveOhm,
    PositiveSecond,
    PositiveVolt,
    SquareMetre,
    Table,
    Watt,
    explain,
    merged,
    read_toml,
)
from aimc_spice.errors import ConfigError
from aimc_spice.units import show


class FrontEndConfig(Table):
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


class NeuronConfig(Table):
    """The neuron behind every output."""

    kind: Literal["sigmoid", "cmos", "subckt"] = "sigmoid"
    slope: Positive = 3.0
    file: Path | None = None
    name: str | None = None
    params: dict[str, float] = Field(default_factory=dict)


class CellConfig(Table):
    """A user's cell subcircuit with ports ``a b`` and a parameter ``g``."""

    file: Path
    name: str
    params: dict[str, float] = Field(default_factory=dict)


class PeripheryConfig(Table):
    """What surrounds the arrays."""

    area_per_line: SquareMetre = 0.0
    p_amplifier: Watt = 0.0


class TransientConfig(Table):
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


class SpiceConfig(Table):
    """How much is simulated, and with what; `seed` picks the images, a job above `max_memory` is killed and named."""

    seed: int = Field(default=0, ge=0)
    n_images: int = Field(default=8, ge=0)
    images_per_deck: int = Field(default=10, ge=1)
    backend: Literal["shared", "batch"] = "shared"
    workers: int = Field(default=2, ge=1, le=1024)
    timeout: PositiveSecond = 1800.0
    max_memory: Byte | None = None
    transient: TransientConfig | None = None


class ChoiceConfig(Table):
    """One partitioning to compare, with what it changes."""

    name: Name
    n_h: list[int]
    n_v: list[int]
    weights: str | None = None
    front_end: str | None = None
    transient: bool = True
    n_images: int | None = Field(default=None, ge=0)


class StudyConfig(Table):
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
    raw = {**read_toml(path), **changes}
    base = path.resolve().parent
    for section in ("device", "wire", "periphery"):
        if isinstance(raw.get(section), dict):
            raw[section] = merged(raw[section], section, path)
    for table in _tables_with_files(raw):
        table["file"] = str(base / table["file"])
    try:
        return StudyConfig.model_validate(raw)
    except ValidationError as bad:
        raise ConfigError(f"{path} is not a valid study", cause=explain(bad), hint=_FIELDS_HINT) from bad


_FIELDS_HINT = "compare with calibration/studies/demo.toml; quantities are quoted with their unit"


def _tables_with_files(raw: dict[str, Any]) -> list[dict[str, Any]]:
    ends = raw.get("front_ends")
    tables = [raw.get("neuron"), raw.get("cell"), *(ends.values() if isinstance(ends, dict) else ())]
    return [table for table in tables if isinstance(table, dict) and isinstance(table.get("file"), str)]


def _known(name: str, table: dict[str, FrontEndConfig], what: str) -> None:
    if name not in table:
        raise ValueError(f"{what} is {name!r}; [front_ends] has {', '.join(sorted(table)) or 'none'}")
