"""How can training see wire resistance, at almost no cost?

The wired layer is linear too, so its gains are known exactly for the weights of the moment (`surrogate.operator`).
One idea: between two exact computations, take the differentiable formula without wires times a slope per cell (how
much of the cell's wireless gain survives the wires) plus an offset, both constant. The forward pass is exact right
after an update; the attenuation depends on the place of a cell more than on single weights, so it stays good for
some hundred steps. How a weight changes the attenuation of its neighbours has no gradient here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.adapt.readout import DiffAmpReadout, Matrix, like
from aimc_spice.device import map_weights
from aimc_spice.netlist.partition import Block, Partition
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import LinearPorts, tile_operator

Array = NDArray[np.float64]


@dataclass
class WiredReadout:
    """The differential amplifier behind crossbars with wire resistance.

    Parameters
    ----------
    wireless : DiffAmpReadout
        Device, amplifier and horizontal partitions.
    n_v : tuple of int
        Vertical partitions per layer.
    wire : Wire
        Segment resistances.
    """

    wireless: DiffAmpReadout
    n_v: tuple[int, ...]
    wire: Wire
    _line: dict[int, tuple[Array, Array]] = field(default_factory=dict, init=False, repr=False)

    def gains(self, layer: int, w: Matrix) -> Matrix:
        """Return the gains of signed weights by the latest update, shape (n_in + 1, n_out) [V/V]."""
        gains = self.wireless.gains(layer, w)
        if layer not in self._line:
            return gains
        slope, offset = self._line[layer]
        return gains * like(slope, w) + like(offset, w)

    def update(self, weights: Sequence[NDArray[Any]]) -> None:
        """Compute slopes and offsets anew for the given signed weights, bias rows last."""
        for layer, w in enumerate(weights):
            exact = self.exact_gains(layer, w)
            wireless = self.wireless.gains(layer, np.asarray(w, dtype=np.float64))
            slope = np.clip(exact / wireless, 0.0, 1.0)
            self._line[layer] = slope, exact - slope * wireless

    def exact_gains(self, layer: int, w: NDArray[Any]) -> Array:
        """Return the exact gains of signed weights, shape (n_in + 1, n_out) [V/V]."""
        cells = map_weights(w, self.wireless.device, n_levels=None, w_max=1.0)
        ports = amplifier_ports(self.wireless.r_in, self.wireless.r_f[layer])
        partition = Partition(*cells.shape, self.wireless.n_h[layer], self.n_v[layer])
        gains = np.empty(cells.shape)
        for blocks in _by_shape(partition):
            tiles = [cells.part(block.rows, block.cols) for block in blocks]
            pairs = np.stack([tile.g_pos for tile in tiles]), np.stack([tile.g_neg for tile in tiles])
            for block, operator in zip(blocks, tile_operator(*pairs, self.wire, ports), strict=True):
                gains[block.rows, block.cols] = operator
        return gains / partition.n_h


def amplifier_ports(r_in: float, r_f: float) -> LinearPorts:
    """Return the two ports of the differential amplifier with an ideal op-amp; resistors in Ω."""
    share = r_f / (r_in + r_f)  # V(a) / V(p)
    y = np.array([[1 / (r_in + r_f), 0.0], [-share / r_in, 1 / r_in]])
    return LinearPorts(y, np.array([share * (1 + r_f / r_in), -r_f / r_in]))


def _by_shape(partition: Partition) -> list[list[Block]]:
    groups: dict[tuple[int, int], list[Block]] = defaultdict(list)
    for block in partition.blocks():
        groups[block.shape].append(block)
    return list(groups.values())
