"""Which front ends and neurons come with the toolkit?

Each builder reads a plain SPICE file under ``netlists/`` and sets its parameters. It does not size transistors.
"""

from __future__ import annotations

from dataclasses import dataclass

from aimc_spice.netlist.macro import Macro
from aimc_spice.share import share


@dataclass(frozen=True)
class FrontEnd:
    """A read-out of one differential column.

    Parameters
    ----------
    macro : Macro
        What is written into decks.
    linear : Macro
        The same circuit without its limits; equal to `macro` where that is linear. The operator uses it.
    """

    macro: Macro
    linear: Macro

    @property
    def is_linear(self) -> bool:
        """Whether the deck's circuit is the linear one."""
        return self.macro == self.linear


def diff_amp(*, gain: float, r_in: float = 1e3, a_0: float = 1e6, swing: float | None = None) -> FrontEnd:
    """Resistive differential amplifier of Amin et al. (arXiv 2201.12480): not a virtual ground.

    Parameters
    ----------
    gain : float
        ``r_f / r_in``; published 30, 30, 10 for the three layers.
    r_in : float
        Input resistors [Ω].
    a_0 : float
        DC gain of the op-amp.
    swing : float, optional
        Output limit of the op-amp [V], ±; none: unlimited, as published.
    """
    return _front_end("diff_amp", ("x1",), {"r_in": r_in, "r_f": gain * r_in}, a_0, swing)


def tia(*, r_f: float, r_1: float = 100.0, a_0: float = 1e6, swing: float | None = None) -> FrontEnd:
    """Differential transimpedance read-out with virtual grounds, ``out = r_f (i_p - i_n)``.

    Parameters
    ----------
    r_f : float
        Transimpedance [Ω].
    r_1 : float
        Resistors of the current inverter [Ω]; ``r_1 · i_p`` must stay within `swing`.
    a_0 : float
        DC gain of both op-amps.
    swing : float, optional
        Output limit of both op-amps [V], ±; none: unlimited.
    """
    return _front_end("tia", ("x1", "x2"), {"r_f": r_f, "r_1": r_1}, a_0, swing)


def sigmoid_neuron(*, vdd: float = 0.8, slope: float = 3.0) -> Macro:
    """Behavioural inverting sigmoid, ``vdd / (1 + exp(4 slope / vdd · v))``; `slope` = r_high / r_low in the paper."""
    return Macro("neuron", "sigmoid", _text("neurons", "sigmoid.cir"), {"vdd": vdd, "slope": slope}, sources=("b1",))


def cmos_neuron(*, vdd: float = 0.8, r_low: float = 5e3, r_high: float = 15e3) -> Macro:
    """CMOS inverter with level shifter, input resistor and feedback, on the project's generic MOS card."""
    return Macro(
        "neuron",
        "cmos_neuron",
        _text("neurons", "cmos_neuron.cir"),
        {"vdd": vdd, "r_low": r_low, "r_high": r_high},
        support=(_text("models", "generic_mos.cir"),),
        sources=("vdd",),
    )


def _front_end(name: str, amps: tuple[str, ...], params: dict[str, float], a_0: float, swing: float | None) -> FrontEnd:
    text, opamp = _text("frontends", f"{name}.cir"), (_text("frontends", "opamp.cir"),)
    sources = tuple(f"{amp}.e1" for amp in amps)
    linear = Macro("front_end", name, text, {**params, "gain": a_0}, opamp, sources)
    if swing is None:
        return FrontEnd(linear, linear)
    limited = {**params, "gain": a_0, "swing": swing}
    sources = tuple(f"{amp}.b1" for amp in amps)
    return FrontEnd(Macro("front_end", f"{name}_clamped", text, limited, opamp, sources), linear)


def _text(*parts: str) -> str:
    return share("netlists", *parts).read_text(encoding="utf-8")
