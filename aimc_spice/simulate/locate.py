"""Where is ngspice on this machine, which version is it, and can it use KLU?

One idea: the first place that holds an ngspice wins: the variable ``AIMC_SPICE_NGSPICE`` (a program, or the folder it
is installed under), ``.tools/ngspice`` beside the package or below the working folder, ``PATH``, then the prefixes of
conda and Homebrew. The library is looked for beside the program, so that both have one version. It installs nothing.
"""

from __future__ import annotations

import ctypes.util
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aimc_spice.errors import SimulatorNotFound

VARIABLE = "AIMC_SPICE_NGSPICE"
HOW_TO_INSTALL = (
    "Debian 12: apt-get install -t bookworm-backports ngspice libngspice0; Debian 13, Ubuntu 24.04: apt-get install "
    "ngspice libngspice0; macOS: brew install ngspice libngspice; conda install -c conda-forge ngspice; "
    f"or set {VARIABLE} to the program"
)
_SYSTEM = (Path("/usr"), Path("/"))
_BREW = (Path("/opt/homebrew"), Path("/usr/local"), Path("/home/linuxbrew/.linuxbrew"))
_PROBE_S = 30.0


@dataclass(frozen=True)
class NgspiceInfo:
    """An ngspice that runs.

    Parameters
    ----------
    path : Path
        The program.
    version : int
        Major version, such as 46.
    has_klu : bool
        Whether it was compiled with the KLU solver.
    library : Path or None
        ``libngspice``; a bare file name is left to the loader; None where there is none.
    """

    path: Path
    version: int
    has_klu: bool
    library: Path | None

    @property
    def solver(self) -> str:
        """The linear solver that decks with ``.options klu`` get."""
        return "KLU" if self.has_klu else "Sparse 1.3"

    @property
    def command(self) -> str:
        """What a person types: ``ngspice``, or the whole path of one that is not on ``PATH``."""
        return "ngspice" if shutil.which("ngspice") == str(self.path) else str(self.path)

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that program and library need; empty for an ngspice that the system installed."""
        prefix = self.path.parent.parent
        if prefix in _SYSTEM or not (prefix / "share/ngspice/scripts/spinit").is_file():
            return {}
        folders = [str(self.library.parent)] if self.library and self.library.is_absolute() else []
        before = [old for old in [os.environ.get("LD_LIBRARY_PATH", "")] if old]
        return {
            "SPICE_LIB_DIR": str(prefix / "share/ngspice"),
            "LD_LIBRARY_PATH": os.pathsep.join([*folders, *before]),
        }


def find_ngspice() -> NgspiceInfo:
    """Return the ngspice to use; asked again, an unchanged program is not started again.

    Raises
    ------
    SimulatorNotFound
        None was found, or the one that was found does not run; the text says how to install it.
    """
    wish = os.environ.get(VARIABLE, "").strip()
    if wish.lower() == "none":
        raise SimulatorNotFound(f"ngspice is switched off by {VARIABLE}=none", hint=f"unset {VARIABLE}")
    places = list(_wished(Path(wish).expanduser())) if wish else list(_usual_places())
    path = next((place for place in places if place.is_file() and os.access(place, os.X_OK)), None)
    if path is None:
        where = f"{VARIABLE}={wish}" if wish else ", ".join(map(str, places))
        raise SimulatorNotFound("there is no ngspice on this machine", where=where, hint=HOW_TO_INSTALL)
    path = path.absolute()
    version, has_klu = _ask(path, path.stat().st_mtime_ns)
    return NgspiceInfo(path, version, has_klu, _library_beside(path))


def _wished(wish: Path) -> Iterator[Path]:
    yield wish
    yield from (wish / inside / "ngspice" for inside in ("bin", "usr/bin", "."))


def _usual_places() -> Iterator[Path]:
    for root in dict.fromkeys((Path(__file__).resolve().parents[2], Path.cwd())):
        yield root / ".tools/ngspice/usr/bin/ngspice"
    if found := shutil.which("ngspice"):
        yield Path(found)
    for prefix in (os.environ.get("CONDA_PREFIX"), os.environ.get("HOMEBREW_PREFIX"), *_BREW):
        if prefix:
            yield Path(prefix) / "bin/ngspice"


@lru_cache(maxsize=32)
def _ask(path: Path, changed_ns: int) -> tuple[int, bool]:  # noqa: ARG001  a changed program is asked again
    command = [str(path), "--version"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PROBE_S, stdin=subprocess.DEVNULL, check=False)
        said = (done.stdout + done.stderr).decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired) as bad:
        said = str(bad)
    version = re.search(r"ngspice-(\d+)", said)
    if version is None:
        raise SimulatorNotFound(f"{path} does not run", cause=said.strip()[-500:], hint=HOW_TO_INSTALL)
    return int(version.group(1)), "KLU Direct Linear Solver" in said


def _library_beside(path: Path) -> Path | None:
    for prefix in dict.fromkeys((path.parent.parent, path.resolve().parent.parent)):
        patterns = ("lib*/libngspice.so*", "lib*/*/libngspice.so*", "lib*/libngspice*.dylib")
        found = sorted(hit for pattern in patterns for hit in prefix.glob(pattern))
        if found:
            here = str(sysconfig.get_config_var("MULTIARCH"))
            return next((hit for hit in found if hit.parent.name == here), found[0])
    if path.parent.parent in _SYSTEM + _BREW and (name := ctypes.util.find_library("ngspice")):
        return Path(name)
    return None
