"""What is a whole crossbar between its terminals? Halves of halves, joined.

One idea: nested dissection of the grid. Cells are joined pairwise into blocks, blocks into larger ones, all equal
blocks at once, so the cost is O(n³) flops in matrix products where sweeping column by column costs O(n⁴). Blocks at the
far ends of the lines are kept apart: they may be smaller, and their dangling ends are gone from the start.
"""

from __future__ import annotations

from dataclasses import dataclass

from aimc_spice.surrogate.block import Array, Block, cells, large
from aimc_spice.surrogate.join import join


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
    n_up, n_along = g.shape[1:3]
    ups = {True: slice(n_up - 1, n_up), False: slice(0, n_up - 1)}
    alongs = {True: slice(n_along - 1, n_along), False: slice(0, n_along - 1)}
    blocks = {
        (top, end): cells(
            g[:, u, a, :], y_wl[u, a], y_bl[u, a], wl_far=wl_far or not end, bl_far=bl_far or not top, leak=leak
        )
        for top, u in ups.items()
        for end, a in alongs.items()
        if u.stop > u.start and a.stop > a.start
    }
    grid = _Grid(blocks, n_up, n_along)
    while grid.n_up * grid.n_along > 1:
        grid = grid.halved(along=grid.along_next)
    return large(grid.blocks[True, True])


def _every(block: Block, first: int, stop: int, along: bool) -> Block:
    picked, whole = slice(first, stop, 2), slice(None)
    return block.pick(whole, picked) if along else block.pick(picked, whole)


def _from(block: Block, start: int, along: bool) -> Block:
    picked, whole = slice(start, start + 1), slice(None)
    return block.pick(whole, picked) if along else block.pick(picked, whole)
