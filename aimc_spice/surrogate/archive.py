"""How is a programmed layer kept in a file? As arrays and JSON, with a format number.

One idea: every part becomes named arrays; evidence (`Fit`, with the digests of its decks) and box travel as JSON. A
file of another format is refused, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.surrogate.base import Box, Fit
from aimc_spice.surrogate.layer import LayerSurrogate
from aimc_spice.surrogate.transfer import TransferCurve

FORMAT = 1
Arrays = dict[str, NDArray[Any]]
_STAGES = ("front_end", "neuron")


def pack(layer: LayerSurrogate, prefix: str) -> Arrays:
    """Return the arrays of a layer, their names beginning with `prefix`."""
    arrays: Arrays = {f"{prefix}operator_{h}": operator for h, operator in enumerate(layer.operators)}
    arrays[f"{prefix}box"] = _text(asdict(layer.box))
    for stage in _STAGES:
        curve: TransferCurve | None = getattr(layer, stage)
        if curve:
            arrays[f"{prefix}{stage}_table_V"] = curve.y
            about = {"knee": curve.knee, "box": asdict(curve.box), "fit": asdict(curve.fit)}
            arrays[f"{prefix}{stage}"] = _text(about)
    return arrays


def unpack(arrays: Mapping[str, NDArray[Any]], prefix: str) -> LayerSurrogate:
    """Rebuild a layer from what `pack` returned; KeyError or ValueError where something is missing or damaged."""
    n_h = sum(name.startswith(f"{prefix}operator_") for name in arrays)
    operators = tuple(arrays[f"{prefix}operator_{h}"] for h in range(n_h))
    ends = np.cumsum([0, *(len(operator) for operator in operators)])
    rows = tuple(slice(int(a), int(b)) for a, b in pairwise(ends))
    front_end, neuron = (_curve(arrays, f"{prefix}{stage}") for stage in _STAGES)
    return LayerSurrogate(operators, rows, front_end, neuron, Box(**_json(arrays[f"{prefix}box"])))


def _curve(arrays: Mapping[str, NDArray[Any]], name: str) -> TransferCurve | None:
    if name not in arrays:
        return None
    about = _json(arrays[name])
    fit: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in about["fit"].items()
    }
    return TransferCurve(arrays[f"{name}_table_V"], float(about["knee"]), Box(**about["box"]), Fit(**fit))


def _text(value: dict[str, Any]) -> NDArray[Any]:
    return np.array(json.dumps(value))


def _json(array: NDArray[Any]) -> dict[str, Any]:
    found = json.loads(str(array))
    if not isinstance(found, dict):
        raise ValueError(f"got {type(found).__name__}, wanted an object")  # noqa: TRY004  the file is wrong, not a call
    return found
