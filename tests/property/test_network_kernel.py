"""The read-out kernel says what plain counting of thresholds says; its noise is normal, keyed and independent."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, norm

from aimc_spice.network.kernel import Worth, codes, convert, pack
from aimc_spice.network.noise import FIRST, SECOND, SIZE, SPAN, keys, normal
from aimc_spice.surrogate.readout import ColumnReadouts


def readouts(n_bits, inl, seed, n_cols=4):
    rng, n = np.random.default_rng(seed), 2**n_bits
    levels = np.sort(np.arange(1, n) + rng.normal(0, inl, (n_cols, n - 1)) + rng.normal(0, 1), axis=1)
    return ColumnReadouts(levels / n * 2 - 1, 0.02, -1, 1)


@settings(max_examples=40)
@given(
    st.integers(1, 11),
    st.sampled_from([0.0, 0.1, 0.4, 3.0]),
    st.integers(0, 1000),
    st.booleans(),
    st.sampled_from([0, 0.5]),
)
def test_codes_are_counts_of_thresholds(n_bits, inl, seed, noisy, zero):
    drawn, key = readouts(n_bits, inl, seed), keys(4, seed, "layer")
    by = replace(pack([drawn]), zero=zero)
    assert by.middle == 2 ** (n_bits - 1) + zero
    y = np.random.default_rng(seed).uniform(-1.4, 1.4, (4, 1500)).astype(np.float32)
    thresholds = by.thresholds()
    scale = np.full(4, 2 ** (n_bits - 1), np.float32)
    y[:, : min(200, thresholds.shape[1])] = ((thresholds - by.middle) / scale[:, None])[:, :200]  # at the levels too
    found = codes(y, scale, by, key if noisy else None)
    u = y * scale[:, None] + np.float32(by.middle)
    if noisy:
        u = u + by.sigma[:, None] * normal(key, y.shape[1])
    judge = ColumnReadouts(thresholds.astype(np.float64), 0.0, 0.0, 2.0**n_bits)
    np.testing.assert_array_equal(found.T, judge.codes(u.T.astype(np.float64)))


@pytest.mark.parametrize("n_bits", [1, 8, 12])
def test_packed_thresholds_are_the_drawn_ones(n_bits):
    """16 bits of the largest deviation: far below what decides anything; single precision at 12 bits is 2e-4 LSB."""
    drawn = readouts(n_bits, 0.3, 1)
    wanted = (drawn.thresholds - drawn.low) / drawn.lsb
    np.testing.assert_allclose(pack([drawn]).thresholds(), wanted, rtol=0, atol=4e-4)


def test_equal_thresholds_are_missing_codes():
    levels = np.arange(1, 256, dtype=float)
    levels[100:110] = levels[100]
    found = codes(np.linspace(-128, 127, 5000, dtype=np.float32)[None], np.ones(1, np.float32), pack([
        ColumnReadouts(levels[None], 0.0, 0.0, 256.0)]))  # fmt: skip
    assert not set(range(101, 110)) & set(found.ravel().tolist())


def test_noise_is_normal_and_independent():
    """Kolmogorov–Smirnov at 200,000 draws, 1 %; largest of 4,950 correlations of 10,000 draws below 5 sigma."""
    z = normal(keys(100, 3, "layer"), 10_000)
    assert kstest(z[:20].ravel(), "norm").pvalue > 0.01
    assert np.abs(np.corrcoef(z) - np.eye(100)).max() < 0.05
    assert np.abs(np.mean(z[:, 1:] * z[:, :-1], axis=1)).max() < 0.05
    assert abs(z.std() - 1) < 0.005
    assert abs((z**4).mean() - 3) < 0.05


def test_all_levels_of_noise_are_a_normal_distribution():
    """Every pair of levels once: distribution in 3e-4, moments to 1.5 %, tails to 3.5 sigma in 10 %, to 4 in 20 %."""
    levels = FIRST[:SIZE].astype(np.float64)
    np.testing.assert_array_equal(np.sort(levels), np.sort(SECOND[:SIZE]))
    z = np.sort((levels[:, None] + levels).ravel())
    assert np.abs(norm.cdf(z) - (np.arange(len(z)) + 0.5) / len(z)).max() < 3e-4
    np.testing.assert_allclose([np.mean(z**k) for k in range(1, 7)], [0, 1, 0, 3, 0, 15], rtol=0.015, atol=1e-6)
    for far, within in ((2.0, 0.1), (2.5, 0.1), (3.0, 0.1), (3.5, 0.1), (4.0, 0.2)):
        assert abs(np.mean(np.abs(z) > far) / (2 * norm.sf(far)) - 1) < within


def test_converters_are_independent_also_in_size():
    """Correlations of powers of two converters over 200,000 draws, below 5 sigma; tables are drawn 782 times only."""
    one, other = normal(keys(2, 5, "layer"), 200_000).astype(np.float64)
    for a, b in ((1, 1), (2, 2), (1, 3), (4, 4), (2, 4)):
        assert abs(np.corrcoef(one**a, other**b)[0, 1]) < 5 / np.sqrt(200_000)


def test_tables_show_through_little():
    """Conversions of one converter that follow in a span: correlated by less than 4 / sqrt(SIZE) at any distance."""
    tables = [table[:SIZE].astype(np.float64) for table in (FIRST, SECOND)]
    spectra = sum(np.abs(np.fft.rfft(table)) ** 2 for table in tables)
    correlation = np.fft.irfft(spectra, SIZE)[1:SPAN] / SIZE
    assert np.abs(correlation).max() < 4 / np.sqrt(SIZE)


def test_sums_over_many_converters_have_the_noise_of_independent_ones():
    """Partial sums of 24 tiles, 20,000 rows of 64 columns: variance to 1 % (5 sigma of draws), kurtosis normal."""
    total = sum(normal(keys(64, 1, "layer", f"h{h}"), 20_000).astype(np.float64) for h in range(24))
    assert total.var() == pytest.approx(24, rel=0.01)
    assert np.mean(total**4) / total.var() ** 2 == pytest.approx(3, rel=0.02)


@given(st.integers(0, 3000), st.integers(1, 500), st.integers(1, 5))
def test_noise_belongs_to_the_index(first, n, step):
    key = keys(2, 7, "layer", "h0")
    whole = normal(key, first + step * n)
    np.testing.assert_array_equal(normal(key, n, first, step), whole[:, first::step][:, :n])


def test_partial_sums_add_up():
    drawn = readouts(8, 0.2, 5)
    by, y = pack([drawn]), np.random.default_rng(0).normal(0, 0.4, (4, 3000)).astype(np.float32)
    scale, gain = np.full(4, 128, np.float32), np.array([1, 2, 0.5, -1], np.float32)
    total = np.ones((4, 3000), np.float32)
    clipped = convert(y, Worth(scale, gain), total, by)
    code = codes(y, scale, by)
    np.testing.assert_array_equal(total, 1 + gain[:, None] * code)
    assert clipped == np.count_nonzero((code == 0) | (code == 255))
