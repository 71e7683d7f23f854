"""How does a study file become circuits? Named entries in, `Device`, `Wire`, `FrontEnd`, `AnalogNetwork` out.

One idea: a small builder for each table of the file; nothing here simulates.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from aimc_spice.config import ChoiceConfig, DeviceConfig, FrontEndConfig, StudyConfig, WireConfig
from aimc_spice.device import ConductanceMap, Device, MtjGeometry, map_weights
from aimc_spice.errors import ConfigError
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import FrontEnd, cmos_neuron, diff_amp, sigmoid_neuron, tia
from aimc_spice.netlist.macro import Macro, Role
from aimc_spice.netlist.network import AnalogNetwork
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.wire import Wire, WireGeometry
from aimc_spice.workloads import NetworkWeights, Workload, digits, load_shipped, mnist, shipped_weights

T = TypeVar("T")


def data_of(study: StudyConfig, *, download: bool = False) -> Workload:
    """Load the study's data: ``digits``, ``mnist`` or the path of a saved `Workload`."""
    if study.data == "digits":
        return digits()
    if study.data == "mnist":
        return mnist(download=download)
    return Workload.load(Path(study.data))


def weights_of(study: StudyConfig, choice: ChoiceConfig) -> NetworkWeights:
    """Load the weights of a choice: a shipped name or the path of an ``.npz``."""
    name = choice.weights or study.weights
    return (
        load_shipped(name)
        if name in shipped_weights() or not name.endswith(".npz")
        else NetworkWeights.load(Path(name))
    )


def device_of(config: DeviceConfig) -> Device:
    """Build the cell."""
    if config.r_low is not None and config.r_high is not None:
        return Device.from_resistances(config.r_low, config.r_high)
    if config.g_on is not None and config.g_off is not None:
        return Device(config.g_on, config.g_off)
    values = {key: getattr(config, key) for key in ("ra", "tmr", "length", "width")}
    return MtjGeometry(**values).device()


def wire_of(config: WireConfig, n_rows: int) -> Wire:
    """Build the wires of an array whose layer has `n_rows` word lines (they set the capacitance of a geometry)."""
    if not config.is_geometry:
        return Wire(config.r_wire_wl or 0.0, config.r_wire_bl or 0.0, config.c_wire_wl, config.c_wire_bl)
    names = WireGeometry.__dataclass_fields__
    return WireGeometry(**{name: getattr(config, name) for name in names}).wire(n_rows)


def network_of(study: StudyConfig, choice: ChoiceConfig) -> AnalogNetwork:
    """Build the whole analog network of one choice.

    Raises
    ------
    ConfigError
        The choice's number of layers is not that of the weights, or a front end lacks a value it needs.
    """
    weights = weights_of(study, choice)
    n_layers = len(weights.weights)
    if len(choice.n_h) != n_layers:
        raise ConfigError(f"choice {choice.name!r} cuts {len(choice.n_h)} layers, the weights have {n_layers}")
    layers = tuple(_layer(study, choice, weights, index) for index in range(n_layers))
    return AnalogNetwork(layers, study.vdd)


def _layer(study: StudyConfig, choice: ChoiceConfig, weights: NetworkWeights, index: int) -> Layer:
    options = study.device
    cells = map_weights(
        weights.weights[index],
        device_of(options),
        bias=weights.biases[index],
        n_levels=options.n_levels,
        zero=options.zero,
    )
    n_h, n_v = choice.n_h[index], choice.n_v[index]
    name = choice.front_end or study.front_end
    return Layer(
        cells,
        Partition(*cells.shape, n_h, n_v),
        wire_of(study.wire, cells.shape[0]),
        _front_end(study.front_ends[name], name, index, len(choice.n_h), _scale_r_f(weights, cells, n_h, index)),
        _neuron(study),
        study.r_driver,
        study.r_tie,
        cell=_cell(study),
    )


def _scale_r_f(weights: NetworkWeights, cells: ConductanceMap, n_h: int, index: int) -> float | None:
    """Transimpedance that turns the weights' scale [V/V] into volts; n_h tied outputs average, hence the factor."""
    if weights.scale is None:
        return None
    return float(weights.scale[index]) * cells.w_max * n_h / (cells.device.g_on - cells.device.g_off)


def _front_end(config: FrontEndConfig, name: str, index: int, n_layers: int, r_f: float | None) -> FrontEnd:
    if config.kind == "diff_amp":
        gain = _need(config.gain, f"front_ends.{name}.gain", "one gain a layer, for example gain = [30, 30, 10]")
        if len(gain) != n_layers:
            raise ConfigError(f"front_ends.{name}.gain has {len(gain)} entries, the network has {n_layers} layers")
        return diff_amp(gain=gain[index], r_in=config.r_in, a_0=config.a_0, swing=config.swing)
    if config.kind == "tia":
        value = _need(config.r_f or r_f, f"front_ends.{name}.r_f", "r_f, or weights that carry a scale")
        return tia(r_f=value, r_1=config.r_1, a_0=config.a_0, swing=config.swing)
    macro = _user_macro(config.file, config.name, "front_end", config.params)
    return FrontEnd(macro, macro)


def _neuron(study: StudyConfig) -> Macro:
    config = study.neuron
    if config.kind == "sigmoid":
        return sigmoid_neuron(vdd=study.vdd, slope=config.slope)
    if config.kind == "cmos":
        return cmos_neuron(vdd=study.vdd, r_low=5e3, r_high=5e3 * config.slope)
    return _user_macro(config.file, config.name, "neuron", config.params)


def _cell(study: StudyConfig) -> Macro | None:
    return _user_macro(study.cell.file, study.cell.name, "cell", study.cell.params) if study.cell else None


def _user_macro(file: Path | None, name: str | None, role: Role, params: dict[str, float]) -> Macro:
    if file is None or name is None:
        raise ConfigError(f"a {role} of kind 'subckt' needs file and name")
    return Macro.from_file(file, name, role, **params)


def _need(value: T | None, key: str, what: str) -> T:
    if value is None:
        raise ConfigError(f"{key} is missing", hint=f"give {what}")
    return value
