"""What is a workload: images to classify, split into a training and a test part.

One image is one row of inputs, ready to drive word lines. It trains nothing and knows no circuit.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DataError, ShapeError

Inputs = NDArray[Any]
Labels = NDArray[np.int64]
_FIELDS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Workload:
    """A classification task.

    Parameters
    ----------
    name : str
        For reports.
    x_train, x_test : ndarray of bool or float, shape (n, n_inputs)
        Inputs in [0, 1]; bool where the images are binarised. Times vdd they are word-line voltages.
    y_train, y_test : ndarray of int64, shape (n,)
        Classes, counted from 0.

    Raises
    ------
    ShapeError, DataError
        Images and labels that do not fit together; inputs outside [0, 1] or not finite; labels below zero.
    """

    name: str
    x_train: Inputs
    y_train: Labels
    x_test: Inputs
    y_test: Labels

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = _inputs(getattr(self, f"x_{part}")), _labels(getattr(self, f"y_{part}"))
            _check_pair(f"workload {self.name}, {part} part", x, y)
            object.__setattr__(self, f"x_{part}", x)
            object.__setattr__(self, f"y_{part}", y)
        if self.x_train.shape[1] != self.x_test.shape[1]:
            raise ShapeError(
                f"workload {self.name}: got {self.x_train.shape[1]} inputs in training and "
                f"{self.x_test.shape[1]} in test, wanted equal numbers"
            )

    @property
    def n_inputs(self) -> int:
        """Inputs of one image."""
        return int(self.x_train.shape[1])

    @property
    def n_classes(self) -> int:
        """Number of classes: one more than the largest label."""
        return int(max(self.y_train.max(), self.y_test.max())) + 1

    def digest(self) -> str:
        """Return the SHA-256 of inputs and labels, for provenance."""
        return hashlib.sha256(b"".join(getattr(self, field).tobytes() for field in _FIELDS)).hexdigest()

    def save(self, path: Path) -> None:
        """Write to a NumPy archive (.npz)."""
        np.savez_compressed(path, name=self.name, **{field: getattr(self, field) for field in _FIELDS})

    @classmethod
    def load(cls, path: Path) -> Workload:
        """Read what `save` wrote; raises `DataError` where the file is something else."""
        try:
            with Path(path).open("rb") as file, np.load(file) as data:
                return cls(str(data["name"]), *(data[field] for field in _FIELDS))
        except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as bad:
            raise DataError(f"{path} is no workload", cause=str(bad)) from bad


def _inputs(values: Inputs) -> Inputs:
    kind = np.bool_ if np.asarray(values).dtype == np.bool_ else np.float64
    return _frozen(np.array(values, dtype=kind))


def _labels(values: Labels) -> Labels:
    return _frozen(np.array(values, dtype=np.int64))


def _frozen(values: NDArray[Any]) -> NDArray[Any]:
    values.setflags(write=False)
    return values


def _check_pair(where: str, x: Inputs, y: Labels) -> None:
    if x.ndim != 2 or 0 in x.shape or y.shape != x.shape[:1]:
        raise ShapeError(
            f"got inputs of shape {x.shape} and labels of shape {y.shape}, wanted (n, n_inputs) and (n,)", where=where
        )
    if not ((x >= 0) & (x <= 1)).all():  # also catches NaN
        raise DataError("got inputs outside [0, 1] or not finite", where=where, hint="divide 8-bit images by 255")
    if y.min() < 0:
        raise DataError(f"got the label {y.min()}, wanted classes counted from 0", where=where)
