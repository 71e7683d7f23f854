"""How are the hot loops compiled? By numba, once for a machine, without the interpreter's lock.

One idea: one decorator, so that types stay and options are the same. Arithmetic is not reordered (no fast math):
results do not depend on the processor's vectors. What is kept on disk belongs to all compiled sources together: numba
itself looks at the file of the outermost function only, and would run old code of another file that it calls.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., object])
_KEPT = 7 * 86400  # s


def compiled(function: F) -> F:
    """Compile a function when it is first called; the result is kept on disk."""
    fast: F = numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    return fast


def emitted(body: Callable[..., None]) -> Callable[..., None]:
    """Let compiled code call what is written in LLVM's own language, where numba does not find the vectors itself.

    Parameters
    ----------
    body : callable
        ``body(builder, *values)`` emits instructions; an array comes as the pointer to its first number, None as None.
    """

    def typed(_: Any, *kinds: Any) -> Any:
        return types.void(*kinds), written

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        body(builder, *(_value(context, builder, *one) for one in zip(signature.args, arguments, strict=True)))
        return context.get_dummy_value()

    vars(typed)["__signature__"] = inspect.signature(body)  # numba counts the arguments by it
    found: Callable[..., None] = intrinsic(typed)
    return found


def _value(context: Any, builder: Any, kind: Any, argument: Any) -> Any:
    if isinstance(kind, types.NoneType):
        return None
    return context.make_array(kind)(context, builder, argument).data if isinstance(kind, types.Array) else argument


def _keep_by_content(package: Path) -> None:
    """Let numba keep its results in a folder named after the content of all compiled sources; old ones go."""
    digest = hashlib.sha256()
    for source in sorted(package.rglob("*.py")):
        text = source.read_bytes()
        if b"@compiled" in text or b"@emitted" in text:
            digest.update(text)
    own = package / "__pycache__"
    folder = Path(numba.config.CACHE_DIR or own) / f"numba-{digest.hexdigest()[:16]}"
    if not folder.is_dir() and not numba.config.CACHE_DIR:
        if not os.access(own if own.is_dir() else package, os.W_OK):
            return  # numba finds a place; an installed package changes as a whole
        for old in own.glob("numba-*"):
            with suppress(FileNotFoundError):  # another process was quicker
                if old != folder and old.stat().st_mtime < time.time() - _KEPT:  # younger ones may be in use
                    shutil.rmtree(old, ignore_errors=True)
    numba.config.CACHE_DIR = str(folder)


_keep_by_content(Path(__file__).parent)
