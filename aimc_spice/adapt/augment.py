"""How is a small training set stretched? By moving, mirroring and masking each sample at random."""

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


def moved(x: NDArray[Any], pad: tuple[int, int], rng: np.random.Generator) -> NDArray[Any]:
    """Move every image (n, channels, height, width) by up to `pad` = (rows, columns), repeating its border."""
    (down, right), (n, channels, height, width) = pad, x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (down, down), (right, right)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    rows, columns = rng.integers(0, 2 * down + 1, (n, 1)), rng.integers(0, 2 * right + 1, (n, 1))
    picked: NDArray[Any] = windows[np.arange(n)[:, None], np.arange(channels), rows, columns]
    return picked


def mirrored(x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Mirror half of the images (n, channels, height, width) left to right."""
    chosen = rng.random(len(x)) < 0.5
    return np.where(chosen[:, None, None, None], x[..., ::-1], x)


def masked(x: NDArray[Any], rows: int, columns: int, rng: np.random.Generator) -> NDArray[Any]:
    """Set a random band of up to `rows` rows and one of up to `columns` columns to zero in every image.

    SpecAugment (arXiv 1904.08779), on images (n, channels, height, width).
    """
    n, _, height, width = x.shape
    hidden = np.zeros((n, height, width), dtype=np.bool_)
    hidden |= _bands(n, height, rows, rng)[:, :, None]
    hidden |= _bands(n, width, columns, rng)[:, None, :]
    return np.where(hidden[:, None], np.zeros((), x.dtype), x)


def _bands(n: int, length: int, most: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return one random run of up to `most` True values a row, shape (n, length)."""
    size, start = rng.integers(0, most + 1, (n, 1)), rng.integers(0, length - most + 1, (n, 1))
    at = np.arange(length)
    return np.asarray((at >= start) & (at < start + size))
