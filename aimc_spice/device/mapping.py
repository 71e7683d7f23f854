"""How does a weight become a pair of conductances, and back?

One idea: a weight w in [-w_max, w_max] sits on the difference of two cells of one device; multi-level devices
round to equally spaced levels. Programming noise, drift and faults are not applied here.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from aimc_spice.device.base import Array, ConductanceMap, Device
from aimc_spice.errors import DeviceError, ShapeError

Zero = Literal["off", "on"]


def map_weights(
    weights: ArrayLike,
    device: Device,
    *,
    bias: ArrayLike | None = None,
    n_levels: int | None = 2,
    zero: Zero = "on",
    w_max: float | None = None,
) -> ConductanceMap:
    """Map a weight matrix, and a bias row below it, onto differential pairs.

    Parameters
    ----------
    weights : array_like, shape (n_in, n_out)
        Finite weights.
    device : Device
        The cell.
    bias : array_like, shape (n_out,), optional
        Becomes the last row, to be driven by a constant.
    n_levels : int or None
        Levels of one cell, both ends included. 2 holds binary and ternary weights, larger holds multi-level
        weights (``2 * n_levels - 1`` values), None is continuous. Weights are rounded to the nearest level.
    zero : {"on", "off"}
        Which state both cells of a zero weight take; Amin et al. use the low-resistance one, "on".
    w_max : float, optional
        The weight of a fully differential pair; default the largest magnitude present.

    Returns
    -------
    ConductanceMap
        With ``weights()`` equal to the rounded weights.

    Raises
    ------
    ShapeError, DeviceError
        A wrong shape; a weight that is not finite or beyond `w_max`; fewer than two levels.
    """
    states, limit = pair_states(weights, bias=bias, n_levels=n_levels, zero=zero, w_max=w_max)
    g_pos, g_neg = ((1 - state) * device.g_off + state * device.g_on for state in states)  # exact at both ends
    return ConductanceMap(g_pos, g_neg, device, limit, bias is not None)


def pair_states(
    weights: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    n_levels: int | None,
    zero: Zero,
    w_max: float | None,
) -> tuple[tuple[Array, Array], float]:
    """Return the states of both cells of every pair, 0 is off and 1 is on, and the weight of a full pair.

    Parameters and errors as in `map_weights`; any kind of cell may be set to the states.
    """
    matrix = _stack(weights, bias)
    limit = float(np.abs(matrix).max()) if w_max is None else w_max
    limit = limit or 1.0  # all weights zero
    if np.abs(matrix).max() > limit * (1 + 1e-12):
        raise DeviceError(
            f"a weight of {np.abs(matrix).max():.4g} is beyond w_max = {limit:.4g}",
            hint="raise w_max or clip",
        )
    if n_levels is not None and n_levels < 2:
        raise DeviceError(f'n_levels: got {n_levels}, wanted at least 2 (None is continuous; in a study "continuous")')
    scaled = matrix / limit
    if n_levels is not None:
        scaled = np.round(scaled * (n_levels - 1)) / (n_levels - 1)
    up, down = np.maximum(scaled, 0), np.maximum(-scaled, 0)
    return ((up, down) if zero == "off" else (1 - down, 1 - up)), limit


def _stack(weights: ArrayLike, bias: ArrayLike | None) -> Array:
    matrix = np.asarray(weights, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ShapeError(f"weights: got shape {matrix.shape}, wanted (n_in, n_out)")
    if bias is not None:
        row = np.asarray(bias, dtype=np.float64)
        if row.shape != matrix.shape[1:]:
            raise ShapeError(f"bias: got shape {row.shape}, wanted ({matrix.shape[1]},), one per output")
        matrix = np.vstack([matrix, row])
    if not np.isfinite(matrix).all():
        raise DeviceError(f"weights: {np.count_nonzero(~np.isfinite(matrix))} of them are not finite")
    return matrix
