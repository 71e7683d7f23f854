"""A stand-in for the ngspice program: answers ``--version``, then does what the test wants."""

from __future__ import annotations

from pathlib import Path

BANNER = "** ngspice-46 : Circuit level simulation program\n** Compiled with KLU Direct Linear Solver"


def fake_ngspice(folder: Path, does: str, banner: str = BANNER) -> Path:
    """Write a shell script; `does` runs for every call other than --version."""
    program = folder / "bin/ngspice"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then\ncat <<EOF\n{banner}\nEOF\nexit 0\nfi\n{does}\n')
    program.chmod(0o755)
    return program
