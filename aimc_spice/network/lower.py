"""Which steps of a network become products with constant matrices, and which parts of such a step are the matrix?

One idea: one small reader for each operator; `lowered_of` returns a `Lowered` step, None for what has no matrix, and
raises where there is one that cannot be mapped, so nothing falls back to digital silently. Products of two activations
are lowered where they are asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetworkError
from aimc_spice.network.lowered import TWO_FACTORS, Lowered, Single, two_activations
from aimc_spice.network.product import Convolution, Dense
from aimc_spice.network.recurrent import RECURRENT, recurrent_of

Array = NDArray[Any]
MAPPED = ("MatMul", "Gemm", "Conv", *RECURRENT)
_HAS_WEIGHTS = {
    "ConvTranspose", "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "DeformConv", "Einsum",
}  # fmt: skip


def lowered_of(
    op: str, name: str, attributes: dict[str, Any], weights: list[Any], inputs: list[Any], *, written: bool = False
) -> Lowered | None:
    """Return a step with its products.

    Parameters
    ----------
    op, name, attributes : str, str, dict
        Of the node.
    weights : list
        Its inputs where they are constant, else None.
    inputs : list
        All of its inputs.
    written : bool
        Whether a product of two activations is lowered, too.

    Raises
    ------
    NetworkError
        It has a constant matrix that tiles cannot hold.
    """
    if op in RECURRENT:
        return _recurrent(op, name, attributes, weights, inputs)
    moving = [v for v, w in zip(inputs, weights, strict=True) if w is None and v is not None]
    product = product_of(op, name, attributes, weights, np.shape(moving[0]) if moving else ())
    if product is not None:
        return Single(name, product)
    if written and op in TWO_FACTORS and weights[0] is None and weights[1] is None:
        return two_activations(op, name, attributes, inputs)
    return None


def _recurrent(op: str, name: str, attributes: dict[str, Any], weights: list[Any], inputs: list[Any]) -> Lowered | None:
    if weights[1] is None and weights[2] is None:
        return None
    if any(w is None and v is not None for w, v in zip(weights[1:4], inputs[1:4], strict=True)):
        raise _unmapped(op, name, "one of W, R and B is computed")
    return recurrent_of(op, name, attributes, weights)


def product_of(
    op: str, where: str, attributes: dict[str, Any], weights: list[Any], shape: tuple[int, ...]
) -> Dense | Convolution | None:
    """Return what a step multiplies by.

    Parameters
    ----------
    op, where : str
        Its type and name.
    attributes : dict
        Of the node.
    weights : list
        Its inputs where they are constant, else None.
    shape : tuple of int
        Of the input that is not constant.

    Raises
    ------
    NetworkError
        It has a constant matrix that tiles cannot hold.
    """
    if op == "MatMul":
        return _matmul(weights[0], weights[1], where)
    if op == "Dense":
        return Dense(weights[1], weights[2])
    if op == "Gemm":
        return _gemm(attributes, weights, where)
    if op == "Conv" and weights[1] is not None:
        if weights[1].ndim not in {3, 4}:
            raise _unmapped(op, where, f"its kernel has {weights[1].ndim - 2} axes, wanted 1 or 2")
        if len(weights) > 2 and weights[2] is None:
            raise _unmapped(op, where, "its bias is computed")
        return convolution_of(weights[1], weights[2] if len(weights) > 2 else None, attributes, shape)
    if op in _HAS_WEIGHTS and any(w is not None and np.ndim(w) > 1 for w in weights):
        raise _unmapped(op, where, f"only {', '.join(MAPPED)} are mapped")
    return None


def _unmapped(op: str, where: str, cause: str) -> NetworkError:
    return NetworkError(
        f"{op} has a constant weight that cannot be laid on tiles", where=f"node {where}", cause=cause,
        hint=f'to run it digitally say so: digital=("{where}",)',
    )  # fmt: skip


def _matmul(a: Array | None, b: Array | None, where: str) -> Dense | None:
    if a is None and b is None:
        return None
    constant = np.asarray(a if b is None else b)
    if constant.ndim != 2:
        raise _unmapped("MatMul", where, f"its weight has the shape {constant.shape}, wanted one matrix")
    return Dense(constant) if b is not None else Dense(constant.T, left=True)


def _gemm(attributes: dict[str, Any], weights: list[Any], where: str) -> Dense | None:
    a, b = weights[:2]
    if b is None and a is not None:
        raise _unmapped("Gemm", where, "its constant is the left factor")
    if b is None:
        return None
    if attributes.get("transA", 0):
        raise _unmapped("Gemm", where, "its input is transposed")
    matrix = (b.T if attributes.get("transB", 0) else b) * b.dtype.type(attributes.get("alpha", 1.0))
    if len(weights) < 3:
        return Dense(matrix)
    c = weights[2]
    if c is None or c.size not in {1, matrix.shape[1]}:
        raise _unmapped("Gemm", where, "its bias is computed, or is no vector of outputs")
    bias = np.broadcast_to(c.reshape(-1) * c.dtype.type(attributes.get("beta", 1.0)), matrix.shape[1:])
    return Dense(matrix, bias)


def convolution_of(
    weight: Array, bias: Array | None, attributes: dict[str, Any], shape: tuple[int, ...]
) -> Convolution:
    """Read a convolution with 1 or 2 axes."""
    flat = weight.ndim == 3
    strides = _pair(attributes.get("strides"), flat)
    dilations = _pair(attributes.get("dilations"), flat)
    pads = padding_of(attributes, shape[2:], weight.shape[2:])
    four = (0, pads[0], 0, pads[1]) if flat else tuple(pads)
    kernel = weight[:, :, None, :] if flat else weight
    return Convolution(kernel, bias, attributes.get("group", 1), strides, dilations, four, flat)  # type: ignore[arg-type]  # two or four


def _pair(values: Any, flat: bool) -> tuple[int, int]:
    found = list(values) if values else [1] * (1 if flat else 2)
    return (1, found[0]) if flat else (found[0], found[1])


def padding_of(attributes: dict[str, Any], size: tuple[int, ...], kernel: tuple[int, ...]) -> list[int]:
    """Return the padding before every axis, then after every axis."""
    mode, n = attributes.get("auto_pad", "NOTSET"), len(kernel)
    if mode == "NOTSET":
        return list(attributes.get("pads") or [0] * 2 * n)
    if mode == "VALID":
        return [0] * 2 * n
    strides, dilations = attributes.get("strides") or [1] * n, attributes.get("dilations") or [1] * n
    total = [
        max(0, (-(-s // t) - 1) * t + d * (k - 1) + 1 - s)
        for s, t, d, k in zip(size, strides, dilations, kernel, strict=True)
    ]
    less, more = [t // 2 for t in total], [t - t // 2 for t in total]
    return less + more if mode == "SAME_UPPER" else more + less
