"""How large are the arrays and what surrounds them?

The area formula of IMAC-Sim (arXiv 2304.09252): cells times their pitch, plus a fixed area per line of each sub-array
for switches and drivers. It counts no amplifiers, neurons or routing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aimc_spice.netlist.partition import Partition


@dataclass(frozen=True)
class Area:
    """Areas [m²]."""

    array: float
    periphery: float


def area(partitions: Sequence[Partition], pitch_wl: float, pitch_bl: float, per_line: float) -> Area:
    """Return the areas of all sub-arrays.

    Parameters
    ----------
    partitions : sequence of Partition
        One a layer, bias row included.
    pitch_wl, pitch_bl : float
        Cell width and length [m]; a differential pair counts as one cell, as published.
    per_line : float
        Periphery per row and column [m²].
    """
    shapes = [block.shape for partition in partitions for block in partition.blocks()]
    return uniform_area(shapes, pitch_wl, pitch_bl, per_line)


def uniform_area(shapes: Sequence[tuple[int, int]], pitch_wl: float, pitch_bl: float, per_line: float) -> Area:
    """Return the areas of sub-arrays of the given (n_rows, n_cols).

    67 sub-arrays of 32 × 32 at 108 nm × 135 nm and 0.56 µm² a line give 1000.3 µm² + 2401.3 µm², as published.
    """
    array = pitch_wl * pitch_bl * sum(rows * cols for rows, cols in shapes)
    return Area(array, per_line * sum(rows + cols for rows, cols in shapes))
