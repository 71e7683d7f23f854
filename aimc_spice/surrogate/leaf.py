"""What is a small piece of crossbar between its terminals? A list of star–mesh steps, worked through for all pieces.

One idea: which nodes are coupled does not depend on numbers. The order of elimination (fewest neighbours first), and
where every coupling is kept, are found once for a shape; then each step is one short operation on all pieces at once,
and nothing is done for couplings that are not there.

A cell with its two wire segments; a bit line per device, `w` and `b` are ends where the lines go on::

              bl_far = b
                  |              wl_near --[r_wl]-- w ------- wl_far
       w --[g]----+                                |
                  |                               [g]
                [r_bl]                             b
                  |
              bl_near
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.surrogate.block import Array, Block, Ends, alike, namespace
from aimc_spice.surrogate.kernels import work_through

Node = tuple[str, int, int, int]
Indices = NDArray[np.uint64]
_GROUND: Node = ("ground", 0, 0, 0)


@dataclass(frozen=True)
class Shape:
    """A piece: cells up and along, devices a cell; whether the lines go on; whether nodes leak to ground."""

    n_up: int
    n_along: int
    n_lines: int
    wl_far: bool
    bl_far: bool
    leaks: bool


@dataclass(frozen=True)
class Plan:
    """How a piece is reduced.

    Parameters
    ----------
    sources : list of list of Node
        What adds up to each of the first couplings: ("g" | "wl" | "bl", up, along, line) or a leak.
    degrees : ndarray, shape (n_steps,)
        Number of neighbours of the node of each step.
    rows, targets : ndarray
        Where the couplings to these neighbours are kept, and those between each pair of them; step by step.
    pairs : ndarray, shape (n_pairs, 3)
        What is left: two terminals, and where their coupling is kept.
    n_kept : int
        Number of couplings.
    ends : tuple of int
        See `Block`.
    """

    sources: list[list[Node]]
    degrees: Indices
    rows: Indices
    targets: Indices
    pairs: Indices
    n_kept: int
    ends: Ends


@lru_cache(maxsize=64)
def plan(shape: Shape) -> Plan:
    """Find the steps for a shape."""
    near, sources = _network(shape)
    ends = _ends(shape)
    terminals = [node for end in ends for node in end]
    gone = dict.fromkeys(node for node in near if node not in set(terminals))
    n_kept = len(sources)
    degrees, rows, targets = ([], [], [])  # type: tuple[list[int], list[int], list[int]]
    while gone:
        node = min(gone, key=lambda one: len(near[one]))
        del gone[node]
        row = near.pop(node)
        for other in row:
            del near[other][node]
        for a, b in combinations(row, 2):
            if b not in near[a]:
                near[a][b] = near[b][a] = n_kept
                n_kept += 1
            targets.append(near[a][b])
        degrees.append(len(row))
        rows += row.values()
    left = [(i, j, near[a][b]) for (i, a), (j, b) in combinations(enumerate(terminals), 2) if b in near[a]]
    wl, bl, bl_on, wl_on, ground = map(len, ends)
    return Plan(
        sources,
        *(_indices(degrees), _indices(rows), _indices(targets), _indices(left).reshape(-1, 3)),
        n_kept=n_kept,
        ends=(wl, bl, bl_on, wl_on, ground),
    )


def _indices(some: object) -> Indices:
    return np.array(some, np.uint64)


def leaves(g: Array, y_wl: Array, y_bl: Array, shape: Shape, leak: tuple[Array, Array] | None = None) -> Block:
    """Reduce a grid of equal pieces.

    Parameters
    ----------
    g : ndarray, shape (n_tiles, n_up, n_along, n_lines)
        Conductances [S] of the devices that share a word-line node; a whole number of pieces.
    y_wl, y_bl : ndarray, shape (n_up, n_along)
        Conductances [S] of the segments on the near side of each cell.
    shape : Shape
        Of a piece.
    leak : tuple of ndarray, each (n_tiles, 1, 1), optional
        Conductance [S] to ground of every word-line and of every bit-line node.
    """
    xp = namespace(g)
    steps = plan(shape)
    grid = (g.shape[0], g.shape[1] // shape.n_up, g.shape[2] // shape.n_along)
    parts: dict[str, Any] = {"g": _by_place(g, shape), "wl": _by_place(y_wl[None, ..., None], shape)}
    parts |= {"bl": _by_place(y_bl[None, ..., None], shape)}
    parts |= {"leak_wl": leak[0][None, None, None, ...], "leak_bl": leak[1][None, None, None, ...]} if leak else {}
    start = xp.empty((len(steps.sources), *grid), **alike(g))
    for k, (first, *others) in enumerate(steps.sources):
        start[k, ...] = parts[first[0]][(*first[1:], ...)]
        for other in others:
            start[k, ...] += parts[other[0]][(*other[1:], ...)]
    t, batch = sum(steps.ends), prod(grid)
    c = xp.zeros((batch, t, t), **alike(g))
    start = xp.reshape(start, (len(steps.sources), batch))
    if isinstance(c, np.ndarray):
        work_through(start, (steps.degrees, steps.rows, steps.targets), steps.pairs, steps.n_kept, c)
    else:
        _work_through(start, steps, c)
    return Block(xp.reshape(c, (*grid, t, t)), steps.ends)


def _by_place(cells: Array, shape: Shape) -> Array:
    """Return values (n_tiles, n_up, n_along, n_lines) by their place in a piece, the grid of pieces last."""
    xp = namespace(cells)
    n_tiles, n_up, n_along, n_lines = cells.shape
    split = (n_tiles, n_up // shape.n_up, shape.n_up, n_along // shape.n_along, shape.n_along, n_lines)
    placed: Array = xp.asarray(xp.permute_dims(xp.reshape(cells, split), (2, 4, 5, 0, 1, 3)), copy=True)
    return placed


def _work_through(start: Array, steps: Plan, c: Array) -> None:
    """Do the steps with arrays of any library, the batch as the vector, and fill `c`."""
    xp = namespace(start)
    kept = {k: start[k, ...] for k in range(start.shape[0])}
    rows, targets = iter(steps.rows.tolist()), iter(steps.targets.tolist())
    for degree in steps.degrees.tolist():
        row = xp.stack([kept.pop(next(rows)) for _ in range(degree)])
        total = xp.sum(row, axis=0)
        share = row / xp.where(total > 0, total, xp.ones_like(total))
        for i in range(degree - 1):
            added = share[i, ...] * row[i + 1 :, ...]
            for j in range(degree - 1 - i):
                target = next(targets)
                kept[target] = kept[target] + added[j, ...] if target in kept else added[j, ...]
    for i, j, k in steps.pairs.tolist():
        c[:, i, j] = kept[k]
        c[:, j, i] = kept[k]


def _network(shape: Shape) -> tuple[dict[Node, dict[Node, int]], list[list[Node]]]:
    """Return the neighbours of every node with the place of their coupling, and what each coupling is made of."""
    near: dict[Node, dict[Node, int]] = {}
    sources: list[list[Node]] = []

    def couple(a: Node, b: Node, source: Node) -> None:
        place = near.setdefault(a, {}).setdefault(b, len(sources))
        near.setdefault(b, {})[a] = place
        if place == len(sources):
            sources.append([])
        sources[place].append(source)

    for up, along in product(range(shape.n_up), range(shape.n_along)):
        w = ("w", up, along, 0)
        couple(("w", up, along - 1, 0), w, ("wl", up, along, 0))
        lines = [("b", up, along, line) for line in range(shape.n_lines)]
        for line, b in enumerate(lines):
            couple(w, b, ("g", up, along, line))
            couple(("b", up - 1, along, line), b, ("bl", up, along, 0))
        if shape.leaks:
            couple(w, _GROUND, ("leak_wl", 0, 0, 0))
            for b in lines:
                couple(b, _GROUND, ("leak_bl", 0, 0, 0))
    return near, sources


def _ends(shape: Shape) -> tuple[list[Node], ...]:
    """Return the terminals in the order of `Block`; -1 stands for the end of the line before the first cell."""
    bl = list(product(range(shape.n_along), range(shape.n_lines)))
    return (
        [("w", up, -1, 0) for up in range(shape.n_up)],
        [("b", -1, along, line) for along, line in bl],
        [("b", shape.n_up - 1, along, line) for along, line in bl] if shape.bl_far else [],
        [("w", up, shape.n_along - 1, 0) for up in range(shape.n_up)] if shape.wl_far else [],
        [_GROUND] if shape.leaks else [],
    )
