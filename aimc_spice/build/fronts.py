"""Which read-out do the columns of a current-mode tile get: front ends, samplers, of equations or of transistors?

One idea: what a tile file says of its transimpedance holds at both levels; transistors hold the lines at half of their
supply, and their outputs rest where the converter's range is centred. Before a converter of currents a conveyor takes
the place of the transimpedance. The operator is computed with the equations, resting at 0 V. It simulates nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aimc_spice.build.tile import front_end_of
from aimc_spice.config.tile import TileConfig
from aimc_spice.errors import ConfigError
from aimc_spice.netlist.adcs.base import Embeddable, Level
from aimc_spice.netlist.adcs.ideal import IdealAdc
from aimc_spice.netlist.adcs.mos import Process, generic
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.library import FrontEnd
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.readout import OpAmp, conveyor, current_conveyor, dynamic_tia, integrator, sample_hold
from aimc_spice.netlist.readout_mos import mos_current_conveyor, mos_integrator, mos_sample_hold, mos_tia
from aimc_spice.netlist.tiles.current import CurrentTileCircuit

_GBW = 5e9  # Hz, of the op-amps where the tile file names none; assumed
_R_X = 50.0  # Ω, input resistance of the conveyors before converters of currents; assumed
_R_X_MOS = 0.05  # Ω, the same of transistors, by their bench
_T_HOLD, _T_HOLD_MOS = 1e-9, 1e-8  # s, from the opening of the samplers to the first conversion
_COUNT, _T_RESET = 1e-9, 1.5e-10  # s, of pulse widths: least count, reset of their integrators
_HOLD, _IDLE, _HOLD_MOS, _IDLE_MOS = 2e-9, 3e-9, 4e-9, 1.5e-8  # s, of integrators
_W_PER_F = 2e6  # m/F, width of the reset of integrators of transistors
MOS_GBW = 6.5e8  # Hz, of their op-amps into a capacitor, by their bench


@dataclass(frozen=True)
class Fronts:
    """The read-out of the columns.

    Parameters
    ----------
    front_end, sampler : Macro
        Of each column; no sampler where converters are not shared.
    linear : FrontEnd
        The same by equations, resting at 0 V: what the operator is computed with.
    v_ref : float
        Where word lines rest [V].
    t_hold : float
        As of `CurrentTileCircuit` [s].
    """

    front_end: Macro
    linear: FrontEnd
    v_ref: float
    sampler: Macro | None = None
    t_hold: float = 0.0


def fronts(config: TileConfig, adc: Embeddable, level: Level, *, shared: bool) -> Fronts:
    """Return the read-out before a converter, with samplers where it is shared.

    Raises
    ------
    ConfigError
        A front end that does not fit the converter, or that has no transistor level.
    """
    process = generic("g180", Corner()) if level == "transistor" else None
    middle = _middle(adc, process)
    v_ref = process.vdd / 2 if process else middle
    if adc.quantity == "A":
        front_end, linear = _current(config, adc, process)
    else:
        front_end, linear = _voltage(config, process, middle)
    if not shared:
        return Fronts(front_end, linear, v_ref)
    if process is None:
        return Fronts(front_end, linear, v_ref, sample_hold(), _T_HOLD)
    return Fronts(front_end, linear, v_ref, mos_sample_hold(process), _T_HOLD_MOS)


def _middle(adc: Embeddable, process: Process | None) -> float:
    """Return where outputs rest [V]: the middle of the converter's range; an ideal one takes what there is."""
    if isinstance(adc, IdealAdc) or adc.quantity == "A":
        return process.vdd / 2 if process else 0.0
    return (adc.low + adc.high) / 2


def _voltage(config: TileConfig, process: Process | None, middle: float) -> tuple[Macro, FrontEnd]:
    linear = _transimpedance(config, 0.0)
    if process is None:
        return _transimpedance(config, middle).macro, linear
    table = config.front_end
    if table.kind != "tia" or table.r_f is None:
        what = f"tile {config.name}: a front end of kind {table.kind!r} has no transistor level here"
        raise ConfigError(what, hint='kind = "tia", or --front-end-level behavioural')
    return mos_tia(process, r_f=table.r_f, r_1=table.r_1, v_out=middle), linear


def _current(config: TileConfig, adc: Embeddable, process: Process | None) -> tuple[Macro, FrontEnd]:
    """Before a converter of currents the tile file's own range, ``high / r_f``, becomes half of the converter's."""
    if config.front_end.r_f is None:
        raise ConfigError(f"tile {config.name}: how much current is full scale?", hint="front_end.r_f and readout.high")
    copy = adc.high / 2 * config.front_end.r_f / config.readout.high
    if process is None:
        return current_conveyor(i_0=adc.high / 2, r_x=_R_X, copy=copy), conveyor(r_z=1.0, r_x=_R_X, copy=copy)
    return mos_current_conveyor(process, i_0=adc.high / 2, copy=copy), conveyor(r_z=1.0, r_x=_R_X_MOS, copy=copy)


def _transimpedance(config: TileConfig, v_ref: float) -> FrontEnd:
    table = config.front_end
    if v_ref == 0 and table.gbw is None:
        return front_end_of(table)
    if table.kind != "tia" or table.r_f is None:
        raise ConfigError(f"tile {config.name}: a front end of kind {table.kind!r} rests at 0 V", hint='kind = "tia"')
    opamp = OpAmp(table.a_0, table.gbw or _GBW, table.swing)
    return dynamic_tia(r_f=table.r_f, r_1=table.r_1, opamp=opamp, v_ref=v_ref)


def timed(circuit: CurrentTileCircuit, input_bits: int) -> CurrentTileCircuit:
    """Return a tile for pulse widths: integrators in place of its transimpedances, of the same gain at full width."""
    front_end, params = circuit.front_end, circuit.front_end.params
    if front_end.name not in {"tia_dynamic", "tia_limited", "tia_mos"}:
        what = f"pulse widths need integrators, which take the place of op-amps with a pole: got {front_end.name}"
        raise ConfigError(what, hint="front_end.gbw and a converter of voltages")
    t_int = max(circuit.t_int, (2**input_bits - 1) * _COUNT)
    c_int, r_1, v_ref = t_int / params["r_f"], params["r_1"], params["v_ref"]
    if front_end.v_dd is not None:
        if abs(circuit.zero - v_ref) > 1e-6:
            zero = circuit.zero
            what = f"integrators of transistors rest at {v_ref:g} V, the converters' range is centred at {zero:g} V"
            raise ConfigError(what, hint="--converter sar or ideal, or --front-end-level behavioural")
        w = max(4e-6, _W_PER_F * c_int)
        front_end = mos_integrator(generic("g180", Corner()), c_int=c_int, r_1=r_1, w=w, v_ref=v_ref)
        return replace(circuit, front_end=front_end, sampler=None, t_int=t_int, t_hold=_HOLD_MOS, t_idle=_IDLE_MOS)
    opamp = OpAmp(params["gain"], params["gbw"], params.get("swing"), params.get("slew", OpAmp.slew))
    front_end = integrator(c_int=c_int, r_1=r_1, opamp=opamp, v_ref=v_ref, r_on=_T_RESET / c_int)
    return replace(circuit, front_end=front_end, sampler=None, t_int=t_int, t_hold=_HOLD, t_idle=_IDLE)
