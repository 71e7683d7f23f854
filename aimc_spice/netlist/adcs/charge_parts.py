"""Of what are charge-mode converters built, at each level, and what is their clock?

One idea: a converter is written once, over `Parts`: the same ports, either ideal (switches with a resistance, a sign)
or of MOS transistors with their own supplies, whose currents are the energy by block. It holds no converter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Array, Level, Mismatch
from aimc_spice.netlist.adcs.logic import Logic, logic_of
from aimc_spice.netlist.adcs.mos import NODES, Process, scattered
from aimc_spice.netlist.adcs.slots import pwl
from aimc_spice.netlist.base import Lines, fold
from aimc_spice.netlist.driven import Corner
from aimc_spice.share import share
from aimc_spice.units import show, spice

LENGTHS = {"g180": 1.8e-7, "g45": 4.5e-8}  # m, of the wrappers
_WITH_MOS = "* The same with transistors"  # from here on a file needs the wrappers
W_PER_F = 8e7  # m/F: bottom plates of all sizes settle alike
_EDGE = 0.02  # of a clock period


@dataclass(frozen=True)
class Clocking:
    """When things happen in a conversion.

    Parameters
    ----------
    t_clk : float
        Clock period [s].
    n_wait : int
        Periods before the first decision: reset and settling of the input, which end half a period before it.
    t_reset : float
        Time of the reset [s]; the input moves a tenth of a period later.
    """

    t_clk: float
    n_wait: int
    t_reset: float

    def __post_init__(self) -> None:
        if not 0 < self.t_reset < (self.n_wait - 0.6) * self.t_clk:
            raise NetlistError(
                f"clocking: got a reset of {show(self.t_reset, 's')} in {self.n_wait} periods of "
                f"{show(self.t_clk, 's')}, wanted it above zero and time left for the input"
            )

    @property
    def t_step(self) -> float:
        """Largest time step [s]."""
        return self.t_clk / 2

    def t_window(self, n_bits: int) -> float:
        """Time of one conversion [s]."""
        return (self.n_wait + n_bits) * self.t_clk

    def sources(self, n_bits: int, v_dd: float) -> str:
        """Return the clocks: ``st`` (reset switches), ``run`` (logic), ``clk``, all analog, 0 to `v_dd` [V]."""
        t, edge, window = self.t_clk, _EDGE * self.t_clk, self.t_window(n_bits)
        first = (self.n_wait - 0.55) * t
        v, e, w = spice(v_dd), spice(edge), spice(window)
        return "\n".join(
            [
                f"vst st 0 pulse(0 {v} 0 {e} {e} {spice(self.t_reset - edge)} {w})",
                f"vrun run 0 pulse(0 {v} {spice(first)} {e} {e} {spice(window - first - 2 * edge)} {w})",
                f"vclk clk 0 pulse(0 {v} {spice(t)} {e} {e} {spice(t / 2 - edge)} {spice(t)})",
            ]
        )

    def charges(self, name: str, node: str, moved: Array) -> str:
        """Return a current source that brings charges `moved` (n, n_bits) [C] onto a node, one before each decision."""
        width = 0.05 * self.t_clk
        times = (self._before_decisions(*moved.shape)[..., None] + width * np.array([0.0, 0.01, 1.0, 1.01])).ravel()
        current = (moved[..., None] / width * np.array([0.0, 1.0, 1.0, 0.0])).ravel()
        return pwl(name, "0", node, times, current)

    def levels(self, name: str, plus: str, minus: str, values: Array) -> str:
        """Return a voltage source that steps to `values` (n, n_bits) [V], one before every decision."""
        times = (self._before_decisions(*values.shape)[..., None] + 0.05 * self.t_clk * np.array([0.0, 1.0])).ravel()
        return pwl(name, plus, minus, times, np.concatenate([[0.0], np.repeat(values.ravel(), 2)[:-1]]))

    def _before_decisions(self, n: int, n_bits: int) -> Array:
        """Return a tenth of a period after the reset and after each decision but the last, (n, n_bits) [s]."""
        first = np.append(self.t_reset, self.t_clk * (self.n_wait + np.arange(n_bits - 1)))
        return np.asarray(np.arange(n)[:, None] * self.t_window(n_bits) + first + 0.1 * self.t_clk)

    def input_source(self, name: str, node: str, n_bits: int, values: Array, rest: float) -> str:
        """Return a source that is at `rest` during every reset and at one of `values` (n,) afterwards [V]."""
        t, window = self.t_clk, self.t_window(n_bits)
        starts = np.arange(len(values)) * window
        at = self.t_reset + np.array([0.1, 0.15]) * t
        times = (starts[:, None] + [0.0, at[0], at[1], window - 0.1 * t]).ravel()
        levels = np.stack([np.full_like(values, rest), np.full_like(values, rest), values, values], axis=1).ravel()
        times, levels = np.append(times, window * len(values)), np.append(levels, rest)  # the last one ends as all do
        pairs = [f"{spice(a)} {spice(b)}" for a, b in zip(times.tolist(), levels.tolist(), strict=True)]
        return fold([f"{name} {node} 0 pwl(", *pairs, ")"])


@dataclass(frozen=True)
class Comparator:
    """Widths of the strong-arm comparator's input and latch transistors [m]; assumed."""

    w_in: float = 2e-6
    w_latch: float = 1e-6


