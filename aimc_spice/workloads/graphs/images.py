"""What do the image networks look like? A multilayer perceptron, a small CNN, and ResNet-20.

ResNet-20 is that of He et al. (arXiv 1512.03385, section 4.2) for 32×32 images, with 1×1 convolutions where the shape
changes (their option B) in place of padded identities, because an array of cells holds weights, not copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from onnx import ModelProto

from aimc_spice.workloads.graphs.base import Graph


def mlp(sizes: Sequence[int] = (400, 120, 84, 10), seed: int = 0) -> ModelProto:
    """Return a multilayer perceptron with ReLU between its layers; image (N, sizes[0]) → logits (N, sizes[-1])."""
    g = Graph("mlp", seed)
    x = g.input("image", ["N", sizes[0]])
    last = len(sizes) - 2
    for k, (n_in, n_out) in enumerate(pairwise(sizes)):
        x = g.dense(x, "logits" if k == last else f"fc{k + 1}", n_in, n_out)
        x = x if k == last else g.node("Relu", x, name=f"relu{k + 1}")
    return g.model(x, ["N", sizes[-1]])


def small_cnn(channels: Sequence[int] = (16, 32, 64), n_classes: int = 10, seed: int = 0) -> ModelProto:
    """Return three 3×3 convolutions with 2×2 max pooling and two dense layers; (N, 1, 28, 28) → (N, n_classes)."""
    g = Graph("small_cnn", seed)
    x, side = g.input("image", ["N", 1, 28, 28]), 28
    for k, (n_in, n_out) in enumerate(pairwise((1, *channels)), 1):
        x = _conv_bn(g, x, f"conv{k}", (n_out, n_in, 3, 3))
        x = g.node("Relu", x, name=f"relu{k}")
        x, side = g.node("MaxPool", x, name=f"pool{k}", kernel_shape=[2, 2], strides=[2, 2]), side // 2
    x = g.node("Flatten", x, name="flat")
    x = g.node("Relu", g.dense(x, "fc1", channels[-1] * side * side, 128), name="relu_fc1")
    return g.model(g.dense(x, "logits", 128, n_classes, gain=1.0), ["N", n_classes])


def resnet20(n_classes: int = 10, seed: int = 0) -> ModelProto:
    """Return ResNet-20 with 16, 32 and 64 channels; image (N, 3, 32, 32) → logits (N, n_classes)."""
    g = Graph("resnet20", seed)
    x = g.input("image", ["N", 3, 32, 32])
    x = g.node("Relu", _conv_bn(g, x, "conv0", (16, 3, 3, 3)), name="relu0")
    n_in = 16
    for stage, n_out in enumerate((16, 32, 64), 1):
        for block in range(1, 4):
            x = _residual(g, x, f"stage{stage}.block{block}", n_in, n_out)
            n_in = n_out
    x = g.node("Flatten", g.node("GlobalAveragePool", x, name="pool"), name="flat")
    return g.model(g.dense(x, "logits", 64, n_classes, gain=1.0), ["N", n_classes])


def _residual(g: Graph, x: str, name: str, n_in: int, n_out: int) -> str:
    """Add ``relu(x + conv(relu(conv(x))))``; the first convolution halves the image where the channels change."""
    stride = (1, 1) if n_in == n_out else (2, 2)
    y = g.node("Relu", _conv_bn(g, x, f"{name}.conv1", (n_out, n_in, 3, 3), stride), name=f"{name}.relu1")
    y = _conv_bn(g, y, f"{name}.conv2", (n_out, n_out, 3, 3))
    shortcut = x if n_in == n_out else _conv_bn(g, x, f"{name}.shortcut", (n_out, n_in, 1, 1), stride)
    return g.node("Relu", g.node("Add", y, shortcut, name=f"{name}.sum"), name=f"{name}.relu2")


def _conv_bn(g: Graph, x: str, name: str, shape: tuple[int, int, int, int], stride: Sequence[int] = (1, 1)) -> str:
    return g.batch_norm(g.conv(x, name, shape, stride=stride), f"{name}.norm", shape[0])
