"""How do two runs that share a store avoid doing the same work?

One idea: who simulates a deck holds an operating-system lock on a small file beside its entry. The system frees the
lock when the holder ends, even by SIGKILL, so nobody waits for the dead and nothing has to be cleaned up by hand.
Where a file system knows no locks every claim succeeds: then work may be done twice, and results are still right.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import ModuleType

_locks: ModuleType | None
try:
    import fcntl as _locks
except ImportError:  # not on this system
    _locks = None


class Claims:
    """The decks that this run is simulating now; each held by an open, locked file."""

    def __init__(self) -> None:
        self._held: dict[Path, int] = {}

    def take(self, path: Path) -> bool:
        """Return whether the entry at `path` is ours to make; False where another run is at it."""
        if _locks is None:
            return True
        lock = _lock_of(path)
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            return True
        if not _locked(descriptor, lock):
            os.close(descriptor)
            return False
        self._held[path] = descriptor
        return True

    def drop(self, path: Path) -> None:
        """Give a claim back."""
        descriptor = self._held.pop(path, None)
        if descriptor is not None:
            with suppress(OSError):
                _lock_of(path).unlink()  # before the lock goes: nobody can hold a name that is being removed
            os.close(descriptor)

    def drop_all(self) -> None:
        """Give every claim back."""
        for path in list(self._held):
            self.drop(path)


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.stem}.lock")


def _locked(descriptor: int, lock: Path) -> bool:
    assert _locks is not None  # noqa: S101  the caller has looked
    try:
        _locks.flock(descriptor, _locks.LOCK_EX | _locks.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), lock.stat())  # else its holder has just removed it
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return False
    except OSError:  # no locks here
        return True