@dataclass(frozen=True)
class Parts:
    """The building blocks of one level, in one corner.

    Parameters
    ----------
    level : {"behavioural", "transistor"}
        Which.
    definitions : tuple of Lines
        Models and subcircuits.
    v_dd : float
        Supply [V].
    v_os : float
        Offset of the behavioural comparator [V].
    reset, bit, comparator : str
        Instance texts: name and parameters of reset switch and bit slice, body of the comparator.
    logic : Logic
        What the sequencer costs.
    temp_k : float
        Temperature, for noise [K].
    options : tuple of str
        Of analysis and corner.
    """

    level: Level
    definitions: tuple[Lines, ...]
    v_dd: float
    v_os: float
    reset: str
    bit: str
    comparator: str
    logic: Logic
    temp_k: float
    options: tuple[str, ...] = ()

    @property
    def _sources(self) -> dict[str, tuple[str, ...]]:
        sources: dict[str, tuple[str, ...]] = {"dac": ("vref", "vcm")}
        return sources if self.level == "behavioural" else {**sources, "comparator": ("vdc",), "drivers": ("vdl",)}

    def supplies(self, v_ref: float, v_cm: float) -> str:
        """Return the supply sources."""
        return "\n".join(f"{name} {name} 0 {spice(v)}" for name, v in self.volts(v_ref, v_cm).items())

    def volts(self, v_ref: float, v_cm: float) -> dict[str, float]:
        """Return the voltage of each supply [V]."""
        return {"vref": v_ref, "vcm": v_cm, "vdl": self.v_dd, "vdc": self.v_dd}

    def blocks(self, v_ref: float, v_cm: float) -> dict[str, list[tuple[str, float]]]:
        """Return the sources of each block and their voltages [V]."""
        volts = self.volts(v_ref, v_cm)
        return {block: [(name, volts[name]) for name in names] for block, names in self._sources.items()}

    def with_bit(self, text: str, bit: str) -> Parts:
        """Return the same with other bit slices: their definition and instance text."""
        return replace(self, definitions=(*self.definitions, Lines(text)), bit=bit)

    def sar(self, c_bits: tuple[float, ...], c_fixed: tuple[float, float]) -> Lines:
        """Return the subcircuit ``sar_charge``; ports as in `SAR_PORTS`, then ``b0`` … of the bits."""
        bits = range(len(c_bits))
        lines = [fold([".subckt sar_charge", *SAR_PORTS, *(f"b{i}" for i in bits)]).rstrip(), self.comparator]
        lines += [f"cfp p 0 {spice(c_fixed[0])}", f"cfn n 0 {spice(c_fixed[1])}", self.reset]
        for i in reversed(bits):
            first = i == len(c_bits) - 1
            token = "zero" if first else f"shift{i + 1}"
            clear = "start zero" if first else "zero start"
            following = f"shift{i - 1}" if i else "done"
            bit = self.bit.format(c=spice(c_bits[i]), w=spice(max(4e-7, W_PER_F * c_bits[i])))
            lines.append(f"xb{i} {token} {following} comp dclk {clear} shift{i} b{i} p vref vdl {bit}")
        return Lines("\n".join([*lines, sequencer(self.v_dd), ".ends sar_charge"]))


SAR_PORTS = ("p", "n", "st", "run", "clk", "vcm", "vref", "vdl", "vdc", "eoc")


def sequencer(v_dd: float) -> str:
    """Return clock inputs, start and the flag at the end."""
    high, half = spice(v_dd), spice(v_dd / 2)
    return f"""abridges [clk run 0] [dclk drun zero] sar_in
astart drun start sar_inv
adone shift0 dclk zero start done null sar_done
aflag zero zero done start flag null sar_done
aeoc [flag] [eoc] sar_flag
reoc eoc 0 1e12
.model sar_in adc_bridge(in_low={half} in_high={half} rise_delay=1e-12 fall_delay=1e-12)
.model sar_inv d_inverter(rise_delay=1e-12 fall_delay=1e-12)
.model sar_done d_dff(clk_delay=20e-12 set_delay=20e-12 reset_delay=20e-12 ic=0 rise_delay=20e-12 fall_delay=10e-12)
.model sar_flag dac_bridge(out_low=0 out_high={high} out_undef=0 t_rise=50e-12 t_fall=50e-12)"""


