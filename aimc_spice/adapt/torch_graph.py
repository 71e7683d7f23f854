"""How is an ONNX graph trained as it stands?

One idea: the graph is run node by node on PyTorch tensors with its initialisers as parameters, so that a network is
defined once and trained, stored and mapped in the same form. Weights of products may carry fresh noise in every pass,
which makes networks that forgive inexact cells (Joshi et al., Nature Communications 11, 2473, 2020). Integer
initialisers and `Constant` nodes stay as they are; the statistics of batch normalisations are followed, not trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from aimc_spice.adapt.backend import torch
from aimc_spice.adapt.operators import OPERATORS
from aimc_spice.errors import ConfigError, DataError

Tensor = Any
PRODUCTS = {"Conv": [1], "Gemm": [1], "MatMul": [1], "GRU": [1, 2]}  # which inputs are matrices, where parameters
_NORM = "BatchNormalization"
_Step = tuple[Callable[[Sequence[Tensor]], Tensor], tuple[str, ...], str]


class TorchGraph:
    """An ONNX model with one input and one output, as something to train.

    Parameters
    ----------
    model : ModelProto
        The graph; it is not changed.

    Raises
    ------
    ConfigError
        More than one input or output, or an operator that cannot be trained (named, with those that can).
    """

    def __init__(self, model: ModelProto) -> None:
        if len(model.graph.input) != 1 or len(model.graph.output) != 1:
            raise ConfigError(f"{model.graph.name}: got several inputs or outputs, wanted one of each")
        self._model = model
        self._input, self._output = model.graph.input[0].name, model.graph.output[0].name
        self.parameters, self.statistics, self._fixed = _arrays(model)
        matrices = {n.input[k] for n in model.graph.node for k in PRODUCTS.get(n.op_type, ())}
        self.weights = matrices & set(self.parameters)
        self._norms = {name for n in model.graph.node if n.op_type == _NORM for name in n.input[1:]}
        self._training = False
        self._steps = [self._step(node) for node in model.graph.node if node.op_type != "Constant"]

    def forward(
        self,
        x: Tensor,
        *,
        training: bool = False,
        weight_noise: float = 0.0,
        generator: Any = None,
        low_precision: bool = False,
    ) -> Tensor:
        """Return the output for a batch of inputs.

        Parameters
        ----------
        x : tensor
            Batch first.
        training : bool
            Whether batch normalisations use the batch and follow it.
        weight_noise : float
            Standard deviation of fresh noise on every weight of a product, relative to the layer's largest weight.
        generator : torch.Generator, optional
            Draws the noise.
        low_precision : bool
            Whether activations and products are bfloat16; the parameters and their gradients stay float32.
        """
        self._training = training
        known = {**self.parameters, **self.statistics, **self._fixed, self._input: x}
        if weight_noise:
            known |= {name: _noisy(known[name], weight_noise, generator) for name in sorted(self.weights)}
        if low_precision:
            known = {name: values if name in self._norms else _short(values) for name, values in known.items()}
        for call, inputs, output in self._steps:
            known[output] = call([known[name] if name else None for name in inputs])
        return known[self._output]

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters and statistics as they are now, by initialiser name."""
        now = {**self.parameters, **self.statistics}
        return {name: tensor.detach().numpy().copy() for name, tensor in now.items()}

    def trained(self) -> ModelProto:
        """Return a copy of the model with the parameters and statistics as they are now."""
        return with_arrays(self._model, self.arrays())

    def _step(self, node: Any) -> _Step:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == _NORM:
            return (lambda x: self._batch_norm(x, attributes)), tuple(node.input), node.output[0]
        if node.op_type not in OPERATORS:
            known = ", ".join(sorted([*OPERATORS, _NORM]))
            raise ConfigError(
                f"node {node.name or node.output[0]}: the operator {node.op_type} cannot be trained, known are {known}"
            )
        operator = OPERATORS[node.op_type]
        return (lambda x: operator(x, attributes)), tuple(node.input), node.output[0]

    def _batch_norm(self, x: Sequence[Tensor], a: Mapping[str, Any]) -> Tensor:
        image, scale, bias, mean, var = x
        momentum, epsilon = 1 - a.get("momentum", 0.9), a.get("epsilon", 1e-5)
        return torch.nn.functional.batch_norm(image, mean, var, scale, bias, self._training, momentum, epsilon)


def with_arrays(model: ModelProto, arrays: Mapping[str, NDArray[Any]]) -> ModelProto:
    """Return a copy of a model with other values in the named initialisers, as float32.

    Raises
    ------
    DataError
        An unknown name, or another shape.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    shapes = {tensor.name: tuple(tensor.dims) for tensor in copy.graph.initializer}
    for name, values in arrays.items():
        if shapes.get(name) != values.shape:
            raise DataError(f"{model.graph.name}, {name}: got shape {values.shape}, wanted {shapes.get(name)}")
    for tensor in copy.graph.initializer:
        if tensor.name in arrays:
            values = np.ascontiguousarray(arrays[tensor.name], np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return copy


def _arrays(model: ModelProto) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """Return what is trained, what is followed (batch statistics) and what is fixed, by name."""
    followed = {name for n in model.graph.node if n.op_type == _NORM for name in n.input[3:5]}
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    trained = {k: v.requires_grad_() for k, v in values.items() if v.is_floating_point() and k not in followed}
    statistics = {k: v for k, v in values.items() if k in followed}
    fixed = {k: v for k, v in values.items() if k not in trained and k not in followed}
    for node in model.graph.node:
        if node.op_type == "Constant":
            fixed[node.output[0]] = torch.from_numpy(numpy_helper.to_array(node.attribute[0].t).copy())
    return trained, statistics, fixed


def _noisy(w: Tensor, sigma: float, generator: Any) -> Tensor:
    noise = torch.randn(w.shape, generator=generator)
    return w + sigma * w.detach().abs().max() * noise


def _short(values: Tensor) -> Tensor:
    return values.to(torch.bfloat16) if values.is_floating_point() else values
