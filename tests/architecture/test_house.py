"""Small files, plain names, docstrings; nothing of one machine in the text; the documents are there and true."""

from __future__ import annotations

import ast
import re

import pytest

from architecture.source import GROUND, PACKAGE, ROOMS, ROOT, modules, name, texts, tracked, tree

TOP = {"pyproject.toml", "netlists", "aimc_spice", "calibration", "tests", "notebooks", "README.md", "LICENSE"}
TOP |= {"CHANGELOG.md", "Makefile", "docs", "benchmarks"}
MACHINE_PATHS = re.compile(
    r"(?<![\w.$}])/(?:work|farm|root)/|/home/(?!linuxbrew)[a-z]|/Users/[A-Za-z]|(?<![\w.$}])/tmp/[a-z]"
)
REGISTRIES = re.compile(
    r"\b(?:deb|security|archive|ports|snapshot|registry|conda|proxy)\.[a-z]+\.(?:org|com|io|net|dev)\b"
    r"|\bpypi\.[a-z]+|python[h]osted"
)


def lines_matching(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name(path)}:{number} {found.group()}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := pattern.search(line))
    ]


def test_nothing_of_one_machine():
    assert not lines_matching(MACHINE_PATHS)


def test_no_registry_is_named():
    assert not lines_matching(REGISTRIES)


def test_no_utils():
    assert not [name(path) for path in modules() if path.stem in {"utils", "util", "helpers", "misc"}]


def test_no_file_over_400_lines():
    long = {name(path): n for path, text in texts() if path.suffix == ".py" and (n := len(text.splitlines())) > 400}
    assert not long


@pytest.mark.parametrize("path", modules(), ids=name)
def test_every_module_has_a_docstring(path):
    assert ast.get_docstring(tree(path))


def test_nine_of_ten_functions_are_short():
    sizes = [_size(node) for path in modules() for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]
    assert sum(size <= 30 for size in sizes) >= 0.9 * len(sizes)


def _size(function: ast.FunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_results_of_a_room_are_frozen():
    wrong = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in modules()
        if path.name == "base.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if "dataclass" in ast.unparse(decorator) and "frozen=True" not in ast.unparse(decorator)
    ]
    assert not wrong


def test_top_level_entries():
    found = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {entry for entry in found if not entry.startswith(".")} <= TOP


@pytest.mark.parametrize("document", ["README.md", "CHANGELOG.md", "LICENSE", "docs/architecture.md"])
def test_the_document_is_there(document):
    assert (ROOT / document).read_text(encoding="utf-8").strip()


def test_the_architecture_page_names_the_rooms_that_stand():
    """Rooms on the page: ``aimc_spice/NAME/`` anywhere, or ``  NAME/`` in the tree below a line ``aimc_spice/``."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    block = re.search(r"^aimc_spice/.*\n((?:[ \t│├└─].*\n)*)", page, re.MULTILINE)
    told = set(re.findall(r"aimc_spice/(\w+)/", page))
    told |= set(re.findall(r"^[ \t│├└─]+(\w+)/", block.group(1), re.MULTILINE)) if block else set()
    stand = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()} - set(GROUND)
    assert told == stand
    assert stand <= set(ROOMS)
