"""Which digital operations are too slow in the reference implementation, and what is run instead?

One idea: `fast_path` returns a function of an operation's inputs, or None where the reference is good enough or the
case is rare. What profiles of ResNet-20 and of a BERT layer showed to matter: convolution, pooling, ReLU, layer
norm, softmax, erf and GELU. The onnx package's node tests judge all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.compiled import compiled
from aimc_spice.network.blocks import SUMS, Reader, sums_of
from aimc_spice.network.dac import Dac
from aimc_spice.network.kernel import BLOCK
from aimc_spice.network.lower import convolution_of, padding_of
from aimc_spice.network.norms import layer_norm_rows, softmax_rows

Array = NDArray[Any]


def fast_path(op: str, attributes: dict[str, Any], opset: int, n_outputs: int) -> Callable[..., Any] | None:  # noqa: PLR0911  a table
    """Return a faster implementation of an operation with these attributes, or None."""
    if op in {"MaxPool", "AveragePool"}:
        if n_outputs > 1:
            return None
        return _pool(op, attributes)
    if op == "Conv":
        return lambda x, w, b=None: convolve(x, w, b, attributes)
    if op == "Relu":
        return lambda x: np.maximum(x, x.dtype.type(0))
    if op == "Dense":
        return lambda x, w, b: x @ w + b
    if op == "Softmax" and opset >= 13:
        return lambda x: softmax(x, attributes.get("axis", -1))
    if op == "LayerNormalization":
        return _layer_norm(attributes)
    if op == "Gelu":
        return gelu_tanh if attributes.get("approximate") == "tanh" else gelu
    if op == "GlobalAveragePool":
        return lambda x: x.mean(axis=tuple(range(2, x.ndim)), keepdims=True)
    return {"Erf": erf}.get(op)


def convolve(x: Array, w: Array, b: Array | None, attributes: dict[str, Any]) -> Array:
    """Convolve with 1 or 2 axes by patches and matrix products; others are summed over shifts."""
    if w.ndim not in {3, 4} or x.dtype != np.float32:
        return _any_convolution(x, w, b, attributes)
    product, exact = convolution_of(w, b, attributes, x.shape), Dac(None, 1.0)
    output, driven, n_rows = product.output(x.shape), product.driven(x, exact, 0), product.rows_of(x.shape)
    for index, matrix in enumerate(product.matrices):
        k, n = matrix.shape
        one, patches = np.ones(n, np.float32), product.inputs(driven, exact, 0, index)
        bias = np.zeros(n, np.float32) if b is None else b[index * n : (index + 1) * n]
        turned = np.ascontiguousarray(matrix.T)
        at_once = max(BLOCK, SUMS // n // BLOCK * BLOCK)
        for first in range(0, n_rows, at_once):
            m = min(at_once, n_rows - first)
            total = np.zeros(n * m, np.float32)
            patches.through(slice(0, k), turned, Reader(None, one, one), total, first, m)
            for at, block in sums_of(total, n, m):
                product.store(output, index, first + at, block, one, bias)
    return product.shaped(output, x.shape)


def _any_convolution(x: Array, w: Array, b: Array | None, attributes: dict[str, Any]) -> Array:
    n_axes, groups = w.ndim - 2, attributes.get("group", 1)
    strides = attributes.get("strides") or [1] * n_axes
    dilations = attributes.get("dilations") or [1] * n_axes
    pads = padding_of(attributes, x.shape[2:], w.shape[2:])
    padded = np.pad(x, [(0, 0), (0, 0), *zip(pads[:n_axes], pads[n_axes:], strict=True)])
    size = [
        (p - d * (k - 1) - 1) // s + 1
        for p, d, k, s in zip(padded.shape[2:], dilations, w.shape[2:], strides, strict=True)
    ]
    per_in, per_out = w.shape[1], len(w) // groups
    found = np.zeros((len(x), len(w), *size), x.dtype)
    for at in np.ndindex(*w.shape[2:]):
        window = tuple(
            slice(i * d, i * d + s * (n - 1) + 1, s) for i, d, s, n in zip(at, dilations, strides, size, strict=True)
        )
        for g in range(groups):
            part = padded[(slice(None), slice(g * per_in, (g + 1) * per_in), *window)]
            out = slice(g * per_out, (g + 1) * per_out)
            found[:, out] += np.moveaxis(np.tensordot(w[(out, slice(None), *at)], part, axes=(1, 1)), 0, 1)
    return found if b is None else found + b.reshape(1, -1, *[1] * n_axes)


def _pool(op: str, attributes: dict[str, Any]) -> Callable[..., Any] | None:
    plain = attributes.get("ceil_mode", 0) == 0 and attributes.get("auto_pad", "NOTSET") in {"NOTSET", "VALID"}
    if not plain or attributes.get("storage_order", 0) or len(attributes["kernel_shape"]) != 2:
        return None
    return lambda x: _windows(x, op, attributes)


def _windows(x: Array, op: str, attributes: dict[str, Any]) -> Array:
    kernel, strides = attributes["kernel_shape"], attributes.get("strides") or [1, 1]
    dilations, pads = attributes.get("dilations") or [1, 1], attributes.get("pads") or [0] * 4
    edges = [(0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])]
    largest = op == "MaxPool"
    empty = (-np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min) if largest else 0
    padded = np.pad(x, edges, constant_values=empty) if any(pads) else x
    size = [(padded.shape[2 + i] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1 for i in range(2)]
    found = _combine(padded, kernel, strides, dilations, size, np.maximum if largest else np.add)
    if largest:
        return found
    if attributes.get("count_include_pad", 0) or not any(pads):
        return np.asarray(found / x.dtype.type(math.prod(kernel)), dtype=x.dtype)
    inside = np.pad(np.ones((1, 1, *x.shape[2:]), x.dtype), edges)
    return np.asarray(found / _combine(inside, kernel, strides, dilations, size, np.add), dtype=x.dtype)


def _combine(x: Array, kernel: Any, strides: Any, dilations: Any, size: list[int], by: Any) -> Array:
    found: Array | None = None
    for at in np.ndindex(*kernel):
        window = tuple(
            slice(at[i] * dilations[i], at[i] * dilations[i] + strides[i] * (size[i] - 1) + 1, strides[i])
            for i in range(2)
        )
        part = x[(slice(None), slice(None), *window)]
        found = part.copy() if found is None else by(found, part, out=found)
    assert found is not None  # noqa: S101  a kernel has at least one element
    return found


def softmax(x: Array, axis: int) -> Array:
    """Return the softmax along one axis, in two temporaries less than the reference, or row by row."""
    if x.dtype == np.float32 and x.size and axis % x.ndim == x.ndim - 1:
        found = np.empty(x.shape, np.float32)
        softmax_rows(np.ascontiguousarray(x).reshape(-1, x.shape[-1]), found.reshape(-1, x.shape[-1]))
        return found
    found = np.asarray(x - x.max(axis=axis, keepdims=True))
    np.exp(found, out=found)
    found /= found.sum(axis=axis, keepdims=True)
    return found


def _layer_norm(attributes: dict[str, Any]) -> Callable[..., Any] | None:
    if attributes.get("stash_type", 1) != 1:
        return None
    axis, epsilon = attributes.get("axis", -1), attributes.get("epsilon", 1e-5)

    def run(x: Array, scale: Array, bias: Array | None = None) -> tuple[Array, ...]:
        axes = tuple(range(axis % x.ndim, x.ndim))
        if x.dtype == np.float32 and x.size and scale.shape == x.shape[axes[0] :]:
            return _norm_of_rows(x, scale, np.zeros_like(scale) if bias is None else bias, epsilon)
        mean = x.mean(axis=axes, keepdims=True)
        found = x - mean
        inverse = 1 / np.sqrt(np.mean(found * found, axis=axes, keepdims=True) + x.dtype.type(epsilon))
        found *= inverse
        found *= scale
        if bias is not None:
            found += bias
        return found, mean, inverse

    return run


def _norm_of_rows(x: Array, scale: Array, bias: Array, epsilon: float) -> tuple[Array, ...]:
    """Return the layer norm over the last axes, those of `scale`, with mean and inverse deviation of each row."""
    rows = np.ascontiguousarray(x).reshape(-1, scale.size)
    found, (mean, inverse) = np.empty_like(rows), np.empty((2, len(rows)), np.float32)
    to = np.broadcast_to(bias, scale.shape).reshape(-1)
    layer_norm_rows(rows, scale.reshape(-1), to, np.float32(epsilon), found, mean, inverse)
    shape = (*x.shape[: x.ndim - scale.ndim], *[1] * scale.ndim)
    return found.reshape(x.shape), mean.reshape(shape), inverse.reshape(shape)


def erf(x: Array) -> Array:
    """Return the error function; single precision by a rational approximation, error below 3e-7."""
    if x.dtype != np.float32:
        return np.asarray(_erf64(x), dtype=x.dtype)
    found = np.empty(x.shape, np.float32)
    _erf(np.ascontiguousarray(x).reshape(-1), found.reshape(-1))
    return found


def _erf64(x: Array) -> Array:
    from scipy.special import erf as exact  # noqa: PLC0415  only for other precisions

    return np.asarray(exact(x))


def gelu(x: Array) -> Array:
    """Return x Φ(x)."""
    if x.dtype != np.float32:
        half = x.dtype.type(0.5)
        return np.asarray(x * (erf(x * x.dtype.type(math.sqrt(0.5))) + x.dtype.type(1)) * half)
    found = np.empty(x.shape, np.float32)
    _gelu(np.ascontiguousarray(x).reshape(-1), found.reshape(-1))
    return found


def gelu_tanh(x: Array) -> Array:
    """Return the tanh approximation of GELU."""
    t = np.tanh(x.dtype.type(math.sqrt(2 / math.pi)) * (x + x.dtype.type(0.044715) * x * x * x))
    return np.asarray(x.dtype.type(0.5) * x * (t + x.dtype.type(1)))


@compiled
def _erf(x: Array, found: Array) -> None:
    for i in range(x.size):
        found[i] = _erf_of(x[i])


@compiled
def _gelu(x: Array, found: Array) -> None:
    for i in range(x.size):
        found[i] = np.float32(0.5) * x[i] * (np.float32(1) + _erf_of(x[i] * np.float32(0.7071067811865476)))


@compiled
def _erf_of(v: Any) -> Any:
    """Odd polynomial over even one on [-4, 4], beyond which erf is one (coefficients as in Eigen)."""
    v = v if v < np.float32(4) else np.float32(4)
    v = v if v > np.float32(-4) else np.float32(-4)
    w = v * v
    p = np.float32(-2.72614225801306e-10)
    p = p * w + np.float32(2.77068142495902e-08)
    p = p * w + np.float32(-2.10102402082508e-06)
    p = p * w + np.float32(-5.69250639462346e-05)
    p = p * w + np.float32(-7.34990630326855e-04)
    p = p * w + np.float32(-2.95459980854025e-03)
    p = p * w + np.float32(-1.60960333262415e-02)
    q = np.float32(-1.45660718464996e-05)
    q = q * w + np.float32(-2.13374055278905e-04)
    q = q * w + np.float32(-1.68282697438203e-03)
    q = q * w + np.float32(-7.37332916720468e-03)
    q = q * w + np.float32(-1.42647390514189e-02)
    return v * p / q
