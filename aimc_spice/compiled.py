"""How are the hot loops compiled? By numba, once for a machine, without the interpreter's lock.

One idea: one decorator, so that types stay and options are the same. Arithmetic is not reordered (no fast math):
results do not depend on the processor's vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function when it is first called; the result is kept on disk."""
    fast: F = njit(nogil=True, error_model="numpy", cache=True)(function)
    return fast
