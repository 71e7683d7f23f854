"""What drives a line that has many levels: an R-2R DAC a row, and a buffer behind it where lines take current.

References are such that the top input is `v_read` above rest exactly: ``v_rest ± v_read 2**n/(2**n - 1)`` for inputs of
both signs, whose code of n + 1 bits stands at its middle at rest; from rest up otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Codes
from aimc_spice.netlist.base import Lines, Part, Subckt
from aimc_spice.netlist.drivers import Array
from aimc_spice.netlist.inputs import ladder_levels
from aimc_spice.netlist.rows.base import DRIVERS, LADDERS, LOGIC, Drive, Feeds
from aimc_spice.netlist.rows.build import Build
from aimc_spice.rng import stream
from aimc_spice.share import share
from aimc_spice.units import show, spice

_COMMON_MODE = (0.5, 0.3)  # V, what the buffer of transistors needs to ground and to the supply


@dataclass(frozen=True)
class LadderDac:
    """Resistors of one R-2R DAC, least bit first [Ω].

    Parameters
    ----------
    legs, rungs : tuple of float
        As of `inputs.ladder_levels`.
    terminator : float
        At its end [Ω].
    """

    legs: tuple[float, ...]
    rungs: tuple[float, ...]
    terminator: float

    @classmethod
    def draw(cls, n_bits: int, r: float, sigma: float = 0.0, *, seed: int = 0, name: str = "dac") -> LadderDac:
        """Return a ladder of unit resistor `r` [Ω], two in series for 2r; each unit varies by `sigma` (relative)."""
        rng = stream(seed, "r2r", name)
        twos = r * (2 + sigma * np.sqrt(2) * rng.standard_normal(n_bits))
        ones = r * (1 + sigma * rng.standard_normal(n_bits + 1))
        return cls(tuple(twos.tolist()), tuple(ones[:-1].tolist()), float(ones[-1]))

    @property
    def n_bits(self) -> int:
        """Bits."""
        return len(self.legs)

    def levels(self, r_on: float = 0.0) -> tuple[Array, float]:
        """Return `inputs.ladder_levels` with switches of `r_on` [Ω] in its legs."""
        return ladder_levels(np.add(self.legs, r_on), self.rungs, self.terminator)

    def subckt(
        self, name: str, build: Build, *, v_low: float, v_high: float, r_on: float = 0.0, w: float = 1e-5
    ) -> Subckt:
        """Return the ladder between two references [V]: ports ``bit_0 … bit_{n-1}``, ``out``.

        Needs "r2r" of `Build.definitions`; `r_on` [Ω] is that of its switches by equations, `w` [m] the width of their
        transistors.
        """
        build.check_rails("an R-2R DAC", v_low, v_high)
        nodes = ["end", *(f"n_{k}" for k in range(self.n_bits - 1)), "out"]
        lines = [f"vlow low 0 {spice(v_low)}", f"rt low end {spice(self.terminator)}"]
        for k, (leg, rung) in enumerate(zip(self.legs, self.rungs, strict=True)):
            both = {"r_leg": leg, "r_rung": rung, "v_low": v_low, "v_high": v_high, "v_dd": build.v_dd}
            call = build.call("r2r_section", both=both, equations={"r_on": r_on}, mos={"w": w})
            lines.append(f"x{k} bit_{k} {nodes[k]} {nodes[k + 1]} {call}")
        ports = (*(f"bit_{k}" for k in range(self.n_bits)), "out")
        return Subckt(name, ports, (Lines("\n".join(lines)),), f"R-2R DAC of {self.n_bits} bits")


@dataclass(frozen=True)
class LineBuffer:
    """One ``line_buffer``, ports in and out; by equations or an op-amp of transistors as a follower.

    Parameters
    ----------
    r_out : float
        Output resistance [Ω].
    t_rise : float
        Of the equations, 10 % to 90 % [s].
    """

    r_out: float = 1.0
    t_rise: float = 5e-10

    def definitions(self, build: Build) -> tuple[Part, ...]:
        """Return its file, and what is below it."""
        opamp = share("netlists", "frontends", "opamp_mos.cir").read_text(encoding="utf-8")
        return build.definitions("line_buffer", more=(opamp,))

    def call(self, build: Build, drive: Drive) -> str:
        """Return what follows the nodes of an instance."""
        low, high = _COMMON_MODE[0], build.v_dd - _COMMON_MODE[1]
        volts = drive.v_rest + drive.v_read * np.append(drive.levels, 0.0)
        if build.mos and not (low <= volts.min() and volts.max() <= high):
            got = f"{show(volts.min(), 'V')} to {show(volts.max(), 'V')}"
            raise NetlistError(
                f"buffers of transistors: got lines of {got}, wanted {low:g} V to {high:g} V",
                hint="lines that rest in the middle of the supply, less v_read, or drivers by equations",
            )
        equations = {"r_out": self.r_out, "t_rise": self.t_rise}
        return build.call("line_buffer", both={}, equations=equations, mos={"v_dd": build.v_dd})


@dataclass(frozen=True)
class LadderRows:
    """An R-2R DAC a row.

    Parameters
    ----------
    n_bits : int
        Of the inputs' magnitude.
    signed : bool
        Voltages of both polarities, as of ``MultiLevel(n_bits, "none")``; else from rest up.
    r : float
        Unit resistor [Ω].
    sigma, seed : float, int
        Relative spread of the units; every row has its own draw.
    r_on : float
        Of the switches [Ω]: of the equations; with transistors what judges reckon with. Legs are shorter by it.
    w : float
        Width of the switches' transistors [m]: 10 µm have 0.2 kΩ around 0.9 V.
    buffer : LineBuffer or None
        Between DAC and line; None: the ladder's own resistance drives it.
    build : Build
        Level.
    """

    n_bits: int
    signed: bool = True
    r: float = 1e4
    sigma: float = 0.0
    seed: int = 0
    r_on: float = 200.0
    w: float = 1e-5
    buffer: LineBuffer | None = LineBuffer()
    build: Build = field(default_factory=Build)

    def __post_init__(self) -> None:
        if not (0 <= self.r_on < 2 * self.r and self.sigma >= 0):
            raise NetlistError(
                f"R-2R DACs: got r = {self.r:g} Ω, r_on = {self.r_on:g} Ω, wanted legs of 2 r above r_on"
            )

    @property
    def r_out(self) -> float:
        """See `RowDrivers`; without buffers that of equal resistors."""
        return self.buffer.r_out if self.buffer else self.dac(0, sigma=0.0).levels(self.r_on)[1]

    def lead(self, t_on: float) -> float:  # noqa: ARG002
        """See `RowDrivers`."""
        return 0.0

    def dac(self, row: int, *, sigma: float | None = None) -> LadderDac:
        """Return the resistors of a row: legs are made shorter by what the switches add."""
        spread = self.sigma if sigma is None else sigma
        drawn = LadderDac.draw(self.n_bits + self.signed, self.r, spread, seed=self.seed, name=f"row {row}")
        return replace(drawn, legs=tuple(leg - self.r_on for leg in drawn.legs))

    def codes(self, drive: Drive) -> Codes:
        """Return the codes of the DACs, shape (n_operations, n_rows)."""
        top = 2**self.n_bits - 1
        steps = np.rint(drive.levels * top)
        if (
            drive.planes.timed
            or not np.allclose(steps, drive.levels * top, atol=1e-9)
            or steps.min() < -top * self.signed
        ):
            kind = f"MultiLevel({self.n_bits}" + (', "none")' if self.signed else ")")
            raise NetlistError(f"R-2R DACs: the levels are not multiples of 1/{top}", hint=f"the encoding {kind}")
        return np.asarray(steps + self._rest, dtype=np.int64)

    def levels(self, drive: Drive) -> Array:
        """See `RowDrivers`."""
        low, high = self.references(drive)
        codes = self.codes(drive)
        volts = [self.dac(r).levels(self.r_on)[0][codes[:, r]] for r in drive.rows]
        return np.asarray(low + (high - low) * np.stack(volts, axis=1) - drive.v_rest)

    def references(self, drive: Drive) -> tuple[float, float]:
        """Return the voltages that bits of 0 and 1 stand for [V]."""
        span = drive.v_read * 2**self.n_bits / (2**self.n_bits - 1)
        return drive.v_rest - span * self.signed, drive.v_rest + span

    def definitions(self, drive: Drive) -> tuple[Part, ...]:
        """See `RowDrivers`."""
        low, high = self.references(drive)
        values = {"v_low": low, "v_high": high, "r_on": self.r_on, "w": self.w}
        rows = drive.rows if self.sigma else range(1)
        ladders = [self.dac(r).subckt(f"dac_{r}", self.build, **values) for r in rows]
        buffers = self.buffer.definitions(self.build) if self.buffer else ()
        return tuple(dict.fromkeys([*self.build.definitions("r2r"), *buffers, *ladders]))

    def circuit(self, drive: Drive) -> Part:
        """See `RowDrivers`."""
        codes, n = self.codes(drive), self.n_bits + self.signed
        lines = []
        for r in drive.rows:
            bits, rest = codes[:, r, None] >> np.arange(n) & 1, self._rest >> np.arange(n) & 1
            trains = (
                drive.train(f"bit_{r}_{k}", bits[:, k].astype(float), self.build.v_dd, rest=int(rest[k]))
                for k in range(n)
            )
            lines.append("".join(trains) + self._row(r, n, drive))
        return Lines("".join(lines))

    def feeds(self, drive: Drive) -> Feeds:
        """See `RowDrivers`: the ladders' is what burns in them, the references are reckoned from rest."""
        low, high = self.references(drive)
        block = LADDERS if self.buffer else DRIVERS
        paths = [f"xl_{r}" for r in drive.rows]
        sections = [f"{path}.x{k}" for path in paths for k in range(self.n_bits + self.signed)]
        ends = Feeds(supplies={block: [(f"v.{path}.vlow", low - drive.v_rest) for path in paths]})
        return ends + self._ladders(block, sections, low - drive.v_rest, high - drive.v_rest) + self._buffers(drive)

    def _ladders(self, block: str, sections: list[str], low: float, high: float) -> Feeds:
        if not self.build.mos:
            return Feeds(sources={block: [(f"v.{path}.vlow", f"{path}.leg") for path in sections]})
        references = [(f"v.{path}.v{end}", v) for path in sections for end, v in (("high", high), ("low", low))]
        return Feeds(supplies={block: references, LOGIC: [(f"v.{path}.vdd", self.build.v_dd) for path in sections]})

    def _buffers(self, drive: Drive) -> Feeds:
        """Return what buffers take: of the equations a class-B stage on the supply (assumed)."""
        if not self.buffer:
            return Feeds()
        if not self.build.mos:
            return Feeds(rails={DRIVERS: [(f"vin_{r}", self.build.v_dd) for r in drive.rows]})
        return Feeds(supplies={DRIVERS: [(f"v.xd_{r}.vdd", self.build.v_dd) for r in drive.rows]})

    def _row(self, r: int, n: int, drive: Drive) -> str:
        bits = " ".join(f"bit_{r}_{k}" for k in range(n))
        dac = f"dac_{r if self.sigma else 0}"
        sense = f"vin_{r} wl_{r} drv_{r} 0\n"
        if not self.buffer:
            return f"xl_{r} {bits} drv_{r} {dac}\n{sense}"
        return f"xl_{r} {bits} lad_{r} {dac}\nxd_{r} lad_{r} drv_{r} {self.buffer.call(self.build, drive)}\n{sense}"

    @property
    def _rest(self) -> int:
        """Code at rest."""
        return int(2**self.n_bits) if self.signed else 0
