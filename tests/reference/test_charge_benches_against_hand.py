"""Judge: hand calculation, on the charge-mode benches that a person runs with ``ngspice -b``."""

import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from aimc_spice.simulate import find_ngspice

pytestmark = pytest.mark.ngspice
BENCHES = Path(__file__).parents[2] / "netlists" / "benches"


def values(name):
    command = [str(find_ngspice().path), "-b", f"{name}.cir"]
    done = subprocess.run(command, cwd=BENCHES, capture_output=True, text=True, timeout=60, check=True)
    return {k: float(v) for k, v in re.findall(r"^(\w+)\s+=\s+(\S+)", done.stdout, re.MULTILINE)}


def test_noise_of_a_reset_is_kt_over_c():
    found = values("charge_switch")
    wanted = math.sqrt(1.380649e-23 * 300.15 / 200e-15)
    assert found["resistor"] == pytest.approx(wanted, rel=1e-3)
    assert wanted * 0.97 < found["gate"] < wanted  # its own capacitance adds


def test_charge_multiplexer_bench():
    """Gates of transistors add some femtofarads to columns and plates, and of what was reset they keep nothing."""
    found = values("charge_multiplexer")
    assert (found["d0"], found["d1"]) == pytest.approx((0.3 * 100 / 150, -0.12 * 100 / 150), abs=1e-5)
    assert 0.85 < found["dt0"] / found["d0"] < 1
    assert found["dt1"] / found["d1"] == pytest.approx(found["dt0"] / found["d0"], rel=1e-3)
    wanted = math.sqrt(1.380649e-23 * 300.15 * 100 / (50 * 150e-15))
    assert found["switch"] == pytest.approx(wanted, rel=1e-3)


def test_ladder_bench():
    found = values("c2c")
    assert found["bl"] == pytest.approx(0.8 * 0b1011 / 16, rel=1e-5)
    assert found["bl_par"] == pytest.approx(0.8 * rungs([1, 1, 0, 1], 0.2)[-1], rel=1e-5)


def rungs(bits, c_par):
    """Return the nodes, lowest first, in steps of the word line: the published equation, capacitors in units of c."""
    n = len(bits)
    m = np.diag(np.full(n, 1 + c_par))  # bottom plate and parasitic
    m[0, 0] += 1  # terminator
    for k in range(n - 1):
        m[k : k + 2, k : k + 2] += 2 * np.array([[1, -1], [-1, 1]])
    return np.linalg.solve(m, np.array(bits, float))


def test_switched_capacitor_bench():
    found = values("sc_mac")
    wanted = 2 * (1.2 + 0.6) / (3 * 2.2 + 3.4)
    assert found["bl"] == pytest.approx(wanted, rel=1e-4)
    assert found["blt"] == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("name", ["sar_charge", "sar_charge_mos"])
def test_successive_approximation_benches(name):
    found = values(name)
    assert [round(found[f"b{i}"] / 1.8, 3) for i in (3, 2, 1, 0)] == [1, 0, 1, 0]
    assert found["t_eoc"] == pytest.approx(19.1e-9, abs=0.1e-9)  # the edge after 18 ns, and the flag


def test_ramp_bench():
    """0.4 of the range of 1.024 µs after 110 ns; the comparator of transistors is some ten nanoseconds late."""
    found = values("ramp_charge")
    assert found["t_trip_b"] == pytest.approx(110e-9 + 409.6e-9, abs=0.1e-9)
    assert 5e-9 < found["t_trip"] - found["t_trip_b"] < 20e-9
