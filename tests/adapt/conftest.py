"""How the tests treat PyTorch: AIMC_SPICE_TORCH=require fails where it is missing, auto leaves them out and says so."""

from __future__ import annotations

import importlib.util
import os

import pytest

MODE = os.environ.get("AIMC_SPICE_TORCH", "auto")
THERE = importlib.util.find_spec("torch") is not None
if MODE not in {"auto", "require"}:
    raise pytest.UsageError(f"AIMC_SPICE_TORCH: got {MODE!r}, wanted auto or require")
collect_ignore_glob = [] if THERE or MODE == "require" else ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    import torch  # noqa: PLC0415  fails here, once and clearly, where it is required and missing

    torch.set_num_threads(1)


def pytest_terminal_summary(terminalreporter):
    if collect_ignore_glob:
        terminalreporter.write_line("tests/adapt left out: PyTorch is missing (AIMC_SPICE_TORCH=require makes it fail)")
