"""How fast are decks written, and does memory stay bounded?

Whole-network decks (lines a second, text produced and dropped) and a crossbar of 10⁷ elements written to disk with the
growth of the process's peak memory. Against: the goal of 10⁶ lines a second.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from _claim import claim, median_time

from aimc_spice.device import Device
from aimc_spice.device.base import ConductanceMap
from aimc_spice.netlist.base import Deck, Lines, Netlist, OperatingPoint
from aimc_spice.netlist.crossbar import Crossbar
from aimc_spice.netlist.wire import Wire

WIRE = Wire(9.24, 11.55, 5e-17, 5e-17)


def crossbar(n_rows: int, n_cols: int, *, binary: bool) -> Crossbar:
    """Return a crossbar with binary or continuous conductances."""
    rng = np.random.default_rng(0)
    g = rng.choice([1e-6, 1e-4], (2, n_rows, n_cols)) if binary else rng.uniform(1e-6, 1e-4, (2, n_rows, n_cols))
    return Crossbar(ConductanceMap(g[0], g[1], Device(1e-4, 1e-6)), WIRE)


def rate(bar: Crossbar) -> float:
    """Lines a second of text produced."""
    return bar.n_lines / median_time(lambda: sum(len(chunk) for chunk in bar.chunks()), 3)


def main() -> None:
    """Print the claims."""
    for binary, kind in ((True, "binary"), (False, "continuous")):
        bar = crossbar(401, 120, binary=binary)
        claim(f"deck text, {kind} weights", rate(bar), "lines/s", 1e6, at_least=True, against="goal of the project")
    large = crossbar(1250, 1000, binary=False)
    netlist = Netlist("large", (), (large, Lines("vin wl_0 0 1")))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.cir"
        start = time.perf_counter()
        Deck(netlist, OperatingPoint(), ("v(bp_0)",)).write(path)
        seconds, size = time.perf_counter() - start, path.stat().st_size
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    claim("10^7-element deck on disk", large.n_lines / seconds, "lines/s", 1e6, at_least=True, against="goal")
    claim("memory for it", grown, "MB", size / 1e6 / 4, at_least=False, against=f"a quarter of its {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
