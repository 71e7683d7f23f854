"""How does a converter file become circuits? A builder of (corner, seed), from the registry or a user's subcircuit.

One idea: everything a file says is checked before anything runs: the type, its parameters by name, the ports of a
subcircuit. Nothing simulates here.
"""

from __future__ import annotations

import inspect
from dataclasses import asdict
from pathlib import Path

from aimc_spice.config.converter import (
    UNITS,
    ConverterConfig,
    CornerConfig,
    OverTimeConfig,
    SubcktConfig,
    load_converter,
    value_of,
)
from aimc_spice.errors import ConfigError, NetlistError
from aimc_spice.metrology.characterise import Measurements
from aimc_spice.metrology.kickback import KickProbe
from aimc_spice.metrology.search import Resolution
from aimc_spice.metrology.spec import Spec
from aimc_spice.netlist.adcs import CONVERTERS
from aimc_spice.netlist.adcs.base import Converter, ConverterBuilder, Mismatch
from aimc_spice.netlist.adcs.mos import NODES, Process, pdk
from aimc_spice.netlist.adcs.sky130 import sky130
from aimc_spice.netlist.adcs.user import Ports, Timing, UserConverter
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.library_file import from_lib
from aimc_spice.share import share

_PROCESSES = ("tt", "ff", "ss", "fs", "sf")  # sections of the generic models
_OWN = ("n_bits", "level", "corner", "mismatch", "seed", "process")


def open_converter(name: str | Path) -> ConverterConfig:
    """Read a converter file: a path, or the name of one that comes with the toolkit.

    Raises
    ------
    ConfigError
        There is none, or it is not valid.
    """
    path = Path(name)
    if path.suffix != ".toml":
        folder = share("calibration", "adcs")
        path = folder / f"{name}.toml"
        if not path.exists():
            known = ", ".join(sorted(p.stem for p in folder.glob("*.toml")))
            raise ConfigError(f"there is no converter {str(name)!r}", hint=f"a .toml file, or one of: {known}")
    return load_converter(path)


def builder_of(config: ConverterConfig, models: Path | None = None) -> ConverterBuilder:
    """Return the function that builds the converter of a file in a corner, with a seed.

    Parameters
    ----------
    config : ConverterConfig
        The file.
    models : Path, optional
        Library of transistor models; the process of a corner names its section. "sky130": the optional package.

    Raises
    ------
    ConfigError, NetlistError
        An unknown type or parameter; ports that are not those of the subcircuit; a section the library lacks.
    """
    build = _user(config, config.subckt, models) if config.subckt else _registered(config, models)
    build(corners_of(config)[0], None)
    return build


def at_time(config: ConverterConfig, table: OverTimeConfig, time: float) -> ConverterConfig:
    """Return the file of a type with its time `table.param` at `time` [s]; what is scaled with it keeps its ratio.

    Raises
    ------
    ConfigError
        The type has no such time or parameter, or one without a number.
    """
    ratio = time / _number(config, table.param)
    if not table.param.startswith("t_"):
        raise ConfigError(f"over_time.param: got {table.param!r}", hint="a time of the type: t_clk, t_int, t_ramp, …")
    scaled = {name: ratio * _number(config, name) for name in table.scaled}
    texts = {name: f"{value!r} {UNITS[name.split('_')[0]]}" for name, value in {**scaled, table.param: time}.items()}
    return config.model_copy(update={"params": {**config.params, **texts}})


def _number(config: ConverterConfig, name: str) -> float:
    """Return a parameter of a type, from the file or its default, whose name says its unit."""
    known = inspect.signature(CONVERTERS[config.kind]).parameters if config.kind in CONVERTERS else {}
    value = value_of(name, config.params[name]) if name in config.params else getattr(known.get(name), "default", None)
    if not isinstance(value, float) or name.split("_", maxsplit=1)[0] not in UNITS:
        numbers = ", ".join(n for n, p in known.items() if isinstance(p.default, float) and n.split("_")[0] in UNITS)
        raise ConfigError(f"over_time: {config.kind} has no quantity {name!r}", hint=f"it has: {numbers}")
    return value


