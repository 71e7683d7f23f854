"""A charge-redistribution SAR on the top plates of a differential column: how does charge become a code?

One idea: the bit lines themselves are the top plates of the capacitive converter. After the reset the input moves them
apart; bit after bit, the bottom plate of one binary-weighted capacitor on the positive line goes from the reference to
ground, and stays there where the positive line is still the higher one::

     inp --||--+-------------- p ----------------+----[reset]--- vcm          p  -->|+ \
          c_in |     |           |               |                                  |    >-- comp --> sequencer
           c_par   c_(n-1) ...  c_0   c_unit (terminator)                      n  -->|- /                |
               |     |           |       |                                                              bits
              gnd  [bit]       [bit]    gnd       bit 1: bottom plate at 0, bit 0: at vref
     inn --||--+-------------- n -- the same capacitance, fixed --[reset]--- vcm

During the reset the first bit is 1 and the others 0, so the middle code is the one of a zero input. With the weights
``v_ref c_i / c_in`` the levels are those of a greedy search (`approximation`); parasitics change nothing but a gain.
The sequencer is XSPICE logic, which draws no supply current: its energy is reckoned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.approximation import search_levels
from aimc_spice.netlist.adcs.base import Array, Level, Mismatch
from aimc_spice.netlist.adcs.charge_parts import (
    LENGTHS,
    SAR_PORTS,
    Clocking,
    Comparator,
    Ideal,
    Parts,
    ideal_parts,
    mos_parts,
)
from aimc_spice.netlist.adcs.clocked import Clocked
from aimc_spice.netlist.adcs.mos import Process, generic
from aimc_spice.netlist.adcs.noise import STRONG_ARM, draws, reset_noise, total
from aimc_spice.netlist.base import Lines, Part
from aimc_spice.netlist.driven import Corner
from aimc_spice.rng import stream
from aimc_spice.units import show, spice


@dataclass(frozen=True)
class SarCharge(Clocked):
    """A charge-redistribution SAR as a circuit; a `Converter`. Build it with `sar_charge`.

    Parameters
    ----------
    parts, clocking, noise
        As of `Clocked`.
    c_bits : tuple of float
        Capacitors of the bits, least significant first [F].
    c_in : tuple of float
        Input capacitors of the positive and the negative side [F].
    c_fixed : tuple of float
        What else loads the two top plates: terminator, dummy, parasitics [F].
    c_unit, c_in_nominal : float
        Nominal unit and input capacitor [F]: they fix the nominal range.
    v_ref, v_cm : float
        Reference and common mode [V].
    """

    c_bits: tuple[float, ...]
    c_in: tuple[float, float]
    c_fixed: tuple[float, float]
    c_unit: float
    c_in_nominal: float
    v_ref: float
    v_cm: float
    kind = "sar_charge"

    @property
    def n_bits(self) -> int:
        """Bits."""
        return len(self.c_bits)

    @property
    def references(self) -> tuple[float, float]:
        """Reference and common mode [V]."""
        return self.v_ref, self.v_cm

    @property
    def high(self) -> float:
        """Upper end of the differential input range [V]; the lower is its negative."""
        return self.v_ref * self.c_unit * 2.0 ** (self.n_bits - 1) / self.c_in_nominal

    @property
    def low(self) -> float:
        """Lower end of the input range [V]."""
        return -self.high

    @property
    def c_top(self) -> tuple[float, float]:
        """Whole capacitance of the two top plates [F]."""
        return self.c_in[0] + sum(self.c_bits) + self.c_fixed[0], self.c_in[1] + self.c_fixed[1]

    @property
    def gain(self) -> float:
        """From the input to the difference of the top plates."""
        return sum(c / top for c, top in zip(self.c_in, self.c_top, strict=True)) / 2

    def noise_parts(self) -> Mapping[str, float]:
        """Return the noise of a decision by origin in closed form, referred to the input [V]; see `Noisy`."""
        reset = total(dict(zip("pn", (reset_noise(c, self.parts.temp_k) for c in self.c_top), strict=True)))
        return {"comparator": STRONG_ARM / self.gain, "reset": reset / self.gain}

    def _noise(self, inputs: Array) -> list[str]:
        """Return charges on the positive plate: what the reset leaves for the whole conversion, and each decision's."""
        if self.noise is None:
            return []
        parts, n_bits = self.noise_parts(), self.n_bits
        own, kept = np.split(draws(self.noise, self.name, inputs, n_bits + 1).T, [n_bits], axis=1)
        v = self.gain * (parts["comparator"] * own + parts["reset"] * kept)
        return [self.clocking.charges("inoise", "p", self.c_top[0] * np.diff(v, axis=1, prepend=0.0))]

    def levels(self) -> Array:
        """Return the input at which each code begins in closed form, (2**n_bits - 1,) [V].

        Settled, without charge injection and noise; the comparator's offset is included.
        """
        steps = self.v_ref * np.array(self.c_bits) / self.c_top[0]
        return np.asarray((search_levels(steps) - steps[-1] + self.parts.v_os) / self.gain)

    def definitions(self) -> tuple[Part, ...]:
        """Return models and the subcircuit ``sar_charge``."""
        return (*self.parts.definitions, self.macro())

    def _circuit(self, inputs: Array) -> list[str]:
        """Return inputs, differential around the common mode, their capacitors, and the converter."""
        clocks, n_bits = self.clocking, self.n_bits
        return [
            clocks.input_source("vinp", "inp", n_bits, self.v_cm + inputs / 2, self.v_cm),
            clocks.input_source("vinn", "inn", n_bits, self.v_cm - inputs / 2, self.v_cm),
            " ".join(["xadc", *SAR_PORTS, *self._bit_nodes(), "sar_charge"]),
            *self._noise(inputs),
            f"cinp inp p {spice(self.c_in[0])}\ncinn inn n {spice(self.c_in[1])}",
        ]

    def macro(self) -> Lines:
        """Return the subcircuit ``sar_charge``, without its input capacitors."""
        return self.parts.sar(self.c_bits, self.c_fixed)


