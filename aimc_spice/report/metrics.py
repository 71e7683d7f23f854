"""What do SPICE waveforms say about agreement, error, power and settling?

Small functions on arrays; none of them reads a file or knows a circuit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import MeasurementFailed, ShapeError

Array = NDArray[np.float64]


def agreement(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Fraction of equal labels of two (n,) arrays."""
    if first.shape != second.shape or not first.size:
        raise ShapeError(f"labels: got {first.shape} and {second.shape}, wanted two equal (n,)")
    return float(np.mean(first == second))


def rms_of_full_scale(got: Array, wanted: Array, full_scale: float) -> float:
    """Rms difference as a fraction of `full_scale`."""
    return float(np.sqrt(np.mean((got - wanted) ** 2)) / full_scale)


def settling_time(time: Array, waves: Array, *, within: float, full_scale: float) -> float:
    """Time after which every wave stays within a fraction of full scale of its last value [s].

    Parameters
    ----------
    time : ndarray, shape (n,)
        Seconds, ascending, from the input edge.
    waves : ndarray, shape (n, n_waves)
        Voltages [V].
    within : float
        Band as a fraction of `full_scale` [V].

    Raises
    ------
    MeasurementFailed
        Some wave is still moving at the end, so the window is too short.
    """
    excess = np.abs(waves - waves[-1]).max(axis=1) - within * full_scale  # of the wave farthest from its last value
    last = int(np.flatnonzero(excess > 0)[-1]) if (excess > 0).any() else -1
    if last < 0:
        return 0.0
    if time[last] > time[0] + 0.9 * (time[-1] - time[0]):
        raise MeasurementFailed(
            f"not settled: still moving by more than {within:.2%} of full scale at {time[last]:.3g} s "
            f"of {time[-1]:.3g} s",
            hint="raise t_stop; where the wave jumps up and down from point to point lower t_step: the trapezoidal "
            "rule of ngspice rings on steps far above the wires' RC",
        )
    crossing = excess[last] / (excess[last] - excess[last + 1])  # between two points of the simulator
    return float(time[last] + crossing * (time[last + 1] - time[last]) - time[0])


def mean_over_time(time: Array, values: Array) -> float:
    """Time average of `values` (n,) on uneven points (trapezoidal)."""
    return float(np.trapezoid(values, time) / (time[-1] - time[0]))
