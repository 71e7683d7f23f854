"""A fitted read-out has the levels, spread, times and energies of the converters it was fitted to, drawn by seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.errors import DataError, FitError, OutsideValidity
from aimc_spice.metrology.characteristic import Characteristic
from aimc_spice.metrology.linearity import Linearity
from aimc_spice.metrology.noise import Noise
from aimc_spice.metrology.population import Population
from aimc_spice.metrology.record import Record
from aimc_spice.netlist.adcs.base import RECKONED
from aimc_spice.netlist.driven import Corner
from aimc_spice.surrogate.fitted import describe, fit_energy, fit_readout
from aimc_spice.surrogate.readout_archive import load_readout, save_readout
from aimc_spice.surrogate.spread import fit_spread
from converters import bowed, ideal_levels

N_BITS = 6
LSB = 1 / 2**N_BITS


def line_of(levels):
    return Linearity(levels, 0.0, 1.0, "V", LSB / 64, 0)


def record(levels, inputs, deck="deck"):
    codes = line_of(levels).convert(inputs)
    previous = np.concatenate([[-1], codes[:-1]])
    energy = {"logic": 1e-12 * np.ones(len(codes)), "counter": 1e-14 * codes + 2e-13 * (previous >= 32)}
    return Record(inputs, codes, previous, 1e-9 * (1 + codes), energy, (deck,), "nobody", 0.0)


def population(levels):
    figures = tuple(characteristic(row).figures for row in levels)
    seeds = np.arange(len(levels))
    return Population("x", Corner(), seeds, levels, figures, {}, 0.0, 1.0, "V", LSB / 64, "nobody")


def characteristic(levels, noise=None):
    ramp = np.random.default_rng(9).permutation((np.arange(-8, 4 * 2**N_BITS + 8) + 0.5) * LSB / 4)
    return Characteristic("x", Corner(), None, line_of(levels), record(levels, ramp), None, noise)


@pytest.fixture(scope="module")
def held_out():
    return record(bowed(N_BITS, 0.4), np.random.default_rng(0).uniform(0, 1, 500), "held out")


@pytest.fixture(scope="module")
def samples():
    """200 converters with offset, gain, a common bow and levels of their own."""
    rng = np.random.default_rng(3)
    k = np.arange(63) / 62
    offset, gain, bow = (s * rng.standard_normal((200, 1)) for s in (0.5, 0.3, 0.2))
    own = 0.05 * rng.standard_normal((200, 63))
    return ideal_levels(N_BITS) + LSB * (offset + gain * k + bow * np.sin(np.pi * k) + own)


def test_exact_where_the_circuit_is_exact(held_out):
    found = fit_readout(characteristic(bowed(N_BITS, 0.4), Noise(1e-3, 2e-3, 9)), held_out)
    assert found.error_lsb == 0.0
    assert found.fit_time.rms_of_full_scale < 1e-12
    assert found.fit_energy.rms_of_full_scale < 1e-6
    assert found.energy_bias < 1e-6
    assert found.t_conv == pytest.approx(1e-9 * (1 + 63 / 2))
    assert found.e_conv == pytest.approx(1e-12 + 1e-14 * 63 / 2 + 1e-13, rel=0.01)  # half of the codes come before
    assert found.fit.held_out == ("held out",)
    codes = found.nominal().codes(held_out.inputs[:, None])[:, 0]
    np.testing.assert_array_equal(codes, held_out.codes)
    known = found.energy_of(codes[1:], "counter", codes[:-1])
    np.testing.assert_allclose(known, held_out.energy["counter"][1:], rtol=1e-6, atol=1e-20)
    np.testing.assert_allclose(found.time_of(codes), held_out.t_conv)
    assert "0.064 LSB rms" in describe(found)


def test_a_wrong_level_shows_in_the_residual(held_out):
    found = fit_readout(characteristic(ideal_levels(N_BITS)), held_out)
    # inputs between the bowed and the straight levels get the code below: one LSB, as often as the mean bow says
    mean_bow = np.mean(0.4 * np.sin(np.pi * np.arange(63) / 62)) * 63 / 64
    assert found.error_lsb == pytest.approx(np.sqrt(mean_bow), abs=0.06)


def test_drawn_converters_have_the_measured_statistics(held_out, samples):
    found = fit_readout(characteristic(ideal_levels(N_BITS)), held_out, population(samples))
    drawn = found.sample(4000, 1, "layer", "tile").thresholds
    lines = [[line_of(row) for row in rows] for rows in (samples, drawn)]
    for figure, tolerance in (("offset_lsb", 0.15), ("gain_error", 0.15), ("max_inl_lsb", 0.15), ("max_dnl_lsb", 0.1)):
        wanted, got = (np.array([getattr(one, figure)() for one in row]) for row in lines)
        assert got.std() == pytest.approx(wanted.std(), rel=tolerance), figure  # 200 samples know it to 5 to 10 %
        assert abs(got.mean() - wanted.mean()) < 0.3 * wanted.std(), figure
    np.testing.assert_allclose(drawn.std(axis=0), samples.std(axis=0, ddof=1), rtol=0.06)
    wanted, got = np.corrcoef(samples.T)[0], np.corrcoef(drawn.T)[0]
    np.testing.assert_allclose(got, wanted, atol=0.07)


def test_independent_levels_stay_independent():
    own = ideal_levels(N_BITS) + 0.1 * LSB * np.random.default_rng(5).standard_normal((100, 63))
    drawn = fit_spread(own).draw(3000, np.random.default_rng(1))
    steps, wanted = np.diff(drawn, axis=1).std(axis=0), np.diff(own, axis=1).std(axis=0)
    assert steps.mean() == pytest.approx(wanted.mean(), rel=0.05)


def test_the_same_seed_and_names_give_the_same_converters(held_out, samples):
    found = fit_readout(characteristic(ideal_levels(N_BITS)), held_out, population(samples))
    one = found.sample(8, 7, "layer 1", "tile 2").thresholds
    np.testing.assert_array_equal(one, found.sample(8, 7, "layer 1", "tile 2").thresholds)
    assert (one != found.sample(8, 7, "layer 1", "tile 3").thresholds).any()
    assert (np.diff(one, axis=1) >= 0).all()


def test_it_comes_back_from_its_file(tmp_path, held_out, samples):
    found = fit_readout(characteristic(bowed(N_BITS, 0.4), Noise(1e-3, 2e-3, 9)), held_out, population(samples))
    save_readout(found, tmp_path / "x.npz")
    back = load_readout(tmp_path / "x.npz")
    np.testing.assert_array_equal(back.sample(5, 1).thresholds, found.sample(5, 1).thresholds)
    assert (back.fit, back.fit_time, back.fit_energy, back.box) == (
        found.fit,
        found.fit_time,
        found.fit_energy,
        found.box,
    )
    assert (back.e_conv, back.t_conv, back.sigma_noise) == (found.e_conv, found.t_conv, found.sigma_noise)


def test_a_damaged_or_older_file_is_named(tmp_path, held_out):
    path = tmp_path / "x.npz"
    save_readout(fit_readout(characteristic(ideal_levels(N_BITS)), held_out), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    with pytest.raises(DataError, match="is no fitted read-out"):
        load_readout(path)
    path.write_bytes(whole)
    with np.load(path) as data:
        old = {**data, "format": 0}
    np.savez(path, **old)
    with pytest.raises(DataError, match="of format 0, this version reads 1"):
        load_readout(path)
    del old["t_code_s"]
    np.savez(path, **{**old, "format": 1})
    with pytest.raises(DataError, match="t_code_s"):
        load_readout(path)


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("levels_V", lambda v: v * np.nan, "levels_V has"),
        ("levels_V", lambda v: v[:-1], "one less than a power of two"),
        ("mean_V", lambda v: v[:-1], "mean_V has the shape"),
        ("t_code_s", lambda v: v[:-1], "t_code_s has the shape"),
        ("e_code_J_logic", lambda v: v * np.inf, "e_code_J_logic has"),
    ],
)
def test_a_file_with_values_that_cannot_be_is_not_loaded(tmp_path, held_out, name, change, text):
    path = tmp_path / "x.npz"
    save_readout(fit_readout(characteristic(ideal_levels(N_BITS)), held_out), path)
    with np.load(path) as data:
        whole = dict(data)
    np.savez(path, **{**whole, name: change(whole[name] + 1e-30)})
    with pytest.raises(DataError, match=rf"(?s)no fitted read-out.*{text}"):
        load_readout(path)


def test_what_cannot_be_fitted_is_said(held_out, samples):
    with pytest.raises(FitError, match="got 5 samples"):
        fit_spread(samples[:5])
    found = fit_readout(characteristic(ideal_levels(N_BITS)), held_out)
    with pytest.raises(OutsideValidity, match="its blocks are: logic, counter"):
        found.energy_of(np.array([1]), "comparator")
    found.check(np.array([9.0]))  # end codes were reached inside the box: it clips
    with pytest.raises(OutsideValidity, match="9 V"):
        found.check(np.array([9.0]), clips=False)


def test_energy_of_an_array_whose_plates_remember():
    """Quadratic in the bits of the code before, any table over the code itself: found exactly, from a few hundred."""
    rng = np.random.default_rng(4)
    codes, before = rng.integers(0, 64, (2, 600))
    bits = (before[:, None] >> np.arange(N_BITS)) & 1
    own, weights = rng.random(64), rng.standard_normal((N_BITS, N_BITS))
    e = own[codes] + np.einsum("ni,ij,nj->n", bits, weights, bits)
    table, added, slope = fit_energy(codes, before, np.zeros(600), e, N_BITS)
    np.testing.assert_allclose(table[codes] + added[before], e, atol=1e-9)
    assert abs(added.mean()) < 1e-9
    assert slope == 0
    few = fit_energy(codes[:40], before[:40], np.zeros(40), e[:40], N_BITS)
    assert not few[1].any()  # a guess from a handful of conversions would be worse than none


def test_energy_of_an_oscillator_of_few_bits_follows_its_current(held_out, tmp_path):
    """A step of 4 bits is a sixteenth of the current: its middle alone was 4 % rms off."""

    def of(inputs, deck):
        one = record(ideal_levels(4), inputs, deck)
        codes = np.floor(16 * inputs).astype(int)
        return replace(one, codes=codes, previous=np.append(-1, codes[:-1]), energy={"ring": 1e-12 * (0.1 + inputs)})

    rng = np.random.default_rng(1)
    line = Linearity(ideal_levels(4), 0.0, 1.0, "V", 1e-3, 0)
    one = Characteristic("x", Corner(), None, line, of(rng.uniform(0, 1, 80), "deck"))
    found = fit_readout(one, of(rng.uniform(0, 1, 100), "held out"))
    assert found.fit_energy.rms_of_full_scale < 1e-6
    assert found.e_slope["ring"] == pytest.approx(1e-12)
    without = found.energy_of(np.array([3]), "ring")
    np.testing.assert_allclose(found.energy_of(np.array([3]), "ring", inputs=np.array([0.24])), without + 0.02125e-12)
    save_readout(found, tmp_path / "x.npz")
    assert load_readout(tmp_path / "x.npz").e_slope == found.e_slope


def test_a_file_that_knows_four_bits_of_what_came_before_is_read(held_out, tmp_path):
    found = fit_readout(characteristic(ideal_levels(N_BITS)), held_out)
    save_readout(found, tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as data:
        arrays = dict(data)
    arrays["e_before_J_counter"] = np.arange(16.0)
    np.savez(tmp_path / "old.npz", **arrays)
    old = load_readout(tmp_path / "old.npz")
    np.testing.assert_array_equal(old.e_before["counter"], np.repeat(np.arange(16.0), 4))


def test_reckoned_energy_hides_no_error(held_out):
    """A constant share that no circuit draws would make the error of the rest look small."""
    extra = {RECKONED: 1e-9 * np.ones(len(held_out.codes))}
    judged = replace(held_out, energy={**held_out.energy, **extra})
    one = characteristic(bowed(N_BITS, 0.4))
    more = {**one.record.energy, RECKONED: 1e-9 * np.ones(len(one.record.codes))}
    one = replace(one, record=replace(one.record, energy=more))
    with_it, without = fit_readout(one, judged), fit_readout(characteristic(bowed(N_BITS, 0.4)), held_out)
    assert with_it.fit_energy.full_scale == pytest.approx(without.fit_energy.full_scale)
    assert with_it.e_conv == pytest.approx(without.e_conv + 1e-9)
