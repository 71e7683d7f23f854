"""Does a converter meet its specification, and which share of converters does?

One idea: a specification is a list of limits; a converter misses none or says which. The yield is the share that misses
none, with its 95 % interval (Wilson). It measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from aimc_spice.units import show


@dataclass(frozen=True)
class Figures:
    """The figures of merit of one converter, by which it is judged; None where not measured."""

    inl_lsb: float
    dnl_lsb: float
    offset_lsb: float
    gain_error: float
    enob_bits: float
    monotonic: bool
    t_conv: float
    e_conv: float


@dataclass(frozen=True)
class Spec:
    """Limits; None is no limit.

    Parameters
    ----------
    max_inl_lsb, max_dnl_lsb : float or None
        Largest magnitude, endpoint line [LSB].
    max_offset_lsb, max_gain_error : float or None
        Largest magnitude [LSB]; fraction of the step.
    min_enob_bits : float or None
        [bits].
    monotonic : bool
        Whether falls are refused.
    max_t_conv, max_e_conv : float or None
        Longest and mean energy of a conversion [s], [J].
    """

    max_inl_lsb: float | None = None
    max_dnl_lsb: float | None = None
    max_offset_lsb: float | None = None
    max_gain_error: float | None = None
    min_enob_bits: float | None = None
    monotonic: bool = True
    max_t_conv: float | None = None
    max_e_conv: float | None = None

    def misses(self, found: Figures) -> tuple[str, ...]:
        """Return each limit that is missed, with got and wanted; empty where all are met."""
        missed = []
        for limit in fields(self):
            wanted, name = getattr(self, limit.name), limit.name.partition("_")[2]
            if wanted is None or limit.name == "monotonic":
                continue
            got, least = getattr(found, name), limit.name.startswith("min_")
            if (got < wanted) if least else (abs(got) > wanted):
                missed.append(
                    f"{name}: got {_text(got, name)}, wanted at {'least' if least else 'most'} {_text(wanted, name)}"
                )
        if self.monotonic and not found.monotonic:
            missed.append("monotonic: a code falls")
        return tuple(missed)


@dataclass(frozen=True)
class Yield:
    """The share of converters that meet a specification, with its 95 % interval."""

    share: float
    low: float
    high: float
    n: int


def yield_of(met: Sequence[bool]) -> Yield:
    """Return the yield of converters that met the specification, or not."""
    share = float(np.mean(met))
    return Yield(share, *wilson(share, len(met)), len(met))


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share of `n` trials (Wilson score)."""
    z = 1.96
    centre, half = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float((centre - half) / (1 + z * z / n)), float((centre + half) / (1 + z * z / n))


def _text(value: float, name: str) -> str:
    unit = {"t_conv": "s", "e_conv": "J", "gain_error": ""}.get(name, "LSB" if name.endswith("lsb") else "bit")
    return show(value, unit) if unit in {"s", "J"} else f"{value:.4g} {unit}".strip()
