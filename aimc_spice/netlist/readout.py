"""Which dynamic read-outs come with the toolkit: op-amps with a pole, integrators, conveyors, samplers, multiplexers?

Each builder reads a plain SPICE file under ``netlists/frontends`` and sets its parameters; `library` has the ones
without dynamics, `readout_mos` those of transistors. A front end's linear twin lacks limits, so that operators and the
nodal judge can take it.
"""

from __future__ import annotations

from dataclasses import dataclass

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.base import Lines, Subckt, fold
from aimc_spice.netlist.library import FrontEnd
from aimc_spice.netlist.macro import Macro, Role
from aimc_spice.share import share
from aimc_spice.units import spice


@dataclass(frozen=True)
class OpAmp:
    """What an op-amp lacks of an ideal one.

    Parameters
    ----------
    gain : float
        DC gain.
    gbw : float
        Gain-bandwidth product [Hz].
    swing : float or None
        Output range around the reference [V], ±; None: unlimited.
    slew : float
        Slew rate where the swing is limited [V/s].
    """

    gain: float = 1e4
    gbw: float = 1e9
    swing: float | None = None
    slew: float = 1e9

    def __post_init__(self) -> None:
        if min(self.gain, self.gbw, self.slew, 1.0 if self.swing is None else self.swing) <= 0:
            raise NetlistError(f"op-amp: got {self}, wanted gain, gbw, swing and slew above zero")

    def params(self) -> dict[str, float]:
        """Return the parameters both versions share."""
        return {"gain": self.gain, "gbw": self.gbw}

    def limits(self) -> dict[str, float]:
        """Return the parameters of the limited version."""
        return {"swing": self.swing or 0.0, "slew": self.slew}


def dynamic_tia(
    *,
    r_f: float,
    r_1: float = 1e3,
    opamp: OpAmp = OpAmp(),
    offsets: tuple[float, float] = (0.0, 0.0),
    v_ref: float = 0.0,
) -> FrontEnd:
    """Differential transimpedance read-out, ``out = v_ref + r_f (i_p - i_n)``, with finite gain, pole and offset.

    Parameters
    ----------
    r_f, r_1 : float
        Transimpedance; resistors of the current inverter [Ω].
    opamp : OpAmp
        Both op-amps.
    offsets : (float, float)
        Input offsets of the inverter's and of the output's op-amp [V].
    v_ref : float
        Where both lines are held and the output rests [V].
    """
    params = {"r_f": r_f, "r_1": r_1, **opamp.params(), "offset_1": offsets[0], "offset_2": offsets[1], "v_ref": v_ref}
    return _limited("front_end", "tia_dynamic", params, opamp)


def conveyor(
    *,
    r_z: float,
    r_x: float = 50.0,
    copy: float = 1.0,
    c_z: float = 1e-14,
    v_ref: float = 0.0,
    swing: float | None = None,
) -> FrontEnd:
    """Read currents by a conveyor, without feedback around the array: ``out = v_ref + copy r_z (i_p - i_n)``.

    Parameters
    ----------
    r_z, r_x : float
        Load; input resistance in series with each bit line [Ω].
    copy : float
        Gain of the current copy.
    c_z : float
        Capacitance at the load [F]: one pole at 1/(2π r_z c_z).
    v_ref : float
        Where the inputs are held [V].
    swing : float, optional
        Output range around `v_ref` [V], ±; none: unlimited.
    """
    params = {"r_x": r_x, "r_z": r_z, "copy": copy, "c_z": c_z, "v_ref": v_ref}
    text = _text("conveyor")
    linear = Macro("front_end", "conveyor", text, params, sources=("e1",))
    if swing is None:
        return FrontEnd(linear, linear)
    limited = Macro("front_end", "conveyor_limited", text, {**params, "swing": swing}, sources=("b1",))
    return FrontEnd(limited, linear)


