"""Which voltage does a layer's read-out make of its weights and inputs, wires left out?

One idea: every read-out here is linear in the word-line voltages, so a layer is one matrix of gains [V/V],
``z = v @ gains``, computed from the signed weights. The same formulas run on NumPy arrays and on PyTorch tensors and
are differentiable in the weights. Wires, finite op-amp gain and output swing are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aimc_spice.device import Device
from aimc_spice.errors import ConfigError
from aimc_spice.netlist.partition import Partition

MTJ = Device.from_resistances(5e3, 15e3, "mtj")
Matrix = Any  # NumPy array or PyTorch tensor


class Readout(Protocol):
    """Turns the signed weights of a layer into gains."""

    def gains(self, layer: int, w: Matrix) -> Matrix:
        """Return z per volt on each row, shape of `w`: (n_in + 1, n_out), bias row last [V/V]."""
        ...


@dataclass(frozen=True)
class IdealReadout:
    """Virtual grounds and exact sums: ``gain = scale * w``.

    Parameters
    ----------
    scale : sequence of float or tensor
        One gain per layer for one unit of weight [V/V]; ``r_f * (g_on - g_off) / n_h`` of a transimpedance read-out.
    """

    scale: Matrix

    def gains(self, layer: int, w: Matrix) -> Matrix:
        """Return ``scale[layer] * w``."""
        return w * self.scale[layer]


@dataclass(frozen=True)
class DiffAmpReadout:
    r"""The resistive differential amplifier of Amin et al. (arXiv 2201.12480), which loads its bit lines.

    ::

        v_wl --[1/g_pos]--+-- p --[r_in]--+-- a          op-amp: V(a) = V(b)
        (all rows)                      [r_f]            out = V(a) - r_f * i_n
                                          |
                                         gnd
        v_wl --[1/g_neg]--+-- n --[r_in]-- b --[r_f]-- out

    Each horizontal partition has its own amplifier; their outputs are tied together and average.

    Parameters
    ----------
    n_h : tuple of int
        Horizontal partitions per layer.
    device : Device
        Weight +1 is (g_on, g_off), -1 is (g_off, g_on).
    r_in : float
        Input resistors [Ω].
    r_f : tuple of float
        Feedback resistors per layer [Ω].
    """

    n_h: tuple[int, ...]
    device: Device = MTJ
    r_in: float = 1e3
    r_f: tuple[float, ...] = (3e4, 3e4, 1e4)

    def __post_init__(self) -> None:
        if len(self.n_h) != len(self.r_f):
            raise ConfigError(
                f"differential amplifier: got {len(self.n_h)} partition counts and {len(self.r_f)} feedback "
                "resistors, wanted one of each per layer"
            )

    def gains(self, layer: int, w: Matrix) -> Matrix:
        """Return the gain of every row to every output, partitions averaged, shape (n_in + 1, n_out) [V/V].

        `w` holds signed weights in [-1, 1].
        """
        member = like(membership(w.shape[0], self.n_h[layer]), w)
        mean, half = (self.device.g_on + self.device.g_off) / 2, (self.device.g_on - self.device.g_off) / 2
        g_pos, g_neg = mean + half * w, mean - half * w
        per_pos, per_neg = transresistances(member @ g_pos, member @ g_neg, self.r_in, self.r_f[layer])
        total = (member.T @ per_pos) * g_pos - (member.T @ per_neg) * g_neg
        return total / self.n_h[layer]


def transresistances(sum_pos: Matrix, sum_neg: Matrix, r_in: float, r_f: float) -> tuple[Matrix, Matrix]:
    """Return the output voltage per short-circuit current of either bit line, ``out = k_pos i_p - k_neg i_n`` [Ω].

    Parameters
    ----------
    sum_pos, sum_neg : array or tensor
        Conductance of all cells on the positive and the negative line [S].
    r_in, r_f : float
        Resistors of the amplifier [Ω].

    Notes
    -----
    A line is a Thevenin source ``i / sum`` behind ``1 / sum``. The positive one is divided down to
    ``V(a) = i_p / sum_pos * r_f / (1 / sum_pos + r_in + r_f)``. The negative one sends
    ``(i_n / sum_neg - V(a)) / (1 / sum_neg + r_in)`` through r_f, away from ``V(b) = V(a)``.
    """
    ratio = r_f / (1 / sum_neg + r_in)
    k_pos = (1 + ratio) * r_f / (1 / sum_pos + r_in + r_f) / sum_pos
    return k_pos, ratio / sum_neg


@lru_cache(maxsize=64)
def membership(n_rows: int, n_h: int) -> NDArray[np.float64]:
    """Return a 0/1 matrix (n_h, n_rows): which rows belong to which horizontal partition."""
    bounds = Partition(n_rows, 1, n_h, 1).row_bounds()
    row = np.arange(n_rows)
    return np.array([(row >= lo) & (row < hi) for lo, hi in pairwise(bounds)], dtype=np.float64)


def like(values: NDArray[np.float64], other: Matrix) -> Matrix:
    """Return `values` as an array or tensor of the kind and type of `other`."""
    if isinstance(other, np.ndarray):
        return values.astype(other.dtype)
    return other.new_tensor(values)
