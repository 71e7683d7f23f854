"""Judge: resistor algebra and areas, on driver circuits that the nodal solver and ngspice run; benches by hand."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from aimc_spice.netlist.base import Deck, Lines, Netlist, Transient
from aimc_spice.netlist.drive import dc_vectors
from aimc_spice.netlist.drivers import LadderDac, Windows, bit_sources, driver_text, pwm_rows
from aimc_spice.netlist.inputs import PulseWidth, ladder_levels
from aimc_spice.simulate import find_ngspice, open_simulator
from aimc_spice.simulate.nodal import NodalSimulator

BENCHES = Path(__file__).parents[2] / "netlists" / "benches"


def ladder_netlist(dac, *body):
    instance = Lines(" ".join(["xdac", *(f"d_{k}" for k in range(dac.n_bits)), "0", "out", "dac"]))
    return Netlist("ladder", (Lines(driver_text("line_driver", "r2r")), dac.subckt("dac")), (instance, *body))


def test_levels_and_inl_of_a_mismatched_ladder():
    dac = LadderDac.draw(6, 1e4, 0.01, seed=3)
    bits = (np.arange(64)[:, None] >> np.arange(6)) & 1
    drive = dc_vectors([f"d_{k}" for k in range(6)], 0.8 * bits)
    found = NodalSimulator().run(Deck(ladder_netlist(dac, drive.lines), drive.analysis, ("v(out)",)))
    levels, _ = ladder_levels(dac.legs, dac.rungs, dac.terminator)
    assert found.signals["v(out)"] == pytest.approx(0.8 * levels, abs=1e-12)
    inl = (levels - np.linspace(levels[0], levels[-1], 64)) * 64
    assert 0.02 < np.abs(inl).max() < 1  # a mismatch of 1 % shows at 6 bits


def test_a_leg_that_is_too_large_moves_its_bit_by_the_known_amount():
    n, error = 8, 0.01
    legs = np.full(n, 2e4)
    legs[-1] *= 1 + error
    levels, _ = ladder_levels(legs, np.full(n, 1e4), 1e4)
    # the leg 2r (1+e) against the 2r of all lower ones
    assert levels[128] == pytest.approx(1 / (2 + error), rel=1e-12)


def test_a_driver_settles_with_its_rise_time_and_output_resistance():
    dac = LadderDac.draw(4, 1e4)
    windows = Windows(t_rise=1e-12, t_on=2e-9, t_window=3e-9)
    lines = [bit_sources("d", [15], 4, windows, v_high=0.8), Lines("xb out wl line_driver r_out=100 t_rise=1e-10")]
    deck = Deck(ladder_netlist(dac, *lines, Lines("rl wl 0 900")), Transient(2e-12, 1.5e-9), ("v(wl)",))
    found = NodalSimulator().run(deck)
    top = 0.8 * 15 / 16 * 0.9
    rise = np.interp([0.1 * top, 0.9 * top], found.signals["v(wl)"], found.axis)
    assert found.signals["v(wl)"][-1] == pytest.approx(top, rel=1e-6)
    assert np.diff(rise)[0] == pytest.approx(1e-10, rel=5e-3)


@pytest.mark.ngspice
def test_counter_timed_pulses_have_the_area_of_their_codes():
    x = np.array([[0.0, 3 / 15, 1.0], [7 / 15, 1.0, 1 / 15]])
    windows = Windows(t_rise=1e-10, t_on=15e-9, t_window=20e-9, t_first=1e-9)
    rows = pwm_rows(["a", "b", "c"], PulseWidth(4, "none").planes(x), windows, 4, v_high=0.2, t_rise=5e-11)
    loads = Lines("ra a 0 1e6\nrb b 0 1e6\nrc c 0 1e6")
    netlist = Netlist("pulses", (Lines(driver_text("line_driver", "pwm")),), (rows, loads))
    probes = ("v(a)", "v(b)", "v(c)")
    with open_simulator("shared", timeout_s=60) as ngspice:
        found = ngspice.run(Deck(netlist, Transient(2e-11, 40e-9), probes, options=("method=gear",)))
    area = np.concatenate([[np.zeros(3)], np.cumsum(trapezoids(found.axis, found.stack(probes)), axis=0)])
    per_window = np.diff([area[np.searchsorted(found.axis, t) - 1] for t in (1e-9, 20.5e-9, 40e-9)], axis=0)
    lost = 50 / 1e6 * 0.2 * 15e-9  # in the output resistance
    assert per_window == pytest.approx(x * 0.2 * 15e-9, abs=lost + 0.2 * 2e-12)  # the counter's own edges: 1 ps


def trapezoids(t, y):
    return np.diff(t)[:, None] * (y[1:] + y[:-1]) / 2


@pytest.mark.ngspice
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("pwm", {"o": 1e-9}),
        ("r2r", {"v(open)": 0.5, "v(loaded)": 0.25}),
        ("line_driver", {"rise": 1e-10, "o": 0.1}),
    ],
)
def test_benches(name, wanted):
    command = [str(find_ngspice().path), "-b", f"{name}.cir"]
    done = subprocess.run(command, cwd=BENCHES, capture_output=True, text=True, timeout=60, check=True)
    found = {k: float(v) for k, v in re.findall(r"^(\S+) = (\S+)$", done.stdout, re.MULTILINE)}
    assert found == pytest.approx(wanted, rel=1e-3)
