"""How does SPICE text, arriving in chunks of any size, become logical lines?

One idea: work on blocks of about a megabyte with string operations in C: lower case, comments cut (``*`` lines;
``;``, ``//`` and `` $`` to the end of a line), ``+`` continuation lines glued to the line they continue. Line numbers
are kept: a continued line leaves empty lines behind. It does not look inside a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_BLOCK = 1 << 20  # characters: large enough for speed, small enough for bounded memory
_COMMENT = re.compile(r"(?:;|//|(?<=\s)\$|^\$|\$(?=\s)).*", re.MULTILINE)
_CONTINUED = re.compile(r"^[ \t]*\+", re.MULTILINE)
_NEW_LINE = re.compile(r"\n[ \t]*[^\s+*$;/]")


@dataclass(frozen=True)
class Block:
    """Logical lines, lower case; ``lines[i]`` began on line ``first + i`` of the text; empty ones stay."""

    first: int
    lines: list[str]


def blocks(chunks: Iterable[str]) -> Iterator[Block]:
    """Yield blocks of logical lines; no logical line is cut."""
    first = 1
    for text in _cut(chunks):
        lines = _logical(text.lower())
        yield Block(first, lines)
        first += len(lines)


def _cut(chunks: Iterable[str]) -> Iterator[str]:
    """Regroup to pieces of about `_BLOCK` characters that end where a new logical line begins."""
    held: list[str] = []
    size = 0
    for chunk in chunks:
        for start in range(0, len(chunk), _BLOCK):
            held.append(chunk[start : start + _BLOCK])
            size += len(held[-1])
            if size >= _BLOCK:
                text = "".join(held)
                end = _last_new_line(text)
                if end > 0:
                    yield text[:end]
                held = [text[end + 1 :] if end > 0 else text]
                size = len(held[0])
    yield "".join(held)


def _last_new_line(text: str) -> int:
    """Return where the last line break is after which a new logical line surely begins; -1 where there is none."""
    at = text.rfind("\n")
    while at >= 0 and not _NEW_LINE.match(text, at):
        at = text.rfind("\n", 0, at)
    return at


def _logical(text: str) -> list[str]:
    if ";" in text or "$" in text or "//" in text:
        text = _COMMENT.sub("", text)
    lines = text.split("\n")
    if "+" in text and _CONTINUED.search(text):
        _glue(lines)
    return lines


def _glue(lines: list[str]) -> None:
    """Append each ``+`` line to the last line that is neither empty nor a comment."""
    target = -1
    parts: list[str] = []
    for i, line in enumerate(lines):
        bare = line.lstrip()
        if bare.startswith("+") and target >= 0:
            parts.append(bare[1:])
            lines[i] = ""
        elif bare and not bare.startswith("*"):
            _close(lines, target, parts)
            target, parts = i, []
    _close(lines, target, parts)


def _close(lines: list[str], target: int, parts: list[str]) -> None:
    if parts:
        lines[target] = " ".join([lines[target], *parts])
