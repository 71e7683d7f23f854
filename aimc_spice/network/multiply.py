"""How do a few columns of a matrix meet a block of inputs? In registers, `LANES` inputs at a time.

One idea: products of tiles are short (128 terms), and what a general library spends on bringing its operands into an
order of its own counts. Here they are read where they lie, and the products of a few columns stay in the first-level
cache, where converters take them up. Terms are added in the order of the rows, every product by itself: its result
does not depend on its place in a batch. LLVM is told what to do vector by vector, as numba does not keep that many
sums in registers on its own. It knows no converters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils
from numpy.typing import NDArray

from aimc_spice.compiled import compiled, emitted
from aimc_spice.network.vectors import FLOAT, INT16, INT32, constant, filled, load, place, store

F32 = NDArray[np.float32]
LANES = 16
FEW = 12 if binding.get_host_cpu_features().get("avx512f") else 6  # columns: their sums and an input fill the registers
PAIRED = bool(binding.get_host_cpu_features().get("avx2"))  # an instruction for products of pairs
_LINE = 64 // 4  # numbers of a line of the cache
_VECTOR = ir.VectorType(FLOAT, LANES)


def _sums(n: int) -> Callable[..., None]:
    """Return ``f(w, w_at, x, x_at, x_step, k, y, y_at, y_step)`` for `n` columns, for arrays in one piece.

    It writes ``sum(w[w_at + j*k + i] * x[x_at + i*x_step + lane], i < k)`` to ``y[y_at + j*y_step + lane]``.
    """

    @emitted
    def sums(b: Any, w: Any, w_at: Any, x: Any, x_at: Any, x_step: Any, k: Any, y: Any, y_at: Any, y_step: Any) -> None:
        columns = [b.gep(w, [place(b, w_at, k, j)]) for j in range(n)]
        before, loop, after = b.block, b.append_basic_block("terms"), b.append_basic_block("sums")
        b.branch(loop)
        b.position_at_end(loop)
        kind = ir.VectorType(w.type.pointee, LANES)
        i, at, found = b.phi(k.type), b.phi(k.type), [b.phi(kind) for _ in range(n)]
        inputs = load(b, x, at, LANES)
        added = [_added(b, b.load(b.gep(columns[j], [i])), inputs, found[j]) for j in range(n)]
        following = b.add(i, ir.Constant(k.type, 1)), b.add(at, x_step)
        zero, none = ir.Constant(k.type, 0), constant(kind.element, 0, LANES)
        for phi, first, later in zip([i, at, *found], [zero, x_at, *[none] * n], [*following, *added], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, loop)
        b.cbranch(b.icmp_signed("<", following[0], k), loop, after)
        b.position_at_end(after)
        for j in range(n):
            result = added[j] if kind == _VECTOR else b.sitofp(added[j], _VECTOR)
            store(b, result, y, place(b, y_at, y_step, j))

    return sums


def _added(b: Any, weight: Any, inputs: Any, to: Any) -> Any:
    """Return ``weight * inputs + to``, rounded once where the processor can; of two whole numbers a lane, exact."""
    weights = filled(b, weight, LANES)
    if weight.type == INT32:
        return b.add(_of_pairs(b, weights, inputs), to)
    return _called(b, f"llvm.fmuladd.v{LANES}f32", _VECTOR, weights, inputs, to)


def _of_pairs(b: Any, weights: Any, inputs: Any) -> Any:
    """Return the products of lower and of upper halves of 32-bit numbers, added up."""
    if not PAIRED:
        half = constant(INT32, 16, LANES)
        low = b.mul(*(b.ashr(b.shl(v, half), half) for v in (weights, inputs)))
        return b.add(low, b.mul(*(b.ashr(v, half) for v in (weights, inputs))))
    eight, halves = ir.VectorType(INT32, 8), ir.VectorType(INT16, 16)
    found = []
    for first in range(0, LANES, 8):
        some = ir.Constant(eight, list(range(first, first + 8)))
        parts = (b.bitcast(b.shuffle_vector(v, v, some), halves) for v in (weights, inputs))
        found.append(_called(b, "llvm.x86.avx2.pmadd.wd", eight, *parts))
    return b.shuffle_vector(*found, ir.Constant(ir.VectorType(INT32, LANES), list(range(LANES))))


def _called(b: Any, name: str, result: Any, *arguments: Any) -> Any:
    kind = ir.FunctionType(result, [v.type for v in arguments])
    return b.call(cgutils.get_or_insert_function(b.module, kind, name), list(arguments))


@emitted
def _ask(builder: Any, data: Any, at: Any) -> None:
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, *[INT32] * 3])
    ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    to_read, keep, of_data = (ir.Constant(INT32, v) for v in (0, 3, 1))
    builder.call(ask, [builder.bitcast(builder.gep(data, [at]), byte), to_read, keep, of_data])


@compiled
def fetch(data: NDArray[Any], first: int, n: int) -> None:
    """Ask for numbers `first` to ``first + n`` ahead of use: the processor does not foresee where they begin."""
    for i in range(first, first + n, 64 // data.itemsize):
        _ask(data, i)


_few, _four, _two, _one = _sums(FEW), _sums(4), _sums(2), _sums(1)


@compiled
def wide(n: int) -> int:
    """Return how far apart rows of `n` inputs are best: an odd number of lines, so that they share the whole cache."""
    return (-(-n // _LINE) | 1) * _LINE


@compiled
def aligned(n: int) -> F32:
    """Return memory for `n` numbers that begins with a line of the cache."""
    found = np.zeros(n + _LINE, np.float32)
    skip = (-found.ctypes.data // 4) % _LINE
    return found[skip : skip + n]


@compiled
def multiply(matrix: Any, first: int, n: int, k: int, x: Any, step: int, m: int, y: F32, y_step: int) -> None:
    """Multiply columns `first` to ``first + n`` with `m` inputs; `LANES` at a time, so `x` and `y` have room for all.

    Parameters
    ----------
    matrix : ndarray, shape (n_columns * k,)
        Column by column; of int32, two whole numbers of 16 bits each (see `pairs`).
    x : ndarray, shape (k * step,)
        Row by row, `step` apart; of the same type.
    y : ndarray, shape (n * y_step,)
        Column by column, `y_step` apart; written.
    """
    for i in range(0, m, LANES):
        c, at = first * k, i
        for _ in range(n // FEW):
            _few(matrix, c, x, i, step, k, y, at, y_step)
            c, at = c + FEW * k, at + FEW * y_step
        rest = n % FEW
        while rest >= 4:
            _four(matrix, c, x, i, step, k, y, at, y_step)
            c, at, rest = c + 4 * k, at + 4 * y_step, rest - 4
        if rest >= 2:
            _two(matrix, c, x, i, step, k, y, at, y_step)
            c, at, rest = c + 2 * k, at + 2 * y_step, rest - 2
        if rest == 1:
            _one(matrix, c, x, i, step, k, y, at, y_step)
