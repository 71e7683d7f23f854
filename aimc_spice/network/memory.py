"""How does memory that mapping used on the way go back to the system? The C library is asked for it, layer by layer.

One idea: working arrays of one layer lie between what stays of it, and glibc keeps the holes they leave, which later
layers hardly fit; a BERT-base-size encoder took 640 MB more for it. Other C libraries have no such request.
"""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return free memory between arrays to the system, where the C library is glibc; costs about a millisecond."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
