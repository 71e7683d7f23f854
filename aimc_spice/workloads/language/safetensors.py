"""What is in a `.safetensors` file? A length, a JSON table, and the numbers one after the other.

Reads the whole format for the number types that NumPy has, with its bounds checked; it writes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DataError

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1"}
_TYPES |= {"BOOL": "?"}


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by name, as views of one read-only buffer.

    Raises
    ------
    DataError
        No such file, another format, a number type NumPy lacks, or bounds that do not fit.
    """
    try:
        data = path.read_bytes()
        n_header = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + n_header])
        body = memoryview(data)[8 + n_header :]
        return {name: _array(name, entry, body) for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as bad:
        raise DataError(f"{path} is no safetensors file", cause=str(bad)) from bad


def _array(name: str, entry: dict[str, Any], body: memoryview) -> NDArray[Any]:
    if entry["dtype"] not in _TYPES:
        raise DataError(f"{name}: got the number type {entry['dtype']}, known are {', '.join(_TYPES)}")
    begin, end = entry["data_offsets"]
    kind, shape = np.dtype(_TYPES[entry["dtype"]]), tuple(entry["shape"])
    n_values = int(np.prod(shape, dtype=np.int64))
    if not 0 <= begin <= end <= len(body) or end - begin != n_values * kind.itemsize:
        raise DataError(f"{name}: got bytes {begin} to {end} of {len(body)}, wanted {n_values * kind.itemsize} of them")
    return np.frombuffer(body[begin:end], kind).reshape(shape)
