"""How is one tile of a network asked as a circuit? A deck of it with some inputs, and how its columns are read.

One idea: current mode and charge mode differ in deck and reading alone, so each is a `Replay`. Current-mode decks are
DC. Charge-mode decks are transients: reset, step, and the bit lines read when the network's converters would read them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aimc_spice.build.tile import cells_of, charge_tile_of, circuit_of
from aimc_spice.config.tile import TileConfig
from aimc_spice.errors import ConfigError
from aimc_spice.flows.audit import Probe
from aimc_spice.flows.calibrate_charge import charge_deck, charge_outputs
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.base import Waveforms
from aimc_spice.surrogate.charge import ChargeTile
from aimc_spice.surrogate.experiment import Case
from aimc_spice.surrogate.tile import CurrentTile, TileSurrogate

Array = NDArray[np.float64]


class Replay(Protocol):
    """A kind of tile as circuits."""

    def probe(self, label: str, weights: Array, x: Array) -> Probe:
        """Return the deck of a tile with weights (n_rows, n_cols) and inputs (n, n_rows), and the surrogate's word."""
        ...

    def change(self, weights: Array) -> Array:
        """Return how the tile's matrix differs from an ideal one, (n_rows, n_cols) [V]."""
        ...


@dataclass(frozen=True)
class CurrentReplay:
    """Resistive tiles, settled."""

    config: TileConfig
    tile: CurrentTile

    def probe(self, label: str, weights: Array, x: Array) -> Probe:
        """See `Replay`."""
        deck = circuit_of(self.config).deck(cells_of(self.config, weights), x)
        return Probe(label, deck, x @ self._settled.program(weights[None])[0])

    def change(self, weights: Array) -> Array:
        """Return what the wires do."""
        ideal = replace(self._settled, wire=Wire(), r_driver=0.0)
        return np.asarray(self._settled.program(weights[None])[0] - ideal.program(weights[None])[0])

    @property
    def _settled(self) -> CurrentTile:
        return replace(self.tile, reached=None)


@dataclass(frozen=True)
class ChargeReplay:
    """Capacitive tiles, read at the integration time of their file."""

    config: TileConfig
    tile: ChargeTile

    def probe(self, label: str, weights: Array, x: Array) -> Probe:
        """See `Replay`."""
        whole, case = self._whole, Case(label, np.zeros(0), weights, x)
        deck = charge_deck(whole, charge_tile_of(self.config), case, t_step=whole.t_rise)

        def read(waves: Waveforms) -> Array:
            return charge_outputs(whole, case, waves)

        return Probe(label, deck, x @ self.tile.program(weights[None])[0], read)

    @property
    def _whole(self) -> TileConfig:
        """The tile read after whole edges: equal steps of the nodal solver then end where word lines begin to move."""
        n_edges = max(3, round(self.config.t_int / self.config.t_rise))
        return self.config.model_copy(update={"t_int": n_edges * self.config.t_rise})

    def change(self, weights: Array) -> Array:
        """Return what sharing charge with lines of different total capacitance does, beside one gain."""
        found, power = self.tile.program(weights[None])[0], float(np.sum(weights**2))
        gain = float(np.sum(found * weights)) / power if power else 0.0
        return np.asarray(found - gain * weights)


def replay_of(config: TileConfig, tile: TileSurrogate) -> Replay:
    """Return how tiles of a file are replayed.

    Raises
    ------
    ConfigError
        A tile of neither mode, or not that of the file.
    """
    if config.mode == "current" and isinstance(tile, CurrentTile):
        return CurrentReplay(config, tile)
    if config.mode == "charge" and isinstance(tile, ChargeTile):
        return ChargeReplay(config, tile)
    raise ConfigError(f"audit: tile {config.name} is of {config.mode} mode, the network runs on {type(tile).__name__}")
