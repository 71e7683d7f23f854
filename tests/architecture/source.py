"""Read the real source once: files, syntax trees and what each module imports."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "aimc_spice"

ROOMS = ("device", "netlist", "simulate", "dataset", "metrology")
ROOMS += ("surrogate", "network", "adapt", "workloads", "report", "build", "flows", "commands")
GROUND = ("units", "errors", "config", "rng", "share", "compiled")

_NOT_OURS = {".git", ".venv", ".tools", "runs", "results", "build", "dist", "__pycache__"}
_NOT_OURS |= {".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".ipynb_checkpoints"}
_TEXT = {
    ".py",
    ".md",
    ".toml",
    ".cir",
    ".sp",
    ".inc",
    ".lib",
    ".csv",
    ".yaml",
    ".yml",
    ".sh",
    ".cfg",
    ".ini",
    ".ipynb",
    "",
}


def modules() -> list[Path]:
    """Return every module of the package."""
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name(path: Path) -> str:
    """Return where a file lies, for messages."""
    return path.relative_to(ROOT).as_posix()


def room(path: Path) -> str | None:
    """Return the room a module stands in; None at the top of the package and in what lies below all rooms."""
    inside = path.relative_to(PACKAGE).parts
    return inside[0] if len(inside) > 1 and inside[0] not in GROUND else None


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything a module imports, names from modules included."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*_package(path, node.level), *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _package(path: Path, level: int) -> list[str]:
    parts = ["aimc_spice", *path.relative_to(PACKAGE).parent.parts]
    return parts[: len(parts) - level + 1] if level else []


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files that belong to the project: what git tracks, or all that lies here where there is no git."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    if (ROOT / ".git").exists() and shutil.which("git"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return tuple(path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file())
    return tuple(_files(ROOT))


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every text file of the project."""
    for path in sorted(tracked()):
        if path.suffix in _TEXT and path.stat().st_size < 1_000_000:
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and path.name not in _NOT_OURS and not path.name.endswith(".egg-info"):
            yield from _files(path)
        elif path.is_file():
            yield path
