"""Does a network stay where its tiles' surrogates hold? Asked once, of a prepared network and the file of its tiles.

One idea: what a surrogate cannot say is refused, not computed: cells that are not linear, columns beyond what their
front ends swing, converters beyond what was measured of them. Inputs of layers beyond their range are no question of
validity: drivers clip them, and reports count them.
"""

from __future__ import annotations

import numpy as np

from aimc_spice.config.tile import TileConfig
from aimc_spice.errors import ConfigError, OutsideValidity
from aimc_spice.network.build import driven_rows
from aimc_spice.network.layer import AnalogLayer
from aimc_spice.network.prepare import Prepared
from aimc_spice.surrogate.base import leave_box
from aimc_spice.surrogate.fitted import FittedReadout
from aimc_spice.units import show


def check_linear(config: TileConfig) -> None:
    """Raise `ConfigError` for a tile whose cells are not linear: its matrix depends on its inputs."""
    if config.cell.kind != "resistor":
        raise ConfigError(
            f"tile {config.name} has cells of kind {config.cell.kind!r}: networks run on linear cells alone",
            hint='cell.kind = "resistor"; `aimc-spice calibrate tile` says how far a nonlinear tile is from one',
        )


def check_inside(prepared: Prepared, config: TileConfig) -> None:
    """Raise `OutsideValidity` where calibration inputs leave the box of a front end or of a converter.

    Within `warn_outside` it warns.
    """
    readout = prepared.readout
    if isinstance(readout, FittedReadout):
        readout.check(np.array([readout.low, readout.high]))
    swing = config.front_end.swing
    if swing is not None and config.mode == "current":
        for name, layer in prepared.layers.items():
            _check_swing(layer, prepared.samples[name].rows, swing, config.name)


def _check_swing(layer: AnalogLayer, rows: tuple[np.ndarray, ...], swing: float, tile: str) -> None:
    for part, sample in zip(layer.parts, rows, strict=True):
        x = driven_rows(sample, layer.dac, layer.n_bias_rows)
        reached = max(float(np.abs(x[:, g.rows] @ g.matrix.T).max()) for g in part.groups)
        if reached > swing:
            what = f"columns reach {show(reached, 'V')}, the front ends of tile {tile} swing to {show(swing, 'V')}"
            hint = "a smaller front_end.r_f or v_read, or more tiles (n_h)"
            leave_box(OutsideValidity(what, where=f"layer {layer.name}", hint=hint))
