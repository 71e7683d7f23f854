"""Which drivers and which inputs go together, by name: ideal sources, R-2R DACs, pulse widths, bit after bit?

Sizes are assumed; those of transistors suit lines that rest in the middle of their supply.
"""

from __future__ import annotations

from aimc_spice.errors import ConfigError
from aimc_spice.netlist.adcs.base import Level
from aimc_spice.netlist.inputs import BitSerial, Encoding, MultiLevel, PulseWidth
from aimc_spice.netlist.rows.base import RowDrivers
from aimc_spice.netlist.rows.build import Build
from aimc_spice.netlist.rows.ideal import IdealRows
from aimc_spice.netlist.rows.ladder import LadderRows
from aimc_spice.netlist.rows.line import LineDriver, SerialRows
from aimc_spice.netlist.rows.pulse import PulseRows

DRIVERS = {"current": ("ideal", "r2r", "pwm", "serial"), "charge": ("ideal", "r2r", "serial")}


def row_drivers(kind: str, mode: str, level: Level, n_bits: int) -> tuple[RowDrivers, Encoding]:
    """Return drivers of a kind, and the encoding of their inputs of `n_bits` beside the sign.

    In charge mode lines take no current at rest: ladders of 5 kΩ drive them without buffers, from rail to rail.

    Raises
    ------
    ConfigError
        A kind that this mode does not have.
    """
    if kind not in DRIVERS[mode]:
        what = f"drivers of word lines, {mode} mode: got {kind!r}"
        raise ConfigError(what, hint=f"known in this mode: --drivers {', '.join(DRIVERS[mode])}")
    build = Build(level)
    if kind == "serial":
        return SerialRows(LineDriver(build=build)), BitSerial(n_bits)
    if kind == "pwm":
        return PulseRows(n_bits, LineDriver(build=build)), PulseWidth(n_bits)
    if kind == "ideal":
        return IdealRows(), MultiLevel(n_bits, "none")
    if mode == "current":
        return LadderRows(n_bits, build=build), MultiLevel(n_bits, "none")
    return LadderRows(n_bits, r=5e3, r_on=70.0, w=2e-5, buffer=None, build=build), MultiLevel(n_bits, "none")
