"""How is a code read where a DC sweep gives it as a number? It must be whole: then the circuit has settled."""

from __future__ import annotations

import numpy as np

from aimc_spice.errors import MeasurementFailed
from aimc_spice.netlist.adcs.base import Array, Codes
from aimc_spice.units import show

_WHOLE = 1e-3  # how far from a whole number an ideal encoder may be


def whole_codes(counts: Array, inputs: Array, *, where: str) -> Codes:
    """Return codes (n,) from the encoder's voltage (n,) for inputs (n,) [V].

    Raises
    ------
    MeasurementFailed
        A code that is no whole number: a comparator between high and low, or a circuit that did not settle.
    """
    bad = np.flatnonzero(np.abs(counts - np.round(counts)) > _WHOLE)
    if len(bad):
        k = int(bad[0])
        raise MeasurementFailed(
            f"{len(bad)} of {len(inputs)} codes are not whole: {counts[k]:g} at {show(float(inputs[k]), 'V')}",
            where=where,
            hint="a comparator is undecided there, or the circuit did not settle: a smaller reltol",
        )
    codes: Codes = np.round(counts).astype(np.int64)
    return codes
