"""Weights become conductances, or capacitances."""

from aimc_spice.device.base import ConductanceMap, Device
from aimc_spice.device.capacitance import CapacitanceMap, Capacitor, map_capacitances
from aimc_spice.device.mapping import map_weights
from aimc_spice.device.mtj import MtjGeometry

__all__ = [
    "CapacitanceMap",
    "Capacitor",
    "ConductanceMap",
    "Device",
    "MtjGeometry",
    "map_capacitances",
    "map_weights",
]
