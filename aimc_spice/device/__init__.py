"""Weights become conductances."""

from aimc_spice.device.base import ConductanceMap, Device
from aimc_spice.device.mapping import map_weights
from aimc_spice.device.mtj import MtjGeometry

__all__ = ["ConductanceMap", "Device", "MtjGeometry", "map_weights"]
