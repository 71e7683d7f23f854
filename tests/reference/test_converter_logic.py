"""Judge: counter and register gone through bit by bit, the gates' bench, the clocked SAR against the unrolled one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench
from aimc_spice.metrology.characterise import Case, Measurements, characterise
from aimc_spice.metrology.convert import Request, convert
from aimc_spice.metrology.search import Resolution
from aimc_spice.netlist.adcs import CONVERTERS
from aimc_spice.netlist.adcs.base import RECKONED, ideal_codes
from aimc_spice.netlist.adcs.logic import Logic, logic_of
from aimc_spice.simulate import SimulatorPool
from reference.test_adc_benches_against_hand import values

ONES = Logic(e_clock=0.0, e_toggle=0.0, e_count=1.0, e_gate=0.0)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with SimulatorPool(1) as pool:
        yield Bench(pool, Store(tmp_path_factory.mktemp("store")))


def test_toggles_of_a_counter():
    for count in (0, 1, 5, 63, 255):
        toggles = sum(bin(k ^ (k + 1)).count("1") for k in range(count))
        assert ONES.counter(np.array([count]))[0] == toggles
    cleared = replace(ONES, e_count=0.0, e_toggle=1.0)
    assert cleared.counter(np.array([0b1011]))[0] == 3


def test_toggles_of_a_register():
    """Token and bits of a SAR of n bits gone through for a code: all flip-flops rise and fall once, at most."""
    n, toggles = 6, replace(ONES, e_count=0.0, e_toggle=1.0)
    for code in (0, 0b101010, 63):
        bits, count = 1 << (n - 1), 2 * (n + 1)  # the token passes n + 1 flip-flops
        for k in range(n - 1, -1, -1):
            after = bits if code >> k & 1 else bits & ~(1 << k)
            after |= (1 << k - 1) if k else 0
            count += bin(bits ^ after).count("1")
            bits = after
        count += bin(bits ^ 1 << (n - 1)).count("1")  # back to the start
        assert bits == code
        assert count <= toggles.sequencer(n, n) <= count + 2  # the first bit stays where it is 1


def test_logic_scales_with_the_square_of_the_supply():
    assert logic_of("g180", 0.9).e_count == pytest.approx(logic_of("g180", 1.8).e_count / 4)
    assert logic_of("g45", 0.9).e_gate < logic_of("g180", 1.8).e_gate


@pytest.mark.ngspice
@pytest.mark.parametrize(("name", "node", "vdd"), [("flip_flop", "g180", 1.8), ("flip_flop_g45", "g45", 0.9)])
def test_the_table_of_gates_is_what_their_bench_measures(name, node, vdd):
    found, table = values(name), logic_of(node, vdd)
    for energy in ("e_clock", "e_toggle", "e_count", "e_gate"):
        assert getattr(table, energy) == pytest.approx(found[energy], rel=0.01), energy
    assert (found["high"], found["low"]) == pytest.approx((0.0, vdd), abs=1e-3)
    assert (found["up"], found["down"]) == pytest.approx((vdd, 0.0), abs=1e-3)


@pytest.mark.ngspice
@pytest.mark.parametrize(("level", "n_bits", "n"), [("behavioural", 8, 32), ("transistor", 6, 8)])
def test_the_clocked_register_holds_the_codes_of_the_unrolled_sar(bench, level, n_bits, n):
    """Transient judge of `sar`: one period a bit, codes read from the register; at the middle of codes."""
    clocked, unrolled = CONVERTERS["sar_clocked"](n_bits, level), CONVERTERS["sar"](n_bits, level)
    lsb = (unrolled.high - unrolled.low) / 2**n_bits
    inputs = unrolled.low + lsb * (np.linspace(0, 2**n_bits - 1, n).round() + 0.5)
    one, other = convert([Request(clocked, inputs, "clocked"), Request(unrolled, inputs, "unrolled")], bench)
    np.testing.assert_array_equal(one.codes, other.codes)
    np.testing.assert_array_equal(one.codes, ideal_codes(inputs, n_bits, clocked.low, clocked.high))
    np.testing.assert_allclose(one.t_conv, (n_bits + 1) * clocked.clocking.t_clk, rtol=0.05)
    assert (one.energy[RECKONED] > 0).all()


@pytest.mark.ngspice
def test_the_clocked_sar_bench():
    found = values("sar_clocked")
    assert [found[f"b{k}"] > 0.9 for k in (3, 2, 1, 0)] == [True, False, True, False]
    assert found["t_eoc"] == pytest.approx(50e-9, abs=1.5e-9)


@pytest.mark.ngspice
def test_levels_by_edges_are_those_of_the_codes(bench):
    """An oscillator's levels from when its edges come: codes on both sides of every one that did not judge them."""
    ring = CONVERTERS["cco"](4, "transistor", t_reset=1e-7)
    (one,) = characterise({"cco": Case(ring)}, bench, Measurements(Resolution(1 / 16), n_sine=0)).values()
    levels, half = one.linearity.levels[2::5], one.linearity.lsb / 16
    (found,) = convert([Request(ring, np.concatenate([levels - half, levels + half]), "sides")], bench)
    assert found.codes.tolist() == [2, 7, 12, 3, 8, 13]
    assert one.linearity.n_conversions < 16 * 5


@pytest.mark.ngspice
def test_energy_of_an_array_does_not_hang_on_the_time_steps_nor_on_being_last(bench):
    """Currents added up over the printed steps were wrong by 10 %, and the last conversion of a deck by 17 %."""
    sar = CONVERTERS["sar_charge"](6)
    x = np.array([0.31, -0.52, 0.31, -0.52])
    fine = replace(sar, parts=replace(sar.parts, options=("method=gear", "xtrtol=1")))
    (coarse, exact) = (convert([Request(one, x, "x")], bench)[0].energy["dac"] for one in (sar, fine))
    np.testing.assert_allclose(coarse, exact, rtol=0.01)
    assert coarse[3] == pytest.approx(coarse[1], rel=0.01)
