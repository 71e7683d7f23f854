"""What is a labelled data set here? Inputs, outputs, their units, and the decks they came from.

Kept as netCDF through xarray. It does not simulate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from aimc_spice.errors import DatasetError, ShapeError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Dataset:
    """Samples of an input–output relation.

    Parameters
    ----------
    x, y : ndarray, shapes (n, n_x), (n, n_y)
        Inputs and outputs, SI.
    x_unit, y_unit : str
        Their units.
    decks : tuple of str
        SHA-256 of every deck that contributed.
    simulator : str
        Which simulator produced it.
    """

    x: Array
    y: Array
    x_unit: str
    y_unit: str
    decks: tuple[str, ...]
    simulator: str

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.y.ndim != 2 or len(self.x) != len(self.y):
            raise ShapeError(f"data set: got x {self.x.shape} and y {self.y.shape}, wanted (n, n_x) and (n, n_y)")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise DatasetError("data set: a value is not finite")

    def save(self, path: Path) -> None:
        """Write to netCDF."""
        data = xr.Dataset({"x": (("sample", "n_x"), self.x), "y": (("sample", "n_y"), self.y)})
        data["x"].attrs["units"], data["y"].attrs["units"] = self.x_unit, self.y_unit
        data.attrs = {"decks": " ".join(self.decks), "simulator": self.simulator}
        data.to_netcdf(path, engine="h5netcdf")

    @classmethod
    def load(cls, path: Path) -> Dataset:
        """Read what `save` wrote; raises `DatasetError` where it is damaged."""
        try:
            with xr.open_dataset(path, engine="h5netcdf") as data:
                x, y = np.asarray(data["x"].values), np.asarray(data["y"].values)
                units = data["x"].attrs["units"], data["y"].attrs["units"]
                return cls(x, y, *units, tuple(data.attrs["decks"].split()), data.attrs["simulator"])
        except (OSError, KeyError, ValueError) as bad:
            raise DatasetError(f"{path} holds no readable data set", cause=str(bad)) from bad
