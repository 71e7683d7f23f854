"""How are converters set and corrected, so that tiles with ideal wires give the exact product?

One idea: a sample of the layer's inputs goes through the tiles' matrices; the gain of each front end is set to fill its
converter (`adc_range`), and what a code is worth is fitted to the wanted product, column by column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import ConfigError
from aimc_spice.network.analog import AnalogMatrix, Group, cells_of, converters_of
from aimc_spice.network.dac import Range, limit_of
from aimc_spice.network.kernel import F32, Converters, codes
from aimc_spice.network.mapping import Mapping, Placement
from aimc_spice.network.noise import keys
from aimc_spice.surrogate.readout import Readout

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """How the columns of tiles are read.

    Parameters
    ----------
    adc_range : {"max", "percentile", "mse", "fixed"}
        How the gain of a front end is chosen from the sample; "fixed" leaves it as calibrated (one).
    adc_scope : {"tile", "layer", "column"}
        What shares a gain.
    percentile : float
        For both kinds of ranges.
    correction : {"affine", "gain", "none"}
        Worth of a code: slope and offset of each column; slope only; one slope for the layer.
    partial_sums : {"digital", "analog"}
        Each horizontal partition is converted; or their outputs are added before one conversion.
    zero : {"threshold", "step"}
        Where an output of zero is in the converter's range: at the threshold in its middle, as circuits are
        characterised; or half an LSB higher, in the middle of a step. Columns at rest then say zero, and not half an
        LSB up or down, which few bits do not survive. The half LSB is ideal: of a ramp that starts later, or half a
        unit capacitor.
    """

    adc_range: Range | Literal["fixed"] = "mse"
    adc_scope: Literal["tile", "layer", "column"] = "tile"
    percentile: float = 99.9
    correction: Literal["affine", "gain", "none"] = "affine"
    partial_sums: Literal["digital", "analog"] = "digital"
    zero: Literal["threshold", "step"] = "threshold"

    def __post_init__(self) -> None:
        choices = {
            "adc_range": ("max", "percentile", "mse", "fixed"),
            "adc_scope": ("tile", "layer", "column"),
            "correction": ("affine", "gain", "none"),
            "partial_sums": ("digital", "analog"),
            "zero": ("threshold", "step"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"reading: got {name} = {getattr(self, name)!r}", hint=f"known: {', '.join(known)}")


@dataclass(frozen=True)
class _Sample:
    """A group on the sample: analog outputs y, wanted relative products p, both (n_samples, n_columns)."""

    rows: slice
    matrix: F32
    converters: Converters | None
    y: Array
    p: Array
    factor: float
    name: str
    key: NDArray[np.uint32]


@dataclass(frozen=True)
class Programming:
    """What tiles hold, and what went through them.

    Parameters
    ----------
    placement : Placement
        The wanted matrix.
    matrices : list
        Of each slice and horizontal partition, see `analog.program`.
    sample : ndarray, shape (n_samples, K)
        Word-line values in [-1, 1].
    """

    placement: Placement
    matrices: list[list[F32]]
    sample: F32


def calibrated(
    name: str, programmings: Sequence[Programming], mapping: Mapping, reading: Reading, readout: Readout | None,
    seed: int,
) -> AnalogMatrix:  # fmt: skip
    """Return the first of the programmings of some tiles with converters drawn; all of them set gains and codes."""
    placement = programmings[0].placement
    groups = _samples(name, programmings, mapping, reading, readout, seed)
    tile_of_column = _owners(placement, mapping)
    gains = _front_end_gains(groups, tile_of_column, reading)
    slope = _slope(groups)
    built = tuple(_group(g, to_lsb, slope, reading) for g, to_lsb in zip(groups, gains, strict=True))
    twice = 1.0 if mapping.signs == "differential" else 2.0
    built = tuple(_scaled(b, twice * g.factor) for b, g in zip(built, groups, strict=True))
    k, n = placement.digits.shape[1:]
    reference = None if mapping.signs == "differential" else n + tile_of_column[:n]
    return AnalogMatrix(name, built, k, n, reference)


def _samples(
    name: str, programmings: Sequence[Programming], mapping: Mapping, reading: Reading, readout: Readout | None,
    seed: int,
) -> list[_Sample]:  # fmt: skip
    found, first = [], programmings[0].placement
    cut = first.cut
    rows = cut.rows if reading.partial_sums == "digital" else (slice(0, first.digits.shape[1]),)
    for s, factor in enumerate(first.factors):
        for h, some in enumerate(rows):
            place, y, p = f"s{s}h{h}", [], []
            for one in programmings:
                x = one.sample[:, some].astype(np.float64)
                p.append(x @ _columns(one.placement.digits[s][some], cut.cols, mapping))
                y.append(x @ _matrix(one, s, h, reading).T.astype(np.float64))
            converters = None
            if readout is not None:
                drawn = converters_of(readout, cut.cols, mapping, seed, name, place)
                converters = replace(drawn, zero=0.5 if reading.zero == "step" else 0.0)
            matrix = _matrix(programmings[0], s, h, reading)
            key = keys(matrix.shape[0], seed, name, place, "calibration")
            found.append(
                _Sample(some, matrix, converters, np.concatenate(y), np.concatenate(p), float(factor), place, key)
            )
    return found


def _matrix(one: Programming, s: int, h: int, reading: Reading) -> F32:
    parts = one.matrices[s]
    return parts[h] if reading.partial_sums == "digital" else np.concatenate(parts, axis=1)


def _columns(digits: Array, cols: tuple[slice, ...], mapping: Mapping) -> Array:
    """Return what all columns of a group hold, offset columns last."""
    held = cells_of(digits, mapping)
    return held if mapping.signs == "differential" else np.hstack([held[:, :-1], np.repeat(held[:, -1:], len(cols), 1)])


def _owners(placement: Placement, mapping: Mapping) -> NDArray[np.int64]:
    """Return which vertical partition each column belongs to."""
    cols = placement.cut.cols
    own = np.repeat(np.arange(len(cols)), [c.stop - c.start for c in cols])
    return own if mapping.signs == "differential" else np.concatenate([own, np.arange(len(cols))])


def _front_end_gains(groups: list[_Sample], owner: NDArray[np.int64], reading: Reading) -> list[Array]:
    """Return LSB per unit of output of every column of every group."""
    one = groups[0].converters
    if one is None:
        return [np.ones(len(owner)) for _ in groups]
    if reading.adc_range == "fixed":
        return [np.full(len(owner), 1 / one.lsb) for _ in groups]
    n_bits = one.n_bits
    method, found = reading.adc_range, []
    shared = np.concatenate([g.y.ravel() for g in groups]) if reading.adc_scope == "layer" else None
    for g in groups:
        limits = np.empty(len(owner))
        if shared is not None:
            limits[:] = limit_of(shared, method, n_bits, reading.percentile)
        else:
            parts = owner if reading.adc_scope == "tile" else np.arange(len(owner))
            for part in np.unique(parts):
                limits[parts == part] = limit_of(g.y[:, parts == part], method, n_bits, reading.percentile)
        found.append(one.room / limits)
    return found


def _group(g: _Sample, to_lsb: Array, slope: float, reading: Reading) -> Group:
    scale = to_lsb.astype(np.float32)
    worth = np.full(len(to_lsb), slope)
    if reading.correction != "none":
        own = (g.y**2).sum(axis=0)
        seen = own > 1e-9 * max(float(own.max()), 1e-300)
        worth = np.where(seen, (g.p * g.y).sum(axis=0) / np.where(seen, own, 1.0), slope)
        worth = np.where(worth > 0, worth, slope)
    gain, offset = worth / to_lsb, np.zeros_like(worth)
    if g.converters is not None:
        offset = -gain * (g.converters.middle - 0.5)
        if reading.correction == "affine":
            gain, offset = _affine(g, g.converters, scale, gain)
    return Group(g.rows, g.matrix, g.converters, scale, gain.astype(np.float32), offset.astype(np.float32), g.name)


def _affine(g: _Sample, by: Converters, scale: F32, gain: Array) -> tuple[Array, Array]:
    """Fit slope and offset of every column to its codes; where they hardly vary, keep the slope and fit the offset.

    Codes have the noise that they have in a run: a column at rest beside a threshold has one code without noise and two
    with it, half an LSB apart in the mean.
    """
    y = np.ascontiguousarray(g.y.T, dtype=np.float32)
    code = codes(y, scale, by, g.key).T.astype(np.float64)
    dc, dp = code - code.mean(axis=0), g.p - g.p.mean(axis=0)
    spread = (dc**2).mean(axis=0)
    varies = spread > 1.0
    fitted = (dc * dp).mean(axis=0) / np.where(varies, spread, 1.0)
    slope = np.where(varies & (fitted > 0), fitted, gain)
    return slope, g.p.mean(axis=0) - slope * code.mean(axis=0)


def _slope(groups: list[_Sample]) -> float:
    power = sum(float(np.vdot(g.y, g.y)) for g in groups)
    found = sum(float(np.vdot(g.p, g.y)) for g in groups) / power if power else 1.0
    return found if found > 0 else 1.0


def _scaled(group: Group, factor: float) -> Group:
    f = np.float32(factor)
    return Group(group.rows, group.matrix, group.converters, group.to_lsb, group.gain * f, group.offset * f, group.name)
