"""How is a small training set stretched? By moving each image by a few pixels, filling with background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def shifted(x: NDArray[Any], max_shift: int, rng: np.random.Generator) -> NDArray[Any]:
    """Move every square image by its own random offset.

    Parameters
    ----------
    x : ndarray, shape (n, side * side)
        Images, row by row.
    max_shift : int
        Largest move in either direction [pixels].
    rng : Generator
        Draws the offsets.

    Returns
    -------
    ndarray, shape (n, side * side)
        Of the same type.
    """
    side = round(x.shape[1] ** 0.5)
    margin = ((0, 0), (max_shift, max_shift), (max_shift, max_shift))
    padded = np.pad(x.reshape(-1, side, side), margin)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    down, right = rng.integers(0, 2 * max_shift + 1, (2, len(x)))
    moved: NDArray[Any] = windows[np.arange(len(x)), down, right].reshape(len(x), -1)
    return moved