def sar_charge(
    n_bits: int,
    level: Level = "behavioural",
    corner: Corner | None = None,
    mismatch: Mismatch | None = None,
    seed: int | None = None,
    *,
    errors: tuple[float, ...] | None = None,
    c_unit: float = 1e-15,
    c_in: float | None = None,
    c_par: float = 0.0,
    c_density: float = 2e-3,
    node: str = "g180",
    ideal: Ideal | None = None,
    comparator: Comparator | None = None,
    t_clk: float = 3e-9,
    t_reset: float = 4e-9,
    t_in: float = 1e-9,
    process: Process | None = None,
) -> SarCharge:
    """Build a charge-redistribution SAR.

    Parameters
    ----------
    n_bits : int
        2 to 12.
    level : {"behavioural", "transistor"}
        Ideal switches and comparator; MOS switches, bottom-plate drivers and strong-arm comparator.
    corner : Corner, optional
        Process of the transistors, temperature, supply; the reference is the supply, so the range scales with it.
    mismatch : Mismatch, optional
        `a_c` spreads the capacitors, `a_vt` and `a_beta` the comparator; drawn only where there is a `seed`.
    seed : int, optional
        Of the mismatch.
    errors : tuple of float, optional
        Relative error of each bit's capacitor, least significant first, on top of the mismatch.
    c_unit, c_par, c_density : float
        Unit capacitor [F]; parasitic of each top plate [F]; capacitance per area, for the mismatch [F/m²] (assumed).
    c_in : float, optional
        Input capacitor [F]: the column. Default ``2**n_bits c_unit``, for which the range is ±v_ref/2.
    node : str
        "g180" or "g45": transistors, and the supply at both levels, which is the reference, too.
    ideal : Ideal, optional
        Behavioural level: resistances, charge injection, offset (on top of that of the mismatch).
    comparator : Comparator, optional
        Transistor level: sizes of the comparator; behavioural: the area that its offset is drawn for.
    t_clk, t_reset, t_in : float
        Clock period, least time of the reset, least time for the input to settle [s].
    process : Process, optional
        Transistors in the place of the generic ones of `node`; their supply counts at both levels.

    Raises
    ------
    NetlistError
        Values out of range, a wrong number of errors.
    """
    errors = (0.0,) * n_bits if errors is None else tuple(errors)
    if not 2 <= n_bits <= 12 or len(errors) != n_bits or min(errors, default=-1) <= -1:
        raise NetlistError(f"sar_charge: got {n_bits} bits and errors {errors}, wanted 2 to 12 and one above -1 a bit")
    _check_positive(c_unit=(c_unit, "F"), t_clk=(t_clk, "s"), c_density=(c_density, "F/m²"))
    corner, mismatch = corner or Corner(), mismatch or Mismatch()
    total, c_column = 2**n_bits * c_unit, c_in or 2**n_bits * c_unit
    nominal = np.array([*(c_unit * 2.0 ** np.arange(n_bits) * (1 + np.array(errors))), c_column, c_column])
    c = nominal * (1 + _capacitor_errors(nominal, mismatch, c_density, seed))
    parts = _parts(
        level,
        node,
        corner,
        mismatch=mismatch,
        seed=seed,
        ideal=ideal or Ideal(),
        comparator=comparator or Comparator(),
        c_top=c_column + total,
        process=process,
    )
    settled, after_reset = (
        math.ceil((t_reset + t_in) / t_clk + 0.5 - 1e-9),
        1 + math.floor(t_reset / t_clk + 0.6 + 1e-9),
    )
    clocking = Clocking(t_clk, max(settled, after_reset), t_reset)
    return SarCharge(
        parts,
        c_bits=tuple(c[:n_bits].tolist()),
        c_in=(float(c[-2]), float(c[-1])),
        c_fixed=(c_unit + c_par, total + c_par),
        c_unit=c_unit,
        c_in_nominal=c_column,
        v_ref=parts.v_dd,
        v_cm=parts.v_dd / 2,
        clocking=clocking,
    )


