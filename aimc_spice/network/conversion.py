"""How do guessed codes become codes and partial sums? `LANES` of one column at a time, in registers.

One idea: what is looked up is loaded number by number into a vector that is used at once, and its places come from
words of two codes each; compilers store such a vector first, or look up with instructions that are slower. It is
written in LLVM's language, for pieces of memory that do not overlap. No operation is contracted or reordered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from aimc_spice.compiled import emitted
from aimc_spice.network.vectors import FLOAT, INT16, INT32, INT64, constant, filled, load, store

LANES = 16


def _sums(lanes: int) -> Callable[..., None]:
    """Return what compiled code calls to finish `n` conversions, a multiple of `lanes`, and add ``gain * code``.

    Parameters
    ----------
    u, code : ndarray
        Inputs [LSB], and codes, one less where the threshold above is reached; from the place `i` on.
    levels : ndarray of int16
        Deviations of thresholds from ``code + 1``, in `unit` LSB; those of the column begin at `level_at`.
    total : ndarray
        Changed from `at` on.
    ends : ndarray of int32, shape (lanes,), or None
        The number of codes that are zero or `top` is added to it, in parts.
    """

    @emitted
    def sums(
        b: Any, n: Any, i: Any, u: Any, code: Any, levels: Any, level_at: Any, total: Any, at: Any, unit: Any,
        gain: Any, top: Any, ends: Any,
    ) -> None:  # fmt: skip
        table, unit, gain, top = b.gep(levels, [level_at]), *(filled(b, v, lanes) for v in (unit, gain, top))
        zero, one, none = constant(FLOAT, 0.0, lanes), constant(FLOAT, 1.0, lanes), constant(INT32, 0, lanes)
        before, loop, after = b.block, b.append_basic_block("conversions"), b.append_basic_block("converted")
        b.branch(loop)
        b.position_at_end(loop)
        done, ended = b.phi(n.type), b.phi(none.type)
        place, place_of_sum = b.add(i, done), b.add(at, done)
        guess = load(b, code, place, lanes)
        below = b.sitofp(guess, one.type)
        above = b.fadd(below, one)
        apart = b.sitofp(_looked_up(b, table, code, place, lanes), one.type)
        reached = b.fcmp_ordered(">=", load(b, u, place, lanes), b.fadd(above, b.fmul(apart, unit)))
        found = b.select(reached, above, below)
        store(b, b.fadd(load(b, total, place_of_sum, lanes), b.fmul(gain, found)), total, place_of_sum)
        counted = ended
        if ends is not None:
            is_end = b.or_(b.fcmp_ordered("==", found, zero), b.fcmp_ordered("==", found, top))
            counted = b.add(ended, b.zext(is_end, none.type))
        following = b.add(done, ir.Constant(n.type, lanes))
        for phi, first, later in ((done, ir.Constant(n.type, 0), following), (ended, none, counted)):
            phi.add_incoming(first, before)
            phi.add_incoming(later, loop)
        b.cbranch(b.icmp_signed("<", following, n), loop, after)
        b.position_at_end(after)
        if ends is not None:
            start = ir.Constant(n.type, 0)
            store(b, b.add(load(b, ends, start, lanes), counted), ends, start)

    return sums


def _looked_up(builder: Any, table: Any, code: Any, at: Any, lanes: int) -> Any:
    """Return what a table of 16 bits says of codes `at` on, as whole numbers of 32."""
    first = builder.gep(code, [at])
    if lanes == 1:
        places = [builder.zext(builder.load(first), INT64)]
    else:
        words, places = builder.bitcast(first, INT64.as_pointer()), []
        for k in range(lanes // 2):  # atomic: else words are taken from the vector that holds these codes, by shuffles
            word = builder.load_atomic(builder.gep(words, [ir.Constant(INT64, k)]), "monotonic", 8)
            low = builder.zext(builder.trunc(word, INT32), INT64)
            places += [low, builder.lshr(word, ir.Constant(INT64, 32))]
    found = ir.Constant(ir.VectorType(INT16, lanes), ir.Undefined)
    for k, place in enumerate(places):
        found = builder.insert_element(found, builder.load(builder.gep(table, [place])), ir.Constant(INT32, k))
    return builder.sext(found, ir.VectorType(INT32, lanes))


add_many, add_one = _sums(LANES), _sums(1)
