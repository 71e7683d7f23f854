"""How do spoken digits become what the keyword-spotting network reads?

The Free Spoken Digit Dataset (8 kHz, six speakers), one second of each recording around its middle, as 49 frames of 10
mel-frequency cepstral coefficients: windows of 40 ms every 20 ms, as in Zhang et al. (arXiv 1711.07128).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, rfft

from aimc_spice.workloads.files import DataFile, is_there
from aimc_spice.workloads.images import archive
from aimc_spice.workloads.published import FSDD_ORIGIN, spoken_recordings
from aimc_spice.workloads.task import Task

FSDD = DataFile(
    "fsdd.npz",
    "8febda6dd87433d95365599afc6730b7",
    "fsdd",
    origin="the archive holds the 3,000 recordings of the Free Spoken Digit Dataset end to end, "
    f"and is no published file; {FSDD_ORIGIN}",
)
RATE = 8000  # Hz
WINDOW, HOP, N_FFT = 320, 160, 512  # samples
N_MEL, N_COEFFICIENTS = 40, 10
_FLOOR = 1e-6  # added to the energies: the logarithm of silence stays finite
_TEST_TAKES = 5  # the project's own rule: takes 0..4 of each speaker and digit are the test part

Array = NDArray[np.float64]


def spoken_digits() -> Task:
    """Return 2,700 + 300 recordings as features (1, 49, 10), each coefficient standardised on the training part."""
    published = None if is_there(FSDD) else spoken_recordings()
    data = archive(FSDD) if published is None else published
    seconds = np.stack([one_second(data["audio"][a:b]) for a, b in pairwise(data["offset"])])
    features = mfcc(seconds)
    test = data["index"] < _TEST_TAKES
    mean, deviation = features[~test].mean((0, 1)), features[~test].std((0, 1))
    x = ((features - mean) / deviation).astype(np.float32)[:, None]
    y = data["digit"].astype(np.int64)
    return Task("spoken_digits", x[~test], y[~test], x[test], y[test])


def one_second(samples: NDArray[np.int16]) -> Array:
    """Return the middle second of a recording in [-1, 1), shape (8000,), with silence around short ones."""
    wave = samples.astype(np.float64) / 32768
    if len(wave) > RATE:
        start = (len(wave) - RATE) // 2
        return wave[start : start + RATE]
    before = (RATE - len(wave)) // 2
    return np.pad(wave, (before, RATE - len(wave) - before))


def mfcc(waves: Array) -> Array:
    """Return mel-frequency cepstral coefficients.

    Parameters
    ----------
    waves : ndarray, shape (n, n_samples)
        At 8 kHz.

    Returns
    -------
    ndarray, shape (n, n_frames, 10)
        Orthonormal DCT-II of the logarithm of 40 mel energies under Hann windows.
    """
    frames = np.lib.stride_tricks.sliding_window_view(waves, WINDOW, axis=1)[:, ::HOP]
    taper, bands = np.hanning(WINDOW), mel_bands()
    parts = [np.abs(rfft(part * taper, N_FFT)) ** 2 @ bands for part in frames]
    return np.asarray(dct(np.log(np.stack(parts) + _FLOOR), norm="ortho")[..., :N_COEFFICIENTS])


def mel_bands() -> Array:
    """Return triangular bands, equally wide on the mel scale from 20 Hz to 4 kHz, shape (257, 40), each peak 1."""
    edges = _hertz(np.linspace(_mel(20.0), _mel(RATE / 2), N_MEL + 2))
    f = np.linspace(0, RATE / 2, N_FFT // 2 + 1)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    return np.maximum(0.0, np.minimum((f - low) / (centre - low), (high - f) / (high - centre)))


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _hertz(mel: Array) -> Array:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))
