"""What happens when PyTorch is not installed?

PyTorch is imported at its first use, so that this room can be imported without it; the error names the extra to
install.
"""

from __future__ import annotations

import importlib
from typing import Any

from aimc_spice.errors import ConfigError


class _Lazy:
    """Stands for the module `torch` until something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_load("torch"), name)


def _load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as bad:
        raise ConfigError(
            "training needs PyTorch, which cannot be imported", cause=str(bad), hint="pip install 'aimc_spice[train]'"
        ) from bad


torch: Any = _Lazy()
