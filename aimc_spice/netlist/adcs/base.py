"""What is an analog-to-digital converter here? A circuit that knows its bench and can read its codes.

One idea: every type knows its own bench. Metrology, surrogates and tiles see only `Converter`: inputs in, a deck out;
waveforms in, codes, times and energies out. An ideal converter of n bits over [low, high] has the transition to code k
at ``low + k * lsb``, ``lsb = (high - low) / 2**n_bits``. It runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.netlist.base import Deck, Part
from aimc_spice.netlist.driven import Corner

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Level = Literal["behavioural", "transistor"]
RECKONED = "logic (reckoned)"  # block whose energy no circuit of the deck draws: see `logic`


@dataclass(frozen=True)
class Conversions:
    """What a converter did with n inputs.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        In [0, 2**n_bits).
    t_conv : ndarray, shape (n,)
        From the start of each conversion to a valid code [s]; zeros for a circuit without a clock.
    energy : mapping of str to ndarray, shape (n,)
        Energy of each conversion by block ("comparator", "dac", …) [J]; empty where supplies are ideal. All are
        measured in the deck but `RECKONED`.
    """

    codes: Codes
    t_conv: Array
    energy: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = {self.codes.shape, self.t_conv.shape, *(e.shape for e in self.energy.values())}
        if len(shapes) != 1 or self.codes.ndim != 1:
            raise ShapeError(f"conversions: got shapes {sorted(shapes)}, wanted one (n,)")


@runtime_checkable
class Converter(Protocol):
    """An analog-to-digital converter as a circuit.

    Frozen; built by a function of `Corner`, `Mismatch` and seed, so its text holds every value.
    """

    @property
    def name(self) -> str:
        """Type, level and bits: ``sar 8 bit, behavioural``."""
        ...

    @property
    def n_bits(self) -> int:
        """Bits."""
        ...

    @property
    def low(self) -> float:
        """Lower end of the input range [V, A or C]."""
        ...

    @property
    def high(self) -> float:
        """Upper end of the input range [V, A or C]."""
        ...

    @property
    def quantity(self) -> str:
        """Unit of the input: "V", "A" or "C"."""
        ...

    def deck(self, inputs: Array) -> Deck:
        """Return one deck that converts every input (n,), each independent of the one before."""
        ...

    def read(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> Conversions:
        """Read that deck's probes: `axis` is the sweep's or the time axis, `signals` by probe name.

        Raises
        ------
        MeasurementFailed
            A conversion that never finished, a logic level that is neither high nor low: which input, which bit, when.
        """
        ...


@runtime_checkable
class Phased(Converter, Protocol):
    """A converter that counts edges for a fixed time, and whose waveforms say when each of them comes."""

    @property
    def t_count(self) -> float:
        """Time of the count [s]."""
        ...

    @property
    def shows_edges(self) -> bool:
        """Whether the deck holds the edges themselves, so that levels are found by them (see `metrology.phase`)."""
        ...

    def counting(self, longer: float) -> Phased:
        """Return the same that counts `longer` times as long."""
        ...

    def edge_times(self, inputs: Array, axis: Array, signals: Mapping[str, Array]) -> list[Array]:
        """Return the times of the counted edges of every input, from the start of its count [s]."""
        ...


@runtime_checkable
class Embeddable(Protocol):
    """A converter that can stand behind the columns of a larger deck, many of them beside each other.

    All instances convert at the same times, `starts`, the voltage at a node of the deck, which must stay for `t_conv`;
    or (quantity "A") the current that a conveyor pushes into it.
    Node and element names outside of subcircuits begin with the name of the instance, or with ``adc_`` where shared.
    """

    @property
    def n_bits(self) -> int:
        """Bits."""
        ...

    @property
    def low(self) -> float:
        """Lower end of the input range [V or A]."""
        ...

    @property
    def high(self) -> float:
        """Upper end of the input range [V or A]."""
        ...

    @property
    def quantity(self) -> str:
        """Unit of the input: "V" or "A"."""
        ...

    @property
    def t_conv(self) -> float:
        """From the start of a conversion to when its code may be read and the next may start [s]."""
        ...

    @property
    def options(self) -> tuple[str, ...]:
        """Simulator options that it needs."""
        ...

    def definitions(self) -> tuple[Part, ...]:
        """Return models and subcircuits, once for the deck."""
        ...

    def shared(self, starts: Array) -> Part:
        """Return what all instances share: supplies, clocks, a ramp; conversions begin at `starts` (n,) [s]."""
        ...

    def instance(self, name: str, node: str) -> Part:
        """Return one converter whose input is `node`."""
        ...

    def probes(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return what must be kept to read the codes of these instances."""
        ...

    def decode(self, name: str, starts: Array, axis: Array, signals: Mapping[str, Array]) -> tuple[Codes, Array]:
        """Return codes and times from start to valid code [s], each (n,), of one instance; see `Converter.read`."""
        ...

    def supplies(self, names: Sequence[str]) -> Mapping[str, Sequence[tuple[str, float]]]:
        """Return, by block, the sources whose energy counts: name and voltage [V]; empty where supplies are ideal."""
        ...


class OnColumn(Embeddable, Protocol):
    """An `Embeddable` that stands on the bit lines of a charge-mode column, ``"bp_0 bn_0"``, and resets them.

    Behind a multiplexer (`tiles.multiplexer`) it stands on the column that is joined, and resets its own plates alone.
    """

    @property
    def level(self) -> Level:
        """Of its circuits."""
        ...

    @property
    def v_cm(self) -> float:
        """Common mode, to which it resets [V]."""
        ...

    @property
    def lead(self) -> float:
        """From the start of a conversion until the word lines may move [s]."""
        ...

    @property
    def settle(self) -> float:
        """What the columns then have until they are decided on for the first time [s]."""
        ...

    @property
    def t_step(self) -> float:
        """Largest time step that it needs [s]."""
        ...

    @property
    def loads(self) -> tuple[float, float]:
        """What it adds to the capacitance of the positive and the negative line [F]."""
        ...

    def levels(self, c_p: float, c_n: float) -> Array:
        """Return the differences at which each code begins, on lines of `c_p` and `c_n`, its own included [V]."""
        ...


@dataclass(frozen=True)
class Mismatch:
    """Random differences between equal devices (Pelgrom): standard deviations times the square root of the area.

    Parameters
    ----------
    a_vt : float
        Threshold of a MOS transistor [V·m].
    a_beta : float
        Relative current factor of a MOS transistor [m].
    a_c : float
        Relative capacitance [m].
    a_r : float
        Relative resistance [m].
    """

    a_vt: float = 0.0
    a_beta: float = 0.0
    a_c: float = 0.0
    a_r: float = 0.0

    def __post_init__(self) -> None:
        if min(self.a_vt, self.a_beta, self.a_c, self.a_r) < 0:
            raise NetlistError(f"mismatch: got {self}, wanted zero or more")


ConverterBuilder = Callable[[Corner, int | None], Converter]
"""Builds a converter in a corner; the seed draws its mismatch, None is nominal."""


def ideal_codes(inputs: Array, n_bits: int, low: float, high: float) -> Codes:
    """Return the codes (n,) of an ideal converter."""
    steps = np.floor((inputs - low) / (high - low) * 2**n_bits)
    codes: Codes = np.clip(steps, 0, 2**n_bits - 1).astype(np.int64)
    return codes
