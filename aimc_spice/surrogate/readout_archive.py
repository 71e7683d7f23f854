"""How is a fitted read-out kept in a file? As arrays and JSON, with a format number.

One idea: the same as `archive` for layers: named arrays, evidence as JSON. A file of another format is refused, never
guessed.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from aimc_spice.errors import AimcSpiceError, DataError
from aimc_spice.metrology.whole import written_whole
from aimc_spice.surrogate.base import Box, Fit
from aimc_spice.surrogate.fitted import FittedReadout
from aimc_spice.surrogate.spread import Spread

T = TypeVar("T")

FORMAT = 1
_N_BINS = 16  # earlier files know what came before by its upper four bits only
_AGAIN = "fit it again: aimc-spice calibrate adc FILE.toml"
_AT = "NAME@1ns"
_FITS = ("fit", "fit_time", "fit_energy")


def save_readout(readout: FittedReadout, path: Path) -> None:
    """Write to a NumPy archive (.npz), whole or not at all; units are in the names of the arrays."""
    write_archive(pack(readout), path)


def load_readout(path: Path) -> FittedReadout:
    """Read what `save_readout` wrote; raises `DataError` where it is damaged or of another format."""
    return read_archive(path, _alone)


def write_archive(arrays: Mapping[str, Any], path: Path) -> None:
    """Write arrays with the format's number, whole or not at all."""

    def write(target: Path) -> None:
        with target.open("wb") as file:
            np.savez_compressed(file, format=FORMAT, **arrays)

    written_whole(path, write)


def read_archive(path: Path, unpacked: Callable[[dict[str, Any]], T]) -> T:
    """Return what `unpacked` makes of the arrays of a file; raises `DataError` with the file's name where it cannot."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        found = int(arrays["format"])
        if found != FORMAT:
            raise DataError(f"{path} is a read-out of format {found}, this version reads {FORMAT}", hint=_AGAIN)
        return unpacked(arrays)
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as bad:
        raise DataError(f"{path} is no fitted read-out", cause=str(bad), hint=_AGAIN) from bad
    except AimcSpiceError as bad:
        if isinstance(bad, DataError):
            raise
        raise DataError(f"{path} is no fitted read-out", cause=bad.what, hint=_AGAIN) from bad


def pack(readout: FittedReadout) -> dict[str, Any]:
    """Return a read-out as arrays by name; units are in the names, what is no array is JSON in ``about``."""
    unit = readout.box.unit
    arrays: dict[str, Any] = {
        f"levels_{unit}": readout.levels,
        f"mean_{unit}": readout.spread.mean,
        f"factors_{unit}": readout.spread.factors,
        f"own_{unit}": readout.spread.own,
        "t_code_s": readout.t_code,
        **{f"e_code_J_{block}": table for block, table in readout.e_code.items()},
        **{f"e_before_J_{block}": table for block, table in readout.e_before.items()},
    }
    about: dict[str, Any] = {name: asdict(getattr(readout, name)) for name in ("box", *_FITS)}
    for name in _FITS[1:]:  # evidence that all three have in common is kept once
        about[name] = {key: value for key, value in about[name].items() if value != about["fit"][key]}
    about |= {name: getattr(readout, name) for name in ("name", "corner", "sigma_noise", "low", "high", "energy_bias")}
    about |= {"n_samples": readout.spread.n_samples, "blocks": list(readout.e_code)}
    about |= {f"e_slope_J_per_{unit}": dict(readout.e_slope)}
    arrays["about"] = np.array(json.dumps(about))
    return arrays


def unpack(arrays: dict[str, Any]) -> FittedReadout:
    """Return the read-out that `pack` took apart; raises ValueError or KeyError where arrays do not fit."""
    about = json.loads(str(arrays["about"]))
    _check(arrays, about)
    return _readout(arrays, about)


def _alone(arrays: dict[str, Any]) -> FittedReadout:
    if "times_s" in arrays:
        raise ValueError(f"it is one over a time, {arrays['param']}: add which, as in {_AT}")
    return unpack(arrays)


def _check(arrays: dict[str, Any], about: dict[str, Any]) -> None:
    """Raise ValueError where an array has another length than the levels say, or a value that is not finite."""
    unit, blocks = about["box"]["unit"], about["blocks"]
    n = len(arrays[f"levels_{unit}"])
    lengths = {f"{name}_{unit}": n for name in ("levels", "mean", "factors", "own")} | {"t_code_s": n + 1}
    lengths |= {f"e_code_J_{block}": n + 1 for block in blocks}
    for block in blocks:
        arrays[f"e_before_J_{block}"] = _whole(arrays[f"e_before_J_{block}"], n + 1)
    lengths |= {f"e_before_J_{block}": n + 1 for block in blocks}
    if n < 1 or n & (n + 1):
        raise ValueError(f"levels_{unit} has {n} levels, wanted one less than a power of two")
    for name, wanted in lengths.items():
        if arrays[name].shape[-1:] != (wanted,):
            raise ValueError(f"{name} has the shape {arrays[name].shape}, wanted {wanted} values")
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} has {np.count_nonzero(~np.isfinite(arrays[name]))} values that are not finite")


def _whole(before: Any, n_codes: int) -> Any:
    """Return the table over all codes, from one over bins where it is one."""
    n_bits = n_codes.bit_length() - 1
    return before[np.arange(n_codes) >> max(0, n_bits - 4)] if before.shape == (_N_BINS,) else before


def _readout(arrays: dict[str, Any], about: dict[str, Any]) -> FittedReadout:
    box = Box(**about["box"])
    mean, factors, own = (arrays[f"{name}_{box.unit}"] for name in ("mean", "factors", "own"))
    spread = Spread(mean, factors, own, about["n_samples"])
    fits = {name: _fit({**about["fit"], **about[name]}) for name in _FITS}
    return FittedReadout(
        about["name"],
        about["corner"],
        arrays[f"levels_{box.unit}"],
        spread,
        about["sigma_noise"],
        about["low"],
        about["high"],
        arrays["t_code_s"],
        {block: arrays[f"e_code_J_{block}"] for block in about["blocks"]},
        {block: arrays[f"e_before_J_{block}"] for block in about["blocks"]},
        box,
        **fits,
        energy_bias=about["energy_bias"],
        e_slope=about.get(f"e_slope_J_per_{box.unit}", {}),  # earlier files have none
    )


def _fit(about: dict[str, Any]) -> Fit:
    lists: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in about.items()}
    return Fit(**lists)
