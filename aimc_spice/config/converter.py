"""What can a converter file say? A type from the registry or a user's subcircuit, and how it shall be measured.

Parameters of a type keep their names; the first letters say the unit (``c_unit`` in F, ``t_clk`` in s). It builds no
circuit: `build_converter` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from aimc_spice.config.base import (
    FolderName,
    Kelvin,
    NotNegative,
    Number,
    Positive,
    PositiveSecond,
    Table,
    explain,
    quantity,
    read_toml,
)
from aimc_spice.errors import ConfigError, UnitError
from aimc_spice.units import parse

VoltMetre = Annotated[float, quantity("V·m", least=0)]
LengthScale = Annotated[float, quantity("m", least=0)]
Second = Annotated[float, quantity("s", least=0)]
Joule = Annotated[float, quantity("J", least=0)]
Volt = Annotated[float, quantity("V")]
DefectName = Literal["saturated", "not monotonic", "missing codes"]

UNITS = {"c": "F", "r": "Ω", "v": "V", "t": "s", "i": "A", "w": "m", "l": "m", "f": "Hz", "g": "S", "q": "C", "e": "J"}
_SPECIAL = {"c_density": "F/m²"}
_OF_THE_INPUT = {"low", "high", "offset", "sigma_offset"}  # in volts or amperes


class CornerConfig(Table):
    """One corner; for a library of models `process` names its section."""

    process: str = "tt"
    temp: Kelvin = 300.15
    vdd_scale: Positive = 1.0


class MismatchConfig(Table):
    """Pelgrom constants: standard deviations times the square root of the area."""

    a_vt: VoltMetre = 0.0
    a_beta: LengthScale = 0.0
    a_c: LengthScale = 0.0
    a_r: LengthScale = 0.0


class KickBackConfig(Table):
    """Where the disturbance of the input is looked for: a probe of its voltage, of its source's current, a window."""

    input: str
    v: str
    i: str
    start: Second
    stop: Second


class MeasureConfig(Table):
    """How a converter is measured; `allow` names defects that shall not end the command with an error."""

    resolution: Positive = 1 / 64
    margin: NotNegative = 0.02
    further: NotNegative = 0.25
    n_sine: int = Field(default=512, ge=0)
    n_repeat: int = Field(default=0, ge=0)
    n_held_out: int = Field(default=256, ge=1)
    allow: list[DefectName] = Field(default_factory=list)
    kick_back: KickBackConfig | None = None


class MonteCarloConfig(Table):
    """Samples of the mismatch, in the first corner."""

    n_samples: int = Field(default=200, ge=8)
    seed: int = Field(default=0, ge=0)
    resolution: Positive = 1 / 16


class OverTimeConfig(Table):
    """When a read-out is measured and judged: values of `param`, a time of the type; `scaled` ones keep their ratio."""

    param: str
    times: list[PositiveSecond] = Field(min_length=3)
    held_out: list[PositiveSecond] = Field(default_factory=list)
    scaled: list[str] = Field(default_factory=list)


class SpecConfig(Table):
    """Limits of the figures of merit; what is not given is no limit."""

    max_inl_lsb: Number | None = None
    max_dnl_lsb: Number | None = None
    max_offset_lsb: Number | None = None
    max_gain_error: Number | None = None
    min_enob_bits: Number | None = None
    monotonic: bool = True
    max_t_conv: Second | None = None
    max_e_conv: Joule | None = None


class RunConfig(Table):
    """With what simulations run."""

    backend: Literal["shared", "batch"] = "shared"
    workers: int = Field(default=2, ge=1, le=1024)
    timeout: PositiveSecond = 600.0


