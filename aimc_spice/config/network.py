"""What can a file say of how a network is laid on tiles? Mapping of all or some layers, inputs, ranges, unit, writing.

Every key has the meaning and the default of the option of the same name in `network`, which checks what fits together
(`aimc-spice evaluate NETWORK --options FILE`); a table of ``[layers."pattern"]`` stands in place of ``[mapping]``. It
maps nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from aimc_spice.config.base import NotNegative, Table, explain, quantity, read_toml
from aimc_spice.errors import ConfigError

Second = Annotated[float, quantity("s", least=0)]
Joule = Annotated[float, quantity("J", least=0)]
Range = Literal["max", "percentile", "mse"]


class MappingConfig(Table):
    """How layers are laid on tiles."""

    n_rows: int | None = None
    n_cols: int | None = None
    n_h: int | None = None
    n_v: int | None = None
    signs: Literal["differential", "offset"] = "differential"
    weight_bits: int | None = None
    slice_bits: int | None = None
    scale: Literal["column", "layer"] = "column"
    bias: Literal["digital", "rows"] = "digital"
    padding: bool = True
    replicas: int = 1


class ReadingConfig(Table):
    """How columns are read."""

    adc_range: Literal["max", "percentile", "mse", "fixed"] = "mse"
    adc_scope: Literal["tile", "layer", "column"] = "tile"
    percentile: Annotated[float, Field(gt=0, le=100)] = 99.9
    correction: Literal["affine", "gain", "none"] = "affine"
    partial_sums: Literal["digital", "analog"] = "digital"
    zero: Literal["threshold", "step"] = "threshold"


class FixedPointConfig(Table):
    """The digital unit behind the converters in fixed point."""

    scale_bits: tuple[int, int] = (1, 7)
    offset_bits: tuple[int, int] = (7, 1)
    rounding: Literal["half_up", "half_even", "floor", "toward_zero"] = "half_even"
    out_bits: int = Field(default=16, ge=2, le=32)


class WriteConfig(Table):
    """Which products of two activations are written into tiles; what it takes, in the tile file or here."""

    layers: tuple[str, ...] = ()
    sigma: NotNegative | None = None
    e_cell: Joule | None = None
    t_row: Second | None = None


class OptionsConfig(Table):
    """A whole file."""

    mapping: MappingConfig = MappingConfig()
    layers: dict[str, MappingConfig] = Field(default_factory=dict)
    digital: tuple[str, ...] = ()
    dac_bits: int | Literal["continuous"] = 8
    dac_range: Range = "mse"
    bits_per_cycle: int | None = None
    reading: ReadingConfig = ReadingConfig()
    fixed_point: FixedPointConfig | None = None
    sigma_program: NotNegative = 0.0
    seed: int = Field(default=0, ge=0)
    write: WriteConfig = WriteConfig()


def load_options(path: Path) -> OptionsConfig:
    """Read an options file.

    Raises
    ------
    ConfigError
        Not readable, not TOML, or an entry that is wrong: named with its place in the file.
    """
    try:
        return OptionsConfig.model_validate(read_toml(path))
    except ValidationError as bad:
        hint = 'for example [mapping] weight_bits = 8, slice_bits = 4, or [layers."conv*"] bias = "rows"'
        raise ConfigError(f"{path} does not hold valid options", cause=explain(bad), hint=hint) from bad
