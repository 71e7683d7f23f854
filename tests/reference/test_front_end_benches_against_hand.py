"""Judge: hand calculation, on the benches of the dynamic front ends that a person runs with ``ngspice -b``."""

import math
import re
import subprocess
from pathlib import Path

import pytest

from aimc_spice.simulate import find_ngspice

pytestmark = pytest.mark.ngspice
BENCHES = Path(__file__).parents[2] / "netlists" / "benches"


def values(name, corner="tt", folder=BENCHES):
    """Return what a bench prints; in another corner it runs as a copy in a folder of its own."""
    path = BENCHES / f"{name}.cir"
    if corner != "tt":
        text = (
            path.read_text(encoding="utf-8").replace(".lib tt", f".lib {corner}").replace("../", f"{BENCHES.parent}/")
        )
        path = folder / path.name
        path.write_text(text, encoding="utf-8")
    command = [str(find_ngspice().path), "-b", str(path)]
    done = subprocess.run(command, cwd=BENCHES, capture_output=True, text=True, timeout=60, check=True)
    return {k: float(v) for k, v in re.findall(r"^(\S+) = (\S+)$", done.stdout, re.MULTILINE)}


def test_dynamic_tia_bench():
    found = values("tia_dynamic")
    gain, v_op1 = 1e4, 1e-4 * 1e3
    v1 = v_op1 / (1 + 2 / gain)
    assert found["o"] == pytest.approx(2 * v1 / (1 + 5 / gain), rel=1e-4)
    assert found["limited"] == pytest.approx(0.15, abs=1.1e-3)  # the clamp yields by 1 mV


def test_conveyor_bench():
    found = values("conveyor")
    assert found["v(out)"] == pytest.approx(2e3 * 0.05 * 1e-3 / 1.05, rel=1e-6)
    assert found["v(p)"] == pytest.approx(0.1 * 50 / 1050, rel=1e-6)


def test_current_conveyor_bench():
    found = values("conveyor_current")
    assert found["i(vload)"] == pytest.approx(1e-5 + 0.1 * 0.05 * 1e-3 / 1.05, rel=1e-6)
    assert found["v(x1.m)"] == pytest.approx(found["i(vload)"], rel=1e-6)


def test_integrator_bench():
    conductance, gbw, c_int = 1e-3 + 1e-4, 1e10, 1e-12
    slope = 1 / (1 + conductance / (2 * math.pi * gbw * c_int))
    assert values("integrator")["o"] == pytest.approx(1e-5 * 10.01e-9 / c_int * slope, rel=1.5e-3)


def test_integrator_of_transistors_bench():
    """Its op-amps have 0.47 GHz into 4 kΩ, more into a capacitor: between the slope of that and the ideal one."""
    found = values("integrator_mos")
    ideal = 50e-6 * 10.0e-9 / 4e-12
    slow = ideal / (1 + (1e-4 + 5e-4) / (2 * math.pi * 4.7e8 * 4e-12))
    assert slow < found["o"] < ideal
    assert found["o"] == pytest.approx(found["o_b"], rel=0.02)
    assert abs(found["pedestal"]) < 2e-3


@pytest.mark.parametrize(
    ("name", "wanted"), [("multiplexer", [0.1, 0.2, 0.3, 0.4]), ("multiplexer_mos", [0.2, 0.7, 1.1, 1.6])]
)
def test_multiplexer_benches(name, wanted):
    """Each column reaches 10 fF behind its gate; the printed lines are those of `.meas`, with spaces."""
    command = [str(find_ngspice().path), "-b", f"{name}.cir"]
    done = subprocess.run(command, cwd=BENCHES, capture_output=True, text=True, timeout=60, check=True)
    found = [float(v) for v in re.findall(r"^o\d +=\s+(\S+)$", done.stdout, re.MULTILINE)]
    assert found == pytest.approx(wanted, abs=1e-5)


def test_sample_hold_bench():
    assert values("sample_hold")["o"] == pytest.approx(0.3 - 1 / 101, abs=1e-4)


def test_sample_hold_of_transistors_has_the_noise_of_its_capacitor():
    found = values("sample_hold_mos")
    most = math.sqrt(1.380649e-23 * 300.15 / 2e-13)
    assert 0.96 * most < found["onoise_total"] < most  # the transistors add up to 8 % to the capacitor
    assert found["o"] == pytest.approx(0.9, abs=0.03)  # their charge, the larger p transistor's above all


def test_mos_tia_bench():
    found = values("tia_mos")
    assert found["o"] == pytest.approx(0.4 / (1 + 7 / 3.06e3) / (1 + 3 / 3.06e3), abs=2e-3)  # offset 0.07 mV times 7


def test_line_driver_of_transistors_bench():
    """A divider with its gate's on-resistance; edges of that RC (switches add 0.1 pF), as those of the equations."""
    found = values("line_driver_mos")
    r_on = found["r_on"]
    assert found["o"] == pytest.approx(0.2 * 50 / (50 + r_on), rel=1e-3)
    assert found["o_b"] == pytest.approx(found["o"], rel=2e-3)
    assert found["held"] == pytest.approx(0.2, abs=1e-6)
    assert found["rest"] == pytest.approx(0, abs=1e-6)
    assert found["fall"] == pytest.approx(math.log(9) * r_on * 2.1e-12, rel=0.05)
    assert found["rise"] == pytest.approx(found["rise_b"], rel=0.15)


