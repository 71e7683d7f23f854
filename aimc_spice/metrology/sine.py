"""How pure is a converted sine? Spectrum, SNDR, SFDR, THD and ENOB.

One idea: coherent sampling. A whole number of periods, prime to the number of samples, puts the sine into one bin of
the discrete Fourier transform without a window and visits every phase once; all other bins are noise and distortion.
``ENOB = (SNDR - 1.76 dB) / 6.02 dB``, referred to a full-scale sine. It converts nothing (see `search`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from aimc_spice.errors import ShapeError
from aimc_spice.metrology.levels import Array, Codes

_N_HARMONICS = 10
_GOLDEN = (3 - 5**0.5) / 2
_PHASE = 1.0  # rad: no sample in the middle of the range, which is a transition, none twice
_DB_OF_A_BIT, _DB_OF_A_SINE = 20 * np.log10(2.0), 10 * np.log10(1.5)  # 6.02 and 1.76 dB


@dataclass(frozen=True)
class SineTest:
    """A sine and how it is sampled.

    Parameters
    ----------
    n_samples : int
        Even.
    periods : int
        Prime to `n_samples`, below half of it.
    amplitude, offset : float
        [V, A or C].
    """

    n_samples: int
    periods: int
    amplitude: float
    offset: float

    def __post_init__(self) -> None:
        if gcd(self.n_samples, self.periods) != 1 or not 0 < self.periods < self.n_samples / 2:
            raise ShapeError(
                f"sine test: got {self.periods} periods in {self.n_samples} samples, wanted below half, prime to them"
            )

    @classmethod
    def full_scale(cls, n_samples: int, low: float, high: float) -> SineTest:
        """Fill the range [low, high]; the periods are a golden share of the samples, which keeps harmonics apart."""
        periods = next(p for p in range(int(_GOLDEN * n_samples) | 1, 0, -2) if gcd(p, n_samples) == 1)
        return cls(n_samples, periods, 0.5 * (high - low), 0.5 * (high + low))

    @property
    def inputs(self) -> Array:
        """Return the samples (n_samples,) [V, A or C]."""
        phase = _PHASE + 2 * np.pi * self.periods * np.arange(self.n_samples) / self.n_samples
        return np.asarray(self.offset + self.amplitude * np.sin(phase))


@dataclass(frozen=True)
class Spectrum:
    """Power of every bin of a converted sine, relative to the carrier.

    Parameters
    ----------
    power : ndarray, shape (n_samples // 2 + 1,)
        Of each bin over that of the carrier; without the mean.
    periods : int
        Bin of the carrier.
    n_samples : int
        Samples.
    of_full_scale : float
        Amplitude of the sine over that of a full-scale one.
    """

    power: Array
    periods: int
    n_samples: int
    of_full_scale: float = 1.0

    @property
    def sndr_db(self) -> float:
        """Carrier over everything else [dB]."""
        return float(-10 * np.log10(self._rest().sum()))

    @property
    def sfdr_db(self) -> float:
        """Carrier over the largest other bin [dB]."""
        return float(-10 * np.log10(self._rest().max()))

    @property
    def thd_db(self) -> float:
        """Harmonics 2 to 10, aliased ones included, over the carrier [dB]."""
        return float(10 * np.log10(self.power[self.harmonics()].sum()))

    @property
    def enob_bits(self) -> float:
        """Effective number of bits."""
        full = self.sndr_db - 20 * np.log10(self.of_full_scale)
        return float((full - _DB_OF_A_SINE) / _DB_OF_A_BIT)

    def harmonics(self) -> Codes:
        """Return the bins of harmonics 2 to 10, each once, folded back below half the sampling rate."""
        bins = np.arange(2, _N_HARMONICS + 1) * self.periods % self.n_samples
        folded = np.unique(np.minimum(bins, self.n_samples - bins))
        return np.asarray(np.setdiff1d(folded, [0, self.periods]))

    def _rest(self) -> Array:
        rest = self.power.copy()
        rest[self.periods] = 0.0
        return rest


def spectrum(codes: Codes, test: SineTest, full_scale: float) -> Spectrum:
    """Return the spectrum of the codes (n_samples,) of a sine test.

    Raises
    ------
    ShapeError
        Another number of codes; codes without a carrier.
    """
    if codes.shape != (test.n_samples,):
        raise ShapeError(f"sine test: got codes {codes.shape}, wanted ({test.n_samples},)")
    amplitude = np.fft.rfft(codes - codes.mean())
    power = np.abs(amplitude) ** 2
    power[1:] *= 2.0
    if test.n_samples % 2 == 0:
        power[-1] /= 2.0
    power[0] = 0.0
    if not power[test.periods] > 0:
        raise ShapeError("sine test: the codes hold nothing of the sine", hint="is the converter stuck?")
    return Spectrum(power / power[test.periods], test.periods, test.n_samples, 2 * test.amplitude / full_scale)
