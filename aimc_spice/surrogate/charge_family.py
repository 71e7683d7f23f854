"""How is the closed form of charge mode calibrated like any other family? It fits nothing: it is judged.

One idea: a `Programmer` whose cells are capacitances. The file keeps what the closed form needs.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aimc_spice.device.capacitance import Capacitor
from aimc_spice.errors import FitError
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.charge import ChargeTile
from aimc_spice.surrogate.families.linear import LinearTile

Array = NDArray[np.float64]
_NUMBERS = ("v_read", "r_driver", "c_par", "c_load")


@dataclass(frozen=True)
class ChargeFamily:
    """The capacitive divider of every bit line."""

    tile: ChargeTile
    name: ClassVar[str] = "capacitive divider"

    def program(self, c_pos: Array, c_neg: Array) -> LinearTile:
        """Prepare tiles of capacitances (…, n_rows, n_cols) [F]."""
        return LinearTile(self.tile.v_read * (self.tile.shared(c_pos) - self.tile.shared(c_neg)))

    def save(self, path: Path) -> None:
        """Write the numbers (.npz)."""
        tile = self.tile
        numbers = {name: getattr(tile, name) for name in _NUMBERS}
        wire = [tile.wire.r_wire_wl, tile.wire.r_wire_bl, tile.wire.c_wire_wl, tile.wire.c_wire_bl]
        np.savez(path, size=[tile.n_rows, tile.n_cols], c=[tile.cell.c_on, tile.cell.c_off], wire=wire, **numbers)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; raises `FitError` where it is something else."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                (n_rows, n_cols), (c_on, c_off) = data["size"].tolist(), data["c"].tolist()
                cell, wire = Capacitor(c_on, c_off), Wire(*data["wire"].tolist())
                v_read, r_driver, c_par, c_load = (float(data[name]) for name in _NUMBERS)
                return cls(ChargeTile(n_rows, n_cols, cell, wire, v_read, r_driver, c_par, c_load))
        except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as bad:
            raise FitError(
                f"{path} holds no charge-mode tile", cause=str(bad), hint="calibrate the tile again"
            ) from bad
