"""Where are the SPICE files and parameter tables that come with the toolkit?

In a checkout they lie at the top (``netlists/``, ``calibration/``), in a wheel under ``aimc_spice/_share``.
"""

from __future__ import annotations

from pathlib import Path

from aimc_spice.errors import ConfigError

_HERE = Path(__file__).parent
_ROOTS = (_HERE / "_share", _HERE.parent)


def share(*parts: str) -> Path:
    """Return the path of a shipped file or folder; raises `ConfigError` where it is missing."""
    for root in _ROOTS:
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise ConfigError(f"the shipped file {'/'.join(parts)} is missing", hint="reinstall the package")
