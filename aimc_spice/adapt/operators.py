"""Which ONNX operators can be trained, and what does each one do to PyTorch tensors?

One table from operator to function ``f(inputs, attributes) -> tensor``; the inputs are tensors, None where an optional
one is left out. Only inference semantics and one output; what is not in the table is refused by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aimc_spice.adapt.backend import torch
from aimc_spice.errors import ConfigError

Tensor = Any
Attributes = Mapping[str, Any]
Operator = Callable[[Sequence[Tensor], Attributes], Tensor]


def _conv(x: Sequence[Tensor], a: Attributes) -> Tensor:
    image, w = x[0], x[1]
    n_axes = w.ndim - 2
    pads = list(a.get("pads", [0] * 2 * n_axes))
    before, after = pads[:n_axes], pads[n_axes:]
    if before != after:
        image, before = torch.nn.functional.pad(image, _torch_pads(before, after)), [0] * n_axes
    call = torch.nn.functional.conv2d if n_axes == 2 else torch.nn.functional.conv1d
    ones = [1] * n_axes
    given = {"stride": a.get("strides", ones), "dilation": a.get("dilations", ones), "groups": a.get("group", 1)}
    return call(image, w, x[2] if len(x) > 2 else None, padding=before, **given)


def _torch_pads(before: Sequence[int], after: Sequence[int]) -> list[int]:
    """Return pads in PyTorch's order: the last axis first, before and after together."""
    return [pad for pair in zip(reversed(before), reversed(after), strict=True) for pad in pair]


def _gemm(x: Sequence[Tensor], a: Attributes) -> Tensor:
    left = x[0].T if a.get("transA", 0) else x[0]
    right = x[1].T if a.get("transB", 0) else x[1]
    y = a.get("alpha", 1.0) * (left @ right) if a.get("alpha", 1.0) != 1 else left @ right
    return y + a.get("beta", 1.0) * x[2] if len(x) > 2 else y


def _max_pool(x: Sequence[Tensor], a: Attributes) -> Tensor:
    if any(a.get("pads", [])) or a.get("ceil_mode", 0):
        raise ConfigError("MaxPool: padding and ceil_mode cannot be trained here, wanted neither")
    return torch.nn.functional.max_pool2d(x[0], a["kernel_shape"], a.get("strides", [1, 1]))


def _layer_norm(x: Sequence[Tensor], a: Attributes) -> Tensor:
    shape = x[0].shape[a.get("axis", -1) :]
    return torch.nn.functional.layer_norm(x[0], shape, x[1], x[2] if len(x) > 2 else None, a.get("epsilon", 1e-5))


def _reshape(x: Sequence[Tensor], _a: Attributes) -> Tensor:
    wanted = [x[0].shape[k] if n == 0 else n for k, n in enumerate(x[1].tolist())]
    return x[0].reshape(wanted)


def _slice(x: Sequence[Tensor], _a: Attributes) -> Tensor:
    axes = x[3].tolist() if len(x) > 3 else range(len(x[1]))
    index = [slice(None)] * x[0].ndim
    for axis, start, end in zip(axes, x[1].tolist(), x[2].tolist(), strict=True):
        index[axis] = slice(start, end)
    return x[0][tuple(index)]


def _unsqueeze(x: Sequence[Tensor], _a: Attributes) -> Tensor:
    n_axes = x[0].ndim + len(x[1])
    shape = list(x[0].shape)
    for axis in sorted(axis % n_axes for axis in x[1].tolist()):
        shape.insert(axis, 1)
    return x[0].reshape(shape)


def _gather(x: Sequence[Tensor], a: Attributes) -> Tensor:
    if a.get("axis", 0) != 0:
        raise ConfigError(f"Gather: axis {a['axis']} cannot be trained here, wanted 0")
    return torch.nn.functional.embedding(x[1], x[0])


def _cast(x: Sequence[Tensor], a: Attributes) -> Tensor:
    kinds = {1: torch.float32, 7: torch.int64, 9: torch.bool}
    if a["to"] not in kinds:
        raise ConfigError(f"Cast: got the ONNX type {a['to']}, wanted one of {sorted(kinds)}")
    return x[0].to(kinds[a["to"]])


def _gelu(x: Sequence[Tensor], a: Attributes) -> Tensor:
    kind = a.get("approximate", b"none")
    return torch.nn.functional.gelu(x[0], approximate=kind.decode() if isinstance(kind, bytes) else kind)


def _gru(x: Sequence[Tensor], a: Attributes) -> Tensor:
    """Run all states (T, 1, N, H) forward; PyTorch has the gates in the order r, z, n where ONNX has z, r, h."""
    given = {name: value for name, value in a.items() if name not in {"hidden_size", "linear_before_reset"}}
    if given or not a.get("linear_before_reset", 0) or len(x) != 4:
        raise ConfigError("GRU: only W, R and B with linear_before_reset can be trained here", cause=f"got {given}")
    n = x[2].shape[-1]
    w, r = (torch.cat([m[0, n : 2 * n], m[0, :n], m[0, 2 * n :]]) for m in x[1:3])
    z_w, r_w, h_w, z_r, r_r, h_r = x[3][0].split(n)
    start = torch.zeros(1, x[0].shape[1], n, dtype=x[0].dtype)
    parameters = [w, r, torch.cat([r_w, z_w, h_w]), torch.cat([r_r, z_r, h_r])]
    return torch.gru(x[0], start, parameters, True, 1, 0.0, False, False, False)[0][:, None]


OPERATORS: dict[str, Operator] = {
    "Add": lambda x, _: x[0] + x[1],
    "Sub": lambda x, _: x[0] - x[1],
    "Mul": lambda x, _: x[0] * x[1],
    "Div": lambda x, _: x[0] / x[1],
    "Equal": lambda x, _: x[0] == x[1],
    "Relu": lambda x, _: torch.relu(x[0]),
    "Gelu": _gelu,
    "Softmax": lambda x, a: torch.softmax(x[0], a.get("axis", -1)),
    "MatMul": lambda x, _: x[0] @ x[1],
    "Gemm": _gemm,
    "Conv": _conv,
    "GRU": _gru,
    "MaxPool": _max_pool,
    "GlobalAveragePool": lambda x, _: x[0].mean((2, 3), keepdim=True),
    "LayerNormalization": _layer_norm,
    "ReduceSum": lambda x, a: x[0].sum(x[1].tolist(), keepdim=bool(a.get("keepdims", 1))),
    "Flatten": lambda x, a: x[0].flatten(a.get("axis", 1)),
    "Reshape": _reshape,
    "Transpose": lambda x, a: x[0].permute(a["perm"]),
    "Slice": _slice,
    "Unsqueeze": _unsqueeze,
    "Gather": _gather,
    "Shape": lambda x, a: torch.tensor(x[0].shape[a.get("start", 0) : a.get("end")]),
    "Cast": _cast,
}
