"""What does one section of a model library say, ``.lib FILE SECTION``, with everything it includes written out?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from aimc_spice.errors import NetlistError

_SECTION = re.compile(r"^\s*\.lib\s+(\w+)\s*$", re.IGNORECASE)
_CALL = re.compile(r"""^\s*\.lib\s+["']?([^"'\s]+)["']?\s+(\w+)\s*$""", re.IGNORECASE)
_INCLUDE = re.compile(r"""^\s*\.inc(?:lude)?\s+["']?([^"'\s]+)["']?\s*$""", re.IGNORECASE)
_END = re.compile(r"^\s*\.endl\b", re.IGNORECASE)
_REFUSED = re.compile(r"^\s*\.(control|end|tran|dc|op|ac|save|options?)\b", re.IGNORECASE | re.MULTILINE)


def from_lib(file: Path, corner: str) -> str:
    """Return one section of a model library, with what it includes written out: decks depend on no other file.

    Raises
    ------
    NetlistError
        The file cannot be read, has no such section (the message lists those it has), includes itself, or holds cards
        that act on a whole deck.
    """
    text = "\n".join(_section(Path(file), corner, ())) + "\n"
    if found := _REFUSED.search(text):
        raise NetlistError(f"model library {file}: section {corner} has the card {found.group(0).strip()}")
    return text


def _section(file: Path, name: str, above: tuple[tuple[Path, str], ...]) -> Iterator[str]:
    """Yield the lines of a section."""
    sections = _sections(_lines(file))
    if name.lower() not in sections:
        known = ", ".join(sections) or "none"
        raise NetlistError(f"model library {file} has no corner {name}", hint=f"its sections are: {known}")
    yield from _written_out(sections[name.lower()], file, (*above, (file, name.lower())))


def _written_out(lines: list[str], file: Path, above: tuple[tuple[Path, str], ...]) -> Iterator[str]:
    """Yield lines, with ``.lib FILE NAME`` and ``.include FILE`` replaced by what they name, beside `file`."""
    for line in lines:
        called = _CALL.match(line)
        if not (found := called or _INCLUDE.match(line)):
            yield line
            continue
        inner = (file.parent / found.group(1), called.group(2).lower() if called else "")
        if inner in above:
            raise NetlistError(f"model library {inner[0]} includes itself", cause=line.strip())
        if called:
            yield from _section(*inner, above)
        else:
            yield from _written_out(_lines(inner[0]), inner[0], (*above, inner))


def _sections(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    inside: list[str] | None = None
    for line in lines:
        if match := _SECTION.match(line):
            inside = found.setdefault(match.group(1).lower(), [])
        elif _END.match(line):
            inside = None
        elif inside is not None:
            inside.append(line)
    return found


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as bad:
        raise NetlistError(f"cannot read the model library {file}", cause=str(bad)) from bad
