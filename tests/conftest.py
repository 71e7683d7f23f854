"""How the tests treat ngspice: required (the default), or left out by name and said so; MNIST: used where it is."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from aimc_spice.errors import SimulatorNotFound
from aimc_spice.simulate.locate import VARIABLE, find_ngspice
from aimc_spice.workloads.files import search_path

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


def _has_mnist() -> bool:
    return any((folder / "mnist" / "t10k-labels-idx1-ubyte.gz").exists() for folder in search_path())


def pytest_report_header(config: pytest.Config) -> str:
    mnist = (
        "found" if _has_mnist() else "not found, its tests are left out; AIMC_SPICE_DATA names the folder of the data"
    )
    return f"ngspice: {config.getoption('--ngspice')}; MNIST: {mnist}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = {name for name, gone in (("mnist", not _has_mnist()), ("ngspice", _without_ngspice(config))) if gone}
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in missing)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _without_ngspice(config: pytest.Config) -> bool:
    return bool(config.getoption("--ngspice") == "without")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.get_closest_marker("ngspice"):
        return
    try:
        find_ngspice()
    except SimulatorNotFound as error:
        pytest.fail(f"this test needs ngspice; --ngspice=without leaves it out\n{error}", pytrace=False)
