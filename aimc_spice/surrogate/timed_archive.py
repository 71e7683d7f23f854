"""How is a read-out over time kept in a file? As the read-outs at every time, each as `readout_archive` keeps one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from aimc_spice.surrogate.fitted import FittedReadout
from aimc_spice.surrogate.readout_archive import pack, read_archive, unpack, write_archive
from aimc_spice.surrogate.timed import TimedReadout, decks_of


def save_timed(timed: TimedReadout, path: Path) -> None:
    """Write to a NumPy archive (.npz), whole or not at all."""
    arrays = {"param": np.array(timed.param), "times_s": timed.times, "judged_times_s": timed.judged_times}
    for kind, readouts in (("fitted", timed.readouts), ("judged", timed.judged)):
        for k, one in enumerate(readouts):
            kept = one if kind == "fitted" else _fitted_to(one, ())  # to all that the fitted ones name
            arrays |= {f"{kind}_{k}.{name}": array for name, array in pack(kept).items()}
    write_archive(arrays, path)


def load_timed(path: Path) -> TimedReadout:
    """Read what `save_timed` wrote; raises `DataError` where it is damaged, of another format, or of one time."""
    return read_archive(path, _timed)


def _timed(arrays: dict[str, Any]) -> TimedReadout:
    if "times_s" not in arrays:
        raise ValueError("it is one of a single time: leave the time out")
    times, judged = arrays["times_s"], arrays["judged_times_s"]
    if len(times) < 3 or not (np.diff(times) > 0).all() or not times[0] > 0:
        raise ValueError(f"times_s is {times}, wanted three or more that rise")
    readouts = _all(arrays, "fitted", times)
    decks = decks_of(readouts)
    judges = tuple(_fitted_to(one, decks) for one in _all(arrays, "judged", judged))
    return TimedReadout(str(arrays["param"]), times, readouts, judged, judges)


def _all(arrays: dict[str, Any], kind: str, times: Any) -> tuple[FittedReadout, ...]:
    return tuple(_one(arrays, f"{kind}_{k}.") for k in range(len(times)))


def _one(arrays: dict[str, Any], prefix: str) -> FittedReadout:
    return unpack({name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)})


def _fitted_to(readout: FittedReadout, decks: tuple[str, ...]) -> FittedReadout:
    fits = {name: replace(getattr(readout, name), fitted_on=decks) for name in ("fit", "fit_time", "fit_energy")}
    return replace(readout, **fits)
