"""What is a whole crossbar between its terminals? Halves of halves, joined.

One idea: nested dissection of the grid. Pieces of a few cells (`leaf`) are joined pairwise into blocks, blocks into
larger ones, all equal blocks at once, so the cost is O(n³) flops in matrix products where sweeping column by column
costs O(n⁴). Blocks at the far ends of the lines are kept apart: they may be smaller, and their dangling ends are gone
from the start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from aimc_spice.surrogate.block import Array, Block
from aimc_spice.surrogate.join import join
from aimc_spice.surrogate.leaf import Shape, leaves

_LEAF, _LEAF_ELSEWHERE = 8, 4  # terminals of an end of a leaf: compiled, and by other libraries, where steps cost


@dataclass(frozen=True)
class _Grid:
    """Blocks by (at the far end of the bit lines, at the far end of the word lines); `n_up` × `n_along` with them."""

    blocks: dict[tuple[bool, bool], Block]
    n_up: int
    n_along: int

    @property
    def along_next(self) -> bool:
        """Whether joining along the word lines comes next: blocks stay square in terminals."""
        wl, bl, *_ = next(iter(self.blocks.values())).ends
        return self.n_up == 1 or (self.n_along > 1 and bl <= wl)

    def halved(self, *, along: bool) -> _Grid:
        """Join neighbours along one direction; an odd one stays for the next round."""
        n = self.n_along if along else self.n_up
        found = {}
        for other in (False, True):
            far, inner = ((d, other) if not along else (other, d) for d in (True, False))
            last = self.blocks.get(far)
            if last is None:
                continue
            rest = self.blocks.get(inner)
            pairs = (n - 1) // 2
            if rest is not None and pairs:
                found[inner] = join(*(_every(rest, i, 2 * pairs, along) for i in (0, 1)), along=along)
            found[far] = last
            if rest is not None and n % 2 == 0:
                found[far] = join(_from(rest, n - 2, along), last, along=along)
        return _Grid(found, self.n_up if along else -(-n // 2), -(-n // 2) if along else self.n_along)


def reduce(
    g: Array,
    y_wl: Array,
    y_bl: Array,
    *,
    wl_far: bool = False,
    bl_far: bool = False,
    leak: tuple[Array, Array] | None = None,
) -> Block:
    """Eliminate all inner nodes of crossbars of equal shape.

    Parameters
    ----------
    g : ndarray, shape (n_tiles, n_up, n_along, n_lines)
        Conductances [S]; n_up counts from the near ends of the bit lines, n_along from those of the word lines.
    y_wl, y_bl : ndarray, shape (n_up, n_along)
        Conductances [S] of the segments on the near side of each cell.
    wl_far, bl_far : bool
        Keep the far ends as terminals.
    leak : tuple of ndarray, each (n_tiles, 1, 1), optional
        Conductance [S] to ground of every word-line and of every bit-line node; ground is then the last terminal.
    """
    n_up, n_along, n_lines = g.shape[1:]
    most = _LEAF if isinstance(g, np.ndarray) else _LEAF_ELSEWHERE
    sizes = most, max(1, most // n_lines)
    ups, alongs = _cut(n_up, sizes[0]), _cut(n_along, sizes[1])
    blocks = {}
    for (top, (u, up)), (end, (a, along)) in product(ups.items(), alongs.items()):
        shape = Shape(up, along, n_lines, wl_far or not end, bl_far or not top, leaks=leak is not None)
        blocks[top, end] = leaves(g[:, u, a, :], y_wl[u, a], y_bl[u, a], shape, leak)
    grid = _Grid(blocks, -(-n_up // sizes[0]), -(-n_along // sizes[1]))
    while grid.n_up * grid.n_along > 1:
        grid = grid.halved(along=grid.along_next)
    return grid.blocks[True, True]


def _cut(n: int, size: int) -> dict[bool, tuple[slice, int]]:
    """Return where the pieces of a line of `n` cells are, and their size: the last one (True), the others if any."""
    last = n % size or min(n, size)
    found = {True: (slice(n - last, n), last)}
    if n > last:
        found[False] = (slice(0, n - last), size)
    return found


def _every(block: Block, first: int, stop: int, along: bool) -> Block:
    picked = slice(first, stop, 2)
    return replace(block, along=picked) if along else replace(block, up=picked)


def _from(block: Block, start: int, along: bool) -> Block:
    picked = slice(start, start + 1)
    return replace(block, along=picked) if along else replace(block, up=picked)
