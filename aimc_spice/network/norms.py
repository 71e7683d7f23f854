"""How are rows of activations normalised, by softmax and by layer norm? Each row once, while it is in the cache.

One idea: maxima and sums of rows are taken `LANES` at a time, in an order that depends on no processor, and what is
done to every number stands in loops that compilers vectorise. Single precision; `fast` does the rest with NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from aimc_spice.compiled import compiled, emitted
from aimc_spice.network.vectors import FLOAT, constant, filled, load, store

F32 = NDArray[np.float32]
LANES = 32
_LOG2_E, _LN2_HIGH, _LN2_LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
_LEAST = np.float32(-88.0)  # exp of less is nothing in single precision


def _reduced(start: float, more: Callable[..., Any]) -> Callable[..., None]:
    """Return what takes `n` numbers together lane by lane, a multiple of `LANES`, by ``more(b, so_far, x, offset)``."""

    @emitted
    def reduced(b: Any, x: Any, at: Any, n: Any, offset: Any, found: Any) -> None:
        before, loop, after = b.block, b.append_basic_block("numbers"), b.append_basic_block("reduced")
        apart, first = filled(b, offset, LANES), constant(FLOAT, start, LANES)
        b.branch(loop)
        b.position_at_end(loop)
        i, so_far = b.phi(n.type), b.phi(first.type)
        later, following = more(b, so_far, load(b, x, b.add(at, i), LANES), apart), b.add(i, ir.Constant(n.type, LANES))
        for phi, value, again in ((i, ir.Constant(n.type, 0), following), (so_far, first, later)):
            phi.add_incoming(value, before)
            phi.add_incoming(again, loop)
        b.cbranch(b.icmp_signed("<", following, n), loop, after)
        b.position_at_end(after)
        store(b, later, found, ir.Constant(n.type, 0))

    return reduced


def _square(builder: Any, x: Any, offset: Any) -> Any:
    apart = builder.fsub(x, offset)
    return builder.fmul(apart, apart)


_highest = _reduced(float("-inf"), lambda b, so_far, x, _: b.select(b.fcmp_ordered(">", x, so_far), x, so_far))
_added = _reduced(0.0, lambda b, so_far, x, _: b.fadd(so_far, x))
_squared = _reduced(0.0, lambda b, so_far, x, offset: b.fadd(so_far, _square(b, x, offset)))


@compiled
def _total(lanes: F32) -> Any:
    """Return the sum of lanes, half by half."""
    half = LANES // 2
    while half > 0:
        for i in range(half):
            lanes[i] += lanes[i + half]
        half //= 2
    return lanes[0]


@compiled
def softmax_rows(x: F32, found: F32) -> None:
    """Write the softmax of each row of x (n, k), both in C order; exp by Cephes' polynomial, error below 2e-7."""
    (n, k), numbers, results = x.shape, x.reshape(-1), found.reshape(-1)
    lanes, whole, bits = np.empty(LANES, np.float32), k - k % LANES, np.empty(k, np.int32)
    power = bits.view(np.float32)
    for at in range(0, n * k, k):
        most = np.float32(-np.inf)
        if whole:
            _highest(numbers, at, whole, np.float32(0), lanes)
            for j in range(LANES):
                most = lanes[j] if lanes[j] > most else most
        for j in range(whole, k):
            most = numbers[at + j] if numbers[at + j] > most else most
        place = np.uintp(at)
        for j in range(k):
            i = np.uintp(j)
            v = numbers[place + i] - most
            v = _LEAST if v < _LEAST else v  # what is no number stays so
            whole_part = np.rint(v * _LOG2_E)
            r = v - whole_part * _LN2_HIGH - whole_part * _LN2_LOW
            p = np.float32(1.9875691500e-4)
            p = p * r + np.float32(1.3981999507e-3)
            p = p * r + np.float32(8.3334519073e-3)
            p = p * r + np.float32(4.1665795894e-2)
            p = p * r + np.float32(1.6666665459e-1)
            p = p * r + np.float32(5.0000001201e-1)
            results[place + i] = p * (r * r) + r + np.float32(1)
            bits[i] = np.int32(np.int32(np.int32(whole_part) + np.int32(127)) << np.int32(23))
        for j in range(k):
            i = np.uintp(j)
            results[place + i] *= power[i]
        total = np.float32(0)
        if whole:
            _added(results, at, whole, np.float32(0), lanes)
            total = _total(lanes)
        for j in range(whole, k):
            total += results[at + j]
        share = np.float32(1) / total
        for j in range(k):
            i = np.uintp(j)
            results[place + i] *= share


@compiled
def layer_norm_rows(x: F32, scale: F32, bias: F32, epsilon: np.float32, found: F32, mean: F32, inverse: F32) -> None:
    """Write each row of x (n, k) less its mean, over its standard deviation, times `scale` (k,), plus `bias` (k,).

    `mean` and `inverse` (n,) are written, too: the inverse of the standard deviation, whose square is `epsilon` more.
    """
    (n, k), numbers, results = x.shape, x.reshape(-1), found.reshape(-1)
    lanes, whole, each = np.empty(LANES, np.float32), k - k % LANES, np.float32(1) / np.float32(k)
    for row in range(n):
        at, total = row * k, np.float32(0)
        if whole:
            _added(numbers, at, whole, np.float32(0), lanes)
            total = _total(lanes)
        for j in range(whole, k):
            total += numbers[at + j]
        middle, spread = total * each, np.float32(0)
        if whole:
            _squared(numbers, at, whole, middle, lanes)
            spread = _total(lanes)
        for j in range(whole, k):
            spread += (numbers[at + j] - middle) * (numbers[at + j] - middle)
        by, place = np.float32(1) / np.sqrt(spread * each + epsilon), np.uintp(at)
        mean[row], inverse[row] = middle, by
        for j in range(k):
            i = np.uintp(j)
            results[place + i] = (numbers[place + i] - middle) * by * scale[i] + bias[i]
