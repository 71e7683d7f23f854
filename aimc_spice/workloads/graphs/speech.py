"""What do the keyword-spotting networks look like? DS-CNN-S and a GRU (Zhang et al., arXiv 1711.07128, "Hello Edge").

DS-CNN: one wide convolution over (time, cepstral coefficient), then four depthwise-separable blocks, a mean, and one
dense layer. GRU: one recurrent layer over the frames, the mean of its states, and one dense layer.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto

from aimc_spice.workloads.graphs.base import Graph


def ds_cnn(
    n_frames: int = 49, n_coefficients: int = 10, channels: int = 64, n_classes: int = 10, seed: int = 0
) -> ModelProto:
    """Return the network; features (N, 1, n_frames, n_coefficients) → logits (N, n_classes)."""
    g = Graph("ds_cnn", seed)
    x = g.input("features", ["N", 1, n_frames, n_coefficients])
    x = _block(g, x, "conv0", (channels, 1, 10, 4), stride=(2, 2))
    for k in range(1, 5):
        x = _block(g, x, f"depthwise{k}", (channels, 1, 3, 3), group=channels)
        x = _block(g, x, f"pointwise{k}", (channels, channels, 1, 1))
    x = g.node("Flatten", g.node("GlobalAveragePool", x, name="pool"), name="flat")
    return g.model(g.dense(x, "logits", channels, n_classes, gain=1.0), ["N", n_classes])


def _block(
    g: Graph, x: str, name: str, shape: tuple[int, int, int, int], *, stride: tuple[int, int] = (1, 1), group: int = 1
) -> str:
    y = g.conv(x, name, shape, stride=stride, group=group)
    return g.node("Relu", g.batch_norm(y, f"{name}.norm", shape[0]), name=f"{name}.relu")


def gru(
    n_frames: int = 49, n_coefficients: int = 10, hidden: int = 64, n_classes: int = 10, seed: int = 0
) -> ModelProto:
    """Return the network; features (N, 1, n_frames, n_coefficients) → logits (N, n_classes)."""
    g = Graph("gru", seed)
    x = g.input("features", ["N", 1, n_frames, n_coefficients])
    x = g.node("Reshape", x, g.constant("frames", [0, n_frames, n_coefficients], np.int64), name="flat")
    x = g.node("Transpose", x, name="in_turn", perm=[1, 0, 2])
    x = g.gru(x, "gru", n_coefficients, hidden)
    x = g.node("ReduceSum", x, g.constant("time_and_direction", [0, 1], np.int64), name="sum", keepdims=0)
    x = g.node("Mul", x, g.constant("share", 1 / n_frames), name="mean")
    return g.model(g.dense(x, "logits", hidden, n_classes, gain=1.0), ["N", n_classes])