@dataclass(frozen=True)
class Ideal:
    """What the behavioural blocks are made of.

    Parameters
    ----------
    r_dac, r_reset : float
        On resistances of the bottom-plate switches and of the reset [Ω].
    c_inj : float
        Charge injection of the reset switch, as a capacitance to its clock [F].
    v_os : float
        Offset of the comparator [V].
    """

    r_dac: float = 500.0
    r_reset: float = 300.0
    c_inj: float = 0.0
    v_os: float = 0.0


def ideal_parts(ideal: Ideal, node: str, corner: Corner, process: Process | None = None) -> Parts:
    """Return switches with a resistance and a comparator that is a sign, at the supply of a node, or of a process."""
    v_dd = process.vdd if process else NODES[node] * corner.vdd_scale
    texts = [_text("adcs", "sar_bit.cir"), _text("cells", "charge_switch.cir")]
    os, half = spice(ideal.v_os), spice(v_dd / 2)
    switch = f"charge_switch_ideal r_on={spice(ideal.r_reset)} c_inj={spice(ideal.c_inj)} v_t={half}"
    sign = f"""ecmp cmp 0 p n 1
acmp [cmp] [comp] sar_sign
.model sar_sign adc_bridge(in_low={os} in_high={os} rise_delay=1e-12 fall_delay=1e-12)"""
    return Parts(
        "behavioural",
        tuple(Lines(text.split(_WITH_MOS)[0]) for text in texts),
        v_dd,
        ideal.v_os,
        f"xrp p vcm st 0 {switch}\nxrn n vcm st 0 {switch}",
        f"sar_bit_behavioural c={{c}} r_dac={spice(ideal.r_dac)} v_dd={spice(v_dd)}",
        sign,
        logic_of(node, v_dd),
        corner.temp_k,
        ("method=gear", "xtrtol=50", *corner.options),  # charge is kept whatever the steps: they may be large
    )


def mos_parts(
    process: Process,
    node: str,
    corner: Corner,
    comparator: Comparator,
    *,
    w_reset: float,
    mismatch: Mismatch,
    seed: int | None,
    p_inputs: bool = False,
) -> Parts:
    """Return MOS switches, drivers and a strong-arm comparator (with p inputs); the comparator alone has mismatch.

    Gate lengths and energy of the logic are those of `node`, the transistors those of `process`.
    """
    texts = [_text("adcs", "gates.cir"), _text("adcs", "sar_bit.cir")]
    length = LENGTHS[node]
    latch = _text("adcs", "strong_arm.cir")
    if seed is not None:
        kind = "strong_arm_p" if p_inputs else "strong_arm"
        latch = scattered(latch, {kind: kind}, mismatch, seed, "sar_charge")
    gate = f"tgate u={spice(w_reset)} l={spice(length)}"
    reset = [f"xst st stb vdl 0 inverter u=2e-6 l={spice(length)}"]
    reset += [f"xr{side} {side} vcm st stb vdl 0 {gate}" for side in "pn"]
    return Parts(
        "transistor",
        (Lines(process.text), *map(Lines, texts), Lines(latch)),
        process.vdd,
        0.0,
        "\n".join(reset),
        f"sar_bit_mos c={{c}} w={{w}} l={spice(length)} v_dd={spice(process.vdd)}",
        _clocked(comparator, process.vdd, length, p_inputs=p_inputs),
        logic_of(node, process.vdd),
        corner.temp_k,
        ("method=gear", "xtrtol=2", *corner.options),  # with 7 the steps of the latch cost 2 LSB at 8 bits
    )


def _clocked(comparator: Comparator, v_dd: float, length: float, *, p_inputs: bool) -> str:
    """Return the comparator and its strobe: high from the middle of a period to just after the logic has read it."""
    swing, latch = spice(0.4 * v_dd), "strobe_b xp xn vdc strong_arm_p" if p_inputs else "strobe xp xn vdc strong_arm"
    return f"""astrobe dclk nclk sar_late
agate [nclk drun] strobe_d sar_and
astrobe_out [strobe_d] [strobe_a] sar_flag
xs1 strobe_a strobe_b vdc 0 inverter u=2e-6 l={spice(length)}
xs2 strobe_b strobe vdc 0 inverter u=4e-6 l={spice(length)}
xcmp p n {latch} w_in={spice(comparator.w_in)} w={spice(comparator.w_latch)}
ecmp cmp 0 xp xn 1
acmp [cmp] [comp] sar_sign
.model sar_late d_inverter(rise_delay=1e-12 fall_delay=100e-12)
.model sar_and d_and(rise_delay=1e-12 fall_delay=1e-12)
.model sar_sign adc_bridge(in_low=-{swing} in_high={swing} rise_delay=1e-12 fall_delay=1e-12)"""


def _text(*parts: str) -> str:
    return share("netlists", *parts).read_text(encoding="utf-8")
