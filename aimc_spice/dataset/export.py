"""How do stored results become one labelled netCDF file?

One idea: entries with the same axis and probes are one form, stacked along a dimension ``entry`` with the deck's
digest, title, simulator and retries as coordinates; every form is a group of the file, so nothing is padded.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from aimc_spice.dataset.store import Store, read_entry
from aimc_spice.errors import DatasetError
from aimc_spice.simulate.base import Waveforms

_TOLD = ("title", "label", "analysis", "options", "retries")


def labelled(results: Iterable[Waveforms]) -> list[xr.Dataset]:
    """Return results as data sets, one a form: ``signal`` (entry, axis, probe), with units and provenance."""
    forms: dict[tuple[object, ...], list[Waveforms]] = {}
    for result in results:
        forms.setdefault((result.axis_name, result.axis.tobytes(), tuple(result.signals)), []).append(result)
    return [_stacked(same) for same in forms.values()]


def export(store: Store, path: Path) -> int:
    """Write all entries of a store to one netCDF file; return how many.

    The file has groups ``form_0``, ``form_1``, …: open one by ``xarray.open_dataset(path, group="form_0")``.

    Raises
    ------
    DatasetError
        The store is empty, an entry is damaged, or the file cannot be written.
    """
    forms = labelled(read_entry(entry) for entry in store.entries())
    if not forms:
        raise DatasetError(f"the store {store.root} has no results to export")
    partial = path.with_name(f".{path.name}.part")
    try:
        for number, form in enumerate(forms):
            form.to_netcdf(partial, mode="a" if number else "w", group=f"form_{number}", engine="h5netcdf")
        partial.replace(path)
    except OSError as bad:
        raise DatasetError(f"cannot write {path}", cause=str(bad)) from bad
    finally:
        partial.unlink(missing_ok=True)
    return sum(form.sizes["entry"] for form in forms)


def _stacked(same: list[Waveforms]) -> xr.Dataset:
    first, probes = same[0], list(same[0].signals)
    values = np.stack([one.stack(probes) for one in same])
    data = xr.Dataset({"signal": (("entry", first.axis_name, "probe"), values)})
    data["signal"].attrs["units"] = "V for v(...), A for i(...)"
    data = data.assign_coords(
        {first.axis_name: first.axis, "probe": probes, "deck": ("entry", [one.deck_digest for one in same])}
    )
    data[first.axis_name].attrs["units"] = "s" if first.axis_name == "time" else "1"
    data["unit"] = ("probe", ["A" if probe.startswith("i(") else "V" for probe in probes])
    data["wall_s"] = ("entry", [one.wall_s for one in same], {"units": "s"})
    data["simulator"] = ("entry", [one.simulator for one in same])
    for name in _TOLD:
        data[name] = ("entry", [one.provenance.get(name, "") for one in same])
    return data
