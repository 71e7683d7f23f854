"""libngspice in a worker and ``ngspice -b`` give the same numbers under the same names. Judge: each other."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from aimc_spice.netlist.base import DcSweep, Lines, Netlist, OperatingPoint, Transient
from aimc_spice.simulate import BatchSimulator, Waveforms, WorkerSimulator, find_ngspice
from aimc_spice.simulate.evidence import write_deck
from decks import DIVIDER, deck

pytestmark = pytest.mark.ngspice

NESTED = """
v1 in 0 1
x1 in out outer
.subckt outer a b
x2 a b inner
.ends
.subckt inner a b
r1 a n3 1e3
r2 n3 b 1e3
e1 b 0 n3 0 0.5
.ends
"""
RC = "v1 in 0 pulse(0 1 1e-9 1e-10 1e-10 5e-9)\nr1 in out 1e3\nc1 out 0 1e-12"
ODD_NAMES = ("2", "a#3", "b[3]", "a.b", "4n", "pi", "c_0_1")
ODD = "v1 1 0 1\n" + "\n".join(f"r{i} 1 {node} 1e3\nr{i}b {node} 0 {i}e3" for i, node in enumerate(ODD_NAMES, 1))
SINH = "vctl ctl 0 0\nvin in 0 0\nb1 out 0 v=0.2*v(ctl)\nb2 out 0 i=1e-4*0.25*sinh(v(out)/0.25)\nr1 in out 1e3"
DECKS = {
    "divider": deck(probes=("v(out)", "i(v1)", "v(in)")),
    "nested": deck(NESTED, probes=("v(x1.x2.n3)", "i(e.x1.x2.e1)", "v(out)", "i(v1)")),
    "odd names": deck(ODD, probes=("v(1)", "v(2)", "v(a#3)", "v(b[3])", "v(a.b)", "v(4n)", "v(pi)", "v(c_0_1)")),
    "sweep": deck(SINH, DcSweep("vctl", 5), ("v(out)", "i(b1)", "v(ctl)")),
    "sweep of one": deck(SINH, DcSweep("vctl", 1), ("v(out)",)),
    "transient": deck(RC, Transient(1e-10, 1e-8), ("v(out)", "i(v1)")),
    "code models": deck("v1 in 0 0.25\na1 in out twice\n.model twice gain(gain=2)\nr1 out 0 1e3"),
    "without klu": deck(options=()),
    "upper case": deck("V1 In 0 1\nR1 In Out 1e3\nR2 Out 0 1e3", probes=("v(out)", "i(v1)")),
    "its own .op before ours": deck(f"{DIVIDER}\n.tran 1e-9 1e-8", probes=("v(out)",)),
}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with WorkerSimulator(timeout_s=60) as shared, BatchSimulator(tmp_path_factory.mktemp("runs")) as batch:
        yield shared, batch


@pytest.mark.parametrize("name", DECKS)
def test_same_names_same_numbers(both, name):
    one, other = (simulator.run(DECKS[name], label=name) for simulator in both)
    assert list(one.signals) == list(other.signals) == list(DECKS[name].probes)
    assert one.axis_name == other.axis_name
    np.testing.assert_array_equal(one.axis, other.axis)
    for probe in DECKS[name].probes:
        np.testing.assert_array_equal(one.signals[probe], other.signals[probe], err_msg=probe)
    assert one.deck_digest == other.deck_digest == DECKS[name].digest()


def test_the_solver_that_was_used_is_named(both):
    version, solver = find_ngspice().version, find_ngspice().solver
    for simulator, kind in zip(both, ("shared", "batch"), strict=True):
        assert simulator.name == f"ngspice-{version} {solver}, {kind}"
        assert simulator.run(deck()).simulator == f"ngspice-{version} {solver}, {kind}"
        assert simulator.run(deck(options=())).simulator == f"ngspice-{version} Sparse 1.3, {kind}"


def test_options_do_not_leak_into_the_next_deck(both):
    shared, _ = both
    hot = deck("v1 in 0 1\nr1 in out 1e3 tc1=1e-3\nr2 out 0 1e3", options=("klu", "temp=127", "reltol=0.1"))
    cold = deck("v1 in 0 1\nr1 in out 1e3 tc1=1e-3\nr2 out 0 1e3", options=())
    before = shared.run(cold).signals["v(out)"]
    assert shared.run(hot).signals["v(out)"] == pytest.approx(1 / 2.1)
    after = shared.run(cold)
    np.testing.assert_array_equal(before, after.signals["v(out)"])
    assert "Sparse" in after.simulator


def test_a_deck_of_many_lines_goes_through_the_pipe(both):
    shared, batch = both
    chain = "v1 n0 0 1\n" + "\n".join(f"r{i} n{i} n{i + 1} 1e0" for i in range(20_000)) + "\nrl n20000 0 2e4"
    long = deck(chain, probes=("v(n10000)", "v(n20000)"))
    for simulator in (shared, batch):
        result = simulator.run(long)
        assert result.signals["v(n10000)"] == pytest.approx(0.75, rel=1e-9)
        assert result.signals["v(n20000)"] == pytest.approx(0.5, rel=1e-9)


def test_results_survive_the_disk(both, tmp_path):
    result = both[0].run(DECKS["transient"])
    result.save(tmp_path / "w.nc")
    np.testing.assert_array_equal(Waveforms.load(tmp_path / "w.nc").signals["v(out)"], result.signals["v(out)"])


def test_a_kept_folder_repeats_by_hand(tmp_path):
    with BatchSimulator(tmp_path, keep=True) as batch:
        batch.run(DECKS["sweep"], label="layer 0")
    (folder,) = tmp_path.iterdir()
    assert folder.name == f"layer-0-{DECKS['sweep'].digest()[:12]}"
    before = (folder / "out.raw").read_bytes()
    command = [str(find_ngspice().path), "-b", "-r", "out.raw", "deck.cir"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    marker = b"Variables:"  # the header before it holds the time of day
    assert (folder / "out.raw").read_bytes().partition(marker)[2] == before.partition(marker)[2]


def test_the_digest_is_taken_while_writing(tmp_path):
    wanted = DECKS["nested"]
    assert write_deck(wanted, tmp_path / "deck.cir") == wanted.digest()
    assert (tmp_path / "deck.cir").read_text() == wanted.text()


def test_a_folder_with_blanks_works(tmp_path, monkeypatch):
    spaced = tmp_path / "with blank (1)"
    spaced.mkdir()
    monkeypatch.setenv("TMPDIR", str(spaced))
    monkeypatch.setattr("tempfile.tempdir", None)
    with WorkerSimulator(runs_dir=spaced) as shared, BatchSimulator(spaced / "runs") as batch:
        for simulator in (shared, batch):
            assert simulator.run(deck(), label="a b").signals["v(out)"] == pytest.approx(0.75)


def test_a_users_start_up_file_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".spiceinit").write_text("set temp=100\noption temp=100\nset ngbehavior=psa\necho hello error\n")
    warm = deck("v1 in 0 1\nr1 in out 1e3 tc1=1e-2\nr2 out 0 1e3")
    with WorkerSimulator() as shared, BatchSimulator(tmp_path / "runs") as batch:
        for simulator in (shared, batch):
            result = simulator.run(warm)
            assert result.signals["v(out)"] == pytest.approx(0.5, rel=1e-12)
            assert "hello" not in result.log


def test_a_netlist_of_several_parts_is_written_once_each():
    parts = Netlist("t", (Lines(".model d d"),), (Lines("v1 a 0 1"), Lines("r1 a 0 1")))
    assert "".join(parts.chunks()) == "* t\n.model d d\nv1 a 0 1\nr1 a 0 1\n"
    assert OperatingPoint().n_points == 1
