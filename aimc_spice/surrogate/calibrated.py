"""What does a calibration leave behind? A fitted family and the record of how far to trust it.

One idea: a folder with two files. ``family.npz`` holds the coefficients, ``record.json`` what a person asks before
using them: which circuit, where it holds, errors on decks that were not used to fit it, the interval that other decks
vouch for, who judged, seeds and digests. The record names the checksum of the family, so they cannot be mixed up, and
its own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import FitError, OutsideValidity
from aimc_spice.surrogate.base import Fit, leave_box
from aimc_spice.surrogate.charge_family import ChargeFamily
from aimc_spice.surrogate.families.base import Family, Programmed, Programmer
from aimc_spice.surrogate.families.files import load_family, save_family
from aimc_spice.surrogate.families.interval import Interval
from aimc_spice.units import show

Array = NDArray[np.float64]
FORMAT = 3
_AGAIN = "calibrate again: aimc-spice calibrate tile"


@dataclass(frozen=True)
class TileBox:
    """Where a calibration holds: sizes, cells, inputs relative to `v_read` [V].

    Parameters
    ----------
    n_rows, n_cols : (int, int)
        Smallest and largest tile.
    cells : (float, float)
        Smallest and largest cell, in `unit`.
    v_read : float
        Word-line voltage of x = 1 [V].
    unit : str
        "S", or "F" in charge mode.
    """

    n_rows: tuple[int, int]
    n_cols: tuple[int, int]
    cells: tuple[float, float]
    v_read: float
    unit: str = "S"

    def check(self, g_pos: Array, g_neg: Array, *, extrapolate: bool = False) -> None:
        """Raise `OutsideValidity` where a tile leaves the box, unless `extrapolate`."""
        if extrapolate:
            return
        for name, n, (few, many) in zip(("rows", "columns"), g_pos.shape[-2:], (self.n_rows, self.n_cols), strict=True):
            if not few <= n <= many:
                leave_box(OutsideValidity(f"tile of {n} {name}, calibrated for {few} to {many}", hint=_AGAIN))
        least, most = min(g_pos.min(), g_neg.min()), max(g_pos.max(), g_neg.max())
        low, high = self.cells
        if not (least >= low * (1 - 1e-9) and most <= high * (1 + 1e-9)):
            got, wanted = ((show(float(v), self.unit) for v in pair) for pair in ((least, most), (low, high)))
            what = f"tile with cells of {' to '.join(got)}, calibrated for {' to '.join(wanted)}"
            leave_box(OutsideValidity(what, hint=f"{_AGAIN}, with this device"))


@dataclass(frozen=True)
class Judge:
    """What ngspice itself may be off in time, at worst over the steps: its answers with steps halved.

    Parameters
    ----------
    settling, energy, latency : float
        Outputs at any time, of full scale; energy and latency, relative.
    shapes : tuple of (int, int)
        Rows and columns of the tiles that were stepped.
    """

    settling: float
    energy: float
    latency: float
    shapes: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Record:
    """The evidence behind a calibrated tile.

    Parameters
    ----------
    name : str
        Of the tile.
    description : dict
        The tile file, as read: SI units.
    box : TileBox
        Where it holds.
    family, why : str
        What was chosen, and why.
    choice : list of dict
        All families with their errors [% of full scale] and cost [flops].
    output : Fit
        Outputs on the decks that judged [V].
    interval : Interval
        Half-width in units of a column's scale.
    corners : dict of str to Fit
        Outputs at other corners, which it was not calibrated for [V].
    settling, energy, latency : Fit or None
        Outputs at any time, as fractions of full scale; relative errors of the drivers' energy and of the settling
        time; None where the tile was not stepped.
    judge : Judge or None
        How exact ngspice itself is in time; None where the tile was not stepped.
    t_mvm, e_mvm : float
        Time [s] and energy [J] of an operation of a full tile with typical weights and inputs, from the model.
    more_decks : str
        How many more decks the wanted error would take.
    rounds : tuple of int
        Decks to fit, round by round: the first fills the space, each further one looks where the error was largest.
    seed : int
        Of the experiment.
    """

    name: str
    description: dict[str, Any]
    box: TileBox
    family: str
    why: str
    choice: list[dict[str, Any]]
    output: Fit
    interval: Interval
    corners: dict[str, Fit]
    settling: Fit | None
    energy: Fit | None
    latency: Fit | None
    judge: Judge | None
    t_mvm: float
    e_mvm: float
    more_decks: str
    rounds: tuple[int, ...]
    seed: int


@dataclass(frozen=True)
class CalibratedTile:
    """A fitted family, or the closed form of charge mode, with its record."""

    family: Programmer
    record: Record

    def program(self, g_pos: Array, g_neg: Array, *, extrapolate: bool = False) -> Programmed:
        """Prepare tiles (…, n_rows, n_cols) of cells [S], in charge mode [F].

        Raises
        ------
        OutsideValidity
            A size or a conductance that was not calibrated, unless `extrapolate`.
        """
        self.record.box.check(g_pos, g_neg, extrapolate=extrapolate)
        return self.family.program(g_pos, g_neg)

    def save(self, folder: Path) -> None:
        """Write both files; each appears whole or not at all, the record last."""
        folder.mkdir(parents=True, exist_ok=True)
        _save(self.family, folder / "family.npz")
        about = {"format": FORMAT, "family_sha256": _checksum(folder / "family.npz"), **_plain(asdict(self.record))}
        about["sha256"] = _digest(about)
        partial = folder / f".record.{os.getpid()}.part"
        try:
            partial.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            partial.replace(folder / "record.json")
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path) -> CalibratedTile:
        """Read what `save` wrote.

        Raises
        ------
        FitError
            Missing, damaged, of another format, or files of two calibrations.
        """
        try:
            about = json.loads((folder / "record.json").read_text(encoding="utf-8"))
            found = about.pop("format")
            if found != FORMAT:
                raise FitError(f"{folder} is a calibration of format {found}, this version reads {FORMAT}", hint=_AGAIN)
            if about.pop("sha256") != _digest({"format": found, **about}):
                raise FitError(f"{folder}: record.json is damaged: its checksum differs", hint=_AGAIN)
            digest, got = about.pop("family_sha256"), _checksum(folder / "family.npz")
            record = _record(about)
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as bad:
            raise FitError(f"{folder} holds no calibrated tile", cause=repr(bad), hint=_AGAIN) from bad
        if digest != got:
            raise FitError(f"{folder}: family.npz is not the one that record.json describes", hint=_AGAIN)
        load = ChargeFamily.load if record.family == ChargeFamily.name else load_family
        return cls(load(folder / "family.npz"), record)


def _save(family: Programmer, path: Path) -> None:
    if isinstance(family, ChargeFamily):
        family.save(path)
    else:
        save_family(cast("Family", family), path)


def _record(about: Mapping[str, Any]) -> Record:
    fits = {
        key: None if about[key] is None else Fit(**_tuples(about[key]))
        for key in ("output", "settling", "energy", "latency")
    }
    box, interval = TileBox(**_tuples(about["box"])), Interval(**_tuples(about["interval"]))
    if fits["output"] is None or not np.isfinite([about["t_mvm"], about["e_mvm"]]).all():
        raise ValueError("output, t_mvm or e_mvm is missing or not finite")
    corners = {name: Fit(**_tuples(fit)) for name, fit in about["corners"].items()}
    judge = None if about["judge"] is None else Judge(**_tuples(about["judge"]))
    read = {"box": box, "interval": interval, "corners": corners, "judge": judge, "rounds": tuple(about["rounds"])}
    return Record(**{**about, **fits, **read})


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _tuple(value) for key, value in table.items()}


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Turn NumPy scalars, paths and tuples into what JSON knows."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, Path) else value


def _digest(about: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what `record.json` says, whatever its order and layout."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
