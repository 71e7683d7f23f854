"""How is multi-head attention written in plain ONNX? Reshape, transpose, two products and a softmax.

``softmax(q kᵀ / √d + mask) v`` per head (Vaswani et al., arXiv 1706.03762); the four projections are ordinary linear
layers, so that they can go to arrays of cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aimc_spice.workloads.graphs.base import Graph


@dataclass(frozen=True)
class Width:
    """Sizes of a transformer: `d_model` features, `n_heads` heads, `d_ff` features between the two dense layers."""

    d_model: int
    n_heads: int
    d_ff: int


def projection(g: Graph, x: str, name: str, *, n_in: int, n_out: int, sigma: float) -> str:
    """Add a linear layer on the last axis, weights normal with `sigma`, bias zero."""
    w = g.drawn(f"{name}.weight", (n_in, n_out), sigma)
    return g.linear(x, name, w, g.parameter(f"{name}.bias", np.zeros(n_out)))


def attention(g: Graph, x: str, name: str, width: Width, *, mask: str, sigma: float = 0.02) -> str:
    """Add multi-head self-attention of x (N, T, d_model); `mask` is added to the scores (N, n_heads, T, T)."""
    d = width.d_model
    q, k, v = (projection(g, x, f"{name}.{part}", n_in=d, n_out=d, sigma=sigma) for part in ("query", "key", "value"))
    heads = g.constant(f"{name}.heads", [0, 0, width.n_heads, d // width.n_heads], np.int64)
    q, k, v = (
        g.node("Transpose", g.node("Reshape", y, heads, name=f"{y}.split"), name=f"{y}.heads", perm=perm)
        for y, perm in ((q, [0, 2, 1, 3]), (k, [0, 2, 3, 1]), (v, [0, 2, 1, 3]))
    )
    factor = g.constant(f"{name}.factor", 1 / np.sqrt(d // width.n_heads))
    scores = g.node("Mul", g.node("MatMul", q, k, name=f"{name}.scores"), factor, name=f"{name}.scaled")
    shares = g.node("Softmax", g.node("Add", scores, mask, name=f"{name}.masked"), name=f"{name}.shares", axis=-1)
    mixed = g.node("MatMul", shares, v, name=f"{name}.mixed")
    back = g.node("Transpose", mixed, name=f"{name}.back", perm=[0, 2, 1, 3])
    joined = g.node("Reshape", back, g.constant(f"{name}.joined_shape", [0, 0, d], np.int64), name=f"{name}.joined")
    return projection(g, joined, f"{name}.output", n_in=d, n_out=d, sigma=sigma)


def feed_forward(g: Graph, x: str, name: str, width: Width, sigma: float = 0.02) -> str:
    """Add ``gelu(x w1 + b1) w2 + b2``."""
    y = projection(g, x, f"{name}.up", n_in=width.d_model, n_out=width.d_ff, sigma=sigma)
    y = g.node("Gelu", y, name=f"{name}.gelu")
    return projection(g, y, f"{name}.down", n_in=width.d_ff, n_out=width.d_model, sigma=sigma)
