"""Where are a converter's transitions, given inputs and the codes they gave?

One idea: the transition level of code k stands where an ideal comparator would split the range as the converter does,
``T[k] = start + length of {x : code(x) < k}``; between two neighbouring inputs whose codes lie on both sides of k it
counts half the gap. For a rising transfer that is the midpoint of the bracket; it stays defined, and rising, where the
transfer falls back. What is wrong with a transfer is said in `Defect`. It runs nothing (see `search`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import ConverterError, ConverterSaturated, ConverterStuck, MissingCodes, NotMonotonic, ShapeError
from aimc_spice.units import show

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
DefectName = Literal["stuck", "saturated", "not monotonic", "missing codes"]
_ERRORS: dict[str, type[ConverterError]] = {
    "stuck": ConverterStuck,
    "saturated": ConverterSaturated,
    "not monotonic": NotMonotonic,
    "missing codes": MissingCodes,
}
_HINTS = {
    "stuck": "look at the waveforms: is the clock running, is the input connected, do low and high span its range?",
    "saturated": "check low and high against the converter's range; the full scale may lie elsewhere",
    "not monotonic": "a larger time for the comparator or the DAC to settle, or smaller mismatch of the large weights",
    "missing codes": "a step wider than the DNL limit swallowed them; smaller mismatch, or allow = ['missing codes']",
}


@dataclass(frozen=True)
class Defect:
    """What is wrong with a transfer, by name, with the evidence as text."""

    name: DefectName
    evidence: str

    def error(self, where: str) -> ConverterError:
        """Return the error of this name."""
        return _ERRORS[self.name](f"{self.name}: {self.evidence}", where=where, hint=_HINTS[self.name])


@dataclass(frozen=True)
class Sweep:
    """Inputs in rising order (n,) [V, A or C] and the codes they gave (n,)."""

    inputs: Array
    codes: Codes

    def __post_init__(self) -> None:
        if self.inputs.shape != self.codes.shape or self.inputs.ndim != 1 or len(self.inputs) < 2:
            raise ShapeError(f"sweep: got {self.inputs.shape} and {self.codes.shape}, wanted two equal (n,), n >= 2")
        if (np.diff(self.inputs) < 0).any():
            raise ShapeError("sweep: inputs are not in rising order")

    @classmethod
    def of(cls, inputs: Array, codes: Codes) -> Sweep:
        """Sort by input."""
        order = np.argsort(inputs, kind="stable")
        return cls(inputs[order], codes[order])

    def joined(self, other: Sweep) -> Sweep:
        """Return both sweeps as one."""
        return Sweep.of(np.concatenate([self.inputs, other.inputs]), np.concatenate([self.codes, other.codes]))

    def gaps(self, resolution: float) -> Array:
        """Return the inputs (m, 2) of neighbours that differ in code and lie further apart than `resolution`."""
        wide = np.flatnonzero((np.diff(self.inputs) > resolution) & (np.diff(self.codes) != 0))
        return np.stack([self.inputs[wide], self.inputs[wide + 1]], axis=1)

    def narrow(self, resolution: float) -> Codes:
        """Return the codes, each once, below the levels that are known within `resolution`."""
        near = (np.diff(self.inputs) <= resolution) & (np.diff(self.codes) == 1)
        return np.unique(self.codes[:-1][near])

    def levels(self, n_bits: int) -> Array:
        """Return the transition levels to codes 1, 2, …, shape (2**n_bits - 1,), rising."""
        n_codes = 2**n_bits
        if self.codes.min() < 0 or self.codes.max() >= n_codes:
            raise ShapeError(f"codes: got {self.codes.min()} to {self.codes.max()}, wanted 0 to {n_codes - 1}")
        width = 0.5 * np.diff(self.inputs)
        # every half gap belongs to the code of its own end: the histogram of codes, weighted with lengths
        length = np.bincount(self.codes[:-1], width, n_codes) + np.bincount(self.codes[1:], width, n_codes)
        return np.asarray(self.inputs[0] + np.cumsum(length)[:-1])

    def defects(self, n_bits: int, unit: str, width: float = 0.0) -> tuple[Defect, ...]:
        """Name what is wrong, with evidence; a code that falls within `width` [V, A or C] is no fall."""
        seen = np.unique(self.codes)
        if len(seen) == 1:
            span = f"{show(self.inputs[0], unit)} to {show(self.inputs[-1], unit)}"
            return (Defect("stuck", f"code {seen[0]} at all {len(self.codes)} inputs from {span}"),)
        found = [self._saturated(seen, n_bits, unit), self._falls(unit, width), _missing(seen)]
        return tuple(defect for defect in found if defect)

    def _saturated(self, seen: Codes, n_bits: int, unit: str) -> Defect | None:
        last, texts = 2**n_bits - 1, []
        if seen[0] > 0:
            until = self.inputs[np.flatnonzero(self.codes == seen[0]).max()]
            texts.append(f"no code below {seen[0]}, which stands from {self._at(0, unit)} to {show(until, unit)}")
        if seen[-1] < last:
            since = self.inputs[np.flatnonzero(self.codes == seen[-1]).min()]
            texts.append(
                f"no code above {seen[-1]} of {last}, which stands from {show(since, unit)} to {self._at(-1, unit)}"
            )
        return Defect("saturated", "; ".join(texts)) if texts else None

    def _falls(self, unit: str, width: float) -> Defect | None:
        """Find codes below one that an input lower by more than `width` gave; closer ones may be noise or memory."""
        before = np.searchsorted(self.inputs, self.inputs - width) - 1
        highest = np.maximum.accumulate(self.codes)
        falls = np.flatnonzero((before >= 0) & (self.codes < highest[np.maximum(before, 0)]))
        if not falls.size:
            return None
        worst = int(falls[np.argmax((highest[np.maximum(before, 0)] - self.codes)[falls])])
        above = int(np.flatnonzero(self.codes[: before[worst] + 1] == highest[before[worst]]).max())
        steps = f"code {self.codes[above]} at {self._at(above, unit)}, {self.codes[worst]} at {self._at(worst, unit)}"
        return Defect("not monotonic", f"{falls.size} inputs give too low a code; the largest fall: {steps}")

    def _at(self, index: int, unit: str) -> str:
        return show(float(self.inputs[index]), unit, 6)


def _missing(seen: Codes) -> Defect | None:
    between = np.setdiff1d(np.arange(seen[0], seen[-1] + 1), seen)
    if not between.size:
        return None
    listed = ", ".join(map(str, between[:12])) + (", …" if between.size > 12 else "")
    return Defect("missing codes", f"{between.size} of them: {listed}")
