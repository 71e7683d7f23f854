"""Ctrl-C while a sweep simulates, here and on a cluster: it ends in seconds, and the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import aimc_spice.simulate.cluster
from aimc_spice.simulate.rawfile import read_plots
from end_to_end.test_main_job import run, study  # noqa: F401  the fixture of the small study

pytestmark = pytest.mark.ngspice
COMMAND = [sys.executable, "-c", "from aimc_spice.cli import main; main()", "sweep"]


@pytest.fixture
def long_study(study):  # noqa: F811  it is the fixture
    text = study.read_text().replace("n_images = 6\nimages_per_deck = 3", "n_images = 40\nimages_per_deck = 1")
    study.write_text(text.replace('t_stop = "0.2 ns"', 't_stop = "20 ns"\nt_step = "2 ps"'))
    return study


def descendants(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, found.splitlines()[1:])}
    return [child for child in parents if parents[child] == pid or parents.get(parents[child]) == pid]


def alive(pids: list[int], within_s: float) -> list[int]:
    """Return which processes are still there after some time; they may need a moment to end."""
    until = time.monotonic() + within_s
    while (left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]) and time.monotonic() < until:
        time.sleep(0.1)
    return left


@pytest.mark.parametrize("where", [(), ("--cluster", "local:1")], ids=["here", "cluster"])
def test_ctrl_c_ends_a_sweep_in_seconds_and_the_same_command_goes_on(long_study, where):
    command = [*COMMAND, str(long_study), "--out", str(long_study.parent / "out"), *where]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=os.environ
    )
    first = process.stdout.readline()
    assert first.startswith("[1/"), first
    children = descendants(process.pid)
    asked = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - asked < 10
    assert process.returncode == 130
    assert said.strip().endswith("stopped; run the same command to resume")
    assert "Traceback" not in said
    assert children
    assert not alive(children, within_s=5)
    assert list(long_study.parent.glob("out/*/store/??/*"))
    done = run("sweep", long_study, "--out", long_study.parent / "out", "--images", 1)
    assert done.exit_code == 0, done.output
    assert "(stored)" in done.output


def test_kept_folders_of_a_sweep_run_again_by_hand(study):  # noqa: F811
    out = study.parent / "out"
    done = run("sweep", study, "--out", out, "--keep")
    assert done.exit_code == 0, done.output
    folders = sorted(path.parent for path in out.glob("small/runs/*/deck.cir"))
    assert len(folders) >= 6  # two choices: a step response and two decks of images each, and calibration
    command = ["ngspice", "-b", "-r", "again.raw", "deck.cir"]
    again = subprocess.run(command, cwd=folders[0], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    (by_hand,), (kept,) = (read_plots(folders[0] / name) for name in ("again.raw", "out.raw"))
    assert by_hand.names == kept.names
    np.testing.assert_array_equal(by_hand.values, kept.values)


def test_kept_folders_and_a_cluster_exclude_each_other(study):  # noqa: F811
    done = run("sweep", study, "--out", study.parent / "out", "--keep", "--cluster", "local:1")
    assert done.exit_code == 2
    assert "leave --keep or --cluster out" in done.output


def test_memory_limit_of_a_study_reaches_the_workers(study, monkeypatch):  # noqa: F811
    """That a job above its limit is killed and named is tested in tests/reference/test_ngspice_ladder.py."""
    seen = []
    made = aimc_spice.simulate.cluster.SimulatorPool
    monkeypatch.setattr(
        aimc_spice.simulate.cluster, "SimulatorPool", lambda *a, **k: (seen.append(k["limits"]), made(*a, **k))[1]
    )
    text = study.read_text()
    study.write_text(text.replace("workers = 1", 'workers = 1\nmax_memory = "0.5 GB"'))
    assert run("evaluate", study, "--out", study.parent / "out").exit_code == 0
    assert [limits.job_mb for limits in seen] == [500.0]
    study.write_text(text.replace("workers = 1", 'workers = 1\nmax_memory = "1 MB"'))
    done = run("evaluate", study, "--out", study.parent / "out")
    assert done.exit_code == 2
    assert "wanted 100 or more" in done.output


def test_the_same_deck_in_another_dialect(study, tmp_path):  # noqa: F811
    done = run("netlist", study, "--dialect", "xyce", "--out", tmp_path / "net.cir")
    assert done.exit_code == 0, done.output
    assert "by hand: Xyce " in done.output
    assert ".dc vop_aimc 0 0 1" in (tmp_path / "net.cir").read_text()
    assert "known: ngspice, xyce" in run("netlist", study, "--dialect", "eldo", "--out", tmp_path / "x.cir").output
    assert np.count_nonzero([path.name == "x.cir" for path in tmp_path.iterdir()]) == 0
