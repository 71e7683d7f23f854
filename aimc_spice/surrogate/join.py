"""How are two neighbouring pieces of crossbar made one? Their common nodes are eliminated.

One idea: the interface is a block of nodes with couplings ``x`` (k × t) to the remaining terminals and a symmetric
M-matrix ``s`` among themselves; with ``w s wᵀ = 1`` the star–mesh rule of a whole block is ``c += (w x)ᵀ (w x)``:
two matrix products a join, the second symmetric. Small pieces (a few terminals, thousands of them) go node by node.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from aimc_spice.surrogate.block import BL_FAR, BL_NEAR, GROUND, WL_FAR, WL_NEAR, Array, Block, eliminate, large
from aimc_spice.surrogate.factor import inverse_factor

_SMALL = 24  # terminals after the join up to which elimination node by node is quicker
_ALONG = ((0, WL_NEAR), (0, BL_NEAR), (1, BL_NEAR), (0, BL_FAR), (1, BL_FAR), (1, WL_FAR))
_UP = ((0, WL_NEAR), (1, WL_NEAR), (0, BL_NEAR), (1, BL_FAR), (0, WL_FAR), (1, WL_FAR))


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
    ends = (*lines, ground[0])
    own = (first.part(WL_FAR), second.part(WL_NEAR)) if along else (first.part(BL_FAR), second.part(BL_NEAR))
    small = first.small and second.small and sum(ends) <= _SMALL
    pair = (first, second) if small else (large(first), large(second))
    kept = _runs(pair, _ALONG if along else _UP)
    return Block((_join_small if small else _join_large)(pair, own, kept), ends, small)


def _runs(pair: tuple[Block, Block], order: tuple[tuple[int, int], ...]) -> list[_Run]:
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


def _join_small(pair: tuple[Block, Block], own: tuple[slice, slice], kept: list[_Run]) -> Array:
    xp = pair[0].c.__array_namespace__()
    k = own[0].stop - own[0].start
    n = k + kept[-1].to.stop
    c = xp.zeros((n, n, *pair[0].c.shape[2:]), dtype=pair[0].c.dtype)
    for which, block in enumerate(pair):
        c[:k, :k, ...] += block.c[own[which], own[which], ...]
        mine = [run for run in kept if run.which == which]
        for a, b in product(mine, repeat=2):
            if a.to.start <= b.to.start:
                c[_after(a.to, k), _after(b.to, k), ...] = block.c[a.source, b.source, ...]
        for run in mine:
            c[:k, _after(run.to, k), ...] += _above(block.c, own[which], run.source)
    return eliminate(c, k)


def _join_large(pair: tuple[Block, Block], own: tuple[slice, slice], kept: list[_Run]) -> Array:
    xp = pair[0].c.__array_namespace__()
    rows = [block.c[..., side, :] for block, side in zip(pair, own, strict=True)]
    among = rows[0][..., own[0]] + rows[1][..., own[1]]
    w = inverse_factor(xp.sum(rows[0], axis=-1) + xp.sum(rows[1], axis=-1), among)
    lines = [rows[run.which][..., run.source] for run in kept]
    if pair[0].ends[GROUND]:
        lines[-2:] = [lines[-2] + lines[-1]]
    x = w @ xp.concat(lines, axis=-1)
    c: Array = xp.matmul(x.mT, x)
    for a, b in product(kept, repeat=2):
        if a.which == b.which:
            c[..., a.to, b.to] += pair[a.which].c[..., a.source, b.source]
    n = c.shape[-1]
    xp.reshape(c, (*c.shape[:-2], n * n), copy=False)[..., :: n + 1] = 0
    return c


def _above(c: Array, rows: slice, columns: slice) -> Array:
    """Return couplings of which only those above the diagonal are kept."""
    if rows.start < columns.start:
        return c[rows, columns, ...]
    found: Array = c.__array_namespace__().moveaxis(c[columns, rows, ...], 0, 1)
    return found


def _after(place: slice, k: int) -> slice:
    return slice(place.start + k, place.stop + k)
