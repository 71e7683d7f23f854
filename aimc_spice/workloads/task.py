"""What is a task of any shape: images, spectrograms or token ids, and what is wanted for each.

Unlike a `Workload`, whose rows drive word lines as they are, samples here are what a network's first layer reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DataError, ShapeError

Array = NDArray[Any]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """Samples and targets, split into a training and a test part.

    Parameters
    ----------
    name : str
        For reports.
    x_train, x_test : ndarray of float32 or int64, shape (n, …)
        What the network reads.
    y_train, y_test : ndarray of int64, shape (n,) or (n, T)
        Classes, counted from 0; one per sample, or one per token.

    Raises
    ------
    ShapeError, DataError
        Parts that do not fit together; values that are not finite.
    """

    name: str
    x_train: Array
    y_train: Labels
    x_test: Array
    y_test: Labels

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if not len(x) or len(x) != len(y) or x.shape[1:] != self.x_test.shape[1:]:
                raise ShapeError(
                    f"{self.name}, {part} part: got samples {x.shape} and targets {y.shape}, "
                    f"wanted (n, {', '.join(map(str, self.x_test.shape[1:]))}) and one target each"
                )
            if not np.isfinite(x).all():
                raise DataError(f"{self.name}, {part} part: {np.count_nonzero(~np.isfinite(x))} values are not finite")
            object.__setattr__(self, f"x_{part}", _frozen(x))
            object.__setattr__(self, f"y_{part}", _frozen(y))


def _frozen(values: Array) -> Array:
    """Return a view that cannot be written through; the caller's array stays as it is."""
    view = values.view()
    view.setflags(write=False)
    return view