def corners_of(config: ConverterConfig) -> list[Corner]:
    """Return the corners of a file, the nominal one first."""
    return [corner_of(table) for table in config.corners]


def corner_of(table: CornerConfig) -> Corner:
    """Return a corner."""
    return Corner(table.process, table.temp, table.vdd_scale)


def spec_of(config: ConverterConfig) -> Spec:
    """Return the specification of a file."""
    return Spec(**config.spec.model_dump())


def measurements_of(config: ConverterConfig) -> Measurements:
    """Return what is measured."""
    table = config.measure
    kick, resolution = table.kick_back, Resolution(table.resolution, table.margin, table.further)
    probe = KickProbe(float(str(value_of("low", kick.input))), kick.v, kick.i, kick.start, kick.stop) if kick else None
    return Measurements(resolution, table.n_sine, table.n_repeat, probe)


def _registered(config: ConverterConfig, models: Path | None) -> ConverterBuilder:
    if config.kind not in CONVERTERS:
        raise ConfigError(f"kind: got {config.kind!r}", hint=f"known: subckt, {', '.join(sorted(CONVERTERS))}")
    make = CONVERTERS[config.kind]
    if models is not None and config.level == "behavioural":
        raise ConfigError(
            f"{config.name}: equations have no transistors, --models would change nothing",
            hint="level = 'transistor' in the file, or leave --models out",
        )
    known = sorted(set(inspect.signature(make).parameters) - set(_OWN))
    if unknown := sorted(set(config.params) - set(known)):
        raise ConfigError(f"params: {config.kind} has no {', '.join(unknown)}", hint=f"it has: {', '.join(known)}")
    if models is None and (odd := sorted({c.process for c in config.corners} - set(_PROCESSES))):
        raise ConfigError(f"corner {odd[0]!r} is unknown", hint=f"known without --models: {', '.join(_PROCESSES)}")
    params = {name: value_of(name, value) for name, value in config.params.items()}
    mismatch, vdd = Mismatch(**config.mismatch.model_dump()), NODES.get(str(params.get("node")), NODES["g180"])

    def build(corner: Corner, seed: int | None) -> Converter:
        used = {} if models is None else {"process": _process(models, vdd, corner)}
        return make(config.n_bits, config.level, corner, mismatch, seed, **params, **used)

    return build


def _user(config: ConverterConfig, table: SubcktConfig, models: Path | None) -> ConverterBuilder:
    if models is None and (odd := sorted({c.process for c in config.corners} - {"tt"})):
        raise ConfigError(
            f"{config.name}: the process {odd[0]!r} would change nothing, as the subcircuit brings its own models",
            hint="--models FILE, whose sections are the corners; temperature and supply need no library",
        )
    try:
        text = table.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as bad:
        raise NetlistError(f"cannot read the subcircuit file {table.file}", cause=str(bad)) from bad
    ports = Ports(
        table.input,
        tuple(table.bits),
        table.input_n,
        table.start,
        table.clock,
        table.done,
        table.supplies,
        tuple(table.ground),
    )
    timing = Timing(table.t_window, table.t_clk, table.t_start, table.t_step)

    def build(corner: Corner, seed: int | None) -> Converter:
        if seed is not None:
            raise ConfigError("a user's subcircuit has no mismatch to draw", hint="leave [monte_carlo] out")
        whole = text if models is None else f"{_section(models, corner)}\n{text}"
        return UserConverter(
            table.name,
            whole,
            ports,
            *table.range,
            table.quantity,
            timing,
            table.v_logic,
            table.common_mode,
            table.params,
            corner,
        )

    return build


def _process(models: Path, vdd: float, corner: Corner) -> Process:
    """Return the transistors of a library, or those of the optional package by its name."""
    return sky130(corner) if str(models) == "sky130" else pdk(models, "", vdd, corner)


def _section(models: Path, corner: Corner) -> str:
    return sky130(corner).text if str(models) == "sky130" else from_lib(models, corner.process)


def describe_corner(corner: Corner) -> str:
    """Return a corner as text for a folder: ``tt_300.15K_x1``."""
    values = asdict(corner)
    return f"{values['process']}_{values['temp_k']:g}K_x{values['vdd_scale']:g}"
