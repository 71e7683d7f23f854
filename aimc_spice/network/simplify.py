"""What can be put into a product's weights before they go on tiles? A batch norm, or a bias that is added behind it.

One idea: patterns of two steps, the second reading the first alone, become one step with other constants, so a tile's
digital correction does both. Results are equal up to rounding. Steps that are not products stay as they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.network.graph import Network, Step, Values, fast_step

Array = NDArray[Any]


def simplified(network: Network) -> Network:
    """Return the network with batch norms and added biases folded into convolutions and matrix products before them."""
    constants = dict(network.constants)
    steps = list(network.steps)
    readers = Counter(i for step in steps for i in (*step.inputs, *step.needs)) + Counter(network.outputs)
    makers = {step.outputs[0]: index for index, step in enumerate(steps)}
    gone: set[int] = set()
    for index, step in enumerate(steps):
        source = next((i for i in step.inputs if i in makers), "")
        before = makers.get(source)
        if before is None or before in gone or readers[source] != 1 or step.op not in {"BatchNormalization", "Add"}:
            continue
        one = _joined(steps[before], step, source, constants, network.opset)
        if one is not None:
            steps[index] = one
            gone.add(before)
            makers[one.outputs[0]] = index
    kept = [step for index, step in enumerate(steps) if index not in gone]
    used = {i for step in kept for i in (*step.inputs, *step.needs)} | set(network.outputs)
    return replace(network, steps=tuple(kept), constants={k: v for k, v in constants.items() if k in used})


def _joined(product: Step, after: Step, value: str, constants: Values, opset: int) -> Step | None:
    if len(product.inputs) > 1 and product.inputs[1] in constants:
        if after.op == "BatchNormalization" and product.op == "Conv":
            return _with_norm(product, after, constants, opset)
        if after.op == "Add" and product.op == "MatMul":
            return _with_bias(product, after, value, constants, opset)
    return None


def _with_norm(conv: Step, norm: Step, constants: Values, opset: int) -> Step | None:
    parameters = [constants.get(name) for name in norm.inputs[1:5]]
    if any(p is None for p in parameters) or norm.attributes.get("training_mode", 0) or len(norm.outputs) > 1:
        return None
    gain, shift, mean, variance = (np.asarray(p, np.float64) for p in parameters)
    slope = gain / np.sqrt(variance + norm.attributes.get("epsilon", 1e-5))
    weight = constants[conv.inputs[1]]
    bias = constants.get(conv.inputs[2]) if len(conv.inputs) > 2 else np.zeros(len(weight))
    if bias is None:
        return None
    names = f"{conv.name}/weight with {norm.name}", f"{conv.name}/bias with {norm.name}"
    constants[names[0]] = (weight * slope.reshape(-1, *[1] * (weight.ndim - 1))).astype(weight.dtype)
    constants[names[1]] = ((bias - mean) * slope + shift).astype(weight.dtype)
    return fast_step(conv.name, "Conv", (conv.inputs[0], *names), norm.outputs, conv.attributes, opset)


def _with_bias(matmul: Step, add: Step, value: str, constants: Values, opset: int) -> Step | None:
    other = next((name for name in add.inputs if name != value), "")
    bias, weight = constants.get(other), constants[matmul.inputs[1]]
    if bias is None or weight.ndim != 2 or bias.shape != weight.shape[1:]:
        return None
    return fast_step(matmul.name, "Dense", (*matmul.inputs, other), add.outputs, matmul.attributes, opset)
