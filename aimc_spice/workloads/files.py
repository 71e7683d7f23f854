"""Where are the data files, and are they the published ones?

Looks in a fixed list of folders, accepts a file plain or gzipped, and checks the md5 of the *decompressed* bytes,
because a gzip wrapper differs between sources. It downloads only when told to, checks before it keeps, and writes
atomically.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

from aimc_spice.errors import DataError

ENVIRONMENT = "AIMC_SPICE_DATA"
_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class DataFile:
    """A published file: its name without .gz, the md5 of its decompressed bytes, and a word on where to get it."""

    name: str
    md5: str
    folder: str
    mirrors: tuple[str, ...] = ()
    origin: str = ""


def cache_dir() -> Path:
    """Return the user's cache folder of this package."""
    return Path.home() / ".cache" / "aimc_spice"


def search_path() -> list[Path]:
    """Return the folders looked in, in order: $AIMC_SPICE_DATA, a shared data folder beside the work, the cache."""
    given = [Path(os.environ[ENVIRONMENT]).expanduser()] if os.environ.get(ENVIRONMENT) else []
    beside = [base.parent / "shared" / "data" for base in (_REPOSITORY, Path.cwd())]
    return list(dict.fromkeys([*given, *beside, cache_dir()]))


def read(file: DataFile, *, download: bool = False) -> bytes:
    """Return the decompressed, verified bytes of a data file.

    Parameters
    ----------
    file : DataFile
        Which one.
    download : bool
        Whether it may be fetched into the cache when no folder has it.

    Raises
    ------
    DataError
        Nowhere to be found (the text lists the folders), damaged, or not the published file.
    """
    path = _find(file)
    if path is not None:
        return verified(_decompressed(path.read_bytes(), str(path)), file.md5, str(path))
    if download:
        return _download(file)
    raise _missing(file)


def is_there(file: DataFile) -> bool:
    """Whether a folder has the file; it may still be damaged."""
    return _find(file) is not None


def verified(data: bytes, md5: str, where: str) -> bytes:
    """Return `data` if it has the published md5, else raise `DataError`."""
    got = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if got != md5:
        raise DataError(
            f"checksum mismatch: got md5 {got}, wanted {md5} ({len(data)} bytes decompressed)",
            where=where,
            hint="the file is damaged or another version; remove it and get it again",
        )
    return data


def _find(file: DataFile) -> Path | None:
    names = (file.name, f"{file.name}.gz")
    places = (base / sub / name for base in search_path() for sub in (file.folder, "") for name in names)
    return next((place for place in places if place.is_file()), None)


def _decompressed(data: bytes, where: str) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as bad:
        raise DataError("the gzip file is damaged", where=where, cause=str(bad), hint="get it again") from bad


def _download(file: DataFile) -> bytes:
    failures = []
    for mirror in file.mirrors:
        url = f"{mirror}{file.name}.gz"
        try:
            raw = _fetch(url)
            data = verified(_decompressed(raw, url), file.md5, url)
        except (OSError, DataError) as bad:
            failures.append(f"{url}: {bad}")
            continue
        _write(cache_dir() / file.folder / f"{file.name}.gz", raw)
        return data
    raise DataError(f"cannot download {file.name}", cause="; ".join(failures) or "no mirror is known")


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310  https mirrors from our own constants
        content: bytes = reply.read()
    return content


def _write(path: Path, data: bytes) -> None:
    """Write atomically: a reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
        part.write(data)
    Path(part.name).replace(path)


def _missing(file: DataFile) -> DataError:
    places = ", ".join(str(base / file.folder) for base in search_path())
    return DataError(
        f"data file {file.name} (or {file.name}.gz) is missing",
        where=f"looked in {places}, with and without the folder {file.folder}/",
        hint=f"put the {file.folder} files there or set {ENVIRONMENT} to their folder"
        + (f"; or fetch them from {file.mirrors[0]} (download=True; --download with a study)" if file.mirrors else "")
        + (f"; {file.origin}" if file.origin else ""),
    )
