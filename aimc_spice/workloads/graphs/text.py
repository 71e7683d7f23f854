"""What do the transformers look like? A character-level GPT, and BERT-style encoders of any size.

GPT-2's order of layers (norm first) for the one, BERT's (norm last) for the other. Token ids are the only input: the
encoder masks padding (id 0) by itself and adds the embedding of token type 0 to the positions.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto

from aimc_spice.workloads.graphs.attention import Width, attention, feed_forward, projection
from aimc_spice.workloads.graphs.base import Graph

BERT_BASE = Width(768, 12, 3072)
MINILM = Width(384, 12, 1536)
_MINUS = -1e4  # added to a score: its share is zero in float32, and it still fits float16


def gpt(
    n_vocabulary: int = 65,
    n_tokens: int = 128,
    n_layers: int = 4,
    width: Width = Width(128, 4, 512),  # noqa: B008  frozen
    seed: int = 0,
) -> ModelProto:
    """Return a decoder; tokens (N, n_tokens) → logits of the next token (N, n_tokens, n_vocabulary)."""
    g, d = Graph("gpt", seed), width.d_model
    ids = g.input("tokens", ["N", n_tokens], TensorProto.INT64)
    x = g.node("Gather", g.drawn("embedding.token", (n_vocabulary, d), 0.02), ids, name="embedded", axis=0)
    x = g.node("Add", x, g.drawn("embedding.position", (n_tokens, d), 0.02), name="placed")
    mask = g.constant("mask", np.triu(np.full((n_tokens, n_tokens), _MINUS), 1))
    thin = 0.02 / np.sqrt(2 * n_layers)  # of layers that add to the stream: its variance stays bounded (GPT-2)
    for k in range(n_layers):
        name = f"layer{k}"
        y = attention(g, g.layer_norm(x, f"{name}.norm1", d), f"{name}.attention", width, mask=mask, sigma=thin * 2)
        x = g.node("Add", x, y, name=f"{name}.sum1")
        y = feed_forward(g, g.layer_norm(x, f"{name}.norm2", d), f"{name}.mlp", width)
        x = g.node("Add", x, y, name=f"{name}.sum2")
    x = g.layer_norm(x, "norm", d)
    return g.model(projection(g, x, "logits", n_in=d, n_out=n_vocabulary, sigma=0.02), ["N", n_tokens, n_vocabulary])


def encoder(
    n_layers: int = 12,
    width: Width = BERT_BASE,
    *,
    n_vocabulary: int = 30522,
    n_tokens: int | str = "T",
    n_positions: int = 512,
    n_classes: int | None = None,
    seed: int = 0,
    name: str = "encoder",
) -> ModelProto:
    """Return a BERT-style encoder with random weights.

    Parameters
    ----------
    n_layers, width, n_vocabulary, n_positions
        Sizes; the defaults are those of BERT-base (Devlin et al., arXiv 1810.04805).
    n_tokens : int or str
        Length of every text; a string is a symbolic length of at most `n_positions`.
    n_classes : int or None
        Outputs of a linear head on the mean of the features; None returns the features (N, T, d_model).

    Returns
    -------
    ModelProto
        tokens (N, T) → logits (N, n_classes), or features.
    """
    g, d = Graph(name, seed), width.d_model
    ids = g.input("tokens", ["N", n_tokens], TensorProto.INT64)
    x = g.node("Gather", g.drawn("embedding.token", (n_vocabulary, d), 0.02), ids, name="embedded", axis=0)
    x = g.node("Add", x, _positions(g, ids, n_tokens, n_positions, d), name="placed")
    x = g.layer_norm(x, "embedding.norm", d, epsilon=1e-12)
    present = _present(g, ids)
    mask = _mask(g, present)
    for k in range(n_layers):
        y = g.node("Add", x, attention(g, x, f"layer{k}.attention", width, mask=mask), name=f"layer{k}.sum1")
        x = g.layer_norm(y, f"layer{k}.norm1", d, epsilon=1e-12)
        y = g.node("Add", x, feed_forward(g, x, f"layer{k}.mlp", width), name=f"layer{k}.sum2")
        x = g.layer_norm(y, f"layer{k}.norm2", d, epsilon=1e-12)
    if n_classes is None:
        return g.model(x, ["N", n_tokens, d])
    return g.model(g.dense(_mean(g, x, present), "logits", d, n_classes, gain=1.0), ["N", n_classes])


def _positions(g: Graph, ids: str, n_tokens: int | str, n_positions: int, d: int) -> str:
    """Return one embedding per place, shape (T, d): all of them, or as many as there are tokens."""
    if isinstance(n_tokens, int):
        return g.drawn("embedding.position", (n_tokens, d), 0.02)
    table = g.drawn("embedding.position", (n_positions, d), 0.02)
    zero = g.constant("zero", [0], np.int64)
    length = g.node("Shape", ids, name="length", start=1, end=2)
    return g.node("Slice", table, zero, length, zero, name="positions")


def _present(g: Graph, ids: str) -> str:
    """Return 1 where there is a token and 0 where there is padding, shape (N, T)."""
    padding = g.node("Equal", ids, g.constant("padding_id", 0, np.int64), name="padding")
    absent = g.node("Cast", padding, name="absent", to=TensorProto.FLOAT)
    return g.node("Sub", g.constant("one", 1.0), absent, name="present")


def _mask(g: Graph, present: str) -> str:
    """Return 0 for tokens and a large negative number for padding, shape (N, 1, 1, T)."""
    below = g.node("Sub", present, "one", name="mask_unit")
    deep = g.node("Mul", below, g.constant("depth", -_MINUS), name="mask_row")
    return g.node("Unsqueeze", deep, g.constant("mask_axes", [1, 2], np.int64), name="mask")


def _mean(g: Graph, x: str, present: str) -> str:
    """Return the mean of the features over the tokens that are there, shape (N, d)."""
    axis = g.constant("token_axis", [1], np.int64)
    weight = g.node("Unsqueeze", present, g.constant("last_axis", [-1], np.int64), name="present_column")
    total = g.node("ReduceSum", g.node("Mul", x, weight, name="kept"), axis, name="total", keepdims=0)
    count = g.node("ReduceSum", weight, axis, name="count", keepdims=0)
    return g.node("Div", total, count, name="mean")
