"""``aimc-spice store``: what it prints, what it removes, how it ends."""

from __future__ import annotations

import os

import numpy as np
import pytest
from typer.testing import CliRunner

from aimc_spice.cli import app
from aimc_spice.dataset import Store
from aimc_spice.errors import NotConverged
from aimc_spice.simulate.base import Waveforms


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    for k in range(3):
        notes = {"label": f"tile {k}", "retries": "gear" if k == 2 else ""}
        signals = {"v(out)": np.full(1, float(k))}
        made.put(Waveforms("vector", np.zeros(1), signals, f"ngspice-{45 + k}", f"{k}" * 64, 0.1, "", notes), "s")
    made.quarantine("9" * 64, "s", NotConverged("no luck", hint="by hand: cd runs/x"))
    return made


def run(*words):
    return CliRunner().invoke(app, ["store", *map(str, words)])


def test_list_shows_results_and_failures(store):
    out = run("list", store.root).output
    assert all(text in out for text in ("tile 0", "tile 2", "gear", "ngspice-46", "NotConverged: no luck", "by hand"))


def test_verify_finds_and_removes_damage(store):
    assert run("verify", store.root).exit_code == 0
    damaged = next(store.entries())
    damaged.write_bytes(b"nothing")
    done = run("verify", store.root, "--remove")
    assert done.exit_code == 1
    assert "2 good, 1 damaged" in done.output
    assert not damaged.exists()


def test_prune_removes_left_overs_notes_and_old_versions(store):
    left = store.root / "00" / ".x.part"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"x")
    os.utime(left, (0, 0))
    assert "would remove 3 files" in run("prune", store.root, "--simulator", "ngspice-45", "--dry-run").output
    assert left.exists()
    assert "removed 3 files" in run("prune", store.root, "--simulator", "ngspice-45").output
    assert len(list(store.entries())) == 2
    assert not left.exists()


def test_prune_by_age(store):
    os.utime(next(store.entries()), (0, 0))
    assert "removed 2 files" in run("prune", store.root, "--older-than", "1").output


def test_export(store, tmp_path):
    done = run("export", store.root, "--out", tmp_path / "all.nc")
    assert "3 results" in done.output
    assert (tmp_path / "all.nc").stat().st_size > 0


def test_no_store_is_an_error(tmp_path):
    assert run("list", tmp_path / "none").exit_code == 2


def test_help_says_units_that_look_like_markup():
    assert "in days" in run("prune", "--help").stdout
    timeout = CliRunner().invoke(app, ["tile", "run", "--help"]).stdout
    assert "seconds" in timeout
