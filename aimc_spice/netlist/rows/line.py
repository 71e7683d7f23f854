"""What drives a line that has two levels: a line driver a row, with a bit as its input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.base import Lines, Part
from aimc_spice.netlist.drivers import Array
from aimc_spice.netlist.rows.base import DRIVERS, LOGIC, Drive, Feeds
from aimc_spice.netlist.rows.build import Build


@dataclass(frozen=True)
class LineDriver:
    """One ``line_driver``, ports in and out, from the resting voltage to `v_read` above it.

    Parameters
    ----------
    r_out : float
        Output resistance [Ω]: of the equations; with transistors what judges reckon with.
    t_rise : float
        Of the equations, 10 % to 90 % [s].
    w : float
        Width of the transistors [m]: 20 µm have 49 Ω at 0.2 V, 105 Ω from 0.9 V to 1.1 V.
    build : Build
        Level.
    """

    r_out: float = 105.0
    t_rise: float = 1e-10
    w: float = 2e-5
    build: Build = field(default_factory=Build)

    def definitions(self) -> tuple[Part, ...]:
        """Return its file, and what is below it."""
        return self.build.definitions("line_driver")

    def call(self, drive: Drive) -> str:
        """Return what follows the nodes of an instance."""
        high = drive.v_rest + drive.v_read
        self.build.check_rails("line drivers", drive.v_rest, high)
        equations = {"r_out": self.r_out, "t_rise": self.t_rise}
        both = {"v_low": drive.v_rest, "v_high": high, "v_dd": self.build.v_dd}
        return self.build.call("line_driver", both=both, equations=equations, mos={"w": self.w})

    def feeds(self, paths: Sequence[str], drive: Drive) -> Feeds:
        """Return whose energy goes into the instances at these paths, one a row; resting lines take none."""
        if not self.build.mos:
            return Feeds(sources={DRIVERS: [(f"vin_{r}", f"{path}.y") for r, path in enumerate(paths)]})
        high = [(f"v.{path}.vhigh", drive.v_read) for path in paths]
        return Feeds(supplies={DRIVERS: high, LOGIC: [(f"v.{path}.vdd", self.build.v_dd) for path in paths]})


@dataclass(frozen=True)
class SerialRows:
    """A line driver a row: levels of zero or one, as of `inputs.BitSerial`.

    Parameters
    ----------
    driver : LineDriver
        Of every row.
    """

    driver: LineDriver = field(default_factory=LineDriver)

    @property
    def r_out(self) -> float:
        """See `RowDrivers`."""
        return self.driver.r_out

    def lead(self, t_on: float) -> float:  # noqa: ARG002
        """See `RowDrivers`."""
        return 0.0

    def levels(self, drive: Drive) -> Array:
        """See `RowDrivers`."""
        if drive.planes.timed or not np.isin(drive.levels, (0.0, 1.0)).all():
            raise NetlistError("line drivers give one voltage or none", hint="the encoding BitSerial")
        return drive.v_read * drive.levels

    def definitions(self, drive: Drive) -> tuple[Part, ...]:  # noqa: ARG002
        """See `RowDrivers`."""
        return self.driver.definitions()

    def circuit(self, drive: Drive) -> Part:
        """See `RowDrivers`."""
        high, call = self.levels(drive) != 0, self.driver.call(drive)
        v_dd = self.driver.build.v_dd
        rows = (
            drive.train(f"bit_{r}", high[:, r].astype(float), v_dd) + joined(r, f"bit_{r}", call) for r in drive.rows
        )
        return Lines("".join(rows))

    def feeds(self, drive: Drive) -> Feeds:
        """See `RowDrivers`."""
        return self.driver.feeds([f"xd_{r}" for r in drive.rows], drive)


def joined(row: int, inputs: str, call: str) -> str:
    """Return the driver of a row and the source of 0 V that shows its current."""
    return f"xd_{row} {inputs} drv_{row} {call}\nvin_{row} wl_{row} drv_{row} 0\n"
