"""The wheel holds every shipped file, and `share` finds it there, far from any checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = [
    path.relative_to(ROOT).as_posix()
    for folder in ("netlists", "calibration")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and not path.name.startswith(".")
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that holds what the wheel holds; built with the tools of this environment, so without a download."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_share_finds_every_file_in_the_wheel(installed, tmp_path):
    code = "import sys; from aimc_spice.share import share\nfor name in sys.argv[1:]: print(share(*name.split('/')))"
    command = [sys.executable, "-S", "-c", code, *SHIPPED]
    done = subprocess.run(command, env={"PYTHONPATH": str(installed)}, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    paths = [Path(line) for line in done.stdout.decode().splitlines()]
    assert paths == [installed / "aimc_spice/_share" / name for name in SHIPPED]
    assert [path.read_bytes() for path in paths] == [(ROOT / name).read_bytes() for name in SHIPPED]


def test_the_type_marker_and_the_licence_travel(installed):
    assert (installed / "aimc_spice/py.typed").is_file()
    assert list(installed.glob("*.dist-info/licenses/LICENSE"))
