"""Small models, tiles and converters that the tests of the network evaluator share."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from aimc_spice.rng import stream
from aimc_spice.surrogate.readout import ColumnReadouts


class IdealTile:
    """Wires and cells without error: the matrix is the weights times a gain."""

    t_mvm, e_mvm = 1e-8, 2e-12

    def __init__(self, n_rows=128, n_cols=128, gain=0.3):
        self.n_rows, self.n_cols, self.gain = n_rows, n_cols, gain

    def program(self, weights):
        return self.gain * weights


class RoughReadout:
    """Converters with INL, offset and noise of their own."""

    t_conv, e_conv = 1e-8, 1e-12

    def __init__(self, n_bits=8, inl=0.05, noise=0.3):
        self.n_bits, self.inl, self.noise = n_bits, inl, noise

    def sample(self, n_cols, seed, *names):
        n = 2**self.n_bits
        rng = stream(seed, *names)
        levels = np.arange(1, n) + np.cumsum(rng.normal(0, self.inl, (n_cols, n - 1)), axis=1)
        levels += rng.normal(0, 0.5, (n_cols, 1))
        return ColumnReadouts(np.sort(levels, axis=1) / n - 0.5, self.noise / n, -0.5, 0.5)


def values(seed, *shape, scale=1.0):
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def model(nodes, arrays, shape_in, opset=18):
    kept = [numpy_helper.from_array(v, k) for k, v in arrays.items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape_in)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "small", [x], [y], kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def mlp():
    sizes, nodes, arrays, at = (60, 40, 30, 10), [], {}, "x"
    for i, (a, b) in enumerate(pairwise(sizes)):
        arrays |= {f"w{i}": values(i, a, b, scale=a**-0.5), f"b{i}": values(9 + i, b, scale=0.1)}
        out = "y" if i == len(sizes) - 2 else f"g{i}"
        nodes.append(helper.make_node("Gemm", [at, f"w{i}", f"b{i}"], [out], name=f"fc{i}"))
        if out != "y":
            nodes.append(helper.make_node("Relu", [out], [f"r{i}"], name=f"relu{i}"))
            at = f"r{i}"
    return model(nodes, arrays, ["n", 60])


def cnn():
    """Plain, strided, depthwise and pointwise convolutions, batch norm, both poolings, a residual, a classifier."""
    make = helper.make_node
    arrays = {
        "w0": values(0, 8, 3, 3, 3, scale=0.2), "b0": values(1, 8, scale=0.1),
        "w1": values(2, 8, 1, 3, 3, scale=0.3), "w2": values(3, 16, 8, 1, 1, scale=0.3),
        "w3": values(4, 16, 4, 3, 3, scale=0.2), "w4": values(5, 16, 10, scale=0.3), "b4": values(6, 10),
        "g": 1 + values(7, 8, scale=0.1), "beta": values(8, 8, scale=0.1), "mu": values(9, 8, scale=0.1),
        "var": np.full(8, 0.5, np.float32),
    }  # fmt: skip
    nodes = [
        make("Conv", ["x", "w0", "b0"], ["c0"], name="stem", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        make("BatchNormalization", ["c0", "g", "beta", "mu", "var"], ["n0"], name="norm"),
        make("Relu", ["n0"], ["r0"]),
        make("Conv", ["r0", "w1"], ["d0"], name="depth", group=8, pads=[2, 2, 2, 2], dilations=[2, 2]),
        make("Add", ["d0", "r0"], ["s0"]),
        make("Conv", ["s0", "w2"], ["p0"], name="point"),
        make("MaxPool", ["p0"], ["m0"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        make("Conv", ["m0", "w3"], ["c3"], name="grouped", group=4, strides=[2, 2], auto_pad="SAME_UPPER"),
        make("AveragePool", ["c3"], ["a3"], kernel_shape=[2, 2], pads=[0, 0, 1, 1]),
        make("GlobalAveragePool", ["a3"], ["v"]),
        make("Flatten", ["v"], ["f"]),
        make("Gemm", ["f", "w4", "b4"], ["y"], name="head"),
    ]
    return model(nodes, arrays, ["n", 3, 12, 12])


def transformer(d=32, heads=2, tokens=6):
    """One encoder layer: attention, layer norms, GELU."""
    make, arrays = helper.make_node, {}
    for i, (a, b) in enumerate([(d, d)] * 4 + [(d, 4 * d), (4 * d, d)]):
        arrays |= {f"w{i}": values(i, a, b, scale=a**-0.5), f"b{i}": values(20 + i, b, scale=0.1)}
    split = np.array([0, tokens, heads, d // heads], np.int64)
    arrays |= {"split": split, "join": np.array([0, tokens, d], np.int64), "root": np.float32((d // heads) ** -0.5)}
    arrays |= {"g": 1 + values(40, d, scale=0.1), "beta": values(41, d, scale=0.1)}
    nodes = []

    def linear(i, x, out):
        nodes.append(make("MatMul", [x, f"w{i}"], [f"m{i}"], name=f"linear{i}"))
        nodes.append(make("Add", [f"m{i}", f"b{i}"], [out], name=f"bias{i}"))

    for i, axes in ((0, [0, 2, 1, 3]), (1, [0, 2, 3, 1]), (2, [0, 2, 1, 3])):
        linear(i, "x", f"p{i}")
        nodes.append(make("Reshape", [f"p{i}", "split"], [f"h{i}"], name=f"heads{i}"))
        nodes.append(make("Transpose", [f"h{i}"], [f"t{i}"], perm=axes))
    nodes += [
        make("MatMul", ["t0", "t1"], ["qk"], name="scores"),
        make("Mul", ["qk", "root"], ["scaled"]),
        make("Softmax", ["scaled"], ["a"], axis=-1),
        make("MatMul", ["a", "t2"], ["av"], name="mix"),
        make("Transpose", ["av"], ["back"], perm=[0, 2, 1, 3]),
        make("Reshape", ["back", "join"], ["joined"]),
    ]
    linear(3, "joined", "o")
    nodes += [make("Add", ["x", "o"], ["r"]), make("LayerNormalization", ["r", "g", "beta"], ["n"], name="norm")]
    linear(4, "n", "u")
    nodes.append(make("Gelu", ["u"], ["act"], name="gelu"))
    linear(5, "act", "v")
    nodes += [make("Add", ["n", "v"], ["e"]), make("LayerNormalization", ["e", "g", "beta"], ["y"], name="norm2")]
    return model(nodes, arrays, ["n", tokens, d], opset=20)


MODELS = {"mlp": (mlp, (60,)), "cnn": (cnn, (3, 12, 12)), "transformer": (transformer, (6, 32))}
