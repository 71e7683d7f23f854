"""Judge: hand calculation, on the benches that a person runs with ``ngspice -b``."""

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
    return {k: float(v) for k, v in re.findall(r"(v\(\w+\)) = (\S+)", done.stdout)}, done.stdout


def test_diff_amp_bench():
    found, _ = values("diff_amp")
    g_low, g_high = 1 / 5e3, 1 / 15e3
    g_p, g_n = 18 * g_low + 14 * g_high, 14 * g_low + 18 * g_high
    i_p, i_n = 0.8 * (12 * g_low + 8 * g_high), 0.8 * (12 * g_high + 8 * g_low)
    v_p = i_p / (g_p + 1 / 31e3)  # the p line sees r_in + r_f to ground
    v_a = v_p * 30 / 31  # and the op-amp holds its other input there
    v_n = (i_n + v_a / 1e3) / (g_n + 1e-3)
    out = v_a - (v_n - v_a) * 30
    assert found["v(p)"] == pytest.approx(v_p, rel=1e-5)
    assert found["v(n)"] == pytest.approx(v_n, rel=1e-5)
    assert found["v(out)"] == pytest.approx(out, rel=1e-4)  # gain 1e6 is not infinite


def test_tia_bench():
    found, _ = values("tia")
    assert found["v(out)"] == pytest.approx(1e3 * 0.1e-3, rel=1e-4)
    assert abs(found["v(p)"]) < 1e-6  # a virtual ground


def test_cmos_neuron_bench_follows_the_sigmoid():
    _, text = values("cmos_neuron")
    rows = [list(map(float, row)) for row in re.findall(r"^\d+\t(\S+)\t(\S+)\t(\S+)", text, re.MULTILINE)]
    assert len(rows) == 17
    assert max(abs(cmos - sigmoid) for _, cmos, sigmoid in rows) < 0.025  # V of 0.8 V
    middle = rows[8]
    assert middle[1] == pytest.approx(0.4, abs=1e-3)


def test_sinh_cell_bench():
    _, text = values("sinh_cell")
    rows = [list(map(float, row)) for row in re.findall(r"^\d+\t(\S+)\t(\S+)", text, re.MULTILINE)]
    assert rows[-1][1] == pytest.approx(-1e-4 * 0.5 * 1.1752011936, rel=1e-5)  # 0.5 V: g v0 sinh(1)
