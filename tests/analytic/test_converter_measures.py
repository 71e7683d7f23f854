"""Linearity, sine test, histogram, noise and kick-back of converters whose answers are known on paper."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.errors import ConverterError, ShapeError
from aimc_spice.metrology.characteristic import static_spectrum
from aimc_spice.metrology.histogram import levels_from_ramp, levels_from_sine
from aimc_spice.metrology.kickback import kick_back
from aimc_spice.metrology.levels import Sweep
from aimc_spice.metrology.linearity import Linearity
from aimc_spice.metrology.noise import fit_noise
from aimc_spice.metrology.sine import SineTest, spectrum
from aimc_spice.metrology.spec import Figures, Spec, wilson, yield_of
from aimc_spice.netlist.adcs.base import ideal_codes
from converters import bowed, ideal_levels


def line_of(levels, **kwargs):
    return Linearity(levels, 0.0, 1.0, "V", 0.0, 0, **kwargs)


@pytest.mark.parametrize("n_bits", range(4, 13))
def test_sine_test_of_an_ideal_converter(n_bits):
    test = SineTest.full_scale(2**15, -1.0, 1.0)
    found = spectrum(ideal_codes(test.inputs, n_bits, -1.0, 1.0), test, 2.0)
    assert found.enob_bits == pytest.approx(n_bits, abs=0.05)
    assert static_spectrum(line_of(ideal_levels(n_bits))).enob_bits == pytest.approx(n_bits, abs=0.05)


def test_sine_test_of_a_known_distortion():
    test = SineTest(4096, 1001, 1.0, 0.0)
    wave = np.sin(2 * np.pi * 1001 * np.arange(4096) / 4096)
    third = 0.01 * np.sin(3 * 2 * np.pi * 1001 * np.arange(4096) / 4096)  # a harmonic 40 dB down
    codes = np.round(1e6 * (wave + third)).astype(int)
    found = spectrum(codes, test, 2.0)
    assert found.sfdr_db == pytest.approx(40.0, abs=1e-3)
    assert found.thd_db == pytest.approx(-40.0, abs=1e-3)
    assert found.sndr_db == pytest.approx(40.0, abs=1e-3)
    assert found.enob_bits == pytest.approx((40.0 - 1.7609) / 6.0206, abs=1e-3)


def test_enob_refers_to_full_scale():
    test = SineTest(2**14, 4001, 0.25, 0.5)
    half = spectrum(ideal_codes(test.inputs, 10, 0.0, 1.0), test, 1.0)
    assert half.of_full_scale == 0.5
    assert half.enob_bits == pytest.approx(10, abs=0.05)


def test_offset_and_gain_leave_inl_alone():
    k = np.arange(1, 64)
    line = line_of(0.002 + 1.01 * k / 64)
    assert line.max_inl_lsb() < 1e-12
    assert line.max_dnl_lsb() < 1e-11
    assert line.gain_error() == pytest.approx(0.01)
    assert line.offset_lsb() == pytest.approx(0.002 * 64 + 0.01)


def test_inl_by_both_lines():
    line = line_of(bowed(6, 0.7))
    bow = 0.7 * np.sin(np.pi * np.arange(63) / 62)
    np.testing.assert_allclose(line.inl_lsb(), bow, atol=1e-12)
    k = np.arange(1, 64)
    slope, start = np.polyfit(k, k + bow, 1)
    np.testing.assert_allclose(line.inl_lsb("best"), (k + bow - start) / slope - k, atol=1e-12)
    assert line.max_inl_lsb("best") < line.max_inl_lsb()


def test_dnl_of_one_wide_code_and_a_missing_one():
    levels = ideal_levels(4).copy()
    levels[6] = levels[5]  # code 6 has no width, code 7 twice its own
    dnl = line_of(levels).dnl_lsb()
    assert dnl[5] == pytest.approx(-1.0)
    assert dnl[6] == pytest.approx(1.0)


def test_levels_are_midpoints_of_brackets_in_any_order():
    inputs = np.array([0.0, 0.9, 0.2, 0.35, 0.55, 0.7])
    sweep = Sweep.of(inputs, np.floor(4 * inputs).astype(int))
    np.testing.assert_allclose(sweep.levels(2), [0.275, 0.45, 0.8])
    np.testing.assert_allclose(sweep.gaps(0.16), [[0.35, 0.55], [0.7, 0.9]])


def test_levels_of_a_transfer_that_falls_are_those_of_its_histogram():
    x = np.linspace(0, 1, 4001)
    codes = np.minimum(np.floor(8 * x).astype(int), 7)
    codes[(x > 0.55) & (x < 0.6)] = 3
    sweep = Sweep(x, codes)
    np.testing.assert_allclose(sweep.levels(3), levels_from_ramp(codes, 0.0, 1.0, 3), atol=1e-3)
    assert (np.diff(sweep.levels(3)) >= 0).all()
    assert [defect.name for defect in sweep.defects(3, "V")] == ["not monotonic"]


def test_what_flickers_within_the_resolution_is_no_fall():
    x = np.linspace(0, 1, 257)
    codes = np.minimum(np.floor(8 * x).astype(int), 7)
    codes[[127, 128]] = codes[[128, 127]]
    sweep = Sweep(x, codes)
    assert sweep.defects(3, "V", 1.5 / 256) == ()
    (defect,) = sweep.defects(3, "V")
    assert "1 inputs give too low a code; the largest fall: code 4 at 496.094 mV, 3 at 500 mV" in defect.evidence


def test_a_stuck_converter_is_an_error_with_evidence():
    (defect,) = Sweep(np.array([0.0, 1.0]), np.array([7, 7])).defects(4, "V")
    with pytest.raises(ConverterError, match="code 7 at all 2 inputs from 0 V to 1 V"):
        raise defect.error("bench")


def test_sine_histogram_finds_levels():
    levels = bowed(6, 0.5)
    phase = np.pi * (np.arange(200_000) + 0.5) / 200_000
    codes = np.searchsorted(levels, 0.5 - 0.55 * np.cos(phase), side="right")
    np.testing.assert_allclose(levels_from_sine(codes, 0.55, 0.5, 6), levels, atol=1e-3 / 64)
    with pytest.raises(ShapeError, match="larger amplitude"):
        levels_from_sine(codes[60_000:100_000], 0.55, 0.5, 6)


def test_noise_from_counts():
    rng = np.random.default_rng(1)
    levels, sigma = np.array([0.3, 0.6]), 0.013
    inputs = levels[:, None] + 0.04 * np.linspace(-1, 1, 15)
    above = (inputs[..., None] + sigma * rng.standard_normal((2, 15, 400)) >= levels[:, None, None]).sum(axis=2)
    found = fit_noise(inputs, above, 400, levels + 0.002)
    assert found.sigma == pytest.approx(sigma, rel=0.05)
    assert found.sigma_high == pytest.approx(sigma, rel=0.12)


def test_the_interval_of_noise_holds_what_it_says():
    """Of 150 repetitions about 97.5 % have the true σ below the upper end."""
    rng, sigma = np.random.default_rng(5), 0.02
    inputs = 0.5 + 0.03 * np.linspace(-1, 1, 8)[None]
    held = []
    for _ in range(150):
        above = (inputs[..., None] + sigma * rng.standard_normal((1, 8, 40)) >= 0.5).sum(axis=2)
        held.append(fit_noise(inputs, above, 40, np.array([0.5])).sigma_high >= sigma)
    assert np.mean(held) >= 0.93


def test_kick_back_of_a_triangle_of_current():
    time = np.linspace(0, 10e-9, 1001)
    pulse = np.interp(time, [0, 4e-9, 5e-9, 6e-9, 1e-8], [0, 0, 1e-6, 0, 0])
    found = kick_back(time, 0.5 - 1e3 * pulse, 2e-7 + pulse, 3e-9, 9e-9)
    assert found.charge == pytest.approx(1e-15, rel=1e-4)  # half of 2 ns x 1 uA
    assert found.charge_abs == pytest.approx(1e-15, rel=1e-4)
    assert found.v_peak == pytest.approx(1e-3, rel=1e-6)


def test_a_specification_says_what_is_missed():
    good = Figures(0.4, 0.3, -0.2, 0.01, 5.8, True, 1e-6, 2e-12)
    assert Spec(max_inl_lsb=0.5, max_offset_lsb=0.2, min_enob_bits=5.5, max_e_conv=3e-12).misses(good) == ()
    assert Spec(max_inl_lsb=0.3, max_offset_lsb=0.1).misses(good) == (
        "inl_lsb: got 0.4 LSB, wanted at most 0.3 LSB",
        "offset_lsb: got -0.2 LSB, wanted at most 0.1 LSB",
    )
    assert Spec(min_enob_bits=6, max_t_conv=1e-9).misses(good) == (
        "enob_bits: got 5.8 bit, wanted at least 6 bit",
        "t_conv: got 1 us, wanted at most 1 ns",
    )
    falls = Figures(0.4, 0.3, -0.2, 0.01, 5.8, False, 1e-6, 2e-12)
    assert Spec().misses(falls) == ("monotonic: a code falls",)


def test_yield_has_the_interval_of_wilson():
    found = yield_of([True] * 190 + [False] * 10)
    assert (found.share, found.n) == (0.95, 200)
    assert (found.low, found.high) == wilson(0.95, 200)
    assert found.low == pytest.approx(0.9104, abs=1e-4)  # tabulated: 190 of 200
    assert found.high == pytest.approx(0.9726, abs=1e-4)
