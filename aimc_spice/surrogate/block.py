"""What is a rectangular piece of a crossbar to the rest of the circuit? Couplings between its terminals, nothing else.

One idea: keep the couplings, never the diagonal. A piece of crossbar has no path to ground, so its reduced admittance
is a Laplacian: row sums are zero, and the positive conductances ``c[a, b]`` between terminals say everything.
Eliminating node p is the star–mesh rule, all of whose terms are positive::

    c[a, b]  +=  c[a, p] c[p, b] / Σ_q c[p, q]

Nothing is ever subtracted, so every coupling keeps its relative accuracy, whatever the ratio of wire to cell
conductance (O'Cinneide, Numer. Math. 65, 1993, proves it for the same elimination of Markov chains). Hence an ideal
wire may be written as a huge conductance. Conductances to ground are couplings to one more terminal, which all pieces
share and which is never eliminated.

A cell with its two wire segments; a bit line per device, `w` and `b` are ends too::

              bl_far = b
                  |              wl_near --[r_wl]-- w ------- wl_far
       w --[g]----+                                |
                  |                               [g]
                [r_bl]                             b
                  |
              bl_near
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
WL_NEAR, BL_NEAR, BL_FAR, WL_FAR, GROUND = range(5)
Ends = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Block:
    """Equal pieces of crossbar.

    Parameters
    ----------
    c : ndarray
        Couplings [S]: shape (t, t, n_tiles, n_up, n_along) while `small`, else (n_tiles, n_up, n_along, t, t), where
        n_up × n_along is the grid of pieces. The diagonal is zero; while `small` it and what lies below are void.
    ends : tuple of int
        Number of terminals at the near ends of the word lines, the near and the far ends of the bit lines, the far
        ends of the word lines, and one or none for ground, in this order in `c`.
    small : bool
        Layout of `c`.
    """

    c: Array
    ends: Ends
    small: bool

    def part(self, end: int) -> slice:
        """Return where the terminals of one end are."""
        start = sum(self.ends[:end])
        return slice(start, start + self.ends[end])

    def pick(self, up: slice, along: slice) -> Block:
        """Return some pieces of the grid."""
        c = self.c[:, :, :, up, along] if self.small else self.c[:, up, along, ...]
        return Block(c, self.ends, self.small)


def cells(
    g: Array, y_wl: Array, y_bl: Array, *, wl_far: bool, bl_far: bool, leak: tuple[Array, Array] | None = None
) -> Block:
    """Return single cells as blocks, without the far ends that nobody needs.

    Parameters
    ----------
    g : ndarray, shape (n_tiles, n_up, n_along, n_lines)
        Conductances [S] of the devices that share a word-line node.
    y_wl, y_bl : ndarray, shape (n_up, n_along)
        Conductances [S] of the segments on the near side of each cell.
    wl_far, bl_far : bool
        Whether the lines go on.
    leak : tuple of ndarray, each (n_tiles, 1, 1), optional
        Conductance [S] to ground of every word-line and of every bit-line node.
    """
    xp = g.__array_namespace__()
    n_lines = g.shape[-1]
    w, b = [("w", 0)], [("b", i) for i in range(n_lines)]
    ground = [("ground", 0)] if leak else []
    ends = [("wn", 0)], [("bn", i) for i in range(n_lines)], b if bl_far else [], w if wl_far else [], ground
    gone = [*([] if wl_far else w), *([] if bl_far else b)]
    index = {node: i for i, node in enumerate([*gone, *(node for end in ends for node in end)])}
    c = xp.zeros((len(index), len(index), *g.shape[:-1]), dtype=g.dtype)
    for i in range(n_lines):
        c[*_upper(index[w[0]], index[b[i]]), ...] = g[..., i]
        c[*_upper(index[b[i]], index["bn", i]), ...] = y_bl
    c[*_upper(index[w[0]], index["wn", 0]), ...] = y_wl
    for node, value in [(w[0], leak[0]), *((line, leak[1]) for line in b)] if leak else []:
        c[*_upper(index[node], index[ground[0]]), ...] = value
    wl, bl, bl_on, wl_on, on_ground = map(len, ends)
    return Block(eliminate(c, len(gone)), (wl, bl, bl_on, wl_on, on_ground), small=True)


def eliminate(c: Array, n_gone: int) -> Array:
    """Eliminate the first nodes of small circuits in place and return the rest.

    Parameters
    ----------
    c : ndarray, shape (n, n, …)
        Couplings [S] above the diagonal; the batch comes last so that every step is one long vector operation.
    n_gone : int
        How many to eliminate. A node that hangs on nothing vanishes.
    """
    xp = c.__array_namespace__()
    for p in range(n_gone):
        row = c[p, p + 1 :, ...]
        total = xp.sum(row, axis=0)
        share = row / xp.where(total > 0, total, 1)
        for i in range(row.shape[0] - 1):
            c[p + 1 + i, p + 2 + i :, ...] += share[i, ...] * row[i + 1 :, ...]
    return c[n_gone:, n_gone:, ...]


def large(block: Block) -> Block:
    """Return the block with matrices last and both halves filled, as matrix products want them."""
    if not block.small:
        return block
    xp = block.c.__array_namespace__()
    t, _, *grid = block.c.shape
    c = xp.asarray(block.c, copy=True)
    for a in range(t):
        c[a, a, ...] = 0
        c[a + 1 :, a, ...] = c[a, a + 1 :, ...]
    c = batch_first(xp.reshape(c, (t * t, math.prod(grid))))
    return Block(xp.reshape(c, (*grid, t, t)), block.ends, small=False)


def batch_first(c: Array) -> Array:
    """Return the transpose of a matrix, in memory too: a view would slow all that follows."""
    xp = c.__array_namespace__()
    found: Array = xp.empty(c.shape[::-1], dtype=c.dtype)
    found[:, :] = xp.permute_dims(c, (1, 0))
    return found


def _upper(i: int, j: int) -> tuple[int, int]:
    return min(i, j), max(i, j)
