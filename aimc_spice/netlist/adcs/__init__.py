"""Analog-to-digital converters as circuits: one type a file, all behind `base.Converter`.

`CONVERTERS` lists them by kind: functions of ``(n_bits, level, corner, mismatch, seed, **params)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aimc_spice.netlist.adcs.base import Converter

CONVERTERS: Mapping[str, Callable[..., Converter]] = {}
