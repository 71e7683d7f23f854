"""How does a network of plain NumPy weights become the same kind of network? It is written as ONNX first.

One idea: one reader for all networks; layers are dense or convolutions in a chain, with an activation behind each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from aimc_spice.errors import NetworkError
from aimc_spice.network.graph import Network, read_onnx

_OPSET = 18
ACTIVATIONS = ("", "Relu", "Sigmoid", "Tanh", "Gelu", "Softmax")


def network_of(
    weights: Sequence[NDArray[Any]],
    biases: Sequence[NDArray[Any] | None],
    activations: Sequence[str],
    name: str = "plain",
) -> Network:
    """Build a perceptron.

    Parameters
    ----------
    weights : sequence of ndarray, each (n_in, n_out)
    biases : sequence of ndarray (n_out,) or None
    activations : sequence of str
        Behind each layer: "", "Relu", "Sigmoid", "Tanh", "Gelu" or "Softmax".

    Raises
    ------
    NetworkError
        Shapes that do not chain, an unknown activation.
    """
    _check(weights, biases, activations)
    nodes, arrays, value = [], [], "x"
    for index, (w, b, act) in enumerate(zip(weights, biases, activations, strict=True)):
        inputs = [value, f"weight_{index}"]
        arrays.append(numpy_helper.from_array(np.asarray(w, np.float32), f"weight_{index}"))
        if b is not None:
            arrays.append(numpy_helper.from_array(np.asarray(b, np.float32), f"bias_{index}"))
            inputs.append(f"bias_{index}")
        value = f"sum_{index}"
        nodes.append(helper.make_node("Gemm", inputs, [value], name=f"layer_{index}"))
        if act:
            nodes.append(helper.make_node(act, [value], [f"out_{index}"], name=f"{act.lower()}_{index}"))
            value = f"out_{index}"
    return read_onnx(model_of(nodes, arrays, ["n", weights[0].shape[0]], ["n", weights[-1].shape[1]], value, name))


def model_of(
    nodes: list[onnx.NodeProto],
    arrays: list[onnx.TensorProto],
    shape_in: list[Any],
    shape_out: list[Any],
    output: str,
    name: str,
) -> onnx.ModelProto:
    """Return a model with one input ``x`` and one output."""
    kind = onnx.TensorProto.FLOAT
    ports = (
        [helper.make_tensor_value_info("x", kind, shape_in)],
        [helper.make_tensor_value_info(output, kind, shape_out)],
    )
    graph = helper.make_graph(nodes, name, *ports, arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])


def _check(weights: Sequence[NDArray[Any]], biases: Sequence[NDArray[Any] | None], activations: Sequence[str]) -> None:
    if not weights or not len(weights) == len(biases) == len(activations):
        raise NetworkError(f"got {len(weights)} weights, {len(biases)} biases, {len(activations)} activations")
    for index, (w, b, act) in enumerate(zip(weights, biases, activations, strict=True)):
        n_in = weights[index - 1].shape[1] if index else w.shape[0]
        if w.ndim != 2 or w.shape[0] != n_in or (b is not None and b.shape != w.shape[1:]):
            shape = None if b is None else b.shape
            raise NetworkError(f"layer {index}: weight {w.shape} and bias {shape} do not chain, {n_in} inputs wanted")
        if act not in ACTIVATIONS:
            raise NetworkError(f"layer {index}: activation {act!r} is unknown", hint=f"known: {', '.join(ACTIVATIONS)}")
