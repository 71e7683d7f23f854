"""How is a trained network kept in a small ONNX file that says how it was made?

Plain ONNX with its float arrays in half precision, each behind a `Cast` to float32: any run time reads it, at half the
size. `load_model` takes the casts out again, so that the other rooms see arrays of float32. Provenance is JSON in the
model's metadata. It trains and runs nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from aimc_spice.errors import DataError

ABOUT = "aimc_spice"  # key of the metadata
_HALF = ".half"


def save_model(model: ModelProto, path: Path, about: Mapping[str, Any]) -> None:
    """Write a model with its float arrays in half precision and `about` in its metadata.

    Raises
    ------
    DataError
        A value that half precision cannot hold.
    """
    packed = halved(model)
    del packed.metadata_props[:]
    helper.set_model_props(packed, {ABOUT: json.dumps(dict(about), sort_keys=True)})
    onnx.checker.check_model(packed)
    path.write_bytes(packed.SerializeToString(deterministic=True))


def load_model(path: Path) -> ModelProto:
    """Read a model, its half-precision arrays widened to float32.

    Raises
    ------
    DataError
        No such file, or no ONNX model.
    """
    try:
        model = onnx.load_model(path)
        onnx.checker.check_model(model)
    except (OSError, DecodeError, onnx.checker.ValidationError) as bad:
        raise DataError(f"{path} is no ONNX model", cause=str(bad)) from bad
    return widened(model)


def about_model(model: ModelProto) -> dict[str, Any]:
    """Return what `save_model` was told about a model; empty where it was another that wrote it."""
    texts = [entry.value for entry in model.metadata_props if entry.key == ABOUT]
    return dict(json.loads(texts[0])) if texts else {}


def halved(model: ModelProto) -> ModelProto:
    """Return a copy with every float32 initialiser in half precision behind a cast."""
    copy, casts = _copy(model), []
    for tensor in copy.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(_half(numpy_helper.to_array(tensor), name), name + _HALF))
            casts.append(helper.make_node("Cast", [name + _HALF], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    _replace(copy.graph.node, [*casts, *model.graph.node])
    return copy


def widened(model: ModelProto) -> ModelProto:
    """Return a copy without the casts of half-precision initialisers: these hold float32 instead."""
    copy = _copy(model)
    stored = {t.name: t for t in copy.graph.initializer if t.data_type == TensorProto.FLOAT16}
    casts = [n for n in copy.graph.node if n.op_type == "Cast" and n.input[0] in stored and _to_float(n)]
    for node in casts:
        tensor = stored[node.input[0]]
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), node.output[0]))
    gone = {node.output[0] for node in casts}
    _replace(copy.graph.node, [n for n in model.graph.node if n.output[0] not in gone])
    onnx.checker.check_model(copy)
    return copy


def n_parameters(model: ModelProto) -> int:
    """Return how many numbers the float initialisers hold."""
    kinds = TensorProto.FLOAT, TensorProto.FLOAT16
    return sum(int(np.prod(t.dims)) for t in model.graph.initializer if t.data_type in kinds)


def folded(model: ModelProto) -> ModelProto:
    """Return a copy in which every batch normalisation that alone reads a convolution is part of it."""
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    readers = Counter(name for n in model.graph.node for name in n.input)
    behind = [n for n in model.graph.node if n.op_type == "BatchNormalization" and readers[n.input[0]] == 1]
    norms = {n.input[0]: n for n in behind if n.input[0] in {c.output[0] for c in _convolutions(model)}}
    nodes = []
    for node in model.graph.node:
        if node.output[0] in norms:
            nodes.append(_with_norm(node, norms[node.output[0]], arrays))
        elif node.op_type != "BatchNormalization" or node.input[0] not in norms:
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    copy = _copy(model)
    _replace(copy.graph.node, nodes)
    _replace(copy.graph.initializer, [numpy_helper.from_array(v, k) for k, v in arrays.items() if k in used])
    onnx.checker.check_model(copy)
    return copy


def _convolutions(model: ModelProto) -> list[Any]:
    return [node for node in model.graph.node if node.op_type == "Conv"]


def _with_norm(conv: Any, norm: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return the convolution that gives the output of the normalisation; its arrays are added to `arrays`."""
    scale, bias, mean, var = (arrays[name] for name in norm.input[1:5])
    epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
    factor = scale / np.sqrt(var + epsilon)
    w = arrays[conv.input[1]]
    offset = arrays[conv.input[2]] if len(conv.input) > 2 else 0.0
    name = f"{conv.name}.bias"
    arrays[conv.input[1]] = (w * factor.reshape(-1, *[1] * (w.ndim - 1))).astype(np.float32)
    arrays[name] = ((offset - mean) * factor + bias).astype(np.float32)
    result = onnx.NodeProto()
    result.CopyFrom(conv)
    _replace(result.input, [conv.input[0], conv.input[1], name])
    _replace(result.output, [norm.output[0]])
    return result


def _half(values: NDArray[np.float32], name: str) -> NDArray[np.float16]:
    largest = float(np.abs(values).max(initial=0.0))
    if not largest <= float(np.finfo(np.float16).max):  # also catches NaN
        raise DataError(f"{name}: got a largest value of {largest:g}, wanted what half precision holds (65504)")
    return values.astype(np.float16)


def _to_float(node: Any) -> bool:
    return any(a.name == "to" and a.i == TensorProto.FLOAT for a in node.attribute)


def _replace(field: Any, values: list[Any]) -> None:
    del field[:]
    field.extend(values)


def _copy(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy
