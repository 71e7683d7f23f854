"""How is a fitted family kept in a file? As arrays and JSON, with a format number and a checksum.

One idea: the kind of tile and its law become arrays beside the family's own; a file of another format, a damaged one or
one of an unknown family is refused, never guessed.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import FitError
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.families.base import Arrays, Family, TileKind
from aimc_spice.surrogate.families.choose import FAMILIES
from aimc_spice.surrogate.laws.separate import Curve, SeparatedLaw
from aimc_spice.surrogate.operator import LinearPorts

FORMAT = 1


def save_family(family: Family, path: Path) -> None:
    """Write to a NumPy archive (.npz), whole or not at all."""
    arrays = {**_kind_arrays(family.kind), **{f"family/{k}": a for k, a in family.arrays().items()}}
    about = {"format": FORMAT, "family": family.name, "sha256": _digest(arrays)}
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as out:
            np.savez_compressed(out, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_family(path: Path) -> Family:
    """Read what `save_family` wrote.

    Raises
    ------
    FitError
        Not such a file, another format, an unknown family, or damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        about = json.loads(str(arrays.pop("about")))
        found, name, digest = about["format"], about["family"], about["sha256"]
    except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as bad:
        raise FitError(f"{path} holds no tile surrogate", cause=str(bad), hint="calibrate the tile again") from bad
    if found != FORMAT or name not in FAMILIES:
        raise FitError(
            f"{path}: got format {found!r}, family {name!r}; wanted format {FORMAT}, one of {', '.join(FAMILIES)}",
            hint="calibrate the tile again with this version",
        )
    if digest != _digest(arrays):
        raise FitError(f"{path} is damaged: its checksum differs", hint="calibrate the tile again")
    own = {key.removeprefix("family/"): a for key, a in arrays.items() if key.startswith("family/")}
    return FAMILIES[name].of_arrays(_kind_of(arrays), own)


def _kind_arrays(kind: TileKind) -> dict[str, NDArray[Any]]:
    wire, law = kind.wire, kind.law
    return {
        "wire": np.array([wire.r_wire_wl, wire.r_wire_bl, wire.c_wire_wl, wire.c_wire_bl]),
        "ports_y_S": kind.ports.y,
        "ports_h": kind.ports.h,
        "v_read_V": np.array(kind.v_read),
        "r_driver_Ohm": np.array(kind.r_driver),
        "law_v_read_V": np.array(law.v_read),
        "law_log_g": law.log_g,
        "law_chord": law.chord,
        "law_curve": law.curve.c,
        "law_patterns": law.patterns,
        "law_left": np.array(law.left),
        **{f"law_mode_{k}": mode.c for k, mode in enumerate(law.modes)},
    }


def _kind_of(arrays: Arrays) -> TileKind:
    modes = tuple(Curve(arrays[f"law_mode_{k}"]) for k in range(len(arrays["law_patterns"])))
    law = SeparatedLaw(
        float(arrays["law_v_read_V"]),
        arrays["law_log_g"],
        arrays["law_chord"],
        Curve(arrays["law_curve"]),
        modes,
        arrays["law_patterns"],
        float(arrays["law_left"]),
    )
    ports = LinearPorts(arrays["ports_y_S"], arrays["ports_h"])
    wire = Wire(*(float(value) for value in arrays["wire"]))
    return TileKind(wire, ports, float(arrays["v_read_V"]), float(arrays["r_driver_Ohm"]), law)


def _digest(arrays: Arrays) -> str:
    hasher = hashlib.sha256()
    for name in sorted(arrays):
        hasher.update(f"{name} {arrays[name].shape} {arrays[name].dtype}".encode())
        hasher.update(np.ascontiguousarray(arrays[name]).tobytes())
    return hasher.hexdigest()
