"""Judge: resistor algebra and areas, on driver circuits that the nodal solver and ngspice run; benches by hand."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.base import Deck, Lines, Netlist, Transient
from aimc_spice.netlist.drive import dc_vectors
from aimc_spice.netlist.drivers import Windows
from aimc_spice.netlist.inputs import BitSerial, MultiLevel, PulseWidth, ladder_levels
from aimc_spice.netlist.macro import header
from aimc_spice.netlist.rows.base import Drive
from aimc_spice.netlist.rows.build import Build, driver_text
from aimc_spice.netlist.rows.ladder import LadderDac, LadderRows
from aimc_spice.netlist.rows.line import LineDriver, SerialRows
from aimc_spice.netlist.rows.pulse import PulseRows
from aimc_spice.simulate import find_ngspice, open_simulator
from aimc_spice.simulate.nodal import NodalSimulator

BENCHES = Path(__file__).parents[2] / "netlists" / "benches"
WINDOWS = Windows(t_rise=1e-10, t_on=15e-9, t_window=22e-9, t_first=3e-9)
MOS = Build("transistor")


@pytest.mark.parametrize("block", ["line_driver", "line_buffer", "r2r_section", "pwm_bit"])
def test_both_levels_have_the_same_ports(block):
    """And the same parameters, but for what only one of them has: resistances and edges, or widths of transistors."""
    texts = [driver_text(name) for name in ("line_driver", "line_buffer", "r2r", "pwm")]
    mos = [driver_text(f"{name}_mos") for name in ("line_driver", "line_buffer", "r2r", "pwm")]
    (ports, params), (mos_ports, mos_params) = (
        header("\n".join(text), f"{block}{end}") for text, end in ((texts, ""), (mos, "_mos"))
    )
    assert ports == mos_ports
    assert params - {"r_out", "t_rise", "r_on", "v_dd"} == mos_params - {"w", "u", "v_dd"}


def ladder_netlist(dac, *body, **values):
    instance = Lines(" ".join(["xdac", *(f"d_{k}" for k in range(dac.n_bits)), "out", "dac"]))
    definitions = (*Build().definitions("line_buffer", "r2r"), dac.subckt("dac", Build(), **values))
    return Netlist("ladder", definitions, (instance, *body))


@pytest.mark.parametrize(("v_low", "v_high", "r_on"), [(0.0, 0.8, 0.0), (0.7, 1.1, 300.0)])
def test_levels_and_inl_of_a_mismatched_ladder(v_low, v_high, r_on):
    dac = LadderDac.draw(6, 1e4, 0.01, seed=3)
    bits = (np.arange(64)[:, None] >> np.arange(6)) & 1
    drive = dc_vectors([f"d_{k}" for k in range(6)], 1.8 * bits)
    netlist = ladder_netlist(dac, drive.lines, v_low=v_low, v_high=v_high, r_on=r_on)
    found = NodalSimulator().run(Deck(netlist, drive.analysis, ("v(out)",)))
    levels, _ = ladder_levels(np.add(dac.legs, r_on), dac.rungs, dac.terminator)
    assert found.signals["v(out)"] == pytest.approx(v_low + (v_high - v_low) * levels, abs=1e-12)
    inl = (levels - np.linspace(levels[0], levels[-1], 64)) * 64
    assert 0.02 < np.abs(inl).max() < 1  # a mismatch of 1 % shows at 6 bits


def test_a_leg_that_is_too_large_moves_its_bit_by_the_known_amount():
    n, error = 8, 0.01
    legs = np.full(n, 2e4)
    legs[-1] *= 1 + error
    levels, _ = ladder_levels(legs, np.full(n, 1e4), 1e4)
    # the leg 2r (1+e) against the 2r of all lower ones
    assert levels[128] == pytest.approx(1 / (2 + error), rel=1e-12)


def test_a_buffer_settles_with_its_rise_time_and_output_resistance():
    dac = LadderDac.draw(4, 1e4)
    bits = "\n".join(f"vd_{k} d_{k} 0 pwl(0 0 1e-12 1.8)" for k in range(4))
    lines = [Lines(bits), Lines("xb out wl line_buffer r_out=100 t_rise=1e-10\nrl wl 0 900")]
    netlist = ladder_netlist(dac, *lines, v_low=0.0, v_high=0.8)
    found = NodalSimulator().run(Deck(netlist, Transient(2e-12, 1.5e-9), ("v(wl)",)))
    top = 0.8 * 15 / 16 * 0.9
    rise = np.interp([0.1 * top, 0.9 * top], found.signals["v(wl)"], found.axis)
    assert found.signals["v(wl)"][-1] == pytest.approx(top, rel=1e-6)
    assert np.diff(rise)[0] == pytest.approx(1e-10, rel=5e-3)


def lines_of(rows, planes, windows=WINDOWS, v_rest=0.9):
    """Return the times, the lines above rest (n_points, n_rows) on 100 kΩ and 0.1 pF, and what drives them."""
    drive = Drive(planes, windows, 0.2, v_rest)
    loads = "\n".join(f"rl_{r} wl_{r} rest 1e5\ncl_{r} wl_{r} 0 1e-13" for r in drive.rows)
    body = (rows.circuit(drive), Lines(f"vrest rest 0 {v_rest}\n{loads}"))
    netlist = Netlist("rows", rows.definitions(drive), body)
    probes = tuple(f"v(wl_{r})" for r in drive.rows)
    stop = windows.starts(len(drive.levels))[-1] + windows.t_window
    with open_simulator("shared", timeout_s=120) as ngspice:
        found = ngspice.run(Deck(netlist, Transient(1e-10, stop), probes, options=("method=gear",)))
    return found.axis, found.stack(probes) - v_rest, drive


def areas(t, y, drive):
    """Return the integral of every operation over its window, up to the start of the next (n_operations, n_rows)."""
    running = np.concatenate([[np.zeros(y.shape[1])], np.cumsum(np.diff(t)[:, None] * (y[1:] + y[:-1]) / 2, axis=0)])
    edges = drive.windows.starts(len(drive.levels) + 1)
    return np.diff([[np.interp(at, t, one) for one in running.T] for at in edges], axis=0)


@pytest.mark.ngspice
@pytest.mark.parametrize("build", [Build(), MOS], ids=["equations", "transistors"])
def test_pulses_have_the_area_of_their_codes(build):
    """Transistors: falling edges are faster than rising ones; a pulse is up to 50 ps shorter."""
    x = np.array([[0.0, 3 / 7, 1.0], [4 / 7, 1.0, 1 / 7]])
    found = lines_of(PulseRows(3, LineDriver(build=build)), PulseWidth(3, "none").planes(x))
    lost = 105 / 1e5 * 0.2 * 15e-9  # in the output resistance
    assert areas(*found) == pytest.approx(x * 0.2 * 15e-9, abs=lost + 0.2 * (50e-12 if build.mos else 5e-12))


@pytest.mark.ngspice
@pytest.mark.parametrize("build", [Build(), MOS], ids=["equations", "transistors"])
@pytest.mark.parametrize("kind", ["line drivers", "buffered ladders", "ladders"])
def test_levels_of_lines_are_those_in_closed_form(kind, build):
    """Within 1 mV of ± 0.2 V: the op-amp of the buffer is off by 0.2 mV, on-resistances change with the level."""
    x = np.array([[0.0, 1 / 3, 1.0], [-1.0, -1 / 3, 2 / 3]])
    rows, encoding = {
        "line drivers": (SerialRows(LineDriver(build=build)), BitSerial(1)),
        "buffered ladders": (LadderRows(2, build=build), MultiLevel(2, "none")),
        "ladders": (LadderRows(2, signed=False, r=1e3, w=4e-5, r_on=50.0, buffer=None, build=build), MultiLevel(2)),
    }[kind]
    t, y, drive = lines_of(rows, encoding.planes(np.rint(x) if kind == "line drivers" else x))
    at = drive.windows.starts(len(drive.levels)) + 14e-9
    settled = np.stack([np.interp(at, t, one) for one in y.T], axis=1)
    wanted = rows.levels(drive) * 1e5 / (1e5 + rows.r_out)
    assert settled == pytest.approx(wanted, abs=1e-3 if build.mos else 1e-6)
    rests = np.stack([np.interp(at + 7.5e-9, t, one) for one in y.T], axis=1)
    assert rests == pytest.approx(0, abs=1e-3 if build.mos else 1e-6)


def test_what_drivers_cannot_give_is_said():
    x = np.full((1, 2), 0.4)
    with pytest.raises(NetlistError, match="one voltage or none"):
        SerialRows().circuit(Drive(MultiLevel(2).planes(x), WINDOWS, 0.2))
    with pytest.raises(NetlistError, match="multiples of 1/7"):
        LadderRows(3).codes(Drive(MultiLevel(2).planes(x), WINDOWS, 0.2))
    with pytest.raises(NetlistError, match="multiples of 1/3"):
        LadderRows(2, signed=False).codes(Drive(MultiLevel(2, "none").planes(-x), WINDOWS, 0.2))
    with pytest.raises(NetlistError, match="of 3 bits"):
        PulseRows(3).codes(Drive(PulseWidth(2).planes(x), WINDOWS, 0.2))
    with pytest.raises(NetlistError, match=r"got 238\.1 ps a count, wanted 1\.2 ns or more to compare 6 bits"):
        PulseRows(6, LineDriver(build=MOS)).circuit(Drive(PulseWidth(6).planes(x), WINDOWS, 0.2, 0.9))
    with pytest.raises(NetlistError, match="above r_on"):
        LadderRows(2, r=100.0)
    drive = Drive(MultiLevel(2, "none").planes(x), WINDOWS, 0.2)
    with pytest.raises(NetlistError, match=r"from 0 V to 1\.8 V"):
        LadderRows(2, build=MOS).definitions(drive)
    with pytest.raises(NetlistError, match="buffers of transistors: got lines of 0 V"):
        LadderRows(2, signed=False, build=MOS).circuit(Drive(MultiLevel(2).planes(x), WINDOWS, 0.2))


@pytest.mark.ngspice
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("pwm", {"o5": 1e-9, "o7": 1.4e-9, "width": 5e-9, "lowest_5": 0.2}),
        ("r2r", {"v(open)": 0.5, "v(loaded)": 0.25}),
        ("line_driver", {"rise": 1e-10, "o": 0.1}),
        ("line_buffer", {"rise": 5e-10, "o": 0.15}),
    ],
)
def test_benches(name, wanted):
    command = [str(find_ngspice().path), "-b", f"{name}.cir"]
    done = subprocess.run(command, cwd=BENCHES, capture_output=True, text=True, timeout=60, check=True)
    found = {k: float(v) for k, v in re.findall(r"^(\S+) = (\S+)$", done.stdout, re.MULTILINE)}
    assert {k: found[k] for k in wanted} == pytest.approx(wanted, rel=1e-3)
