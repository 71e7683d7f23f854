"""Judge: closed forms of noise (kT/C, 4kTR B, a sum of noise over the time of a decision), on converters in ngspice."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.stats import norm

from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench
from aimc_spice.metrology.characterise import Case, Measurements, characterise
from aimc_spice.metrology.search import Resolution
from aimc_spice.netlist.adcs import CONVERTERS
from aimc_spice.netlist.adcs import noise as law
from aimc_spice.netlist.adcs.blocks import adc_text
from aimc_spice.netlist.adcs.mos import generic
from aimc_spice.netlist.adcs.slots import first_rises, pwl
from aimc_spice.netlist.base import Deck, Lines, Netlist, Transient
from aimc_spice.netlist.driven import Corner
from aimc_spice.simulate import SimulatorPool
from aimc_spice.surrogate.calibrate_readout import HeldOut, calibrate_readout
from reference.test_adc_benches_against_hand import values

pytestmark = pytest.mark.ngspice


@pytest.fixture(scope="module")
def pool():
    with SimulatorPool(1) as pool:
        yield pool


def run(pool, deck):
    (answer,) = pool.run_many([("one", deck)])
    return answer[1]


@pytest.mark.parametrize("kind", ["ramp", "flash", "sar", "ramp_charge"])
def test_noise_that_is_measured_is_the_closed_form(pool, kind, tmp_path):
    case, tests = Case(CONVERTERS[kind](6)), Measurements(Resolution(1 / 64), n_sine=0, n_repeat=16)
    noisy = 4 * case.converter.noise_parts()["comparator"]
    case = Case(_louder(case.converter, noisy))
    bench = Bench(pool, Store(tmp_path))
    (one,) = characterise({kind: case}, bench, tests).values()
    # 576 conversions, of which a third tell: sigma is known to 7 %
    assert one.noise.sigma == pytest.approx(law.reckoned_noise(case.converter), rel=0.2)


def _louder(converter, sigma):
    """The same with a comparator's noise that a test of 6 bits resolves well."""

    class Louder(type(converter)):
        def noise_parts(self):
            return {**super().noise_parts(), "comparator": sigma}

    return Louder(**{one.name: getattr(converter, one.name) for one in fields(converter)})


@pytest.mark.parametrize("kind", ["ramp", "ramp_charge"])
def test_noise_of_a_charge_ramp_with_transistors_is_not_doubled(pool, kind):
    """Every trip moves by the noise drawn for it: a comparator that saw it in the reset gave twice as much."""
    adc = replace(CONVERTERS[kind](8, "transistor"), noise=0)
    lsb = (adc.high - adc.low) / 256
    inputs = (adc.low + adc.high) / 2 + 1e-9 * lsb * np.arange(8)
    drawn = law.reckoned_noise(adc) / lsb * law.draws(0, adc.name, inputs)[0]
    found, edges = run(pool, adc.deck(inputs)), adc.slots.edges(8)
    starts = edges[:-1] + adc.t_reset + getattr(adc, "t_in", 0.0)
    periods = (first_rises(found.axis, found.signals["v(trip)"], 0.9, starts, edges[1:]) - starts) / adc.t_clk
    moved, _ = np.polyfit(drawn, periods, 1)
    assert abs(moved) == pytest.approx(1.0, abs=0.05)


def test_a_read_out_carries_the_noise(pool, tmp_path):
    case, bench = Case(CONVERTERS["ramp"](4)), Bench(pool, Store(tmp_path))
    (one,) = characterise({"ramp": case}, bench, Measurements(Resolution(1 / 8), n_sine=0)).values()
    found = calibrate_readout(case, one, bench, None, HeldOut(16))
    assert found.sigma_noise == pytest.approx(law.reckoned_noise(case.converter))
    assert found.nominal().sigma_noise == found.sigma_noise > 0


def test_reset_noise_of_a_charge_converter_is_kt_over_c(pool):
    """What stands between the top plates before the first decision, over conversions of one input: kT/C of both."""
    adc, n = replace(_louder(CONVERTERS["sar_charge"](4), 0.0), noise=3), 100
    inputs = 1e-9 * np.arange(n)
    found = run(pool, replace(adc.deck(inputs), probes=("v(p)", "v(n)")))
    at = np.arange(n) * adc.t_window + (adc.clocking.n_wait - 0.3) * adc.clocking.t_clk
    volts = np.interp(at, found.axis, found.signals["v(p)"] - found.signals["v(n)"])
    wanted = np.sqrt(1.380649e-23 * 300.15 * sum(1 / c for c in adc.c_top))
    assert volts.std() == pytest.approx(wanted, rel=0.2)  # 100 conversions know it to 7 %


