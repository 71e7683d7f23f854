"""Fitted read-outs against the converters of the toolkit in ngspice, on inputs that were not used to fit them."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.config.converter import ConverterConfig, load_converter, value_of
from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import ConfigError, OutsideValidity
from aimc_spice.flows.calibrate_converter import calibrate_times
from aimc_spice.metrology.characterise import Case, Measurements, characterise
from aimc_spice.metrology.population import measure_population
from aimc_spice.metrology.search import Resolution
from aimc_spice.netlist.adcs import CONVERTERS
from aimc_spice.netlist.driven import Corner
from aimc_spice.share import share
from aimc_spice.simulate import SimulatorPool
from aimc_spice.surrogate.calibrate_readout import HeldOut, calibrate_readout
from aimc_spice.surrogate.timed import Plan, Samples, calibrate_over_time
from architecture.source import ROOT
from converters import Clocked, Flash, ideal_levels, varied


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with SimulatorPool(1) as pool:
        yield Bench(pool, Store(tmp_path_factory.mktemp("store")))


@pytest.mark.ngspice
@pytest.mark.parametrize(
    ("kind", "n_bits", "level", "limit"),
    [("flash", 8, "behavioural", 0.25), ("dual_slope", 6, "behavioural", 0.25), ("ramp", 4, "transistor", 0.5)],
)
def test_surrogate_against_circuit(bench, kind, n_bits, level, limit):
    case = Case(CONVERTERS[kind](n_bits, level))
    (one,) = characterise({kind: case}, bench, Measurements(Resolution(1 / 16), n_sine=0)).values()
    found = calibrate_readout(case, one, bench, None, HeldOut(48))
    assert found.error_lsb <= limit
    assert found.energy_bias <= 0.03
    assert found.fit_time.rms_of_full_scale <= 0.05
    assert not set(found.fit.fitted_on) & set(found.fit.held_out)


@pytest.mark.ngspice
def test_energy_that_remembers_the_conversion_before(bench):
    """The capacitors of a charge-redistribution converter are reset from where the last conversion left them."""
    case = Case(CONVERTERS["sar_charge"](4, "behavioural"))
    (one,) = characterise({"sar": case}, bench, Measurements(Resolution(1 / 16), n_sine=0)).values()
    found = calibrate_readout(case, one, bench, None, HeldOut(96))
    assert found.energy_bias <= 0.01
    assert found.fit_energy.rms_of_full_scale <= 0.03
    blind = found.energy_of(np.array([8]), "dac") - found.energy_of(np.array([8]), "dac", np.array([15]))
    assert abs(blind[0]) > 0.05 * found.e_code["dac"].mean()


@pytest.mark.ngspice
def test_energy_of_an_oscillator_that_follows_its_current(bench):
    """A table over 16 codes alone was 3.9 % rms off; the judge's inputs know nothing of the codes."""
    case = Case(CONVERTERS["cco"](4, "behavioural"))
    (one,) = characterise({"cco": case}, bench, Measurements(Resolution(1 / 16), n_sine=0)).values()
    found = calibrate_readout(case, one, bench, None, HeldOut(64))
    assert found.fit_energy.rms_of_full_scale <= 0.005


@pytest.mark.ngspice
def test_a_larger_population_continues_a_smaller_one(bench):
    seen = []
    watched = Bench(bench.pool, bench.store, lambda _done, _total, label: seen.append(label))
    few = Measurements(Resolution(1 / 8), n_sine=0)
    first = measure_population(varied(4, 0.1), Corner(), range(5), watched, few)
    seen.clear()
    second = measure_population(varied(4, 0.1), Corner(), range(8), watched, few)
    assert sum("(stored)" in label for label in seen) == 5
    np.testing.assert_array_equal(second.levels[:5], first.levels)


@pytest.mark.ngspice
def test_a_read_out_over_its_time(bench):
    """Levels of a converter that sees ``1 - exp(-t / 10 ns)`` of its input, at a time that was not measured."""

    def build(time, seed):
        levels = varied(4, 0.05, 0.3)(Corner(), seed).levels
        return Flash(np.minimum(levels / (1 - np.exp(-time / 1e-8)), 1.15))

    samples = Samples(range(12), Measurements(Resolution(1 / 16), n_sine=0))
    timed = calibrate_over_time(build, Plan("t_int", [2.5e-8, 4e-8, 6e-8, 1e-7]), bench, None, None, samples)
    wanted = ideal_levels(4) / (1 - np.exp(-5e-8 / 1e-8))
    np.testing.assert_allclose(timed.at(5e-8).levels, wanted, atol=0.03 / 16)
    assert timed.error_lsb < 0.25
    spread = (timed.at(5e-8).sample(200, 1).thresholds - wanted).std()
    assert spread == pytest.approx(0.3 / 16, rel=0.3)
    with pytest.raises(OutsideValidity, match="10 ns"):
        timed.at(1e-8)


