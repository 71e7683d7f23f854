"""What is chosen besides tile and read-out: mapping, inputs, ranges, errors, and what stays digital or is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from aimc_spice.errors import ConfigError
from aimc_spice.network.dac import Range
from aimc_spice.network.fit import Reading
from aimc_spice.network.mapping import Mapping
from aimc_spice.network.unit import FixedPoint


@dataclass(frozen=True)
class Writing:
    """Which products of two activations are written into tiles, and what that costs.

    Parameters
    ----------
    layers : tuple of str
        Patterns of names of steps.
    e_cell : float
        Energy to write one cell (half of a differential pair) [J].
    t_row : float
        Time to write one row of a tile [s]; rows follow one another, columns and tiles are written at once.
    sigma : float
        Programming error, rms; 1 is a whole cell.
    """

    layers: tuple[str, ...]
    e_cell: float
    t_row: float
    sigma: float = 0.0

    def __post_init__(self) -> None:
        if not (self.e_cell >= 0 and self.t_row >= 0 and self.sigma >= 0):
            raise ConfigError(
                f"writing: got e_cell = {self.e_cell:g} J, t_row = {self.t_row:g} s, sigma = {self.sigma:g}, "
                "wanted zero or more"
            )


@dataclass(frozen=True)
class Options:
    """What is chosen besides tile and read-out.

    Parameters
    ----------
    mapping : Mapping
        Of every layer.
    layers : dict
        Pattern of names (``"*attention*"``) → `Mapping` of those layers; the first that fits.
    digital : tuple of str
        Patterns of names of layers that stay digital.
    dac_bits : int or None
        Resolution of the inputs; None is continuous.
    dac_range : {"max", "percentile", "mse"}
        How a layer's input range is chosen.
    bits_per_cycle : int or None
        Bit-serial inputs; None is one pulse.
    reading : Reading
        Ranges and correction of the converters.
    unit : FixedPoint or None
        Digital post-processing in fixed point; None is floating point.
    sigma_program : float
        Programming error of a weight, rms; 1 is a whole cell.
    seed : int
        Of converters and programming.
    written : Writing or None
        Which products of two activations run on tiles that are written for every sample; None is none.
    """

    mapping: Mapping = field(default_factory=Mapping)
    layers: dict[str, Mapping] = field(default_factory=dict)
    digital: tuple[str, ...] = ()
    dac_bits: int | None = 8
    dac_range: Range = "mse"
    bits_per_cycle: int | None = None
    reading: Reading = field(default_factory=Reading)
    unit: FixedPoint | None = None
    sigma_program: float = 0.0
    seed: int = 0
    written: Writing | None = None

    def __post_init__(self) -> None:
        if self.dac_bits is not None and self.dac_bits < 2:
            raise ConfigError(f"got dac_bits = {self.dac_bits}, wanted at least 2", hint="one of them may be the sign")
        if self.bits_per_cycle is not None and self.bits_per_cycle < 1:
            raise ConfigError(f"got bits_per_cycle = {self.bits_per_cycle}, wanted at least 1")

    def mapping_of(self, name: str) -> Mapping:
        """Return how a layer is mapped."""
        return next((m for pattern, m in self.layers.items() if fnmatchcase(name, pattern)), self.mapping)

    def stays_digital(self, name: str) -> bool:
        """Whether a layer was asked to stay digital."""
        return any(fnmatchcase(name, pattern) for pattern in self.digital)

    def is_written(self, name: str) -> bool:
        """Whether a product of two activations was asked to run on tiles."""
        return self.written is not None and any(fnmatchcase(name, pattern) for pattern in self.written.layers)
