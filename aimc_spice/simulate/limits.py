"""How much memory may a worker take?

One idea: the parent watches the resident memory of its worker. One job that passes `job_mb` is killed and fails with a
name; a worker that rests above `recycle_mb` between jobs is replaced by a fresh one, so memory that a library loses
never adds up. Linux only, from ``/proc``; elsewhere nothing is watched.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from aimc_spice.errors import ConfigError

WATCH_S = 0.1  # between two looks at a busy worker: what it can take in that time comes on top of the limit
_LEAST_MB = 100  # twice a fresh worker
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Limits:
    """Memory limits of one worker.

    Parameters
    ----------
    job_mb : float, optional
        Resident memory [MB] at which a job is killed with `OutOfMemory`; None: no limit.
    recycle_mb : float
        Resident memory [MB] between jobs at which the worker is replaced; a fresh one has about 50 MB.

    Raises
    ------
    ConfigError
        A limit that a fresh worker passes.
    """

    job_mb: float | None = None
    recycle_mb: float = 512.0

    @classmethod
    def of_job(cls, max_bytes: float | None) -> Limits:
        """Return the limits of jobs that may take `max_bytes` [B] each."""
        return cls(None if max_bytes is None else max_bytes / 1e6)

    def __post_init__(self) -> None:
        for name, value in (("job_mb", self.job_mb), ("recycle_mb", self.recycle_mb)):
            if value is not None and not value >= _LEAST_MB:
                raise ConfigError(f"memory limit: got {name} = {value:g} MB, wanted {_LEAST_MB} or more")


def resident_mb(pid: int) -> float:
    """Return the resident memory [MB] of a process; zero where it is gone or the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0