@pytest.mark.ngspice
def test_a_charge_converter_over_the_time_of_a_bit(bench):
    """Plates behind 500 Ω that have 1.2 to 5 time constants a bit; the judge's times and inputs were not fitted."""
    text = {"c_unit": "200 fF", "t_clk": "3 ns", "t_reset": "30 ns", "t_in": "1 ns"}
    measure = {"resolution": 1 / 16, "n_held_out": 48, "n_sine": 0}
    over = {"param": "t_clk", "scaled": ["t_reset", "t_in"], "times": ["0.8 ns", "1.1 ns", "1.6 ns", "3 ns"]}
    of = {"name": "x", "kind": "sar_charge", "n_bits": 4, "params": text, "measure": measure, "over_time": over}
    timed = calibrate_times(ConverterConfig.model_validate(of), bench)
    assert timed.error_lsb <= 0.25
    assert max(one.fit_time.rms_of_full_scale for one in timed.judged) <= 0.05
    assert max(one.fit_energy.rms_of_full_scale for one in timed.judged) <= 0.03
    late = np.abs(timed.at(9.5e-10).levels - timed.at(3e-9).levels).max() / timed.readouts[0].lsb
    assert late > 0.5  # a surrogate without settling would be off by that


@pytest.mark.ngspice
def test_a_dual_slope_of_transistors_over_the_time_it_integrates(bench):
    params, over = {"t_int": "128 ns"}, {"param": "t_int", "scaled": ["v_swing"], "times": ["64 ns", "90 ns", "128 ns"]}
    of = {
        "name": "x",
        "kind": "dual_slope",
        "level": "transistor",
        "n_bits": 4,
        "params": {**params, "v_swing": "0.15 V"},
    }
    of |= {"measure": {"resolution": 1 / 8, "n_held_out": 16}, "over_time": {**over, "held_out": ["76 ns"]}}
    timed = calibrate_times(ConverterConfig.model_validate(of), bench)
    assert timed.error_lsb <= 0.5
    assert timed.judged[0].fit_time.rms_of_full_scale <= 0.05
    assert timed.judged[0].fit_energy.rms_of_full_scale <= 0.03


@pytest.mark.ngspice
def test_a_smooth_transfer_and_a_scattered_one_are_both_found(bench):
    """Guessing beside anchors must not invent levels where there is no curve to follow."""
    rough = np.sort(ideal_levels(6) + 0.15 / 64 * np.random.default_rng(2).standard_normal(63))
    for levels in (rough, ideal_levels(6) + 0.4 / 64 * np.sin(np.arange(63) / 10)):
        (one,) = characterise({"one": Case(Clocked(levels))}, bench, Measurements(n_sine=0)).values()
        np.testing.assert_allclose(one.linearity.levels, levels, atol=1 / 127 / 64)


@pytest.mark.parametrize("path", sorted(share("calibration", "adcs").glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_files_are_valid(path):
    config = load_converter(path)
    assert config.kind in CONVERTERS
    assert config.name == path.stem
    for name, value in config.params.items():
        value_of(name, value)


def test_the_files_in_the_document_are_valid(tmp_path):
    page = (ROOT / "docs/metrology.md").read_text(encoding="utf-8")
    found = []
    for text in page.split("```toml\n")[1:3]:
        (tmp_path / "x.toml").write_text(text.split("```")[0], encoding="utf-8")
        found.append(load_converter(tmp_path / "x.toml"))
    assert found[0].subckt.bits == ["b0", "b1", "b2"]
    assert found[1].kind == "sar_charge"


def test_parameters_need_their_unit():
    assert value_of("c_unit", "1 fF") == 1e-15
    assert value_of("low", "-2 uA") == -2e-6
    assert value_of("errors", [0.1, -0.2]) == (0.1, -0.2)
    for name, value in (("t_clk", 1e-9), ("low", 0.1), ("c_unit", "1 pA"), ("r_dac", "1k")):
        with pytest.raises(ConfigError, match=name):
            value_of(name, value)
