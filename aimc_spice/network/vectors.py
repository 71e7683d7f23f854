"""How does code in LLVM's own language hold vectors? What `multiply`, `turn`, `conversion` and `norms` all write.

One idea: `emitted` bodies know arrays as pointers to their first number and places as counts of numbers; vectors are
loaded from and stored to any place.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

FLOAT, INT16, INT32, INT64 = ir.FloatType(), ir.IntType(16), ir.IntType(32), ir.IntType(64)


def constant(kind: Any, value: float, lanes: int) -> Any:
    """Return a vector of equal constants."""
    return ir.Constant(ir.VectorType(kind, lanes), [value] * lanes)


def filled(builder: Any, value: Any, lanes: int) -> Any:
    """Return a vector that holds a number in every lane."""
    nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(INT32, 0))
    return builder.shuffle_vector(one, nothing, constant(INT32, 0, lanes))


def place(builder: Any, first: Any, step: Any, index: int) -> Any:
    """Return ``first + step * index``."""
    return builder.add(first, builder.mul(step, ir.Constant(step.type, index)))


def load(builder: Any, data: Any, at: Any, lanes: int) -> Any:
    """Return numbers `at` on."""
    found = builder.load(_as(builder, data, at, ir.VectorType(data.type.pointee, lanes)))
    found.align = 4
    return found


def store(builder: Any, value: Any, data: Any, at: Any) -> None:
    """Write numbers `at` on."""
    builder.store(value, _as(builder, data, at, value.type)).align = 4


def _as(builder: Any, data: Any, at: Any, kind: Any) -> Any:
    return builder.bitcast(builder.gep(data, [at]), kind.as_pointer())
