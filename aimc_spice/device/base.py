"""What is stored in an array: the device's range and one conductance per cell.

A `ConductanceMap` is the single source of conductances: the deck writer, the nodal solver and the evaluator
all read the same object, so a network result can be replayed in SPICE cell by cell. It knows no wires.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DataError, DeviceError, ShapeError
from aimc_spice.units import show

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Device:
    """A two-terminal linear resistive cell.

    Parameters
    ----------
    g_on, g_off : float
        Largest and smallest conductance [S], ``g_on > g_off >= 0``.
    name : str
        For reports.
    """

    g_on: float
    g_off: float
    name: str = "resistive"

    def __post_init__(self) -> None:
        if not (np.isfinite([self.g_on, self.g_off]).all() and self.g_on > self.g_off >= 0):
            raise DeviceError(
                f"device {self.name}: got g_on = {show(self.g_on, 'S')} and g_off = {show(self.g_off, 'S')}, "
                "wanted g_on > g_off >= 0",
                hint="a low-resistance state has the larger conductance: g_on = 1 / r_low",
            )

    @classmethod
    def from_resistances(cls, r_low: float, r_high: float, name: str = "resistive") -> Device:
        """Build from the two resistances [Ω]."""
        if not (r_low > 0 and r_high > 0):
            raise DeviceError(
                f"device {name}: got r_low = {show(r_low, 'Ω')} and r_high = {show(r_high, 'Ω')}, "
                "wanted both above zero"
            )
        return cls(1.0 / r_low, 1.0 / r_high, name)


@dataclass(frozen=True)
class ConductanceMap:
    """Conductances of a differential array, rows = word lines = inputs, columns = outputs.

    Parameters
    ----------
    g_pos, g_neg : ndarray, shape (n_rows, n_cols)
        Conductances of the two cells of each pair [S]; weight ∝ ``g_pos - g_neg``.
    device : Device
        The range they must lie in.
    w_max : float
        The weight that ``g_on - g_off`` stands for.
    has_bias_row : bool
        The last row carries the biases and is driven by a constant.
    """

    g_pos: Array
    g_neg: Array
    device: Device
    w_max: float = 1.0
    has_bias_row: bool = False

    def __post_init__(self) -> None:
        for name in ("g_pos", "g_neg"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        if self.g_pos.ndim != 2 or self.g_pos.shape != self.g_neg.shape or 0 in self.g_pos.shape:
            raise ShapeError(
                f"conductances: got g_pos {self.g_pos.shape} and g_neg {self.g_neg.shape}, "
                "wanted two equal shapes (n_rows, n_cols)"
            )
        for name in ("g_pos", "g_neg"):
            _check_range(name, getattr(self, name), self.device)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_cols), the bias row included."""
        rows, cols = self.g_pos.shape
        return rows, cols

    def weights(self) -> Array:
        """Return the weights that the conductances stand for, shape (n_rows, n_cols)."""
        return (self.g_pos - self.g_neg) * (self.w_max / (self.device.g_on - self.device.g_off))

    def part(self, rows: slice, cols: slice) -> ConductanceMap:
        """Cut out the sub-array of one partition (the bias row goes with the last row)."""
        last = self.has_bias_row and rows.indices(self.shape[0])[1] == self.shape[0]
        return replace(self, g_pos=self.g_pos[rows, cols], g_neg=self.g_neg[rows, cols], has_bias_row=last)

    def digest(self) -> str:
        """Return the SHA-256 of the conductances, for provenance."""
        return hashlib.sha256(self.g_pos.tobytes() + self.g_neg.tobytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Write to a NumPy archive (.npz)."""
        np.savez_compressed(
            path,
            g_pos_S=self.g_pos,
            g_neg_S=self.g_neg,
            device=np.array([self.device.g_on, self.device.g_off]),
            device_name=self.device.name,
            w_max=self.w_max,
            has_bias_row=self.has_bias_row,
        )

    @classmethod
    def load(cls, path: Path) -> ConductanceMap:
        """Read what `save` wrote; raises `DataError` where the file is something else."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                g_on, g_off = map(float, data["device"])
                device = Device(g_on, g_off, str(data["device_name"]))
                return cls(data["g_pos_S"], data["g_neg_S"], device, float(data["w_max"]), bool(data["has_bias_row"]))
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as bad:
            raise DataError(f"{path} is no conductance map", cause=str(bad)) from bad


def _frozen(values: Array) -> Array:
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return copy


def _check_range(name: str, g: Array, device: Device) -> None:
    slack = 1e-9 * device.g_on  # rounding of 1/r and back
    bad = ~((g >= device.g_off - slack) & (g <= device.g_on + slack))  # also catches NaN
    if bad.any():
        row, col = np.argwhere(bad)[0]
        raise DeviceError(
            f"{name}[{row}, {col}] = {show(float(g[row, col]), 'S')} lies outside the range of device "
            f"{device.name}, {show(device.g_off, 'S')} to {show(device.g_on, 'S')} ({bad.sum()} such cells)",
            hint="map weights with device.map_weights, which scales and clips, or widen the device's range",
        )
