"""Circuit-level SPICE co-simulation of analog in-memory computing.

``device → netlist → simulate → dataset → surrogate → network → report``; `pipeline` shows the whole flow. The public
names below are loaded when first used, so importing the package is quick, starts nothing and needs no ngspice.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Device": "device",
    "MtjGeometry": "device",
    "ConductanceMap": "device",
    "map_weights": "device",
    "Wire": "netlist.wire",
    "WireGeometry": "netlist.wire",
    "Partition": "netlist.partition",
    "Macro": "netlist.macro",
    "FrontEnd": "netlist.library",
    "tia": "netlist.library",
    "diff_amp": "netlist.library",
    "sigmoid_neuron": "netlist.library",
    "cmos_neuron": "netlist.library",
    "Layer": "netlist.layer",
    "AnalogNetwork": "netlist.network",
    "tile_deck": "netlist.network",
    "Deck": "netlist.base",
    "read_deck": "netlist.read",
    "open_simulator": "simulate",
    "SimulatorPool": "simulate",
    "Waveforms": "simulate",
    "Store": "dataset",
    "effective_matrix": "surrogate.layer",
    "NetworkSurrogate": "network",
    "read_onnx": "network.graph",
    "prepare": "network.prepare",
    "Options": "network.prepare",
    "Mapping": "network.mapping",
    "NetworkWeights": "workloads",
    "Workload": "workloads",
    "load_study": "config",
    "Bench": "dataset.bench",
    "program": "pipeline",
    "evaluate": "pipeline",
    "sweep": "pipeline",
}
__all__ = [*_HOME]  # noqa: PLE0604  the keys are the names


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: {', '.join(sorted(_HOME))}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
