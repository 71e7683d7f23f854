"""How does a file of options become the options of a network? Table by table; what writing costs is of the tile."""

from __future__ import annotations

from dataclasses import replace

from aimc_spice.config.network import MappingConfig, OptionsConfig, WriteConfig
from aimc_spice.config.tile import TileConfig
from aimc_spice.errors import ConfigError
from aimc_spice.network.fit import Reading
from aimc_spice.network.mapping import Mapping
from aimc_spice.network.options import Options, Writing
from aimc_spice.network.unit import FixedPoint


def options_of(config: OptionsConfig, tile: TileConfig) -> Options:
    """Return the options for networks on a kind of tile.

    Raises
    ------
    ConfigError
        Entries that do not fit together; products to write, and nothing that says what writing costs.
    """
    unit = config.fixed_point
    options = Options(
        _mapping(config.mapping),
        {pattern: _mapping(table) for pattern, table in config.layers.items()},
        config.digital,
        None if config.dac_bits == "continuous" else config.dac_bits,
        config.dac_range,
        config.bits_per_cycle,
        Reading(**config.reading.model_dump()),
        None if unit is None else FixedPoint(**unit.model_dump()),
        config.sigma_program,
        config.seed,
    )
    return replace(options, written=_writing(config, tile.write, tile.name))


def _mapping(table: MappingConfig) -> Mapping:
    return Mapping(**table.model_dump())


def _writing(config: OptionsConfig, of_tile: WriteConfig, tile: str) -> Writing | None:
    own, layers = config.write, (*config.write.layers, *of_tile.layers)
    if not layers:
        return None
    e_cell, t_row, sigma = (
        mine if mine is not None else theirs
        for mine, theirs in ((own.e_cell, of_tile.e_cell), (own.t_row, of_tile.t_row), (own.sigma, of_tile.sigma))
    )
    if e_cell is None or t_row is None:
        raise ConfigError(
            f"tile {tile} does not say what it costs to write it, and layers are to be written: {', '.join(layers)}",
            hint='[write] e_cell = "10 pJ" (a cell), t_row = "200 ns" (a row), in the tile file or in the options',
        )
    return Writing(layers, e_cell, t_row, config.sigma_program if sigma is None else sigma)