def current_conveyor(
    *, i_0: float, r_x: float = 50.0, copy: float = 1.0, c_m: float = 1e-10, v_ref: float = 0.0
) -> Macro:
    """Subtract the two currents of a column for a converter of currents: ``out`` gives ``i_0 + copy (i_p - i_n)``.

    Parameters
    ----------
    i_0 : float
        Current without input, half of the converter's full scale [A].
    r_x, copy, v_ref : float
        As of `conveyor`.
    c_m : float
        Fixes the pole, 1/(2π c_m · 1 Ω) [F].
    """
    params = {"r_x": r_x, "copy": copy, "i_0": i_0, "c_m": c_m, "v_ref": v_ref}
    return Macro("conveyor", "conveyor_current", _text("conveyor"), params, sources=("vout",))


def integrator(
    *,
    c_int: float,
    r_1: float = 1e3,
    opamp: OpAmp = OpAmp(),
    offsets: tuple[float, float] = (0.0, 0.0),
    v_ref: float = 0.0,
    r_on: float = 1e3,
    c_inj: float = 0.0,
) -> Macro:
    """Differential integrator with reset, ``d out/dt = (i_p - i_n)/c_int`` while the port ``rst`` is low.

    Parameters
    ----------
    c_int : float
        Integration capacitor [F].
    r_1 : float
        Resistors of the current inverter [Ω].
    opamp, offsets, v_ref
        As of `dynamic_tia`.
    r_on, c_inj : float
        Resistance of the reset switch [Ω], and the capacitance of its clock to the summing node [F].
    """
    params = {"c_int": c_int, "r_1": r_1, **opamp.params(), "offset_1": offsets[0], "offset_2": offsets[1]}
    params |= {"v_ref": v_ref, "r_on": r_on, "c_inj": c_inj}
    return _limited("integrator", "integrator", params, opamp, "switches").macro


def sample_hold(
    *, c_hold: float = 1e-13, r_on: float = 1e3, r_off: float = 1e12, c_inj: float = 0.0, r_leak: float = 1e12
) -> Macro:
    """Sample-and-hold with an ideal buffer behind it; the clock port ``clk`` samples while above 0.5 V.

    Parameters
    ----------
    c_hold : float
        Hold capacitor [F].
    r_on, r_off : float
        Of the switch [Ω].
    c_inj : float
        Capacitance from the clock to the hold node [F].
    r_leak : float
        Leak of the hold node [Ω].
    """
    params = {"r_on": r_on, "r_off": r_off, "c_inj": c_inj, "c_hold": c_hold, "r_leak": r_leak}
    return Macro("sampler", "sample_hold", _text("switches"), params)


def multiplexer(n: int, *, r_on: float = 1e3, r_off: float = 1e12, c_inj: float = 0.0) -> Subckt:
    """Column multiplexer ``mux_n``: ports ``in_0 … in_{n-1}``, ``sel_0 … sel_{n-1}``, ``out``; one switch an input.

    Needs the text of ``netlists/frontends/switches.cir`` in the deck (`sample_hold` brings it).
    """
    if n < 1:
        raise NetlistError(f"multiplexer: got {n} inputs, wanted at least one")
    ports = (*(f"in_{k}" for k in range(n)), *(f"sel_{k}" for k in range(n)), "out")
    values = f"r_on={spice(r_on)} r_off={spice(r_off)} c_inj={spice(c_inj)}"
    switches = "".join(fold([f"x{k}", f"in_{k}", "out", f"sel_{k}", "analog_switch", values]) for k in range(n))
    return Subckt(f"mux_{n}", ports, (Lines(switches),), f"column multiplexer, {n} to 1")


def switch_text(*, mos: bool = False) -> str:
    """Return the text of the switches that `multiplexer` needs, or those of MOS transistors."""
    return _text("switches_mos" if mos else "switches")


def _limited(role: Role, name: str, params: dict[str, float], opamp: OpAmp, *more: str) -> FrontEnd:
    """Return the read-out of a file, in its limited version where the op-amp has a swing."""
    text, helpers, sources = _text(name), tuple(map(_text, ("opamp_dynamic", *more))), ("x1.e1", "x2.e1")
    linear = Macro(role, name, text, params, helpers, sources)
    if opamp.swing is None:
        return FrontEnd(linear, linear)
    limits = {**params, **opamp.limits()}
    return FrontEnd(Macro(role, f"{name.removesuffix('_dynamic')}_limited", text, limits, helpers, sources), linear)


def _text(name: str) -> str:
    return share("netlists", "frontends", f"{name}.cir").read_text(encoding="utf-8")
