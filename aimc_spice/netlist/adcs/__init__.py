"""Analog-to-digital converters as circuits: one type a file, all behind `base.Converter`.

`CONVERTERS` lists them by kind: functions of ``(n_bits, level, corner, mismatch, seed, **params)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aimc_spice.netlist.adcs.base import Converter
from aimc_spice.netlist.adcs.cco import cco
from aimc_spice.netlist.adcs.dual_slope import dual_slope
from aimc_spice.netlist.adcs.flash import flash
from aimc_spice.netlist.adcs.ramp import ramp
from aimc_spice.netlist.adcs.ramp_charge import ramp_charge
from aimc_spice.netlist.adcs.sar import sar
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.adcs.sar_clocked import sar_clocked

CONVERTERS: Mapping[str, Callable[..., Converter]] = {
    "cco": cco,
    "dual_slope": dual_slope,
    "flash": flash,
    "ramp": ramp,
    "ramp_charge": ramp_charge,
    "sar": sar,
    "sar_charge": sar_charge,
    "sar_clocked": sar_clocked,
}
