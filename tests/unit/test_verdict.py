"""The judge on logs and numbers as ngspice 39 and 46 were seen to write them; no ngspice runs here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aimc_spice.errors import (
    DeckRejected,
    MeasurementFailed,
    NotConverged,
    SimulatorCrashed,
)
from aimc_spice.netlist.base import DcSweep, Transient
from aimc_spice.simulate.messages import find_trouble, solver_of
from aimc_spice.simulate.rawfile import Plot
from aimc_spice.simulate.verdict import Run, accept, check_run
from decks import deck

CLEAN = """

Note: No compatibility mode selected!


Circuit: * Error: a title that says ignored

binary raw file "out.raw"
Doing analysis at TEMP = 27.000000 and TNOM = 27.000000

Using KLU as Direct Linear Solver
No. of Data Columns : 2

Node                                   Voltage
----                                   -------
error_amp                                    1
ignored                                      1
Note: Starting dynamic gmin stepping
Note: Dynamic gmin stepping completed
No. of Data Rows : 1
"""
HARMLESS = [
    "Note: v9: has no value, DC 0 assumed",
    "Note: v1: no DC value, transient time 0 value used",
    ".print line ignored since rawfile was produced.",
    "Warning: nsub is ignored because k1 or k2 is given.",
    "Warning: can't find the initialization file spinit.",
    "Warning: True gmin stepping failed",
    "** ngspice-46 : Circuit level simulation program",
    "Operating point simulation skipped by 'uic',",
]
HARMFUL = [
    ("Warning: singular matrix:  check node bl_41", NotConverged, "node bl_41"),
    ("Warning: singular matrix:  check nodes a and b", NotConverged, "node a"),
    ("Note: Transient op finished successfully", NotConverged, "guessed"),
    ("Error: Transient op failed, timestep too small", NotConverged, "time step"),
    ('doAnalyses: TRAN:  Timestep too small; time = 5e-09, timestep = 1e-22: trouble with node "q"', NotConverged, "q"),
    ("doAnalyses: iteration limit reached", NotConverged, "given up"),
    ("run simulation(s) aborted", NotConverged, "given up"),
    ("Error: -1 out of range for ln", NotConverged, "domain"),
    ("Warning: 'r2 in' is not a valid resistor instance line, ignored!", DeckRejected, "dropped"),
    ("unrecognized parameter (foo) - ignored", DeckRejected, "dropped"),
    ("Warning : IC on non-existent node - nonode, ignored", DeckRejected, "dropped"),
    ("Warning: redefinition of .subckt tia, ignored", DeckRejected, "dropped"),
    ("Warning: Value of resistor r1 is too small, set to 1.000000e-12", DeckRejected, "0 Ω"),
    ("Warning: r9: resistance to low, set to 1 mOhm", DeckRejected, "0 Ω"),
    ("Error: Could not find include file x.inc", DeckRejected, "include"),
    ("could not find a valid modelname", DeckRejected, "model"),
    ("Error: unknown subckt: x1 in 0 nosub", DeckRejected, "model"),
    ("foo: no such command available in ngspice", DeckRejected, "does not exist"),
    ("Error: there aren't any circuits loaded.", DeckRejected, "reported an error"),
    ("Error (Factor): KLU Matrix is empty", DeckRejected, "empty"),
    ("setAnalysisParm(options) ci_curOpt: unsupported integration method", DeckRejected, "understood"),
    ("Warning: Could not set temperature to abc", DeckRejected, "understood"),
    ("No .measure possible in batch mode (-b) with -r rawfile set!", DeckRejected, ".meas"),
    ("  Measurements for Transient Analysis", DeckRejected, ".meas"),
    (".meas tran x when v(in)=3 failed!", DeckRejected, ".meas"),
    ("Warning: No job (tran, ac, op etc.) defined:", DeckRejected, "no analysis"),
    ("Error: no data saved for D.C. Operating point analysis; analysis not run", MeasurementFailed, "probes"),
    ('Fatal error: DC Transfer Function: source named "vnot" is not in the circuit', DeckRejected, "error"),
]


def plot(kind="op", **columns):
    names = tuple(name.replace("_", "(") + ")" if "_" in name else name for name in columns)
    return Plot(kind, names, np.array(list(columns.values()), dtype=float).T)


def test_a_clean_log_says_nothing():
    assert find_trouble(CLEAN) is None


@pytest.mark.parametrize("line", HARMLESS)
def test_harmless_lines_say_nothing(line):
    assert find_trouble(f"{CLEAN}{line}\n") is None


@pytest.mark.parametrize(("line", "kind", "said"), HARMFUL)
def test_a_harmful_line_is_raised_even_where_ngspice_exits_with_0(line, kind, said):
    with pytest.raises(kind, match=said) as caught:
        check_run(Run(deck(), "here", f"{CLEAN}{line}\nNo. of Data Rows : 1\n"))
    assert f"{line.strip()}" in caught.value.cause
    assert f"log line {len(CLEAN.splitlines()) + 1}" in caught.value.cause


def test_the_error_says_where_why_and_how_to_repeat():
    folder = Path("runs/fc1-0123456789ab")
    log = "a\nWarning: singular matrix:  check node bl_41\n"
    with pytest.raises(NotConverged) as caught:
        check_run(Run(deck(), "layer fc1, partition (0, 2)", log, folder=folder))
    text = str(caught.value)
    assert "layer fc1, partition (0, 2), node bl_41" in text
    assert 'ngspice: "Warning: singular matrix:  check node bl_41" (runs/fc1-0123456789ab/ngspice.log:2)' in text
    assert "by hand: cd runs/fc1-0123456789ab && ngspice -b -r out.raw deck.cir" in text


def test_a_message_of_several_lines_is_quoted_whole():
    log = "Error on line 3 or its substitute:\n  d1 in 0 nomod\ncould not find a valid modelname\n"
    assert find_trouble(log).quote == (
        "Error on line 3 or its substitute: / d1 in 0 nomod / could not find a valid modelname"
    )


def test_how_far_a_transient_came_is_said():
    log = 'doAnalyses: TRAN:  Timestep too small; time = 3.2e-09, timestep = 1e-22: trouble with node "q"\n'
    with pytest.raises(NotConverged, match=r"transient stopped at 3.2e-09 s of 2e-08 s") as caught:
        check_run(Run(deck(analysis=Transient(1e-10, 2e-8)), "", log, 1))
    assert caught.value.where.endswith("node q")


@pytest.mark.parametrize(("code", "name"), [(-11, "SIGSEGV"), (139, "SIGSEGV"), (137, "SIGKILL"), (-9, "SIGKILL")])
def test_a_signal_is_a_crash_and_has_a_name(code, name):
    with pytest.raises(SimulatorCrashed, match=name):
        check_run(Run(deck(), "", CLEAN, code))


def test_an_exit_code_alone_is_enough_to_refuse():
    with pytest.raises(DeckRejected, match="exit code 1"):
        check_run(Run(deck(), "", CLEAN, 1))


def test_an_operating_point_is_accepted():
    checked = accept(Run(deck(), "", CLEAN), [plot(v_out=[0.75], i_v1=[1e-3])])
    assert checked.axis_name == "vector"
    np.testing.assert_array_equal(checked.axis, [0])
    assert list(checked.signals) == ["v(out)"]
    np.testing.assert_array_equal(checked.signals["v(out)"], [0.75])


def test_the_wanted_analysis_is_taken_from_several():
    plots = [plot("tran", time=[0.0], v_out=[9.0]), plot("op", v_out=[0.5]), plot("const")]
    assert accept(Run(deck(), "", CLEAN), plots).signals["v(out)"] == 0.5


TRAN = Transient(1e-10, 1e-8)


@pytest.mark.parametrize(
    ("wanted", "got", "said"),
    [
        (deck(), [], "got none"),
        (deck(), [plot("tran", time=[0.0], v_out=[1.0])], "got tran"),
        (deck(), [plot(v_in=[1.0])], r"probe v\(out\) is not in the results"),
        (deck(), [plot(v_out=[np.nan])], "nan V"),
        (deck(), [plot(v_out=[-np.inf])], "-inf V"),
        (deck(), [plot(v_out=[1e32])], r"1e\+32 V, wanted at most 1000 V"),
        (deck(), [plot(v_out=[1.0, 2.0])], "points: got 2, wanted 1"),
        (deck(), [Plot("op", ("v(out)",), np.zeros((0, 1)))], "points: got 0"),
        (deck(), [Plot("op", ("v(out)",), np.array([[1j]]))], "complex"),
        (deck(probes=("i(v1)",)), [plot(i_v1=[5e3])], "5000 A"),
        (deck(analysis=DcSweep("vctl", 3)), [plot("dc", **{"v-sweep": [0, 1], "v_out": [0, 1]})], "got 2, wanted 3"),
        (deck(analysis=DcSweep("vctl", 1)), [plot("dc", v_out=[0])], "axis"),
        (deck(analysis=TRAN), [plot("tran", time=[0, 9e-9], v_out=[0, 1])], "up to 9e-09 s, wanted 1e-08 s"),
        (deck(analysis=TRAN), [plot("tran", time=[0, np.nan], v_out=[0, 1])], "axis"),
    ],
)
def test_numbers_that_cannot_be_believed_are_refused(wanted, got, said):
    with pytest.raises(MeasurementFailed, match=said):
        accept(Run(wanted, "here", CLEAN), got)


def test_the_first_bad_point_is_named():
    sweep = deck(analysis=DcSweep("vctl", 3))
    with pytest.raises(MeasurementFailed) as caught:
        accept(Run(sweep, "here", CLEAN), [plot("dc", **{"v-sweep": [0, 1, 2], "v_out": [0, 1e9, 1e9]})])
    assert caught.value.where == "here, point 1 of 3 (axis 1)"


def test_klu_is_claimed_only_where_the_log_says_so():
    assert solver_of(CLEAN) == "KLU"
    assert solver_of("Using SPARSE 1.3 as Direct Linear Solver") == "Sparse 1.3"
    assert solver_of("") == "Sparse 1.3"