def test_line_buffer_of_transistors_bench():
    """A follower within 0.5 mV of its equations at three levels; it overshoots, and draws what two branches mirror."""
    found = values("line_buffer_mos")
    for level, volts in (("rest", 0.9), ("high", 0.9 + 0.2 * 600 / 601), ("low", 0.9 - 0.2 * 600 / 601)):
        assert found[f"{level}_b"] == pytest.approx(volts, abs=1e-6)
        assert found[level] == pytest.approx(found[f"{level}_b"], abs=5e-4)
    assert found["high_free"] == pytest.approx(1.1, abs=5e-4)
    assert found["low_free"] == pytest.approx(0.7, abs=5e-4)
    assert found["rise"] == pytest.approx(found["rise_b"], rel=0.3)
    assert 0.1 < found["over"] < 0.3
    assert found["i_dd"] == pytest.approx(5e-5 * (1 + 8 + 32), rel=0.1)


def ladder_level(code, n_bits, r_h, r_l):
    """Source and resistance of Thevenin, bit by bit: 0.8 V or ground behind 20 kΩ and the switch, rungs of 10 kΩ."""
    level, r = 0.0, 1e4
    for k in range(n_bits):
        bit = code >> k & 1
        leg, rung = 2e4 + (r_h if bit else r_l), r + 1e4
        level = (level * leg + 0.8 * bit * rung) / (leg + rung)
        r = leg * rung / (leg + rung)
    return level


def test_r2r_of_transistors_bench():
    """On-resistances at 10 µA do for all currents within 3 %: 0.3 mV of the 16 mV by which levels bend."""
    found = values("r2r_mos")
    levels = [found[f"o{code}"] for code in range(8)]
    wanted = [ladder_level(code, 3, found["r_h"], found["r_l"]) for code in range(8)]
    assert levels == pytest.approx(wanted, abs=3e-4)
    assert max(abs(v - 0.1 * code) for code, v in enumerate(levels)) > 1e-2
    equations = [found[f"b{code}"] for code in range(8)]
    assert equations == pytest.approx([ladder_level(code, 3, 1.4e3, 1.4e3) for code in range(8)], abs=1e-6)
    assert levels == pytest.approx(equations, abs=8e-3)  # both switches alike: half of the bend, not its steps


CORNERS = ["tt", "ff", "ss", "fs", "sf"]
SKEWED = ["tt", "ss", "fs"]  # the others hold too, and take as long


@pytest.mark.parametrize("corner", SKEWED)
def test_conveyor_of_transistors_bench(corner, tmp_path):
    """Cascoded mirrors copy within 0.3 %, so the output is 0.5 mV from that of the equations; it stops at its rails."""
    found = values("conveyor_mos", corner, tmp_path)
    assert found["gain_p"] == pytest.approx(1, abs=3e-3)
    assert found["gain_n"] == pytest.approx(1, abs=3e-3)
    assert 0 < found["r_x"] < 0.2
    assert found["o_b"] == pytest.approx(2e3 * 0.05 * 1e-3 / (1 + 0.1e-3), rel=1e-4)
    assert found["o"] == pytest.approx(found["o_b"], abs=5e-4)
    assert found["peak"] < 0.02 * 0.05  # of the step
    assert found["high"] == pytest.approx(0.88, abs=0.02)
    assert found["low"] == pytest.approx(-0.88, abs=0.02)
    assert found["inside"] < 2.5e-3  # V, up to 0.8 V: conveyor_limited is straight
    assert found["beyond"] < 0.03


@pytest.mark.parametrize("corner", SKEWED)
def test_conveyor_of_currents_of_transistors_bench(corner, tmp_path):
    """Two or three cascoded mirrors, 0.1 % each: 0.3 % of gain, and of 20 uA 0.1 % without input."""
    found = values("conveyor_current_mos", corner, tmp_path)
    assert found["rest"] == pytest.approx(1e-5, abs=2e-8)
    assert found["gain_p"] == pytest.approx(1, abs=3e-3)
    assert found["gain_n"] == pytest.approx(1, abs=3e-3)
    assert 0 < found["r_x"] < 0.1
    assert max(abs(found["low"]), abs(found["high"])) < 3e-8  # A, from 0.6 V to 0 and to 1.4 V
    assert found["current_b"] == pytest.approx(1e-5 + 0.04 * 0.1 * 1e-3 / (1 + 0.1e-3), rel=1e-5)
    assert found["current"] == pytest.approx(found["current_b"], abs=4e-8)
    assert found["m"] == pytest.approx(found["current"], rel=1e-6)
    assert found["t_1"] < 6e-9


@pytest.mark.parametrize("corner", CORNERS)
def test_sampler_of_transistors_bench(corner, tmp_path):
    """Charges of an n and a p gate cancel: alone 0.5 fC of 1 µm would be 1.4 mV on 0.4 pF; of inputs 1/gain is left."""
    found = values("sampler_mos", corner, tmp_path)
    off = [found[f"off_{k}"] for k in "abc"]
    assert max(off) - min(off) < 5e-4  # V, of 0.3 to 1.5 V
    assert max(map(abs, off)) < 5e-4
    assert max(abs(found["drop_a"]), abs(found["drop_c"])) < 2e-4  # after 0.1 us


def test_pwm_of_transistors_bench():
    """Codes times 1 ns and 0.2 V, within 40 ps (falling edges are faster than rising ones); no glitch."""
    found = values("pwm_mos")
    assert found["o5"] == pytest.approx(1e-9, abs=0.2 * 40e-12)
    assert found["o7"] == pytest.approx(1.4e-9, abs=0.2 * 40e-12)
    assert abs(found["o0"]) < 1e-14
    assert found["width"] == pytest.approx(5e-9, abs=40e-12)
    assert found["lowest_5"] == pytest.approx(0.2, abs=1e-3)
    equations = values("pwm")
    for name in ("o5", "o7", "width"):
        assert found[name] == pytest.approx(equations[name], abs=40e-12 * (1 if name == "width" else 0.2))
