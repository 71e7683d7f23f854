"""Judge: hand calculation, on the converters' benches that a person runs with ``ngspice -b``."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from aimc_spice.simulate import find_ngspice

pytestmark = pytest.mark.ngspice
BENCHES = Path(__file__).parents[2] / "netlists" / "benches"


def values(name):
    command = [str(find_ngspice().path), "-b", f"{name}.cir"]
    done = subprocess.run(command, cwd=BENCHES, capture_output=True, text=True, timeout=60, check=True)
    pairs = re.findall(r"^(\S+)\s+=\s+([-+\d.e]+)", done.stdout, re.MULTILINE)
    return {name: float(value) for name, value in pairs}


def test_transistors():
    found = values("mos")
    assert 3e-4 < found["i_on_n"] < 8e-4  # A/µm, of a 180 nm gate at 1.8 V
    assert 1e-4 < found["i_on_p"] < found["i_on_n"]
    assert found["i_off_n"] < 1e-10
    assert found["vth_shifted"] - found["vth_n"] == pytest.approx(0.01, rel=1e-4)


def test_comparators():
    found = values("comparator")
    assert found["t_up_b"] == pytest.approx(50e-9, abs=1e-10)
    assert 0 < found["t_up"] - found["t_up_b"] < 15e-9
    assert 0 < found["t_down"] - 150e-9 < 15e-9
    assert found["q_high"] == pytest.approx(1.8, rel=1e-3)
    assert 0 < found["t_latch"] < 1e-9


def test_flash():
    found = values("flash")
    assert found["v_threshold_b"] == pytest.approx(0.5, abs=1e-5)  # a step of the sweep
    assert found["v_threshold"] == pytest.approx(0.5, abs=1e-4)
    assert found["v_low"] < 0.01
    assert found["v_high"] > 1.79


def test_ramp():
    found = values("ramp")
    assert found["t_trip_b"] - 50e-9 == pytest.approx(0.4 * 4e-12 / 3.125e-6, abs=0.1e-9)
    assert found["t_trip"] - found["t_trip_b"] == pytest.approx(11.7e-9, abs=1e-9)  # the counter's delay


def test_cco():
    found = values("cco")
    law = 3.155e-13 * 1.8 / 2e-5 + 1.27e-9
    assert found["law"] == pytest.approx(law, rel=1e-4)
    assert found["t_edge"] == pytest.approx(law, rel=0.01)
    assert found["edges_b"] == pytest.approx((1190e-9 - 200e-9) / law, abs=0.02)


def test_dual_slope():
    found = values("dual_slope")
    by_hand = 256e-9 + 0.05 * 1.7067e-11 / 2e-5
    assert found["t_down_b"] == pytest.approx(by_hand, abs=0.1e-9)
    assert found["t_down"] - by_hand == pytest.approx(12e-9, abs=1e-9)  # the counter's delay


def test_counter():
    assert values("counter")["at_end"] == pytest.approx(15)
