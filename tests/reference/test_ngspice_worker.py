"""The worker process outlives nothing and survives everything. Judge: the operating system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import pytest

from aimc_spice.errors import DeckRejected, NetlistError, SimulationTimeout, SimulatorCrashed
from aimc_spice.netlist.base import Deck, Netlist, OperatingPoint
from aimc_spice.simulate import WorkerSimulator
from decks import ENDLESS, SINE, deck

pytestmark = pytest.mark.ngspice

UNDEFINED = deck("v1 out 0 {nope}")  # leaves libngspice unusable for its process


def gone(pid: int, limit_s: float = 10) -> bool:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def is_good(simulator: WorkerSimulator) -> bool:
    return simulator.run(deck()).signals["v(out)"] == pytest.approx(0.75, rel=1e-12)


@pytest.fixture
def worker(tmp_path):
    with WorkerSimulator(timeout_s=30, runs_dir=tmp_path / "runs") as simulator:
        yield simulator


def test_one_process_serves_many_decks(worker):
    worker.start()
    pid = worker.pid
    assert all(is_good(worker) for _ in range(20))
    with pytest.raises(DeckRejected):
        worker.run(deck("r1 out 0 1\nx1 out nosub"))
    assert is_good(worker)
    assert worker.pid == pid


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_death_between_decks_is_named_and_the_next_deck_runs(worker, name):
    worker.start()
    os.kill(worker.pid, getattr(signal, name))
    with pytest.raises(SimulatorCrashed, match=name) as caught:
        worker.run(deck(), label="layer 1")
    assert caught.value.where == "layer 1"
    assert "by hand: cd " in caught.value.hint
    assert is_good(worker)


def test_a_death_during_a_deck_is_named_and_the_next_deck_runs(worker):
    worker.start()
    threading.Timer(0.5, os.kill, [worker.pid, signal.SIGSEGV]).start()
    with pytest.raises(SimulatorCrashed, match="SIGSEGV"):
        worker.run(deck(SINE, ENDLESS))
    assert is_good(worker)


def test_a_fatal_error_of_the_library_renews_the_process(worker):
    worker.start()
    pid = worker.pid
    for _ in range(2):
        with pytest.raises(DeckRejected, match="nope"):
            worker.run(UNDEFINED)
        assert is_good(worker)
    assert worker.pid != pid


def test_a_deck_that_takes_too_long_is_killed_and_the_next_deck_runs(tmp_path):
    with WorkerSimulator(timeout_s=0.5) as worker:
        worker.start()
        pid, started = worker.pid, time.monotonic()
        with pytest.raises(SimulationTimeout, match=r"no result within 0.5 s"):
            worker.run(deck(SINE, ENDLESS))
        assert time.monotonic() - started < 10
        assert gone(pid)
        assert is_good(worker)


def test_close_leaves_no_process_and_no_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    worker = WorkerSimulator()
    assert is_good(worker)
    pid = worker.pid
    assert list(tmp_path.iterdir())
    worker.close()
    assert gone(pid)
    assert not list(tmp_path.iterdir())
    with pytest.raises(SimulatorCrashed, match="closed"):
        worker.run(deck())


def test_forgetting_to_close_leaves_no_process():
    worker = WorkerSimulator()
    worker.start()
    pid = worker.pid
    del worker
    assert gone(pid)


def test_abort_from_another_thread_ends_a_run(worker):
    worker.start()
    threading.Timer(0.3, worker.abort).start()
    with pytest.raises(SimulatorCrashed):
        worker.run(deck(SINE, ENDLESS))


def test_an_interrupt_ends_the_worker_and_the_next_deck_runs(worker):
    worker.start()
    pid = worker.pid
    threading.Timer(0.3, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        worker.run(deck(SINE, ENDLESS))
    assert gone(pid)
    assert is_good(worker)


@dataclass(frozen=True)
class Faulty:
    """A part whose own code fails; it crosses the pipe, because this module can be imported there."""

    def chunks(self):
        raise NetlistError("no conductances")


def test_an_error_of_the_decks_own_code_arrives(worker):
    wrong = Deck(Netlist("t", (), (Faulty(),)), OperatingPoint(), ("v(out)",))
    with pytest.raises(NetlistError, match="no conductances"):
        worker.run(wrong)
    assert is_good(worker)


# a script without a main guard, with a part of its own class: nothing of it may be imported by the worker
SCRIPT = """
import sys
from dataclasses import dataclass
from aimc_spice.netlist.base import Deck, Netlist, OperatingPoint, Transient
from aimc_spice.simulate import SimulatorPool, WorkerSimulator

@dataclass(frozen=True)
class Mine:
    text: str
    def chunks(self):
        yield self.text

def deck(text, analysis):
    return Deck(Netlist("mine", (), (Mine(text),)), analysis, ("v(out)",))

print("started", flush=True)
"""
RUN_ONE = """
with WorkerSimulator() as worker:
    print(worker.run(deck("v1 out 0 2\\nr1 out 0 1\\n", OperatingPoint())).signals["v(out)"][0], flush=True)
"""
RUN_FOR_EVER = """
pool = SimulatorPool(2)
for simulator in pool._simulators:
    simulator.start()
print(*(simulator.pid for simulator in pool._simulators), flush=True)
endless = deck("v1 out 0 sin(0 1 1e9)\\nr1 out 0 1\\n", Transient(1e-12, 1e-1))
for result in pool.run_many(("endless", endless) for _ in iter(int, 1)):
    print(result)
"""


def test_a_script_without_a_main_guard_works(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT + RUN_ONE)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("started\n2.0\n", "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_sweep_ends_within_seconds_and_leaves_no_process(tmp_path, name):
    (tmp_path / "script.py").write_text(SCRIPT + RUN_FOR_EVER)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, env={**os.environ, "TMPDIR": str(scratch)}, **pipes
    ) as script:
        assert script.stdout.readline() == "started\n"
        pids = [int(word) for word in script.stdout.readline().split()]
        time.sleep(0.5)
        started = time.monotonic()
        script.send_signal(getattr(signal, name))
        _, errors = script.communicate(timeout=30)
    assert time.monotonic() - started < 10
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)
    assert "KeyboardInterrupt" in errors or name != "SIGINT"
    assert not list(scratch.iterdir())
