"""How far is a surrogate off where the chip is warmer, or its wires thinner, than where it was calibrated?

One idea: a few tiles of their own at every corner of the file judge the surrogate as it is. Nothing is fitted to them:
who works there calibrates there (``calibrate tile FILE --corner NAME``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aimc_spice.build.tile import at_corner
from aimc_spice.config.tile import TileConfig
from aimc_spice.surrogate.base import Fit
from aimc_spice.surrogate.experiment import Case, design
from aimc_spice.surrogate.families.base import Circuit, Programmer, evaluate

Simulate = Callable[[TileConfig, Sequence[Case]], Sequence[Circuit]]


def judge_corners(config: TileConfig, family: Programmer, simulate: Simulate) -> dict[str, Fit]:
    """Return the error of a family at every corner of a file [V].

    Parameters
    ----------
    config : TileConfig
        The file, where the family was calibrated.
    family : Programmer
        The surrogate.
    simulate : callable
        Simulates cases of a file.
    """
    table, shape, found = config.calibration, (config.n_rows, config.n_cols), dict[str, Fit]()
    for name in config.corners:
        cases = design(table.n_corner, shape, table.n_vectors, table.seed, f"corner {name}")
        found[name] = evaluate(family, simulate(at_corner(config, name), cases))
    return found
