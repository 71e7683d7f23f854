"""How the tests treat ngspice: required (the default, and in CI), or left out by name and said so."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from aimc_spice.errors import SimulatorNotFound
from aimc_spice.simulate.locate import VARIABLE, find_ngspice

settings.register_profile(
    "repo", deadline=None, derandomize=True
)  # shared machines are slow at times; same cases for all
settings.load_profile("repo")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--ngspice",
        choices=("required", "without"),
        default="without" if os.environ.get(VARIABLE, "").strip().lower() == "none" else "required",
        help=f"required: tests marked ngspice fail where there is none; without (or {VARIABLE}=none): left out",
    )


def pytest_report_header(config: pytest.Config) -> str:
    return f"ngspice: {config.getoption('--ngspice')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--ngspice") == "required":
        return
    left_out = [item for item in items if item.get_closest_marker("ngspice")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.get_closest_marker("ngspice"):
        return
    try:
        find_ngspice()
    except SimulatorNotFound as error:
        pytest.fail(f"this test needs ngspice; --ngspice=without leaves it out\n{error}", pytrace=False)
