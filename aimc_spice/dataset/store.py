"""Where do finished simulations live, so that nothing is ever simulated twice or lost?

One idea: a result is named by the SHA-256 of its deck (circuit, analysis, options) and of the simulator's name,
version and solver; entries are sealed (see `entry`) and appear whole (written aside, then renamed) or not at all. So a
killed run loses only what was in flight, damage is noticed, and two runs may share a store (see `claims`).
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from aimc_spice.dataset.entry import seal, unseal
from aimc_spice.errors import DatasetError, SimulationError
from aimc_spice.simulate.base import Waveforms

_log = logging.getLogger(__name__)
SUFFIX, NETCDF = ".wave", ".nc"
_LEFT_OVER_S = 86400.0  # older parts of entries have no writer any more
_HINT = "free disk space, make the folder writable or choose another --out; what is stored is safe"


@dataclass(frozen=True)
class Store:
    """A folder of waveforms, addressed by content.

    Parameters
    ----------
    root : Path
        Created when first written to.
    """

    root: Path

    def path(self, deck_digest: str, simulator: str) -> Path:
        """Return where a result is, or would be."""
        key = hashlib.sha256(f"{deck_digest} {simulator}".encode()).hexdigest()
        return self.root / key[:2] / f"{key}{SUFFIX}"

    def get(self, deck_digest: str, simulator: str) -> Waveforms | None:
        """Return a finished result, or None; a damaged file is reported, removed and counts as absent."""
        path = self.path(deck_digest, simulator)
        for place in (path, path.with_suffix(NETCDF)):
            try:
                found = read_entry(place)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except DatasetError as bad:
                _log.warning("%s; it will be simulated again", bad.what)
                _remove(place)
                continue
            if found.deck_digest == deck_digest:
                return found
        return None

    def has(self, deck_digest: str, simulator: str) -> bool:
        """Return whether a result is there, unread."""
        path = self.path(deck_digest, simulator)
        return path.exists() or path.with_suffix(NETCDF).exists()

    def put(self, result: Waveforms, simulator: str) -> Path:
        """Keep a result; `simulator` is the name it will be looked up by.

        Raises
        ------
        DatasetError
            The folder cannot be written to; nothing half-written stays.
        """
        path = self.path(result.deck_digest, simulator)
        partial = path.with_name(f".{path.stem[:16]}.{os.getpid()}.{uuid.uuid4().hex[:12]}.part")
        stored = replace(result, provenance={**result.provenance, "stored_for": simulator})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(seal(stored))
            partial.replace(path)
            self._note(path).unlink(missing_ok=True)
        except OSError as bad:
            raise DatasetError(f"cannot write to the store {self.root}", cause=str(bad), hint=_HINT) from bad
        finally:
            _remove(partial)
        return path

    def quarantine(self, deck_digest: str, simulator: str, failure: SimulationError) -> None:
        """Note why a deck gave no result, where its evidence lies and how to repeat it; a later result clears it."""
        note = self._note(self.path(deck_digest, simulator))
        with suppress(OSError):  # the failure itself is raised by the run
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{type(failure).__name__}: {failure}\n", encoding="utf-8")

    def quarantined(self) -> Iterator[Path]:
        """Yield the notes of decks that gave no result."""
        yield from sorted(self.root.glob("??/*.failed"))

    def _note(self, path: Path) -> Path:
        return path.with_suffix(".failed")

    def check_writable(self) -> None:
        """Raise `DatasetError` where nothing can be written, before hours are spent on results to put here."""
        probe = self.root / f".{uuid.uuid4().hex}.part"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"\0" * 4096)
        except OSError as bad:
            raise DatasetError(f"cannot write to the store {self.root}", cause=str(bad), hint=_HINT) from bad
        finally:
            _remove(probe)

    def entries(self) -> Iterator[Path]:
        """Yield the files of all entries, sorted by name."""
        yield from sorted(path for path in self.root.glob("??/*") if path.suffix in {SUFFIX, NETCDF})

    def left_over(self) -> Iterator[Path]:
        """Yield files that a killed run left behind a day ago or earlier: parts of entries, locks."""
        limit = time.time() - _LEFT_OVER_S
        for path in (*self.root.glob(".*.part"), *self.root.glob("??/.*.part"), *self.root.glob("??/.*.lock")):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < limit:
                    yield path


def read_entry(path: Path) -> Waveforms:
    """Read an entry of a store.

    Raises
    ------
    FileNotFoundError
        There is none.
    DatasetError
        It is damaged, or lies under a name that is not its own.
    """
    if path.suffix == NETCDF:  # as `Waveforms.save` writes it, without a seal
        if not path.exists():
            raise FileNotFoundError(path)
        return Waveforms.load(path)
    try:
        found = unseal(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, DatasetError, ValueError) as bad:
        raise DatasetError(f"{path} is damaged", cause=str(bad)) from bad
    name = f"{found.deck_digest} {found.provenance.get('stored_for', '')}"
    if path.stem != hashlib.sha256(name.encode()).hexdigest():
        raise DatasetError(f"{path} holds the result of another deck", hint="a file was renamed or copied by hand")
    return found


def _remove(path: Path) -> None:
    with suppress(OSError):  # a read-only store: it will be found damaged again
        path.unlink(missing_ok=True)
