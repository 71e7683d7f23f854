"""How does a tile file become circuits and surrogates? A small builder for each table of the file; nothing simulates.

One idea: one description, three uses: `circuit_of` is the circuit that decks are written from, `tile_of` the surrogate
that the network evaluator programs, `readout_of` its converters.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimc_spice.build.study import device_of, wire_of
from aimc_spice.config.tile import TileConfig, TileFrontEndConfig, load_tile
from aimc_spice.device import ConductanceMap, Device, map_weights
from aimc_spice.device.capacitance import Capacitor
from aimc_spice.errors import ConfigError
from aimc_spice.netlist.cells import one_t_one_r, polynomial_cell, sinh_cell
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.library import FrontEnd, diff_amp, tia
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.readout import OpAmp, dynamic_tia
from aimc_spice.netlist.wire import Wire
from aimc_spice.share import share
from aimc_spice.surrogate.charge import ChargeTile
from aimc_spice.surrogate.families.decks import TileCircuit
from aimc_spice.surrogate.ports import linear_ports
from aimc_spice.surrogate.readout import IdealReadout, Readout
from aimc_spice.surrogate.readout_archive import load_readout
from aimc_spice.surrogate.tile import CurrentTile, TileSurrogate
from aimc_spice.surrogate.timed_archive import load_timed
from aimc_spice.surrogate.typical import charge_tile, current_tile
from aimc_spice.units import parse

Array = NDArray[np.float64]
_CELLS: dict[str, Callable[..., Macro]] = {"sinh": sinh_cell, "one_t_one_r": one_t_one_r, "polynomial": polynomial_cell}


def open_tile(name: str | Path) -> TileConfig:
    """Read a tile file: a path, or the name of one that comes with the toolkit.

    Raises
    ------
    ConfigError
        There is none, or it is not valid.
    """
    path = Path(name)
    if path.suffix != ".toml":
        folder = share("calibration", "tiles")
        path = folder / f"{name}.toml"
        if not path.exists():
            known = ", ".join(sorted(p.stem for p in folder.glob("*.toml")))
            raise ConfigError(f"there is no tile {str(name)!r}", hint=f"a .toml file, or one of: {known}")
    return load_tile(path)


def resized(config: TileConfig, n_rows: int, n_cols: int = 0) -> TileConfig:
    """Return the same tile of another size, which enters its name; without columns a square one; 0 changes nothing."""
    if not n_rows:
        return config
    cols = n_cols or n_rows
    size = f"{n_rows}" if cols == n_rows else f"{n_rows}x{cols}"
    name = f"{re.sub(r'_[0-9]+(x[0-9]+)?', '', config.name, count=1)}_{size}"
    return config.model_copy(update={"n_rows": n_rows, "n_cols": cols, "name": name})


def read_by(config: TileConfig, surrogate: str) -> TileConfig:
    """Return the same tile with fitted converters, a name or a path; an empty one changes nothing."""
    if not surrogate:
        return config
    return config.model_copy(update={"readout": config.readout.model_copy(update={"surrogate": surrogate})})


def with_calibration(config: TileConfig, **changes: float) -> TileConfig:
    """Return the same tile with other entries of its table ``[calibration]``."""
    return config.model_copy(update={"calibration": config.calibration.model_copy(update=changes)})


def at_corner(config: TileConfig, name: str) -> TileConfig:
    """Return the same tile at one of its corners, which enters its name.

    Raises
    ------
    ConfigError
        The file has no such corner.
    """
    if name not in config.corners:
        known = ", ".join(config.corners) or "none"
        raise ConfigError(f"tile {config.name} has no corner {name!r}", hint=f"[corners.{name}], or one of: {known}")
    corner = config.corners[name]
    cell = config.cell.model_copy(update={"params": {**config.cell.params, **corner.cell}})
    update = {"name": f"{config.name}_{name}", "corner": corner, "cell": cell, "corners": {}}
    return config.model_copy(update=update)


def tile_of(config: TileConfig) -> tuple[TileSurrogate, Readout]:
    """Return the surrogate of a tile, with time and energy of one operation, and that of its converters."""
    if config.mode == "charge":
        return charge_tile(charge_tile_of(config), t_rise=config.t_rise, t_int=config.t_int), readout_of(config)
    return current_tile_of(config), readout_of(config)


def current_tile_of(config: TileConfig, conductance: Callable[[Array], Array] | None = None) -> CurrentTile:
    """Return the surrogate of a current-mode tile, with time and energy of one operation.

    Nonlinear cells are what `conductance` [S] says of their parameter g, by default g itself.
    """
    front_end = front_end_of(config.front_end).linear
    tile = CurrentTile(
        config.n_rows,
        config.n_cols,
        cells_device(config),
        tile_wire(config),
        linear_ports(front_end),
        config.v_read,
        config.r_driver,
        config.device.n_levels if config.device else None,
        config.device.zero if config.device else "off",
    )
    return current_tile(
        tile,
        t_rise=config.t_rise,
        front_end=front_end,
        t_int=config.t_int,
        vdd=config.vdd,
        conductance=conductance,
    )


def charge_tile_of(config: TileConfig) -> ChargeTile:
    """Return the surrogate of a charge-mode tile, without time and energy."""
    table = config.capacitor
    if table is None:
        raise ConfigError(f"tile {config.name} is of {config.mode} mode: it has no capacitive cells")
    return ChargeTile(
        config.n_rows,
        config.n_cols,
        Capacitor(table.c_on, table.c_off),
        tile_wire(config),
        config.v_read,
        config.r_driver,
        table.c_top,
        table.c_load,
        table.n_levels,
    )


def readout_of(config: TileConfig) -> Readout:
    """Return the converters of a tile file: fitted ones by name or path, or ideal ones.

    Raises
    ------
    ConfigError, DataError
        No such fitted read-out; a file that is none.
    """
    table = config.readout
    if table.surrogate is not None:
        return _fitted(table.surrogate)
    return IdealReadout(table.n_bits, table.low, table.high, table.t_conv, table.e_conv)


def _fitted(name: str) -> Readout:
    """Return a fitted read-out, or with ``NAME@TIME`` one over a time at that time."""
    file, _, time = ("", "", "") if name.endswith(".npz") else name.rpartition("@")
    if not file:
        return load_readout(_readout_file(name))
    return load_timed(_readout_file(file)).at(parse(time, "s", name="time of the read-out"))


def _readout_file(name: str) -> Path:
    if name.endswith(".npz"):
        return Path(name)
    folder = share("calibration", "readouts")
    path = folder / f"{name}.npz"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.npz"))) or "none"
        hint = f"an .npz that calibrate adc wrote, or one of: {known}"
        raise ConfigError(f"there is no fitted read-out {name!r}", hint=hint)
    return path


def cells_device(config: TileConfig) -> Device:
    """Return the device of a current-mode tile."""
    if config.device is None:
        raise ConfigError(f"tile {config.name} is of {config.mode} mode: it has no resistive device")
    return device_of(config.device)


def tile_wire(config: TileConfig) -> Wire:
    """Return the wires of a tile, at its corner."""
    wire, factor = wire_of(config.wire, config.n_rows), config.corner.r_wire
    return replace(wire, r_wire_wl=factor * wire.r_wire_wl, r_wire_bl=factor * wire.r_wire_bl)


def front_end_of(table: TileFrontEndConfig) -> FrontEnd:
    """Return the front end of a column."""
    if table.kind == "tia" and table.r_f is not None and table.gbw is not None:
        opamp = OpAmp(table.a_0, table.gbw, table.swing)
        return dynamic_tia(r_f=table.r_f, r_1=table.r_1, opamp=opamp)
    if table.kind == "tia" and table.r_f is not None:
        return tia(r_f=table.r_f, r_1=table.r_1, a_0=table.a_0, swing=table.swing)
    if table.kind == "diff_amp" and table.gain is not None:
        return diff_amp(gain=table.gain, r_in=table.r_in, a_0=table.a_0, swing=table.swing)
    if table.file is None or table.name is None:
        raise ConfigError(
            f"front_end of kind {table.kind!r} lacks a value", hint="tia: r_f; diff_amp: gain; subckt: file, name"
        )
    macro = Macro.from_file(table.file, table.name, "front_end", **table.params)
    return FrontEnd(macro, macro)


def cell_of(config: TileConfig) -> Macro | None:
    """Return the cell's subcircuit; None is a resistor."""
    table, params = config.cell, config.cell.params
    if table.kind == "resistor":
        return None
    if table.kind == "subckt":
        if table.file is None or table.name is None:
            raise ConfigError("cell of kind 'subckt' needs file and name")
        return Macro.from_file(table.file, table.name, "cell", **params)
    return _named_cell(table.kind, params)


def circuit_of(config: TileConfig) -> TileCircuit:
    """Return the circuit of a current-mode tile, for decks of any size."""
    front_end, corner = front_end_of(config.front_end), Corner(temp_k=config.corner.temp)
    return TileCircuit(tile_wire(config), front_end, config.v_read, config.r_driver, cell_of(config), corner)


def cells_of(config: TileConfig, weights: Array) -> ConductanceMap:
    """Return the conductances of weights (n_rows, n_cols) in [-1, 1]."""
    if config.device is None:
        raise ConfigError(f"tile {config.name} is of {config.mode} mode: it has no resistive device")
    levels, zero = config.device.n_levels, config.device.zero
    return map_weights(weights, device_of(config.device), n_levels=levels, zero=zero, w_max=1.0)


def _named_cell(kind: str, params: dict[str, float]) -> Macro:
    build = _CELLS[kind]
    try:
        return build(**params)
    except TypeError as bad:
        known = ", ".join(inspect.signature(build).parameters)
        raise ConfigError(f"cell of kind {kind!r}: {bad}", hint=f"its parameters are: {known}") from bad
