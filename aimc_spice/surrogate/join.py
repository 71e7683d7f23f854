"""How are two neighbouring pieces of crossbar made one? Their common nodes are eliminated.

One idea: the interface is a block of nodes with couplings ``x`` (k × t) to the remaining terminals and a symmetric
M-matrix ``s`` among themselves; with ``w s wᵀ = 1`` the star–mesh rule of a whole block is ``c += (w x)ᵀ (w x)``:
two matrix products a join, the second symmetric. Small pieces (a few terminals, thousands of them) go node by node.
"""

from __future__ import annotations

from itertools import product

from aimc_spice.surrogate.block import (
    BL_FAR,
    BL_NEAR,
    WL_FAR,
    WL_NEAR,
    Array,
    Block,
    eliminate,
    joined_ends,
    large,
    pieces,
)
from aimc_spice.surrogate.factor import inverse_factor

_SMALL = 24  # terminals after the join up to which elimination node by node is quicker


def join(first: Block, second: Block, *, along: bool) -> Block:
    """Join blocks pairwise, along the word lines or (`along` False) along the bit lines.

    Parameters
    ----------
    first, second : Block
        Of equal grids; the far ends of the first meet the near ends of the second.
    along : bool
        Direction.
    """
    ends = joined_ends((first, second), along)
    if first.small and second.small and sum(ends) <= _SMALL:
        return Block(_join_small(first, second, along), ends, small=True)
    return Block(_join_large(large(first), large(second), along), ends, small=False)


def _join_small(first: Block, second: Block, along: bool) -> Array:
    far, near = (WL_FAR, WL_NEAR) if along else (BL_FAR, BL_NEAR)
    pair = (first, second)
    order = [[far, *(e for i, e in pieces(along) if i == 0)], [near, *(e for i, e in pieces(along) if i == 1)]]
    xp = first.c.__array_namespace__()
    k, n = first.ends[far], first.ends[far] + sum(joined_ends(pair, along))
    c = xp.zeros((n, n, *first.c.shape[2:]), dtype=first.c.dtype)
    for i, block in enumerate(pair):
        places = _places(pair, along, i, k)
        for (a, to_a), (b, to_b) in product(zip(order[i], places, strict=True), repeat=2):
            if to_a.start < to_b.start:
                source = block.c[block.part(a), block.part(b), ...]
                if block.part(a).start > block.part(b).start:
                    source = xp.moveaxis(block.c[block.part(b), block.part(a), ...], 0, 1)
                c[to_a, to_b, ...] += source
            elif to_a == to_b:
                c[to_a, to_b, ...] += block.c[block.part(a), block.part(b), ...]
    return eliminate(c, k)


def _join_large(first: Block, second: Block, along: bool) -> Array:
    far, near = (WL_FAR, WL_NEAR) if along else (BL_FAR, BL_NEAR)
    xp = first.c.__array_namespace__()
    pair, own = (first, second), (first.part(far), second.part(near))
    rows = [block.c[..., side, :] for block, side in zip(pair, own, strict=True)]
    among = rows[0][..., own[0]] + rows[1][..., own[1]]
    total = xp.sum(rows[0], axis=-1) + xp.sum(rows[1], axis=-1)
    w = inverse_factor(total, among)
    x = w @ xp.concat([rows[i][..., pair[i].part(end)] for i, end in pieces(along)], axis=-1)
    c: Array = xp.matmul(x.mT, x)
    for i, block in enumerate(pair):
        ends = [end for j, end in pieces(along) if j == i]
        places = _places(pair, along, i, 0)[1:]
        for (a, to_a), (b, to_b) in product(zip(ends, places, strict=True), repeat=2):
            c[..., to_a, to_b] += block.c[..., block.part(a), block.part(b)]
    n = c.shape[-1]
    xp.reshape(c, (*c.shape[:-2], n * n), copy=False)[..., :: n + 1] = 0
    return c


def _places(pair: tuple[Block, Block], along: bool, which: int, first: int) -> list[slice]:
    """Return where the interface (0 … `first`) and the ends of one block go in the joined matrix."""
    found, start = [slice(0, first)], first
    for i, end in pieces(along):
        stop = start + pair[i].ends[end]
        if i == which:
            found.append(slice(start, stop))
        start = stop
    return found
