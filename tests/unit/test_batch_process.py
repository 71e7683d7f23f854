"""What becomes of a program that hangs, crashes, talks or lies; a shell script stands in for ngspice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

from aimc_spice.errors import (
    DeckRejected,
    MeasurementFailed,
    NotConverged,
    SimulationTimeout,
    SimulatorCrashed,
    SimulatorNotFound,
)
from aimc_spice.simulate import BatchSimulator, WorkerSimulator, locate
from decks import deck
from fake import fake_ngspice

LABEL = "layer 0, partition (0, 2)"


@pytest.fixture
def simulator(tmp_path, monkeypatch):
    def make(does: str, **options) -> BatchSimulator:
        monkeypatch.setenv(locate.VARIABLE, str(fake_ngspice(tmp_path, does)))
        return BatchSimulator(tmp_path / "runs", **options)

    return make


def kept(tmp_path):
    return sorted(path.name for path in (tmp_path / "runs").iterdir())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pid: int) -> bool:
    """Whether a process ends within two seconds; a killed grandchild is reaped by init, not by us."""
    deadline = time.monotonic() + 2
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def test_a_hung_program_is_killed_with_its_children(simulator, tmp_path):
    slow = simulator("sleep 60 & echo $! > child; wait", timeout_s=0.5)
    started = time.monotonic()
    with pytest.raises(SimulationTimeout, match=r"no result within 0.5 s") as caught:
        slow.run(deck(), label=LABEL)
    assert time.monotonic() - started < 10
    folder = tmp_path / "runs" / f"layer-0-partition-0-2-{deck().digest()[:12]}"
    assert f"cd {folder} && {tmp_path / 'bin/ngspice'} -b -r out.raw deck.cir" in caught.value.hint
    assert (folder / "deck.cir").read_text() == deck().text()
    assert gone(int((folder / "child").read_text()))


@pytest.mark.parametrize(("name", "number"), [("SIGSEGV", "SEGV"), ("SIGKILL", "KILL"), ("SIGABRT", "ABRT")])
def test_a_crashed_program_is_named_by_its_signal(simulator, name, number):
    with pytest.raises(SimulatorCrashed, match=name) as caught:
        simulator(f"echo last words; kill -{number} $$").run(deck(), label=LABEL)
    assert caught.value.where == LABEL
    assert "last words" in caught.value.cause


def test_an_exit_code_is_reported_with_the_last_words(simulator):
    with pytest.raises(DeckRejected, match="exit code 3") as caught:
        simulator("echo what a pity >&2; exit 3").run(deck())
    assert "what a pity" in caught.value.cause


def test_success_without_a_rawfile_is_refused(simulator):
    with pytest.raises(MeasurementFailed, match="no rawfile"):
        simulator("exit 0").run(deck())


def test_a_rawfile_of_a_killed_run_is_refused(simulator):
    header = "Title: t\\nPlotname: Operating Point\\nFlags: real\\nNo. Variables: 1\\nNo. Points: 0\\n"
    does = f'printf "{header}Variables:\\n\\t0\\tv(out)\\tvoltage\\nBinary:\\n" > out.raw'
    with pytest.raises(MeasurementFailed, match="0 points") as caught:
        simulator(does).run(deck(), label=LABEL)
    assert caught.value.where == LABEL


def test_the_log_is_believed_against_the_exit_code(simulator):
    with pytest.raises(NotConverged, match="no unique solution") as caught:
        simulator('echo "Warning: singular matrix:  check node a" > ngspice.log').run(deck())
    assert "ngspice.log:1" in caught.value.cause


@pytest.mark.parametrize(("keep", "stays"), [(True, True), ("failed", True), (False, False)])
def test_which_failed_runs_are_kept(simulator, tmp_path, keep, stays):
    with pytest.raises(MeasurementFailed) as caught:
        simulator("exit 0", keep=keep).run(deck())
    assert len(kept(tmp_path)) == stays
    assert ("by hand" in caught.value.hint) == stays


def test_the_same_deck_twice_leaves_one_folder(simulator, tmp_path):
    for _ in range(2):
        with pytest.raises(MeasurementFailed):
            simulator("exit 0").run(deck(), label=LABEL)
    assert kept(tmp_path) == [f"layer-0-partition-0-2-{deck().digest()[:12]}"]


def test_the_start_up_file_at_home_is_kept_out(simulator, tmp_path):
    with pytest.raises(MeasurementFailed):
        simulator("exit 0").run(deck())
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / ".spiceinit").read_text() == "set num_threads=1\nset noinit\nset no_mem_check\n"


def test_abort_ends_a_run_from_another_thread(simulator):
    slow = simulator("sleep 60")
    threading.Timer(0.3, slow.abort).start()
    started = time.monotonic()
    with pytest.raises(SimulatorCrashed):
        slow.run(deck())
    assert time.monotonic() - started < 10
    with pytest.raises(SimulatorCrashed, match="closed"):
        slow.run(deck())


def test_a_missing_program_is_found_out_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv(locate.VARIABLE, str(tmp_path / "no/ngspice"))
    with pytest.raises(SimulatorNotFound):
        BatchSimulator(tmp_path)


SCRIPT = """
from pathlib import Path
from decks import deck
from aimc_spice.simulate import BatchSimulator
BatchSimulator(Path("runs")).run(deck())
"""


@pytest.mark.skipif(not shutil.which("setpriv"), reason="only Linux can tie a process to its parent")
def test_a_killed_caller_leaves_no_process(tmp_path, monkeypatch):
    program = fake_ngspice(tmp_path, f"echo $$ > {tmp_path / 'pid'}; exec sleep 60")
    environment = {**os.environ, locate.VARIABLE: str(program), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment) as caller:
        deadline = time.monotonic() + 20
        while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        caller.kill()
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_library_that_cannot_be_loaded_is_not_a_crash_of_the_deck(tmp_path, monkeypatch):
    program = fake_ngspice(tmp_path, "exit 1")
    library = tmp_path / "lib/libngspice.so.0"
    library.parent.mkdir()
    library.write_text("not a library")
    monkeypatch.setenv(locate.VARIABLE, str(program))
    with WorkerSimulator() as worker:
        for _ in range(2):
            with pytest.raises(SimulatorNotFound, match=r"(?s)libngspice.so.0 cannot be loaded.*open_simulator"):
                worker.run(deck())
