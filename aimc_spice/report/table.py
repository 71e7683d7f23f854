"""How are the results of a sweep kept and shown? One row a partitioning; CSV, netCDF and a terminal table.

Units are in the column names. It computes nothing but which row is best.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import xarray as xr
from rich.table import Table

from aimc_spice.errors import DataError
from aimc_spice.units import show


@dataclass(frozen=True)
class Row:
    """One partitioning. None means not simulated, which the study asked for.

    Suffixes are units; ``rms_*`` are fractions of full scale; ``n_*`` are counts.
    """

    choice: str
    front_end: str
    weights: str
    n_sub_arrays: int
    max_rows: int
    max_cols: int
    accuracy_digital: float | None
    accuracy_surrogate: float
    accuracy_low: float
    accuracy_high: float
    n_test: int
    accuracy_spice: float | None
    n_spice: int
    label_agreement: float | None
    rms_output: float | None
    rms_worst_layer: float | None
    power_array_w: float | None
    power_periphery_w: float | None
    energy_per_image_j: float | None
    settling_s: float | None
    area_array_m2: float
    area_periphery_m2: float
    spice_s_per_image: float | None
    surrogate_s_per_image: float
    best: bool = False

    @property
    def speed_ratio(self) -> float | None:
        """How many times faster the surrogate is than ngspice, per image."""
        return None if self.spice_s_per_image is None else self.spice_s_per_image / self.surrogate_s_per_image


def mark_best(rows: Sequence[Row], within: float) -> list[Row]:
    """Mark the best row: fewest sub-arrays whose accuracy is within `within` of the highest; ties by accuracy."""
    top = max((row.accuracy_surrogate for row in rows), default=0.0)
    good = [row for row in rows if row.accuracy_surrogate >= top - within]
    best = min(good, key=lambda row: (row.n_sub_arrays, -row.accuracy_surrogate), default=None)
    return [Row(**{**asdict(row), "best": row is best}) for row in rows]


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write one line a row, column names as in `Row`."""

    def write(target: Path) -> None:
        with target.open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, [f.name for f in fields(Row)])
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)

    _whole(path, write)


def write_netcdf(rows: Sequence[Row], path: Path, attrs: dict[str, str]) -> None:
    """Write the table along a dimension ``choice``, units as attributes; what was not simulated is masked (NaN)."""
    data = xr.Dataset(coords={"choice": [row.choice for row in rows]}, attrs=attrs)
    for field in fields(Row)[1:]:
        values = [getattr(row, field.name) for row in rows]
        text = field.name in {"front_end", "weights"}
        data[field.name] = ("choice", values if text else np.array([np.nan if v is None else v for v in values], float))
        data[field.name].attrs["units"] = _unit(field.name)
    _whole(path, lambda target: data.to_netcdf(target, engine="h5netcdf"))


def read_csv(path: Path) -> list[Row]:
    """Read what `write_csv` wrote; raises `DataError` where it is something else."""
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            rows = [_row(record) for record in csv.DictReader(lines)]
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as bad:
        raise DataError(f"{path} is no sweep table", cause=str(bad)) from bad
    if not rows:
        raise DataError(f"{path} has no rows", hint="run the sweep again: it resumes")
    return rows


def terminal_table(rows: Sequence[Row]) -> Table:
    """Return the table as a person wants it on a terminal: one column a partitioning, which fits 80 characters."""
    table = Table(title="partition sweep (* best by the study's rule)", title_justify="left")
    table.add_column("", no_wrap=True)
    for row in rows:
        table.add_column(
            ("* " if row.best else "") + row.choice.replace(" x ", "\n× "), justify="right", overflow="fold"
        )
    for label, text in _LINES:
        table.add_row(label, *(text(row) for row in rows))
    return table


def markdown_table(rows: Sequence[Row]) -> str:
    """Return the same table as Markdown, for documents."""
    heads = ["", *(("**best** " if row.best else "") + row.choice for row in rows)]
    lines = [heads, ["---", *("---:" for _ in rows)]]
    lines += [[label.strip(), *(text(row) for row in rows)] for label, text in _LINES]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _or_dash(value: float | None, text: Callable[[float], str]) -> str:
    return "–" if value is None else text(value)


def _in(unit: str) -> Callable[[float], str]:
    return lambda value: show(value, unit, 3)


_LINES: list[tuple[str, Callable[[Row], str]]] = [
    ("read-out", lambda r: r.front_end),
    ("sub-arrays", lambda r: str(r.n_sub_arrays)),
    ("largest", lambda r: f"{r.max_rows}×{r.max_cols}"),
    ("accuracy, software", lambda r: _or_dash(r.accuracy_digital, "{:.2%}".format)),
    ("accuracy, surrogate", lambda r: f"{r.accuracy_surrogate:.2%}"),
    ("accuracy, ngspice", lambda r: _or_dash(r.accuracy_spice, "{:.1%}".format)),
    ("  on images", lambda r: str(r.n_spice)),
    ("labels agree", lambda r: _or_dash(r.label_agreement, "{:.1%}".format)),
    ("rms error of output", lambda r: _or_dash(r.rms_output, "{:.4%}".format)),
    ("power, arrays", lambda r: _or_dash(r.power_array_w, _in("W"))),
    ("power, amplifiers", lambda r: _or_dash(r.power_periphery_w, _in("W"))),
    ("energy per image", lambda r: _or_dash(r.energy_per_image_j, _in("J"))),
    ("settles in", lambda r: _or_dash(r.settling_s, _in("s"))),
    ("area", lambda r: f"{(r.area_array_m2 + r.area_periphery_m2) * 1e12:.0f} µm²"),
    ("ngspice per image", lambda r: _or_dash(r.spice_s_per_image, _in("s"))),
    ("surrogate per image", lambda r: show(r.surrogate_s_per_image, "s", 3)),
    ("ratio", lambda r: _or_dash(r.speed_ratio, "{:.1e}".format)),
]


def _unit(name: str) -> str:
    ends = {"_w": "W", "_j": "J", "_m2": "m2", "_s": "s", "_per_image": "s"}
    return next((unit for end, unit in ends.items() if name.endswith(end)), "1")


def _row(record: dict[str, str]) -> Row:
    kinds: dict[str, Callable[[str], object]] = {"str": str, "int": int, "bool": lambda text: text == "True"}
    values = {}
    for field in fields(Row):
        text, kind = record[field.name], str(field.type)
        values[field.name] = None if text == "" else kinds.get(kind, float)(text)
    return Row(**values)  # type: ignore[arg-type]  # converted field by field above


def _whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write aside, then rename: a table is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
