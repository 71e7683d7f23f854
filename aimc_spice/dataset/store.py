"""Where do finished simulations live, so that nothing is ever simulated twice or lost?

One idea: a result is named by the SHA-256 of its deck and of the simulator's name and version; files appear whole
(written aside, then renamed) or not at all, so a killed run loses only what was in flight and two runs may share a
store.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from aimc_spice.errors import DatasetError
from aimc_spice.simulate.base import Waveforms

_log = logging.getLogger(__name__)


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
        return self.root / key[:2] / f"{key}.nc"

    def get(self, deck_digest: str, simulator: str) -> Waveforms | None:
        """Return a finished result, or None; a damaged file is reported, removed and counts as absent."""
        path = self.path(deck_digest, simulator)
        if not path.exists():
            return None
        try:
            found = Waveforms.load(path)
        except DatasetError as bad:
            _log.warning("%s; it will be simulated again", bad.what)
            path.unlink(missing_ok=True)
            return None
        return found if found.deck_digest == deck_digest else None

    def put(self, result: Waveforms, simulator: str) -> Path:
        """Keep a result; `simulator` is the name it will be looked up by."""
        path = self.path(result.deck_digest, simulator)
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            result.save(partial)
            partial.replace(path)
        except OSError as bad:
            raise DatasetError(
                f"cannot write to the store {self.root}", cause=str(bad), hint="free disk space or choose another --out"
            ) from bad
        finally:
            partial.unlink(missing_ok=True)
        return path