class SubcktConfig(Table):
    """A user's subcircuit: what every port is (see `netlist.adcs.user`); `bits` least significant first."""

    file: Path
    name: str
    input: str
    input_n: str = ""
    bits: list[str] = Field(min_length=2)
    start: str = ""
    clock: str = ""
    done: str = ""
    supplies: dict[str, Volt] = Field(default_factory=dict)
    ground: list[str] = Field(default_factory=list)
    quantity: Literal["V", "A"] = "V"
    low: str
    high: str
    common_mode: Volt = 0.0
    v_logic: Volt = 1.0
    t_window: Second = 0.0
    t_clk: Second = 0.0
    t_start: Second = 0.0
    t_step: Second = 0.0
    params: dict[str, float] = Field(default_factory=dict)

    @property
    def range(self) -> tuple[float, float]:
        """Lower and upper end of the input range [V or A]."""
        return parse(self.low, self.quantity, name="low"), parse(self.high, self.quantity, name="high")

    @model_validator(mode="after")
    def _readable(self) -> SubcktConfig:
        try:
            low, high = self.range
        except UnitError as bad:
            raise ValueError(f"{bad.what}; {bad.hint}") from bad
        if not high > low:
            raise ValueError(f"low = {self.low} is not below high = {self.high}")
        return self


class ConverterConfig(Table):
    """A whole converter file; `name` becomes the folder of its results."""

    name: FolderName
    kind: str
    level: Literal["behavioural", "transistor"] = "behavioural"
    n_bits: int = Field(default=8, ge=2, le=16)
    params: dict[str, Any] = Field(default_factory=dict)
    subckt: SubcktConfig | None = None
    mismatch: MismatchConfig = MismatchConfig()
    corners: list[CornerConfig] = Field(default_factory=lambda: [CornerConfig()], min_length=1)
    measure: MeasureConfig = MeasureConfig()
    monte_carlo: MonteCarloConfig | None = None
    over_time: OverTimeConfig | None = None
    spec: SpecConfig = SpecConfig()
    spice: RunConfig = RunConfig()

    @model_validator(mode="after")
    def _one_kind(self) -> ConverterConfig:
        if (self.kind == "subckt") != (self.subckt is not None):
            raise ValueError(f"kind = {self.kind!r}: kind = 'subckt' and a table [subckt] belong together")
        of_types = {"params", "mismatch", "level", "n_bits", "monte_carlo", "over_time"} & self.model_fields_set
        if self.subckt is not None and of_types:
            raise ValueError(
                f"{', '.join(sorted(of_types))}: for types of the toolkit only; a subcircuit has the bits it names, "
                "its own parameters (subckt.params) and no mismatch to draw"
            )
        return self


def value_of(name: str, value: object) -> object:
    """Return a parameter of a type as SI: text is a quantity whose unit the name says; lists are taken one by one.

    Raises
    ------
    ConfigError
        Another unit, or a bare number where a unit belongs.
    """
    unit = _SPECIAL.get(name, UNITS.get(name.split("_", maxsplit=1)[0] if "_" in name else "", ""))
    if name in _OF_THE_INPUT and isinstance(value, str):
        return parse(value, "A" if value.strip().endswith("A") else "V", name=name)
    if isinstance(value, list):
        return tuple(value_of("", one) for one in value)
    if isinstance(value, str):
        return parse(value, unit, name=name) if unit or value[:1] in "0123456789.-+" else value
    if (unit or name in _OF_THE_INPUT) and not isinstance(value, bool):
        example = f'{name} = "1 {unit or "V"}"'
        raise ConfigError(f"{name}: got the bare number {value}", hint=f"quote it with its unit: {example}")
    return value


def load_converter(path: Path) -> ConverterConfig:
    """Read a converter file.

    Raises
    ------
    ConfigError
        Not readable, not TOML, or an entry that is wrong: named with its place in the file.
    """
    raw = read_toml(path)
    table = raw.get("subckt")
    if isinstance(table, dict) and isinstance(table.get("file"), str):
        table["file"] = str(path.resolve().parent / table["file"])
    try:
        return ConverterConfig.model_validate(raw)
    except ValidationError as bad:
        hint = "compare with calibration/adcs/; quantities are quoted with their unit"
        raise ConfigError(f"{path} is not a valid converter file", cause=explain(bad), hint=hint) from bad
