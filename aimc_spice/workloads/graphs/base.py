"""How is an ONNX graph written down, layer after layer?

One idea: parameters are initialisers, fixed numbers are `Constant` nodes, so that whoever trains, stores or maps the
graph knows which is which from the graph alone. The first weights come from named random streams: the same seed and
name give the same numbers. It runs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from aimc_spice.rng import stream

OPSET = 20  # the first with Gelu as one operator
_IR_VERSION = 9  # what opset 20 came with: run times refuse files that are newer than they are
Shape = Sequence[int | str]


class Graph:
    """A graph under construction; every method that adds something returns the name of its output.

    Parameters
    ----------
    name : str
        Of the network.
    seed : int
        Of the first weights.
    """

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name, self._seed = name, seed
        self._nodes: list[Any] = []
        self._initialisers: list[TensorProto] = []
        self._inputs: list[Any] = []

    def input(self, name: str, shape: Shape, dtype: int = TensorProto.FLOAT) -> str:
        """Declare an input; strings in `shape` are symbolic lengths."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, list(shape)))
        return name

    def parameter(self, name: str, values: NDArray[Any]) -> str:
        """Add a trainable array, kept as float32."""
        self._initialisers.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def drawn(self, name: str, shape: Sequence[int], sigma: float) -> str:
        """Add a trainable array of normal random numbers with standard deviation `sigma`."""
        return self.parameter(name, stream(self._seed, "workloads", self.name, name).normal(0.0, sigma, shape))

    def constant(self, name: str, values: Any, dtype: Any = np.float32) -> str:
        """Add fixed numbers."""
        return self.node("Constant", name=name, value=numpy_helper.from_array(np.asarray(values, dtype), name))

    def node(self, operator: str, *inputs: str, name: str, **attributes: Any) -> str:
        """Add a node with one output, named like the node."""
        self._nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def dense(self, x: str, name: str, n_in: int, n_out: int, gain: float = 2.0) -> str:
        """Add ``x @ w + b`` for rows x (n, n_in); the first weights have the variance ``gain / n_in`` (He et al.)."""
        w = self.drawn(f"{name}.weight", (n_in, n_out), np.sqrt(gain / n_in))
        return self.node("Gemm", x, w, self.parameter(f"{name}.bias", np.zeros(n_out)), name=name)

    def linear(self, x: str, name: str, w: str, b: str) -> str:
        """Add ``x @ w + b`` for x with any number of leading axes, from parameters that exist."""
        return self.node("Add", self.node("MatMul", x, w, name=f"{name}.product"), b, name=name)

    def conv(
        self,
        x: str,
        name: str,
        shape: tuple[int, int, int, int],
        *,
        stride: Sequence[int] = (1, 1),
        group: int = 1,
        bias: bool = False,
    ) -> str:
        """Add a convolution with "same" padding for odd kernels; `shape` is (out, in per group, height, width)."""
        w = self.drawn(f"{name}.weight", shape, np.sqrt(2.0 / np.prod(shape[1:])))
        b = [self.parameter(f"{name}.bias", np.zeros(shape[0]))] if bias else []
        half = [(shape[2] - 1) // 2, (shape[3] - 1) // 2]
        pads = [*half, shape[2] - 1 - half[0], shape[3] - 1 - half[1]]
        return self.node("Conv", x, w, *b, name=name, strides=list(stride), pads=pads, group=group)

    def gru(self, x: str, name: str, n_in: int, n_hidden: int) -> str:
        """Add a gated recurrent unit over x (T, N, n_in) → all its states (T, 1, N, n_hidden)."""
        w = self.drawn(f"{name}.weight", (1, 3 * n_hidden, n_in), n_in**-0.5)
        r = self.drawn(f"{name}.recurrent", (1, 3 * n_hidden, n_hidden), n_hidden**-0.5)
        b = self.parameter(f"{name}.bias", np.zeros((1, 6 * n_hidden)))
        return self.node("GRU", x, w, r, b, name=name, hidden_size=n_hidden, linear_before_reset=1)

    def batch_norm(self, x: str, name: str, n: int) -> str:
        """Add a batch normalisation of `n` channels."""
        start = {"scale": np.ones(n), "bias": np.zeros(n), "mean": np.zeros(n), "var": np.ones(n)}
        own = [self.parameter(f"{name}.{part}", values) for part, values in start.items()]
        return self.node("BatchNormalization", x, *own, name=name, epsilon=1e-5, momentum=0.9)

    def layer_norm(self, x: str, name: str, n: int, epsilon: float = 1e-5) -> str:
        """Add a layer normalisation over the last axis of length `n`."""
        own = self.parameter(f"{name}.scale", np.ones(n)), self.parameter(f"{name}.bias", np.zeros(n))
        return self.node("LayerNormalization", x, *own, name=name, axis=-1, epsilon=epsilon)

    def model(self, output: str, shape: Shape) -> ModelProto:
        """Return the checked model with one output of float32."""
        result = helper.make_tensor_value_info(output, TensorProto.FLOAT, list(shape))
        graph = helper.make_graph(self._nodes, self.name, self._inputs, [result], self._initialisers)
        imports = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION, producer_name="aimc_spice")
        checker.check_model(model)
        return model
