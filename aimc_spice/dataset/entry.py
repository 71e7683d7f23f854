"""How does one result lie on disk, so that damage is never taken for data?

One idea: an entry is sealed: a line with the SHA-256 of all that follows, a line of JSON that describes it, then the
numbers as little-endian doubles. Cut short, overwritten or one bit turned: the seal breaks. It costs 0.1 ms an entry
where netCDF through xarray costs 30 ms; `export` makes netCDF of entries when a person wants it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from aimc_spice.errors import DatasetError
from aimc_spice.simulate.base import Waveforms

MAGIC = "aimc_spice entry 1"
_TEXTS = ("axis_name", "simulator", "deck_digest", "wall_s", "log")
_DOUBLE = np.dtype("<f8")


def seal(result: Waveforms) -> bytes:
    """Return a result as the bytes of an entry."""
    about = {name: getattr(result, name) for name in _TEXTS}
    about |= {"provenance": dict(result.provenance), "probes": list(result.signals), "n_points": len(result.axis)}
    header = json.dumps(about, sort_keys=True)
    numbers = np.stack([result.axis, *result.signals.values()]).astype(_DOUBLE).tobytes()
    body = header.encode() + b"\n" + numbers
    return f"{MAGIC} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def unseal(data: bytes) -> Waveforms:
    """Read an entry.

    Raises
    ------
    DatasetError
        It is cut short, altered or no entry.
    """
    head, _, body = data.partition(b"\n")
    if head.decode(errors="replace") != f"{MAGIC} {hashlib.sha256(body).hexdigest()}":
        raise DatasetError("the entry is damaged: its content does not fit its checksum", cause=f"{len(data)} bytes")
    header, _, numbers = body.partition(b"\n")
    return _waveforms(json.loads(header), np.frombuffer(numbers, dtype=_DOUBLE).astype(np.float64))


def _waveforms(about: dict[str, Any], numbers: np.ndarray[Any, np.dtype[np.float64]]) -> Waveforms:
    probes = about.pop("probes")
    axis, *values = numbers.reshape(len(probes) + 1, about.pop("n_points"))
    return Waveforms(axis=axis, signals=dict(zip(probes, values, strict=True)), **about)
