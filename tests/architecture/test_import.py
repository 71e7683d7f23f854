"""Importing the package starts nothing, logs nothing, needs no ngspice and loads nothing heavy."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from architecture.source import PACKAGE, ROOMS, ROOT

WATCH = """
import sys
started = []
BAD = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "socket.connect")
sys.addaudithook(lambda event, args: started.append(event) if event in BAD else None)
import importlib
importlib.import_module(sys.argv[1])
import logging, threading
assert not started, f"processes or connections: {started}"
assert not logging.getLogger().handlers, "logging was configured"
assert threading.active_count() == 1, f"threads: {threading.enumerate()}"
heavy = {"torch", "PySpice"} & set(sys.modules)
assert not heavy, f"imported {heavy}"
"""
THERE = ["aimc_spice", "aimc_spice.cli"]
THERE += [f"aimc_spice.{room}" for room in ROOMS if (PACKAGE / room / "__init__.py").is_file()]


def python(*arguments: str, folder: os.PathLike[str]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("module", THERE)
def test_import_is_quiet(module, tmp_path):
    done = python("-c", WATCH, module, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
    assert not list(tmp_path.iterdir()), "files were written"


def test_help_loads_nothing_heavy(tmp_path):
    """What makes ``--help`` slow, counted instead of timed: a loaded machine cannot fail it."""
    code = "import sys, aimc_spice.cli as c\ntry: c.main()\nfinally: print(*{m.split('.')[0] for m in sys.modules})"
    done = python("-c", code, "--help", folder=tmp_path)
    assert "Usage" in done.stdout
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {
        "numpy",
        "scipy",
        "matplotlib",
        "pydantic",
        "xarray",
        "networkx",
        "sklearn",
        "PySpice",
        "torch",
    }
