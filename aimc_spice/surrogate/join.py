"""How are two neighbouring pieces of crossbar made one? Their common nodes are eliminated.

One idea: the interface is a block of nodes with couplings ``x`` (k × t) to the remaining terminals and a symmetric
M-matrix ``s`` among themselves; with ``w s wᵀ = 1`` the star–mesh rule of a whole block is ``c += (w x)ᵀ (w x)``:
two matrix products a join, the second symmetric. Small joins of NumPy arrays are compiled (`kernels`).
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from aimc_spice.surrogate.block import BL_FAR, BL_NEAR, GROUND, WL_FAR, WL_NEAR, Array, Block, namespace
from aimc_spice.surrogate.factor import inverse_factor
from aimc_spice.surrogate.kernels import join_pieces

_COMPILED = 64  # common nodes up to which elimination node by node is quicker than BLAS
_ALONG = ((0, WL_NEAR), (0, BL_NEAR), (1, BL_NEAR), (0, BL_FAR), (1, BL_FAR), (1, WL_FAR))
_UP = ((0, WL_NEAR), (1, WL_NEAR), (0, BL_NEAR), (1, BL_FAR), (0, WL_FAR), (1, WL_FAR))
Pair = tuple[Block, Block]


class _Run(NamedTuple):
    """Terminals of the first (0) or second (1) block that stay side by side: where they were, where they go."""

    which: int
    source: slice
    to: slice


def join(first: Block, second: Block, *, along: bool) -> Block:
    """Join blocks pairwise, along the word lines or (`along` False) along the bit lines.

    Parameters
    ----------
    first, second : Block
        Of equal grids; the far ends of the first meet the near ends of the second.
    along : bool
        Direction.
    """
    wl, bl, bl_on, wl_on, ground = zip(first.ends, second.ends, strict=True)
    lines = (wl[0], sum(bl), sum(bl_on), wl_on[1]) if along else (sum(wl), bl[0], bl_on[1], sum(wl_on))
    own = (first.part(WL_FAR), second.part(WL_NEAR)) if along else (first.part(BL_FAR), second.part(BL_NEAR))
    compiled = isinstance(first.c, np.ndarray) and own[0].stop - own[0].start <= _COMPILED
    pair = (first, second)
    c = (_join_compiled if compiled else _join)(pair, own, _runs(pair, _ALONG if along else _UP))
    return Block(c, (*lines, ground[0]))


def _runs(pair: Pair, order: tuple[tuple[int, int], ...]) -> list[_Run]:
    """Return how the terminals are laid out after a join."""
    found: list[_Run] = []
    stop = 0
    for which, end in order:
        source = pair[which].part(end)
        start, stop = stop, stop + source.stop - source.start
        last = found[-1] if found else None
        if last and last.which == which and last.source.stop == source.start:
            found[-1] = _Run(which, slice(last.source.start, source.stop), slice(last.to.start, stop))
        else:
            found.append(_Run(which, source, slice(start, stop)))
    if pair[0].ends[GROUND]:  # one for both
        found += [_Run(which, block.part(GROUND), slice(stop, stop + 1)) for which, block in enumerate(pair)]
    return found


def _join_compiled(pair: Pair, own: tuple[slice, slice], kept: list[_Run]) -> Array:
    t, grid = kept[-1].to.stop, pair[0].pieces.shape[:3]
    c = np.empty((*grid, t, t), pair[0].c.dtype)
    chosen = [[*block.up.indices(block.c.shape[1])[::2], *block.along.indices(block.c.shape[2])[::2]] for block in pair]
    runs = [(run.which, run.source.start, run.to.start, run.to.stop - run.to.start) for run in kept]
    starts, k = [side.start for side in own], own[0].stop - own[0].start
    join_pieces(pair[0].c, pair[1].c, (np.array(chosen), np.array(starts), np.array(runs)), k, c)
    return c


def _join(pair: Pair, own: tuple[slice, slice], kept: list[_Run]) -> Array:
    xp = namespace(pair[0].c)
    pieces = [block.pieces for block in pair]
    rows = [c[..., side, :] for c, side in zip(pieces, own, strict=True)]
    among = rows[0][..., own[0]] + rows[1][..., own[1]]
    w = inverse_factor(xp.sum(rows[0], axis=-1) + xp.sum(rows[1], axis=-1), among)
    lines = [rows[run.which][..., run.source] for run in kept]
    if pair[0].ends[GROUND]:
        lines[-2:] = [lines[-2] + lines[-1]]
    x = w @ xp.concat(lines, axis=-1)
    c: Array = xp.matmul(x.mT, x)
    for a, b in product(kept, repeat=2):
        if a.which == b.which:
            c[..., a.to, b.to] += pieces[a.which][..., a.source, b.source]
    n = c.shape[-1]
    xp.reshape(c, (*c.shape[:-2], n * n), copy=False)[..., :: n + 1] = 0
    return c
