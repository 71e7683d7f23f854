"""How are CIFAR-10, the spoken digits and SST-2 read as their authors publish them?

The archives that the networks of the zoo were trained on are made from these; who has only the published files reads
the same recordings and sentences from them, and of CIFAR-10 all images. Each function returns None where no folder of
`files.search_path` has the files, so that the caller can say what is missing. Nothing is unpickled.
"""

from __future__ import annotations

import tarfile
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

from aimc_spice.errors import DataError
from aimc_spice.workloads.files import search_path

Array = NDArray[Any]
CIFAR_NAME = "cifar-10-binary.tar.gz"
FSDD_NAME = "free-spoken-digit-dataset"
GLUE_NAME = "SST-2"
CIFAR_ORIGIN = f"or put the published {CIFAR_NAME} (cs.toronto.edu/~kriz/cifar.html) there"
FSDD_ORIGIN = f"or put a clone of github.com/Jakobovski/{FSDD_NAME} there, as the folder {FSDD_NAME}"
GLUE_ORIGIN = f"or put the folder {GLUE_NAME} of GLUE (gluebenchmark.com) there, with its train.tsv and dev.tsv"
_RECORD = 1 + 3 * 32 * 32  # bytes: the label, then the pixels by channel
_PER_FILE = 10000
_N_RECORDINGS = 3000
_VALID = 6735  # phrases of GLUE's training part that choose the settings of a head


def _place(folder: str, name: str) -> Path | None:
    places = (base / sub / name for base in search_path() for sub in (folder, ""))
    return next((place for place in places if place.exists()), None)


def cifar10_images() -> dict[str, Array] | None:
    """Return all of CIFAR-10 from its binary version: ``x_train`` uint8 (50000, 3, 32, 32), ``y_train``, and test.

    Raises
    ------
    DataError
        The archive is damaged, or does not hold 10,000 images a file with 10 classes.
    """
    path = _place("cifar10", CIFAR_NAME)
    if path is None:
        return None
    try:
        with tarfile.open(path) as archive:
            members = {Path(member.name).name: member for member in archive if member.isfile()}
            parts = {name: archive.extractfile(members[name]) for name in _CIFAR_FILES}
            records = {name: _records(part.read(), f"{path}, {name}") for name, part in parts.items() if part}
    except (KeyError, OSError, EOFError, tarfile.TarError) as bad:
        raise DataError(f"{CIFAR_NAME} cannot be read", where=str(path), cause=repr(bad), hint="get it again") from bad
    train = np.concatenate([records[name] for name in _CIFAR_FILES[:-1]])
    every = {"train": train, "test": records[_CIFAR_FILES[-1]]}
    images = {f"x_{part}": rows[:, 1:].reshape(-1, 3, 32, 32) for part, rows in every.items()}
    return images | {f"y_{part}": rows[:, 0] for part, rows in every.items()}


_CIFAR_FILES = (*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin")


def _records(data: bytes, where: str) -> Array:
    if len(data) != _PER_FILE * _RECORD:
        raise DataError(f"got {len(data)} bytes, wanted {_PER_FILE * _RECORD}", where=where, hint="get it again")
    rows = np.frombuffer(data, np.uint8).reshape(-1, _RECORD)
    if rows[:, 0].max() > 9:
        raise DataError(f"got the label {rows[:, 0].max()}, wanted 0 to 9", where=where, hint="get it again")
    return rows


def spoken_recordings() -> dict[str, Array] | None:
    """Return the Free Spoken Digit Dataset from its wave files: audio int16, all end to end; offset, digit, index.

    Raises
    ------
    DataError
        Other than 3,000 recordings; one that is not 8 kHz, mono, 16 bits, or cannot be read.
    """
    folder = _place("fsdd", FSDD_NAME)
    if folder is None:
        return None
    names = [path.stem.split("_") for path in (folder / "recordings").glob("*.wav")]
    if len(names) != _N_RECORDINGS or any(len(name) != 3 for name in names):
        raise DataError(
            f"got {len(names)} recordings named DIGIT_SPEAKER_TAKE.wav, wanted {_N_RECORDINGS}",
            where=str(folder / "recordings"),
            hint="clone it again at a version with 3,000 recordings",
        )
    names.sort(key=lambda name: (name[1], int(name[0]), int(name[2])))
    audio = [_wave(folder / "recordings" / f"{'_'.join(name)}.wav") for name in names]
    return {
        "audio": np.concatenate(audio),
        "offset": np.array([0, *accumulate(map(len, audio))]),
        "digit": np.array([int(name[0]) for name in names], np.uint8),
        "index": np.array([int(name[2]) for name in names], np.uint8),
    }


def _wave(path: Path) -> Array:
    try:
        rate, samples = wavfile.read(path)
    except (OSError, ValueError) as bad:
        raise DataError("a recording cannot be read", where=str(path), cause=str(bad), hint="get it again") from bad
    if rate != 8000 or samples.ndim != 1 or samples.dtype != np.int16:
        got = f"{rate} Hz, shape {samples.shape}, {samples.dtype}"
        raise DataError(f"got a recording of {got}, wanted 8000 Hz, mono, int16", where=str(path))
    return np.asarray(samples)


def glue_sentences() -> list[list[str]] | None:
    """Return GLUE's SST-2 as rows (part, label, sentence): its dev part is "test", the end of its train part "valid".

    Raises
    ------
    DataError
        A file that is missing or has other columns than sentence and label.
    """
    folder = _place("sst2", GLUE_NAME)
    if folder is None:
        return None
    train, test = (_table(folder / name) for name in ("train.tsv", "dev.tsv"))
    parts = {"train": train[:-_VALID], "valid": train[-_VALID:], "test": test}
    return [[part, label, sentence.strip()] for part, rows in parts.items() for sentence, label in rows]


def _table(path: Path) -> list[list[str]]:
    try:
        header, *lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as bad:
        raise DataError(f"{path.name} of {GLUE_NAME} is missing", where=str(path), cause=str(bad)) from bad
    rows = [line.split("\t") for line in lines if line]
    if header.split("\t") != ["sentence", "label"] or not rows or any(len(row) != 2 for row in rows):
        raise DataError(f"got the columns {header!r}, wanted sentence and label", where=str(path))
    return rows
