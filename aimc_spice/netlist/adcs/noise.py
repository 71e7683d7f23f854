"""How does a converter's circuit get noise? As sources whose values are drawn from closed forms.

One idea: a conversion looks at its comparator at a few instants, so noise is one number an instant: what a reset leaves
on a capacitor (kT/C), what resistors add in the comparator's band (4kTR B), what the comparator adds itself, and what a
current's shot-like noise has added up to (S t / 2). The numbers are drawn by seed and input, so that a deck is the same
every time (the simulator's own `trnoise` is seeded by the clock); transistors have no noise in a transient at all.
Flicker noise below 1 kHz is left out: it looks like an offset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from aimc_spice.netlist.adcs.base import Array, Converter
from aimc_spice.rng import stream

BOLTZMANN = 1.380649e-23  # J/K
COMPARATOR = 1.0e-4  # V rms, 1 kHz to BAND, measured at tt: ngspice -b comparator_noise.cir
BAND = 1 / (2 * 1.17e-8)  # Hz: a comparator that takes t to trip adds noise up over t, a band of 1 / (2 t)
STRONG_ARM = (
    4.5e-4  # V rms to 20 %: decisions with drawn noise currents of the input pair, tests/reference/test_noise_…
)
_GAMMA = 2 / 3  # of a long channel: noise current of a transistor 4 kT gamma gm
_OVERDRIVE = 0.3  # V, of a mirror's transistors; assumed


@runtime_checkable
class Noisy(Converter, Protocol):
    """A converter whose deck can have noise sources; a frozen dataclass with the field `noise`."""

    @property
    def noise(self) -> int | None:
        """Seed of the noise; None is quiet."""
        ...

    def noise_parts(self) -> Mapping[str, float]:
        """Return the noise by origin in closed form, rms, referred to the input at mid range [V or A]."""
        ...


def noisy(converter: Converter, seed: int = 0) -> Converter:
    """Return a converter with its noise sources on; one that has none as it is."""
    return replace(converter, noise=seed) if isinstance(converter, Noisy) else converter  # type: ignore[type-var]


def reckoned_noise(converter: Converter) -> float:
    """Return the input-referred noise in closed form, rms [V or A]; zero for a converter that states none."""
    return total(converter.noise_parts()) if isinstance(converter, Noisy) else 0.0


def total(parts: Mapping[str, float]) -> float:
    """Return the root of the sum of squares of independent parts."""
    return float(np.sqrt(sum(sigma**2 for sigma in parts.values())))


def draws(seed: int, name: str, inputs: Array, n: int = 1) -> Array:
    """Return standard normal numbers (n, n_inputs) of one deck: other inputs get others, the same get the same."""
    digest = hashlib.sha256(np.ascontiguousarray(inputs).tobytes()).hexdigest()
    return stream(seed, "noise", name, digest).standard_normal((n, len(inputs)))


def reset_noise(c: float, temp_k: float) -> float:
    """Return the rms voltage that a switch leaves on a capacitor, sqrt(kT/C) [V]."""
    return float(np.sqrt(BOLTZMANN * temp_k / c))


def resistor_noise(r: float, temp_k: float, band: float = BAND) -> float:
    """Return the rms voltage of a resistance in a band, sqrt(4kTR B) [V]."""
    return float(np.sqrt(4 * BOLTZMANN * temp_k * r * band))


def mirror_density(current: float, temp_k: float) -> float:
    """Return the noise of a mirror's output current [A²/Hz]: two transistors of ``gm = 2 i / v_overdrive``."""
    return 2 * 4 * BOLTZMANN * temp_k * _GAMMA * 2 * current / _OVERDRIVE


def added_charge(density: float, t: float) -> float:
    """Return the rms charge that a white noise current of `density` [A²/Hz] has added up to after `t` [s]: S t / 2."""
    return float(np.sqrt(density * t / 2))
