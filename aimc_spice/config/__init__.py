"""The only reader of TOML; one kind of file a module, what they share in `base` and `array`."""

from aimc_spice.config.array import DeviceConfig, WireConfig
from aimc_spice.config.cluster import ClusterConfig, load_cluster
from aimc_spice.config.study import ChoiceConfig, FrontEndConfig, StudyConfig, TransientConfig, load_study

__all__ = [
    "ChoiceConfig",
    "ClusterConfig",
    "DeviceConfig",
    "FrontEndConfig",
    "StudyConfig",
    "TransientConfig",
    "WireConfig",
    "load_cluster",
    "load_study",
]
