"""What drives lines without any circuit: sources of any waveform."""

from __future__ import annotations

from dataclasses import dataclass

from aimc_spice.netlist.base import Part
from aimc_spice.netlist.drivers import Array, voltages
from aimc_spice.netlist.rows.base import Drive, Feeds


@dataclass(frozen=True)
class IdealRows:
    """Ideal sources of any waveform."""

    @property
    def r_out(self) -> float:
        """See `RowDrivers`."""
        return 0.0

    def lead(self, t_on: float) -> float:  # noqa: ARG002
        """See `RowDrivers`."""
        return 0.0

    def levels(self, drive: Drive) -> Array:
        """See `RowDrivers`."""
        return drive.v_read * drive.levels

    def definitions(self, drive: Drive) -> tuple[Part, ...]:  # noqa: ARG002
        """See `RowDrivers`."""
        return ()

    def circuit(self, drive: Drive) -> Part:
        """See `RowDrivers`."""
        nodes = [f"wl_{r}" for r in drive.rows]
        return voltages(nodes, drive.planes, drive.windows, v_read=drive.v_read, v_ref=drive.v_rest)

    def feeds(self, drive: Drive) -> Feeds:  # noqa: ARG002
        """See `RowDrivers`."""
        return Feeds()
