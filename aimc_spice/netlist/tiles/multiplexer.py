r"""How do several columns of charge share one converter?

One idea: a column holds its own charge. All columns are reset and all word lines step once; then one column after the
other is joined to a converter of its own capacitors, which was reset in between, and stays joined while bits or ramp
act on both::

    bp_0 --/ sel_0 --+             vcm --/ phi_r --- bp_c, bn_c (switches of the crossbar)
    bp_1 --/ sel_1 --+--- adc_0_mp ─ top plates of the converter, reset to vcm at the start of every slot;
      :              |               each column adds c_port there
    bn_0 --/ sel_0 --+--- adc_0_mn

The charge of the column spreads: the difference shrinks by ``c_bl / (c_bl + c_adc)``, as it does where the converter
hangs on the line from the start, so levels and codes are those of a converter of its own. Noise of both resets adds up
to that of one reset of both; each decision sees that of the closed switch, too, ``kT c_bl / (c_adc (c_bl + c_adc))`` a
line, which decks leave out. What it costs: the switch in the settling of every bit, and droop for up to
``n_shared t_conv`` by `r_off`, or the leak of transistors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Array, Level
from aimc_spice.netlist.adcs.blocks import adc_text
from aimc_spice.netlist.base import Lines, Part
from aimc_spice.netlist.drivers import pwl
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.tiles.clocks import buffers
from aimc_spice.share import share
from aimc_spice.units import show, spice

_EDGE = 5e-11  # s, of the clocks
_GUARD = 3e-10  # s, from the opening of a switch until something moves
_C_RESETS, _C_SELECTOR = 1.38e-14, 4e-9  # F, F/m: see `transistors`
_W_PER_F = 1e7  # m/F: reset switches of all columns settle alike


@dataclass(frozen=True)
class ChargeMultiplexer:
    """Switches between `n_shared` differential columns and each converter; default values are assumed.

    Parameters
    ----------
    n_shared : int
        Columns on one converter.
    level : {"behavioural", "transistor"}
        Of the switches; that of the converter, which brings the wrappers of the transistors.
    v_dd : float
        High level of the clocks [V].
    t_reset : float
        Reset of the columns, until the word lines may move [s].
    t_int : float
        What the columns then have to settle before the first is converted, at least [s].
    r_on, r_off, c_inj : float
        Of a behavioural switch: resistances [Ω], and capacitance from its clock to either side [F].
    u : float
        Unit width of a selector's transmission gate [m]: half of that of the converter's reset, for which it is the
        dummy.
    c_port : float
        What each column adds to either line of its converter: wire [F] (assumed).
    c_mos : float
        What stands on either line of a joined column at transistor level all by itself, junctions and gates [F]; see
        `transistors`. Levels and codes reckon with it; it is drawn at behavioural level only.
    """

    n_shared: int
    level: Level = "behavioural"
    v_dd: float = 1.8
    t_reset: float = 4e-9
    t_int: float = 2e-9
    r_on: float = 1e3
    r_off: float = 1e15
    c_inj: float = 0.0
    u: float = 5e-7
    c_port: float = 5e-16
    c_mos: float = 0.0

    def __post_init__(self) -> None:
        if self.n_shared < 2:
            raise NetlistError(
                f"multiplexer: got n_shared = {self.n_shared}, wanted 2 columns or more", hint="multiplexer=None"
            )
        if not self.t_reset > 3 * _GUARD or not self.t_int > 0:
            raise NetlistError(
                f"multiplexer: got t_reset = {show(self.t_reset, 's')}, t_int = {show(self.t_int, 's')}",
                hint=f"t_reset above {show(3 * _GUARD, 's')}, t_int above zero",
            )
        if not min(self.v_dd, self.r_on, self.r_off, self.u) > 0 or min(self.c_inj, self.c_port, self.c_mos) < 0:
            raise NetlistError(f"got {self}, wanted resistances, widths and supply above zero, capacitors not below")

    @property
    def c_line(self) -> float:
        """What all its columns together add to either line of a converter, transistors included [F]."""
        return self.n_shared * self.c_port + self.c_mos

    @staticmethod
    def transistors(n_shared: int, u: float = 5e-7) -> float:
        """Return what transistors of the generic 1.8 V node bring to either line of a joined column [F].

        Resets of column and converter, comparator and the column's own selector, then a selector a column, closed
        ones' junctions at mid supply. Fitted to the voltages of 2, 4 and 8 columns of 50 fF on a 6-bit SAR of 16 fF:
        lines are within 0.25 mV of it, a step is 6.4 mV. Where lines are not alike it moves codes, as it shrinks what
        the positive line sees of the negative one's charge.
        """
        return _C_RESETS + n_shared * _C_SELECTOR * u

    def reset(self, c_bl: float) -> Macro:
        """Return the reset switch for bit lines of typically `c_bl` [F]: ideal, or an n transistor with a dummy."""
        ideal, mos = _halves(share("netlists", "cells", "charge_switch.cir").read_text(encoding="utf-8"))
        if self.level == "transistor":
            return Macro("switch", "charge_switch_dummy", mos, {"w": max(1e-6, _W_PER_F * c_bl)})
        return Macro("switch", "charge_switch_ideal", ideal, self._ideal)

    def definitions(self) -> tuple[Part, ...]:
        """Return the subcircuits, those of the switches among them."""
        return _texts(mos=self.level == "transistor")

    def shared(self, resets: Array, selects: Array, width: float, reset: Macro, n_cols: int) -> Part:
        """Return supply and clocks.

        Parameters
        ----------
        resets : ndarray, shape (n_operations,)
            When columns are reset [s].
        selects : ndarray, shape (n_operations, n_shared)
            When each column of a group is joined [s].
        width : float
            For how long [s].
        reset : Macro
            The reset switches of the columns, `n_cols` pairs.
        """
        n_converters, w = n_cols // self.n_shared, reset.params.get("w", 0.0)
        lines = [f"vmux_vdd mux_vdd 0 {spice(self.v_dd)}\n"] if self.level == "transistor" else []
        lines.append(self._clock("phi_r", resets, self.t_reset - _GUARD, 3 * n_cols * w, first=True))
        for slot, starts in enumerate(selects.T):
            lines.append(self._clock(f"sel_{slot}", starts, width - _GUARD, 7 * n_converters * self.u))
        return Lines("".join(lines))

    def column(self, col: int) -> str:
        """Return the switches of one column."""
        converter, slot = divmod(col, self.n_shared)
        nodes = f"bp_{col} bn_{col} adc_{converter}_mp adc_{converter}_mn sel_{slot} sel_{slot}b"
        if self.level == "transistor":
            return f"xm_{col} {nodes} mux_vdd column_switch_mos u={spice(self.u)}"
        values = (
            f"r_on={spice(self.r_on)} r_off={spice(self.r_off)} c_inj={spice(self.c_inj)} v_t={spice(self.v_dd / 2)}"
        )
        return f"xm_{col} {nodes} 0 column_switch {values}"

    def columns(self, n_cols: int) -> Part:
        """Return the switches of all columns, and what they add to the lines of the converters."""
        drawn = self.n_shared * self.c_port + (self.c_mos if self.level == "behavioural" else 0.0)
        ports = [(a, line) for a in range(n_cols // self.n_shared) for line in "pn"] if drawn else []
        loads = [f"cm{line}_{a} adc_{a}_m{line} 0 {spice(drawn)}" for a, line in ports]
        return Lines("\n".join([*map(self.column, range(n_cols)), *loads]))

    def supplies(self) -> dict[str, Sequence[tuple[str, float]]]:
        """Return the source whose energy counts; ideal switches take none."""
        return {"multiplexer": [("vmux_vdd", self.v_dd)]} if self.level == "transistor" else {}

    @property
    def _ideal(self) -> dict[str, float]:
        """Parameters of a behavioural switch."""
        return {"r_on": self.r_on, "r_off": self.r_off, "c_inj": self.c_inj, "v_t": self.v_dd / 2}

    def _clock(self, node: str, starts: Array, width: float, load: float, *, first: bool = False) -> str:
        """Return a clock and its complement ``<node>b``; `load` is the width of the gates on it [m].

        With `first` it is high from the beginning, so that floating nodes have an operating point.
        """
        edges = (starts[:, None] + np.array([0.0, _EDGE, width, width + _EDGE])).ravel()
        high = np.tile([0.0, self.v_dd, self.v_dd, 0.0], len(starts))
        high[: 2 * first] = self.v_dd
        if self.level == "behavioural":
            return pwl(f"v{node}", node, edges, high) + pwl(f"v{node}b", f"{node}b", edges, self.v_dd - high)
        return pwl(f"v{node}d", f"{node}d", edges, high) + buffers(node, "mux_vdd", load)


def _texts(*, mos: bool) -> tuple[Part, ...]:
    ideal, transistors = _halves(share("netlists", "frontends", "charge_multiplexer.cir").read_text(encoding="utf-8"))
    if mos:
        return Lines(adc_text("gates")), Lines(transistors)
    return Lines(_halves(share("netlists", "cells", "charge_switch.cir").read_text(encoding="utf-8"))[0]), Lines(ideal)


def _halves(text: str) -> tuple[str, str]:
    """Return what a file has of ideal switches, and of transistors."""
    ideal, _, mos = text.partition("* The same with")
    return ideal, f"* The same with{mos}"