def test_noise_is_the_same_for_the_same_deck_and_other_for_others():
    x = np.linspace(0.2, 0.8, 5)
    np.testing.assert_array_equal(law.draws(1, "a", x), law.draws(1, "a", x))
    for other in (law.draws(2, "a", x), law.draws(1, "b", x), law.draws(1, "a", x + 1e-12)):
        assert (other != law.draws(1, "a", x)).all()
    quiet, noisy = CONVERTERS["ramp"](4), replace(CONVERTERS["ramp"](4), noise=1)
    assert "vnoise" not in "".join(quiet.deck(x).chunks())
    assert "vnoise" in "".join(noisy.deck(x).chunks())


def test_ladder_noise_is_that_of_its_resistance():
    assert law.resistor_noise(1e4, 300.15, 1 / (4 * 1e4 * 1e-12)) == pytest.approx(law.reset_noise(1e-12, 300.15))


def test_comparator_noise_bench():
    found = values("comparator_noise")
    assert found["inoise_total"] == pytest.approx(law.COMPARATOR, rel=0.01)
    # the white part is that of two pairs, the input's and its load's: at least 2 x 4 kT (2/3) / gm
    assert 8e-9 < found["white"] < 2.5e-8


def test_a_comparator_adds_noise_up_over_its_delay(pool):
    """White noise of a known density at the input moves a trip like sqrt(S / 2 t), the band that `BAND` says."""
    slope, dt, n, t = 0.8 / 1.024e-6, 1e-9, 60, 9e-8
    density = 2 * (1e-3) ** 2 / (2 * law.BAND)
    times = np.arange(int(n * t / dt) + 1) * dt
    drawn = np.sqrt(density / (2 * dt)) * np.random.default_rng(0).standard_normal(len(times))
    body = [
        "vdd vdd 0 1.8",
        "vref ref 0 0.5",
        f"vin in 0 pulse(0.47 {0.47 + slope * 7e-8!r} 0 7e-8 1e-10 1e-10 {t!r})",
        pwl("vnoise", "noisy", "in", times, np.sqrt(2) * drawn),
        "x1 noisy ref out vdd 0 comparator",
    ]
    parts = (Lines(generic("g180", Corner()).text), Lines(adc_text("comparator")))
    found = run(pool, Deck(Netlist("trips", parts, (Lines("\n".join(body)),)), Transient(dt, n * t), ("v(out)",)))
    out = found.signals["v(out)"]
    up = np.flatnonzero((out[:-1] < 0.9) & (out[1:] >= 0.9))
    rises = found.axis[up] + (0.9 - out[up]) / (out[up + 1] - out[up]) * np.diff(found.axis)[up]
    spread = slope * (rises % t).std() / np.sqrt(2)
    assert spread == pytest.approx(1e-3, rel=0.3)  # 60 trips know it to 9 %; a delay is no ideal sum


def test_noise_of_a_strong_arm_latch(pool):
    """Noise currents 4 kT (2/3) gm across the input pair, gm = 0.6 mS at the start: 87 % are right at 0.5 mV."""
    t, n, dt, input_ = 1.2e-9, 40, 1e-11, 5e-4
    times, rng = np.arange(int(n * t / dt) + 1) * dt, np.random.default_rng(0)
    sigma = np.sqrt(4 * law.BOLTZMANN * 300 * 2 / 3 * 6e-4 / (2 * dt))
    body = ["vdd vdd 0 1.8", "vcm m 0 0.9", f"vp p m {input_ / 2}", f"vn m n {input_ / 2}"]
    body += [f"vck ck 0 pulse(0 1.8 0.3n 40p 40p 0.76n {t})", "x1 p n ck xp xn vdd strong_arm w_in=2e-6 w=1e-6"]
    body += [pwl(f"i{k}", f"x1.s{k}", "x1.t", times, sigma * rng.standard_normal(len(times))) for k in "pn"]
    parts = (Lines(generic("g180", Corner()).text), Lines(adc_text("strong_arm")))
    deck = Deck(Netlist("latch", parts, (Lines("\n".join(body)),)), Transient(dt, n * t), ("v(xp)", "v(xn)"))
    found = run(pool, deck)
    at = (np.arange(n) + 0.9) * t
    right = np.mean(np.interp(at, found.axis, found.signals["v(xp)"] - found.signals["v(xn)"]) > 0)
    wanted = norm.cdf(input_ / law.STRONG_ARM)
    assert right == pytest.approx(wanted, abs=3 * np.sqrt(wanted * (1 - wanted) / n))
