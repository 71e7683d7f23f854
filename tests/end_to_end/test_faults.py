"""The fault table: what happens to a plan, and what is lost, which must be nothing but the jobs in flight.

Runs that are killed are real processes, started and killed here; their plan is `PLAN` small transients.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from aimc_spice.dataset import Job, Store, collect
from aimc_spice.errors import DatasetError, NotConverged, SimulationError
from aimc_spice.netlist.base import Transient
from aimc_spice.simulate import SimulatorPool
from decks import ENDLESS, SINE, deck

pytestmark = pytest.mark.ngspice
PLAN, WORKERS, IN_FLIGHT = 40, 2, 4
RUN = """
import sys
from pathlib import Path
from end_to_end.test_faults import PLAN, WORKERS, jobs
from aimc_spice.dataset import Store, collect
from aimc_spice.simulate import SimulatorPool
if __name__ == "__main__":
    with SimulatorPool(WORKERS, timeout_s=60) as pool:
        collect(jobs(PLAN), pool, Store(Path(sys.argv[1])), lambda done, total, label: print(label, flush=True))
    print("finished", flush=True)
"""


def jobs(n: int) -> list[Job]:
    decks = (deck(f"v1 in 0 sin(0 1 1e6)\nr1 in out {k + 1}e2\nc1 out 0 1e-9", Transient(1e-9, 4e-6)) for k in range(n))
    return [Job(f"job {k}", one) for k, one in enumerate(decks)]


def start(store: Path) -> subprocess.Popen[str]:
    tests = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([tests, *sys.path])}
    command = [sys.executable, "-c", RUN, str(store)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def lines_of(process: subprocess.Popen[str], at_most: int = 10**9) -> list[str]:
    """Read what a run says, line by line, until it ends or has said enough."""
    said = []
    while len(said) < at_most and (line := process.stdout.readline()):
        said.append(line.strip())
    return said


def simulated(said: list[str]) -> list[str]:
    return [line for line in said if line.startswith("job") and not line.endswith("(stored)")]


def kill_and_read(process: subprocess.Popen[str], after: int) -> list[str]:
    """Kill a run after it has simulated so many decks; return all it said."""
    said: list[str] = []
    while len(simulated(said)) < after and (line := process.stdout.readline()):
        said.append(line.strip())
    process.kill()
    rest = process.stdout.read().splitlines()
    process.wait()
    process.stdout.close()
    return said + rest


def test_parent_killed_at_ten_random_moments(tmp_path):
    chance, counts, store = random.Random(7), Counter(), Store(tmp_path)
    for _ in range(10):
        counts.update(simulated(kill_and_read(start(tmp_path), chance.randrange(4))))
    with SimulatorPool(WORKERS) as pool:
        found = collect(jobs(PLAN), pool, store, lambda done, total, label: counts.update(simulated([label])))
    assert len(found) == PLAN
    # a result is stored before it is told; a run killed in between leaves one that nobody told
    assert max(counts.values()) == 1
    assert len(list(store.entries())) == PLAN


def test_workers_killed(tmp_path):
    """Every worker dies twice, which is as often as a job is run again: also one that has not answered yet."""
    victims, killed = {3: [0, 1], 6: [0], 9: [1]}, []
    with SimulatorPool(WORKERS, timeout_s=60) as pool:

        def progress(done, total, label):
            for one in victims.get(done, []):
                # between a death and its successor there is none, or one that has just been waited for
                if (pid := pool._simulators[one].pid) is not None:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)

        assert len(collect(jobs(20), pool, Store(tmp_path), progress)) == 20
    assert killed


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    with SimulatorPool(WORKERS, timeout_s=2, runs_dir=tmp_path_factory.mktemp("runs")) as opened:
        yield opened


def test_full_disk_then_room_again(pool, tmp_path, monkeypatch):
    store, real, written = Store(tmp_path), Path.write_bytes, []

    def write_bytes(path, data):
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        written.append(path)
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(DatasetError, match="No space left"):
        collect(jobs(12), pool, store)
    kept = len(list(store.entries()))
    assert 0 < kept <= 5
    monkeypatch.undo()
    told = []
    assert len(collect(jobs(12), pool, store, lambda done, total, label: told.append(label))) == 12
    assert len(simulated(told)) == 12 - kept


def test_read_only_store(pool, tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    collect(jobs(3), pool, store)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    for name in ("write_bytes", "replace", "unlink", "mkdir"):
        monkeypatch.setattr(Path, name, refuse)
    assert len(collect(jobs(3), pool, store)) == 3  # what is there can be read
    with pytest.raises(DatasetError, match="cannot write to the store"):
        collect(jobs(4), pool, store)


def test_truncated_result(pool, tmp_path):
    store, told = Store(tmp_path), []
    before = collect(jobs(4), pool, store)
    victim = store.path(jobs(4)[2].deck.digest(), pool.name)
    os.truncate(victim, victim.stat().st_size // 2)
    after = collect(jobs(4), pool, store, lambda done, total, label: told.append(label))
    assert simulated(told) == ["job 2"]
    assert np.array_equal(before[2].signals["v(out)"], after[2].signals["v(out)"])


def test_hung_and_bad_decks_among_good_ones(pool, tmp_path):
    bad = [
        Job("hung", deck(SINE, ENDLESS)),
        Job("singular", deck("i1 0 out 1\nc1 out 0 1p")),
        Job("stuck", deck("v1 in 0 1\nb1 out in v=v(out)*v(out)+2")),
        Job("no model", deck("v1 in 0 1\nd1 in out nomodel\nr1 out 0 1")),
    ]
    mixed, store = [*jobs(4), *bad, *jobs(8)[4:]], Store(tmp_path)
    wanted = r"4 of 12 .*2 x NotConverged, 1 x \w+, 1 x \w+; the others are stored"
    with pytest.raises(SimulationError, match=wanted) as caught:
        collect(mixed, pool, store)
    assert "by hand: cd " in caught.value.hint
    assert len(list(store.entries())) == 8
    notes = [note.read_text() for note in store.quarantined()]
    assert sorted(note.split(":")[0] for note in notes) == [
        *("DeckRejected", "NotConverged", "NotConverged", "SimulationTimeout")
    ]
    assert all("by hand: cd " in note for note in notes)
    assert sum("did not help: gmin stepping" in note for note in notes) == 2
    assert issubclass(NotConverged, SimulationError)


def test_two_runs_on_one_store(tmp_path):
    runs = [start(tmp_path) for _ in range(2)]
    said = [lines_of(run) for run in runs]
    for run in runs:
        assert run.wait() == 0
        run.stdout.close()
    assert all(lines[-1] == "finished" for lines in said)
    counts = Counter(simulated(said[0]) + simulated(said[1]))
    assert len(counts) == PLAN
    assert max(counts.values()) == 1


def test_nothing_is_left_behind(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = tempfile.tempdir
    tempfile.tempdir = str(scratch)
    try:
        with SimulatorPool(WORKERS) as pool:
            collect(jobs(6), pool, Store(tmp_path / "store"))
            pids = [simulator.pid for simulator in pool._simulators if simulator.pid]
    finally:
        tempfile.tempdir = before
    assert not list(scratch.iterdir())
    assert not list((tmp_path / "store").rglob(".*"))
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
