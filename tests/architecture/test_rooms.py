"""A room imports only rooms above it; what is dangerous or slow is imported in one place."""

from __future__ import annotations

import ast

import pytest

from architecture.source import GROUND, ROOMS, imports, modules, name, room, tree

PROCESS_MODULES = ("subprocess", "multiprocessing", "concurrent.futures.ProcessPoolExecutor", "pty")
PROCESS_CALLS = ("fork", "forkpty", "system", "popen", "exec", "spawn", "posix_spawn")


def reachable(where: str | None) -> set[str]:
    """What of the package a module may import; at the top only the ground is bound. The pipeline is the first flow."""
    first = {"pipeline"} if where in {"flows", "commands"} else set()
    return set(GROUND) | {"__version__"} | first | (set(ROOMS[: ROOMS.index(where) + 1]) if where else set())


def inside(dotted: str) -> str | None:
    """The first name below aimc_spice, or None."""
    parts = dotted.split(".")
    return parts[1] if parts[0] == "aimc_spice" and len(parts) > 1 else None


def starts_with(dotted: str, prefixes: tuple[str, ...]) -> bool:
    return any(dotted == prefix or dotted.startswith(prefix + ".") for prefix in prefixes)


def test_a_room_imports_only_rooms_above_it():
    wrong = [
        f"{name(path)}:{line} imports {dotted}"
        for path in modules()
        if (here := room(path)) or {path.stem, path.parent.name} & set(GROUND)
        for line, dotted in imports(path)
        if (target := inside(dotted)) and target not in reachable(here)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_folder_of_the_package_is_a_room():
    found = {room(path) for path in modules()} - {None}
    assert found <= set(ROOMS)


def test_only_simulate_starts_processes():
    wrong = [
        f"{name(path)}:{line} imports {dotted}"
        for path in modules()
        if room(path) != "simulate"
        for line, dotted in imports(path)
        if starts_with(dotted, PROCESS_MODULES)
    ]
    wrong += [
        f"{name(path)}:{node.lineno} calls os.{node.attr}"
        for path in modules()
        if room(path) != "simulate"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
        if node.attr.startswith(PROCESS_CALLS)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("package", "room_of_it"), [("PySpice", "simulate"), ("tomllib", None)])
def test_imported_in_one_file(package, room_of_it):
    where = {path for path in modules() for _, dotted in imports(path) if starts_with(dotted, (package,))}
    assert [room(path) for path in where] == [room_of_it], sorted(map(name, where))


def test_torch_stays_in_adapt():
    wrong = {
        name(path)
        for path in modules()
        if room(path) != "adapt"
        for _, dotted in imports(path)
        if starts_with(dotted, ("torch",))
    }
    assert not wrong
