"""Which read-outs of transistors come with the toolkit: TIA, conveyors, integrator, sampler, multiplexer?

Each builder reads a plain SPICE file under ``netlists/frontends`` whose ports are those of the equations (`readout`),
on the transistors of a `Process` of a 1.8 V node: by that corners and a user's PDK reach it. Every circuit brings its
own supply, ``v_dd``; lines are held at `v_ref`, by default half of it.
"""

from __future__ import annotations

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.mos import Process
from aimc_spice.netlist.base import Lines, Subckt, fold
from aimc_spice.netlist.macro import Macro, Role
from aimc_spice.share import share

_SUPPLY = ("vdd",)
_CONVEYOR = ("opamp_mos", "conveyor_mos")
_SWITCHES = ("opamp_mos", "switches_mos", "multiplexer_mos")


def mos_tia(
    process: Process, *, r_f: float, r_1: float = 2e3, v_ref: float | None = None, v_out: float | None = None
) -> Macro:
    """Build `readout.dynamic_tia` of two transistor op-amps.

    Parameters
    ----------
    process : Process
        Transistors of a 1.8 V node.
    r_f, r_1 : float
        As of `readout.dynamic_tia` [Ω].
    v_ref : float, optional
        Where lines are held [V].
    v_out : float, optional
        Where the output rests [V]; default `v_ref`.
    """
    v_out = _rest(process, v_ref) if v_out is None else v_out
    return _macro("front_end", "tia_mos", ("opamp_mos",), process, v_ref, r_f=r_f, r_1=r_1, v_out=v_out)


def mos_conveyor(
    process: Process,
    *,
    r_z: float,
    copy: float = 1.0,
    c_z: float = 8e-13,
    i_bias: float = 2e-4,
    v_ref: float | None = None,
    v_out: float | None = None,
) -> Macro:
    """Build `readout.conveyor` of op-amps that hold the lines, mirrors with cascodes, and an op-amp at the output.

    Its swing is that of the output's op-amp: ±0.8 V within 2 mV of a straight line, ±0.88 V where it stops (1.8 V).

    Parameters
    ----------
    process, v_ref, v_out
        As of `mos_tia`.
    r_z, copy : float
        As of `readout.conveyor` [Ω].
    c_z : float
        Across `r_z` [F]: one pole at 1/(2π r_z c_z); below about 1.6 ns / r_z the output overshoots.
    i_bias : float
        Of each line [A]: a line may push or draw less than that.
    """
    v_out = _rest(process, v_ref) if v_out is None else v_out
    values = {"r_z": r_z, "copy": copy, "c_z": c_z, "i_bias": i_bias, "v_out": v_out}
    return _macro("front_end", "conveyor_mos", _CONVEYOR, process, v_ref, **values)


def mos_current_conveyor(
    process: Process, *, i_0: float, copy: float = 1.0, i_bias: float | None = None, v_ref: float | None = None
) -> Macro:
    """Build `readout.current_conveyor` of transistors: ``i_0 + copy (i_p - i_n)`` leaves at ``out``.

    Parameters
    ----------
    process, v_ref
        As of `mos_tia`.
    i_0, copy : float
        As of `readout.current_conveyor` [A].
    i_bias : float, optional
        Of each line [A]: a line may push or draw less than that. Default twice what makes full scale, ``2 i_0 / copy``.
    """
    if i_bias is None:
        i_bias = 2 * i_0 / copy if copy > 0 else 0.0
    return _macro("conveyor", "conveyor_current_mos", _CONVEYOR, process, v_ref, i_0=i_0, copy=copy, i_bias=i_bias)


def mos_integrator(
    process: Process, *, c_int: float, r_1: float = 2e3, w: float = 4e-6, v_ref: float | None = None
) -> Macro:
    """Build `readout.integrator` of two transistor op-amps and a transmission gate; its ``rst`` goes up to the supply.

    Parameters
    ----------
    process, v_ref
        As of `mos_tia`.
    c_int, r_1 : float
        As of `readout.integrator` [F, Ω].
    w : float
        Width of the n transistor that resets; the p transistor's is twice that [m].
    """
    return _macro(
        "integrator", "integrator_mos", (*_SWITCHES, "integrator_mos"), process, v_ref, c_int=c_int, r_1=r_1, w=w
    )


def mos_sample_hold(
    process: Process, *, c_hold: float = 4e-13, w: float = 4e-6, a: float = 0.25, v_ref: float | None = None
) -> Macro:
    """Build a sampler whose capacitor is turned round to the output of an op-amp, which drives what follows.

    Its ``clk`` goes up to the supply; while it is high the output stands at `v_ref`, afterwards where the input was,
    with an offset of 0.3 mV at most from 0.3 to 1.5 V in all corners of the generic transistors, and within 1 mV of
    that 7 ns after the edge on 0.5 pF.

    Parameters
    ----------
    process, v_ref
        As of `mos_tia`.
    c_hold : float
        Hold capacitor [F].
    w : float
        Width of the n transistors of its gates [m].
    a : float
        Size of the op-amp, of that of `mos_tia`.
    """
    return _macro("sampler", "sampler_mos", (*_SWITCHES, "sampler_mos"), process, v_ref, c_hold=c_hold, w=w, a=a)


def mos_multiplexer(n: int) -> Subckt:
    """Column multiplexer ``mux_n`` as `readout.multiplexer`, of transmission gates; one more port, ``vdd``, at the end.

    Selectors go up to the supply. Needs the texts of ``netlists/frontends``: switches_mos and multiplexer_mos, and the
    wrappers of a process (`mos_sample_hold` and `mos_integrator` bring them).
    """
    if n < 1:
        raise NetlistError(f"multiplexer: got {n} inputs, wanted at least one")
    ports = (*(f"in_{k}" for k in range(n)), *(f"sel_{k}" for k in range(n)), "out", "vdd")
    gates = "".join(fold([f"x{k}", f"in_{k}", "out", f"sel_{k}", "vdd", "selected_mos"]) for k in range(n))
    return Subckt(f"mux_{n}", ports, (Lines(gates),), f"column multiplexer of transistors, {n} to 1")


def _macro(
    role: Role, name: str, files: tuple[str, ...], process: Process, v_ref: float | None, **values: float
) -> Macro:
    """Return a subcircuit of the last of `files`, which needs the others and the transistors."""
    *needed, own = (share("netlists", "frontends", f"{file}.cir").read_text(encoding="utf-8") for file in files)
    wrong = [f"{key} = {value:g}" for key, value in values.items() if not value > 0]
    if wrong:
        raise NetlistError(f"{name}: got {', '.join(wrong)}, wanted every value above zero")
    params = {**values, "v_ref": _rest(process, v_ref), "v_dd": process.vdd}
    return Macro(role, name, own, params, (process.text, *needed), _SUPPLY)


def _rest(process: Process, v_ref: float | None) -> float:
    return process.vdd / 2 if v_ref is None else v_ref
