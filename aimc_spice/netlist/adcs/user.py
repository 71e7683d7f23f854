"""How is a user's own converter measured? Its subcircuit, with every port named by what it is.

One idea: a bench is made from the roles of the ports::

              +-----------------+
    input --->|                 |---> bits, least significant first
    (input_n)>|   .subckt NAME  |---> done (optional: rises when the code is valid)
    start --->|                 |
    clock --->|                 |---- supplies (each at its voltage), ground
              +-----------------+

Without `t_window` the converter is static and answers in a DC sweep. With it, conversion k owns the window
``[k t_window, (k + 1) t_window)``: the input changes at its start, ``start`` is a pulse, ``clock`` runs, the bits are
read at the end. Every supply is a block of the energy. Ports must be exactly those of the subcircuit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Array, Codes, Conversions
from aimc_spice.netlist.adcs.meter import Supplies, meter_probes, metered, meters, sources_of
from aimc_spice.netlist.adcs.windows import read_codes, rise_times
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck, Lines, Netlist, Transient, fold
from aimc_spice.netlist.driven import Corner, Driven
from aimc_spice.netlist.macro import check_cards, header
from aimc_spice.units import show, spice

_EDGE = 0.002  # of a window: edges of input and start


@dataclass(frozen=True)
class Ports:
    """What every port of a user's converter is.

    Parameters
    ----------
    input : str
        Input.
    bits : tuple of str
        Output bits, least significant first.
    input_n : str
        Negative input of a differential one; "" for none. The two move symmetrically around `common_mode`.
    start, clock, done : str
        "" for none.
    supplies : mapping of str to float
        Port and voltage [V].
    ground : tuple of str
        Ports tied to 0 V.
    """

    input: str
    bits: tuple[str, ...]
    input_n: str = ""
    start: str = ""
    clock: str = ""
    done: str = ""
    supplies: Mapping[str, float] = field(default_factory=dict)
    ground: tuple[str, ...] = ()

    @property
    def named(self) -> list[str]:
        """All names."""
        single = [self.input, self.input_n, self.start, self.clock, self.done]
        return [port for port in (*single, *self.bits, *self.supplies, *self.ground) if port]


@dataclass(frozen=True)
class Timing:
    """When things happen; all zero for a static converter.

    Parameters
    ----------
    t_window : float
        One conversion, from input to input [s].
    t_clk : float
        Clock period, duty cycle one half [s].
    t_start : float
        Length of the start pulse, from the start of the window [s].
    t_step : float
        Largest time step [s]; default a two-hundredth of the window, a tenth of the clock period where there is one.
    """

    t_window: float = 0.0
    t_clk: float = 0.0
    t_start: float = 0.0
    t_step: float = 0.0

    @property
    def step(self) -> float:
        """Largest time step [s]."""
        return self.t_step or (self.t_clk / 10 if self.t_clk else self.t_window / 200)


@dataclass(frozen=True)
class UserConverter:
    """A user's subcircuit as a `Converter`.

    Parameters
    ----------
    subckt : str
        Its name.
    text : str
        SPICE text that defines it, models included.
    ports : Ports
        What its ports are.
    low, high : float
        Input range [V or A].
    quantity : {"V", "A"}
        A voltage or a current (into the input port) is converted.
    timing : Timing
        Of the bench.
    v_logic : float
        High level of bits, clock and start [V].
    common_mode : float
        Of a differential input [V].
    params : mapping of str to float
        Parameters of the instance.
    corner : Corner
        Temperature, and the scale of all supplies.
    """

    subckt: str
    text: str
    ports: Ports
    low: float
    high: float
    quantity: str = "V"
    timing: Timing = field(default_factory=Timing)
    v_logic: float = 1.0
    common_mode: float = 0.0
    params: Mapping[str, float] = field(default_factory=dict)
    corner: Corner = field(default_factory=Corner)

    def __post_init__(self) -> None:
        check_cards(self.text, self.subckt)
        if not self.high > self.low:
            span = f"{show(self.low, self.quantity)} to {show(self.high, self.quantity)}"
            raise NetlistError(f"converter {self.subckt}: got the range {span}, wanted a rising one")
        got, known = header(self.text, self.subckt)
        named, wanted = [p.lower() for p in self.ports.named], [p.lower() for p in got]
        if sorted(named) != sorted(wanted):
            raise NetlistError(
                f"converter {self.subckt}: the ports named are not those of the subcircuit",
                cause=f"named: {' '.join(self.ports.named)}; subcircuit: {' '.join(got)}",
                hint=_difference(named, wanted),
            )
        if unknown := sorted({key.lower() for key in self.params} - known):
            listed = ", ".join(sorted(known)) or "none"
            raise NetlistError(f"{self.subckt} has no parameter {', '.join(unknown)}", hint=f"it has: {listed}")
        needed = {"start": (self.ports.start, self.timing.t_start), "clock": (self.ports.clock, self.timing.t_clk)}
        for role, (port, time) in needed.items():
            if port and not (self.timing.t_window > 0 and time > 0):
                raise NetlistError(f"converter {self.subckt}: the port {role} = {port} needs t_window and its own time")

    @property
    def name(self) -> str:
        """Name and bits."""
        return f"{self.subckt} {self.n_bits} bit, user"

    @property
    def n_bits(self) -> int:
        """Bits."""
        return len(self.ports.bits)

    def deck(self, inputs: Array) -> Deck:
        """Return one deck that converts every input (n,)."""
        return self._windows(inputs) if self.timing.t_window else self._sweep(inputs)

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:
        """Read codes, times and energies; see `Converter`."""
        bits = np.stack([signals[f"v(p_{bit})"] for bit in self._lower(self.ports.bits)])
        n, window = len(inputs), self.timing.t_window
        if not window:
            return Conversions(self._codes(np.arange(n, dtype=np.float64), bits, axis, inputs), np.zeros(n))
        starts = np.arange(n, dtype=np.float64) * window
        codes = self._codes(starts + window * (1 - 2 * _EDGE), bits, axis, inputs)
        t_conv = np.full(n, window)
        if self.ports.done:
            flag = signals[f"v(p_{self.ports.done.lower()})"]
            half, unit = self._high / 2, self.quantity
            t_conv = rise_times(axis, flag, starts, window, half, where=self.name, inputs=inputs, unit=unit)
        return Conversions(codes, t_conv, metered(axis, signals, self._blocks, np.append(starts, n * window)))

    @property
    def _high(self) -> float:
        return self.v_logic * self.corner.vdd_scale

    @property
    def _supplies(self) -> dict[str, float]:
        return {port.lower(): v * self.corner.vdd_scale for port, v in self.ports.supplies.items()}

    @property
    def _blocks(self) -> Supplies:
        return {port: [(f"v_{port}", v)] for port, v in self._supplies.items()}

    def _codes(self, at: Array, bits: Array, axis: Array, inputs: Array) -> Codes:
        swept = not self.timing.t_window
        return read_codes(axis, bits, at, inputs, self._high, where=self.name, unit=self.quantity, swept=swept)

    def _sweep(self, inputs: Array) -> Deck:
        driven = Driven(self._netlist(""), ("x_in",), self._probes(), (*DEFAULT_OPTIONS, *self.corner.options))
        return driven.dc(inputs[:, None])

    def _windows(self, inputs: Array) -> Deck:
        times = self.timing
        edge, starts = _EDGE * times.t_window, times.t_window * np.arange(len(inputs))
        at = np.stack([starts, starts + times.t_window - edge], axis=1).ravel()
        values = np.repeat(inputs, 2)
        knots = [f"{spice(t)} {spice(v)}" for t, v in zip(at.tolist(), values.tolist(), strict=True)]
        clocks = fold([f"v_x_in x_in 0 pwl({knots[0]}", *knots[1:], ")"])
        for port, period, length in (
            (self.ports.start, times.t_window, times.t_start),
            (self.ports.clock, times.t_clk, times.t_clk / 2),
        ):
            if port:
                high, e = spice(self._high), spice(min(edge, length / 10))
                clocks += f"v_{port} p_{port} 0 pulse(0 {high} 0 {e} {e} {spice(length)} {spice(period)})\n".lower()
        options = (*DEFAULT_OPTIONS, "method=gear", *self.corner.options)
        sources = sources_of(self._blocks)
        probes = (*self._probes(), *meter_probes(sources))
        return Deck(
            self._netlist(f"{clocks}{meters(sources)}\n"),
            Transient(times.step, times.t_window * len(inputs)),
            probes,
            options,
        )

    def _probes(self) -> tuple[str, ...]:
        done = (self.ports.done,) if self.ports.done else ()
        return tuple(f"v(p_{port})" for port in self._lower((*self.ports.bits, *done)))

    def _netlist(self, clocks: str) -> Netlist:
        ports, _ = header(self.text, self.subckt)
        ground = set(self._lower(self.ports.ground))
        nodes = ["0" if port.lower() in ground else f"p_{port.lower()}" for port in ports]
        params = [f"{key}={spice(value)}" for key, value in self.params.items()]
        supplies = "".join(f"v_{port} p_{port} 0 {spice(v)}\n" for port, v in self._supplies.items())
        body = clocks + supplies + self._input() + fold(["xadc", *nodes, self.subckt, *params])
        return Netlist(self.name, (Lines(self.text),), (Lines(body),))

    def _input(self) -> str:
        """Return what makes a voltage or a current of the number at the node ``x_in``."""
        plus, minus = self.ports.input.lower(), self.ports.input_n.lower()
        if self.quantity == "A":
            return f"g_in 0 p_{plus} x_in 0 1\n"
        if not minus:
            return f"e_in p_{plus} 0 x_in 0 1\n"
        middle = spice(self.common_mode)
        return f"b_in p_{plus} 0 v={middle}+0.5*v(x_in)\nb_in_n p_{minus} 0 v={middle}-0.5*v(x_in)\n"

    @staticmethod
    def _lower(ports: tuple[str, ...]) -> list[str]:
        return [port.lower() for port in ports]


def _difference(named: list[str], wanted: list[str]) -> str:
    extra = sorted(set(named) - set(wanted))
    missing = sorted(set(wanted) - set(named))
    twice = sorted({port for port in named if named.count(port) > 1})
    texts = [("not a port", extra), ("not named", missing), ("named twice", twice)]
    return "; ".join(f"{what}: {' '.join(ports)}" for what, ports in texts if ports)
