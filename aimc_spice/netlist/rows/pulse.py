"""What drives a line for a time: a code and a shared count, compared bit by bit, a flip-flop, a line driver.

A count takes ``t_on / (2**n - 1)``; it changes nine tenths of that before the clock lets the flip-flops take what
was found, so code k is high for k counts from the start of a window. Flip-flops are clocked once before, to be at rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Codes
from aimc_spice.netlist.base import Lines, Part, Subckt
from aimc_spice.netlist.drivers import Array, pwl
from aimc_spice.netlist.rows.base import EDGE, LOGIC, Drive, Feeds
from aimc_spice.netlist.rows.build import flip_flop_text
from aimc_spice.netlist.rows.line import LineDriver, joined
from aimc_spice.units import show, spice

_SETUP = 0.9  # of a count, from its change to the clock
_GATES, _BIT = 1e-10, 1.63e-10  # s, of a comparison: besides, and of every bit; 4 and 6 bits, ss at 1.71 V, by trial


@dataclass(frozen=True)
class PulseRows:
    """A pulse-width driver a row, and the count that they share.

    Parameters
    ----------
    n_bits : int
        Of the count, as of `inputs.PulseWidth`.
    driver : LineDriver
        Behind each flip-flop; its level is that of all blocks.
    """

    n_bits: int
    driver: LineDriver = field(default_factory=LineDriver)

    @property
    def r_out(self) -> float:
        """See `RowDrivers`."""
        return self.driver.r_out

    def lead(self, t_on: float) -> float:
        """See `RowDrivers`."""
        return (1 + _SETUP) * t_on / self._top

    def codes(self, drive: Drive) -> Codes:
        """Return the codes, shape (n_operations, n_rows)."""
        counts = np.rint(drive.levels * self._top)
        if not drive.planes.timed or not np.allclose(counts, drive.levels * self._top, atol=1e-9):
            raise NetlistError(
                f"pulse-width drivers of {self.n_bits} bits", hint=f"the encoding PulseWidth({self.n_bits})"
            )
        return counts.astype(np.int64)

    def levels(self, drive: Drive) -> Array:
        """See `RowDrivers`."""
        return drive.v_read * self.codes(drive) / self._top

    def check_count(self, t_on: float) -> None:
        """Refuse counts in which transistors cannot compare all bits: their pulses would never end."""
        count, least = t_on / self._top, (_GATES + _BIT * self.n_bits) / _SETUP
        if self.driver.build.mos and count < least:
            raise NetlistError(
                f"pulse-width drivers of transistors: got {show(count, 's')} a count, "
                f"wanted {show(least, 's', 2)} or more to compare {self.n_bits} bits",
                hint=f"t_int of {show(1.01 * least * self._top, 's', 3)} or more, or fewer bits",
            )

    def definitions(self, drive: Drive) -> tuple[Part, ...]:
        """See `RowDrivers`."""
        build, n = self.driver.build, range(self.n_bits)
        bit = build.call("pwm_bit", both={"v_dd": build.v_dd}, equations={}, mos={})
        lines = [f"vdd vdd 0 {spice(build.v_dd)}"]
        below = ["0", *(f"less_{k}" for k in n)]
        lines += [f"x{k} code_{k} count_{k} {below[k]} {below[k + 1]} {bit}" for k in n]
        lines.append(f"xf {below[-1]} clk q qn vdd 0 {'flip_flop' if build.mos else 'flip_flop_b'}")
        lines.append(f"xl q out {self.driver.call(drive)}")
        ports = (*(f"code_{k}" for k in n), *(f"count_{k}" for k in n), "clk", "out")
        whole = Subckt("pwm_driver", ports, (Lines("\n".join(lines)),), f"pulse-width driver of {self.n_bits} bits")
        blocks = (*build.definitions("pwm"), *self.driver.definitions())
        return tuple(dict.fromkeys([*blocks, Lines(flip_flop_text(mos=build.mos)), whole]))

    def circuit(self, drive: Drive) -> Part:
        """See `RowDrivers`."""
        self.check_count(drive.windows.t_on)
        codes, n = self.codes(drive), range(self.n_bits)
        lines = [self._clock(drive), *(self._count(k, drive) for k in n)]
        counts = " ".join(f"count_{k}" for k in n)
        for r in drive.rows:
            lines += [self._code(f"code_{r}_{k}", codes[:, r] >> k & 1, drive) for k in n]
            lines.append(joined(r, " ".join([*(f"code_{r}_{k}" for k in n), counts, "count_clk"]), "pwm_driver"))
        return Lines("".join(lines))

    def feeds(self, drive: Drive) -> Feeds:
        """See `RowDrivers`."""
        build, paths = self.driver.build, [f"xd_{r}" for r in drive.rows]
        found = self.driver.feeds([f"{path}.xl" for path in paths], drive)
        if not build.mos:
            return found
        inner = ["vdd", *(f"x{k}.vdd" for k in range(self.n_bits))]
        return found + Feeds(supplies={LOGIC: [(f"v.{path}.{name}", build.v_dd) for path in paths for name in inner]})

    @property
    def _top(self) -> int:
        return int(2**self.n_bits) - 1

    def _times(self, drive: Drive, counts: Array) -> Array:
        """Return when counts after the start of each window come, (n_operations, n_counts) [s]."""
        return drive.windows.starts(len(drive.levels))[:, None] + drive.windows.t_on / self._top * counts

    def _clock(self, drive: Drive) -> str:
        """Return the clock: an edge at the start of every count, the resting one included, and one before."""
        half = 0.5 * drive.windows.t_on / self._top
        rises = self._times(drive, np.arange(-1.0, self._top + 1)).ravel()
        times = rises[:, None] + np.array([0.0, EDGE, half, half + EDGE])
        return pwl("vcount_clk", "count_clk", times.ravel(), self._volts(np.tile([0, 1, 1, 0], len(rises))))

    def _count(self, bit: int, drive: Drive) -> str:
        """Return a bit of the count: 0, 1, … in each window, all ones at rest."""
        counts = np.arange(self._top + 1)
        changes = self._times(drive, counts.astype(np.float64) - _SETUP)
        after = np.tile(counts >> bit & 1, (len(changes), 1))
        before = np.hstack([np.ones((len(changes), 1), dtype=np.int64), after[:, :-1]])
        times = np.stack([changes, changes + EDGE], axis=2)
        return pwl(
            f"vcount_{bit}", f"count_{bit}", times.ravel(), self._volts(np.stack([before, after], axis=2).ravel())
        )

    def _code(self, node: str, bits: Codes, drive: Drive) -> str:
        """Return a bit of a code, which changes with the first clock of every window."""
        if not bits.any() or bits.all():
            return f"v{node} {node} 0 {spice(float(self._volts(bits[:1])[0]))}\n"
        changes = self._times(drive, np.array([-1.0]))[1:]
        times = np.concatenate([[0.0], np.hstack([changes, changes + EDGE]).ravel()])
        return pwl(f"v{node}", node, times, self._volts(np.repeat(bits, 2)[:-1]))

    def _volts(self, bits: Codes) -> Array:
        return self.driver.build.v_dd * np.asarray(bits, dtype=np.float64)
