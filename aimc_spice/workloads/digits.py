"""Which data does the quick start use, without any download?

The 1,797 handwritten digits bundled with scikit-learn (UCI "Optical Recognition of Handwritten Digits", 8×8, 16 grey
levels), resampled to the 20×20 inputs of the MNIST network. It is a small, easy task: not comparable with MNIST.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.rng import stream
from aimc_spice.workloads.base import Inputs, Workload

N_TRAIN = 1437
SIDE = 20


def digits(threshold: float | None = 0.5) -> Workload:
    """Return the digits as 20×20 images.

    Parameters
    ----------
    threshold : float or None
        A pixel is 1 where it lies above this share of full ink; None keeps the grey levels in [0, 1].

    Returns
    -------
    Workload
        1,437 training and 360 test images of 400 inputs; the split is always the same.
    """
    images, labels = _bundled()
    grey = upsample(images / 16.0, SIDE).reshape(len(images), -1)
    x: Inputs = grey if threshold is None else grey > threshold
    order = stream(0, "workloads", "digits", "split").permutation(len(x))
    train, test = order[:N_TRAIN], order[N_TRAIN:]
    return Workload("digits", x[train], labels[train], x[test], labels[test])


def upsample(images: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Resample square images bilinearly, corners on corners.

    Parameters
    ----------
    images : ndarray, shape (n, k, k)
        Square images.
    side : int
        Pixels wanted per side, at least 2.

    Returns
    -------
    ndarray, shape (n, side, side)
        Within the range of the given values.
    """
    weights = _interpolation(images.shape[1], side)
    result: NDArray[np.float64] = np.einsum("ai,nij,bj->nab", weights, images, weights, optimize=True)
    return np.clip(result, images.min(), images.max())


def _interpolation(old: int, new: int) -> NDArray[np.float64]:
    at = np.linspace(0, old - 1, new)
    return np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(old)))


def _bundled() -> tuple[NDArray[Any], NDArray[np.int64]]:
    from sklearn.datasets import load_digits  # noqa: PLC0415  slow to import, wanted here alone

    data = load_digits()
    return np.asarray(data.images), np.asarray(data.target, dtype=np.int64)
