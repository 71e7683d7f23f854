"""Known converters, plain decks run by ngspice, come back with the levels, noise and faults that they have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import (
    ConverterSaturated,
    ConverterStuck,
    MeasurementFailed,
    MissingCodes,
    NotMonotonic,
    SimulationError,
)
from aimc_spice.metrology.characterise import Case, Measurements, characterise
from aimc_spice.metrology.histogram import levels_from_ramp
from aimc_spice.metrology.kickback import KickProbe, measure_kick_back
from aimc_spice.metrology.population import measure_population
from aimc_spice.metrology.search import Resolution
from aimc_spice.metrology.spec import Spec
from aimc_spice.netlist.base import Lines, Transient
from aimc_spice.netlist.driven import Corner
from aimc_spice.simulate import SimulatorPool
from converters import E_STEP, T_CONV, T_CYCLE, Clocked, Flash, bowed, ideal_levels, varied

pytestmark = pytest.mark.ngspice


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with SimulatorPool(1) as pool:
        yield Bench(pool, Store(tmp_path_factory.mktemp("store")))


def measured(converter, bench, **tests):
    (one,) = characterise({"one": Case(converter)}, bench, Measurements(**{"n_sine": 0, **tests})).values()
    if isinstance(one, SimulationError):
        raise one
    return one


@pytest.mark.parametrize("n_bits", [4, 6, 8])
def test_ideal_flash(bench, n_bits):
    one = measured(Flash(ideal_levels(n_bits)), bench, n_sine=512)
    for reference in ("endpoint", "best"):
        assert one.linearity.max_inl_lsb(reference) <= 0.01
        assert one.linearity.max_dnl_lsb(reference) <= 0.01
    # brackets of 1/64 LSB: a level is known to half of that
    assert abs(one.linearity.offset_lsb()) <= 1 / 128
    assert one.linearity.defects == ()
    assert abs(one.figures.enob_bits - n_bits) < 0.1  # 512 samples: 0.04 bit of scatter
    assert len(one.record.decks) == 1  # a DC converter needs one deck


@pytest.mark.parametrize("converter", [Flash(bowed(6, 0.7)), Clocked(bowed(6, 0.7))], ids=["static", "clocked"])
def test_injected_inl_is_recovered(bench, converter):
    one = measured(converter, bench)
    k = np.arange(63)
    np.testing.assert_allclose(one.linearity.inl_lsb(), 0.7 * np.sin(np.pi * k / 62), atol=1.5 / 64)


def test_few_conversions(bench):
    one = measured(Clocked(ideal_levels(6)), bench)
    # a ramp of one step a code and, the transfer being smooth, two beside each guess: halving takes 64 + 4 + 6 x 63
    assert one.linearity.n_conversions <= 64 + 4 + 16 * 6 + 2 * 63
    codes = one.record.codes
    np.testing.assert_allclose(one.record.t_conv, T_CONV * (1 + codes / 64))
    np.testing.assert_allclose(one.record.energy["counter"], E_STEP * (1 + codes))


def test_transitions_and_histogram_agree(bench):
    flash = Flash(bowed(5, 0.4))
    one, ramp = measured(flash, bench), np.linspace(-0.1, 1.1, 8000)
    found = bench.pool.run_many([("ramp", flash.deck(ramp))])
    codes = np.round(next(found)[1].signals["v(code)"]).astype(int)
    by_histogram = levels_from_ramp(codes, -0.1, 1.1, 5)
    np.testing.assert_allclose(by_histogram, one.linearity.levels, atol=(1 / 128 + 1.2 * 32 / 8000) / 32)


def test_noise_is_recovered(bench):
    sigma = 0.15 / 16
    one = measured(Clocked(ideal_levels(4), sigma), bench, n_repeat=48)
    # ngspice draws other numbers every time; 12 inputs x 48 x 3 levels know sigma to about 4 %: five times that
    assert one.noise.sigma == pytest.approx(sigma, rel=0.2)
    assert one.noise.sigma < one.noise.sigma_high < 1.2 * one.noise.sigma
    quiet = measured(Clocked(ideal_levels(4)), bench, n_repeat=2)
    assert quiet.noise.sigma == 0.0
    assert quiet.noise.sigma_high <= 1 / 32 / 16


@pytest.mark.parametrize(
    ("fault", "error", "evidence"),
    [
        ("stuck", ConverterStuck, "code 5 at all"),
        ("saturates", ConverterSaturated, "no code above 9 of 15, which stands from"),
        ("falls", NotMonotonic, "largest fall: code 7 at .*, 5 at"),
        ("skips", MissingCodes, "1 of them: 6"),
        ("hangs", MeasurementFailed, "never finished"),
    ],
)
def test_faults_have_names(bench, fault, error, evidence):
    with pytest.raises(error, match=evidence):
        measured(Flash(ideal_levels(4), fault=fault), bench).raise_defects()


def test_one_that_fails_stops_no_other(bench):
    cases = {"good": Case(Flash(ideal_levels(4))), "bad": Case(Flash(ideal_levels(4), fault="hangs"))}
    found = characterise(cases, bench)
    assert isinstance(found["bad"], MeasurementFailed)
    assert "bad" in found["bad"].where
    assert found["good"].figures.inl_lsb <= 0.01


def test_population_has_the_statistics_it_was_given(bench):
    tests = Measurements(Resolution(1 / 16), n_sine=0)
    found = measure_population(varied(4, 0.1, 0.5), Corner(), range(100), bench, tests)
    deviation = 16 * (found.levels - ideal_levels(4))
    wanted = np.hypot(0.1, 0.5)
    assert deviation.std() == pytest.approx(wanted, rel=0.15)  # 100 offsets: 7 %
    assert 16 * (found.levels - found.levels.mean(axis=1, keepdims=True)).std(axis=0).mean() == pytest.approx(
        0.1, rel=0.1
    )
    offsets = found.values("offset_lsb")
    good = found.yield_for(Spec(max_offset_lsb=0.5))
    assert good.share == np.mean(np.abs(offsets) <= 0.5)
    assert good.low < good.share < good.high


def test_kick_back_of_a_known_capacitor(bench):
    """A clock of 1 V couples through 1 fF into an input of 1 kΩ: 1 fC at every edge, back again at the next."""

    class Kicking(Clocked):
        def deck(self, inputs):
            plain = super().deck(inputs)
            clock = f"vk k 0 pulse(0 1 20n 0.1n 0.1n 10n {T_CYCLE!r})\nrs in a 1e3\nck a k 1f\n"
            body = (*plain.netlist.body, Lines(clock))
            return replace(plain, netlist=replace(plain.netlist, body=body), analysis=Transient(1e-11, T_CYCLE))

    found = measure_kick_back(Kicking(ideal_levels(4)), KickProbe(0.5, "v(a)", "i(vin)", 1e-8, 2.5e-8), bench)
    assert found.charge == pytest.approx(1e-15, rel=0.01)
    assert found.v_peak == pytest.approx(1e3 * 1e-15 / 1e-10, rel=0.05)  # i = C dV/dt = 10 uA through 1 kΩ