def _capacitor_errors(c: Array, mismatch: Mismatch, density: float, seed: int | None) -> Array:
    """Return relative errors of capacitors (n,) [F]: σ is `a_c` over the square root of the area."""
    drawn = np.zeros(c.shape) if seed is None else stream(seed, "sar_charge", "capacitors").standard_normal(c.shape)
    return np.asarray(mismatch.a_c * np.sqrt(density / c) * drawn)


def _parts(
    level: Level,
    node: str,
    corner: Corner,
    *,
    mismatch: Mismatch,
    seed: int | None,
    ideal: Ideal,
    comparator: Comparator,
    c_top: float,
    process: Process | None,
) -> Parts:
    if level not in {"behavioural", "transistor"} or node not in LENGTHS:
        raise NetlistError(
            f"sar_charge: got level {level!r} and node {node!r}",
            hint=f"levels: behavioural, transistor; nodes: {', '.join(LENGTHS)}",
        )
    if level == "transistor":
        w_reset = max(1e-6, 1e7 * c_top)  # so that the reset settles alike for all sizes
        used = process or generic(node, corner)
        return mos_parts(used, node, corner, comparator, w_reset=w_reset, mismatch=mismatch, seed=seed)
    if seed is not None:
        sigma = mismatch.a_vt * math.sqrt(2 / (comparator.w_in * LENGTHS[node]))
        drawn = float(stream(seed, "sar_charge", "offset").standard_normal())
        ideal = replace(ideal, v_os=ideal.v_os + sigma * drawn)
    return ideal_parts(ideal, node, corner, process)


def _check_positive(**values: tuple[float, str]) -> None:
    for name, (value, unit) in values.items():
        if not value > 0:
            raise NetlistError(f"got {name} = {show(value, unit)}, wanted above zero")
