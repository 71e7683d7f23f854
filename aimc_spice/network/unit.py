"""What if the digital correction after the converters is a small fixed-point unit?

One idea: ``out = round(Σ code * scale + offset)`` with an unsigned scale of 1 integer and 7 fraction bits and a
signed offset of 7 integer and 1 fraction bits for each column, in units of one output step for the whole layer; bias,
batch norm (folded into weights on import) and the converters' gain and offset errors are all in it (Ferro et al.,
ISCAS 2024, arXiv 2402.07549; the width of the output is assumed). A following ReLU stays a step of the network:
rounding never crosses zero, so cutting after it gives what the unit would give. Partial sums are whole multiples of
2^-7 far below 2^24, so single precision computes them without rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import ConfigError
from aimc_spice.network.analog import AnalogMatrix, Group
from aimc_spice.network.kernel import F32

Array = NDArray[np.float64]
Rounding = Literal["half_up", "half_even", "floor", "toward_zero"]
_ROUND: dict[str, Callable[[F32], F32]] = {
    "half_up": lambda x: np.floor(x + 0.5),
    "half_even": np.rint,
    "floor": np.floor,
    "toward_zero": np.trunc,
}


@dataclass(frozen=True)
class FixedPoint:
    """The formats of the unit.

    Parameters
    ----------
    scale_bits, offset_bits : (int, int)
        Integer and fraction bits; the scale is unsigned, the offset has its sign among the integer bits.
    rounding : {"half_up", "half_even", "floor", "toward_zero"}
        Of the result to whole output steps.
    out_bits : int
        Of the result, its sign included; larger ones saturate.
    """

    scale_bits: tuple[int, int] = (1, 7)
    offset_bits: tuple[int, int] = (7, 1)
    rounding: Rounding = "half_even"
    out_bits: int = 16

    def __post_init__(self) -> None:
        if self.rounding not in _ROUND:
            raise ConfigError(f"rounding {self.rounding!r} is unknown", hint=f"known: {', '.join(_ROUND)}")

    def scale(self, values: Array) -> Array:
        """Round scales to the format; what does not fit saturates."""
        whole, fraction = self.scale_bits
        most = 2 ** (whole + fraction) - 1
        return np.asarray(np.clip(np.rint(values * 2.0**fraction), 0, most) / 2.0**fraction)

    def offset(self, values: Array) -> Array:
        """Round offsets to the format; what does not fit saturates."""
        whole, fraction = self.offset_bits
        half = 2 ** (whole + fraction - 1)
        return np.asarray(np.clip(np.rint(values * 2.0**fraction), -half, half - 1) / 2.0**fraction)

    def finish(self, total: F32) -> F32:
        """Round and saturate sums in output steps."""
        half = 2.0 ** (self.out_bits - 1)
        return np.asarray(np.clip(_ROUND[self.rounding](total), -half, half - 1), dtype=np.float32)


def in_fixed_point(
    parts: tuple[AnalogMatrix, ...], scales: tuple[F32, ...], biases: tuple[F32, ...], unit: FixedPoint
) -> tuple[tuple[AnalogMatrix, ...], float]:
    """Return the matrices with scales and offsets in the formats of the unit, and the output step of the layer.

    Raises
    ------
    ConfigError
        Offset columns with a scale of their own: they are subtracted before the unit.
    """
    worth = [_per_column(part, scale) for part, scale in zip(parts, scales, strict=True)]
    largest = max(float(np.max(g.gain * w)) for part, w in zip(parts, worth, strict=True) for g in part.groups)
    whole, fraction = unit.scale_bits
    step = largest / (2.0**whole - 2.0**-fraction)
    built = [
        _fixed(part, w / step, bias.astype(np.float64) / step, unit)
        for part, w, bias in zip(parts, worth, biases, strict=True)
    ]
    return tuple(built), step


def _per_column(part: AnalogMatrix, scale: F32) -> Array:
    if part.reference is None:
        return scale.astype(np.float64)
    if np.ptp(scale) > 1e-6 * np.abs(scale).max():
        raise ConfigError(
            f"layer {part.name}: fixed point with offset columns needs one scale a layer", hint='scale = "layer"'
        )
    return np.full(part.n_columns, float(scale[0]), np.float64)


def _fixed(part: AnalogMatrix, worth: Array, bias: Array, unit: FixedPoint) -> AnalogMatrix:
    """Centre the codes, round; the first group carries the offset of all."""
    gains = [unit.scale(group.gain * worth) for group in part.groups]
    middles = [_middle(group) for group in part.groups]
    rest = sum(g.offset * worth + gain * m for g, gain, m in zip(part.groups, gains, middles, strict=True))
    offset = np.zeros(part.n_columns)
    offset[...] = rest
    offset[: len(bias)] += bias
    offset = unit.offset(offset)
    groups: list[Group] = []
    for index, (group, gain) in enumerate(zip(part.groups, gains, strict=True)):
        start = offset * (index == 0) - gain * middles[index]
        groups.append(replace(group, gain=gain.astype(np.float32), offset=start.astype(np.float32)))
    return replace(part, groups=tuple(groups))


def _middle(group: Group) -> float:
    if group.converters is None:
        raise ConfigError("fixed point works on codes", hint="give a read-out")
    return group.converters.middle
