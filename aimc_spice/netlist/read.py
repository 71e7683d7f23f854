"""How does a deck file become a `Deck` again, so that a person's own deck runs through the same checks?

One idea: the circuit is kept as text; only the analysis, ``.save`` and ``.options`` cards are understood. It takes one
analysis a deck and no ``.control`` section.
"""

from __future__ import annotations

import re
from pathlib import Path

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.base import Analysis, Card, DcSweep, Deck, Lines, Netlist, OperatingPoint, Transient
from aimc_spice.netlist.expression import number

_CARDS = (".save", ".options", ".option", ".opt", ".op", ".dc", ".tran")


def read_deck(path: Path) -> Deck:
    """Read a deck file.

    Raises
    ------
    NetlistError
        Not readable; no title, analysis or ``.save`` line; two analyses; a ``.control`` section.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as bad:
        raise NetlistError(f"cannot read the deck {path}", cause=str(bad)) from bad
    title, _, rest = text.partition("\n")
    cards, circuit = _split(rest)
    save = [probe for words in cards[".save"] for probe in words]
    if not save:
        raise NetlistError(f"{path} has no .save line", hint="name what to keep, for example: .save v(out) i(vdd)")
    wrong = next((probe for probe in save if not re.fullmatch(r"[vi]\(.+\)", probe, re.IGNORECASE)), None)
    if wrong:
        raise NetlistError(f"{path}: .save got {wrong!r}", hint="a probe is v(node) or i(source), named one by one")
    options = [word for name in (".options", ".option", ".opt") for words in cards[name] for word in words]
    netlist = Netlist(title.lstrip("* ").strip() or path.stem, (), (Lines(circuit),))
    return Deck(netlist, _analysis(cards, path), tuple(probe.lower() for probe in save), tuple(options))


def _split(text: str) -> tuple[dict[str, list[list[str]]], str]:
    cards: dict[str, list[list[str]]] = {name: [] for name in _CARDS}
    kept: list[str] = []
    target: list[str] | None = None
    for line in text.splitlines():
        first, *words = line.split() or [""]
        name = first.lower()
        if name == ".control":
            raise NetlistError("the deck has a .control section", hint="keep only elements, one analysis and .save")
        if name.startswith("+") and target is not None:
            target.extend(line.replace("+", " ", 1).split())
        elif name in cards:
            target = list(words)
            cards[name].append(target)
        else:
            target = None
            kept.extend([line] if name != ".end" else [])
    return cards, "\n".join(kept) + "\n"


def _analysis(cards: dict[str, list[list[str]]], path: Path) -> Analysis:
    asked = [(name, words) for name in (".op", ".dc", ".tran") for words in cards[name]]
    if len(asked) != 1:
        raise NetlistError(f"{path} has {len(asked)} analyses, wanted one of .op, .dc, .tran")
    name, words = asked[0]
    if name == ".op":
        return OperatingPoint()
    try:
        return _sweep(words) if name == ".dc" else _transient(words)
    except (ValueError, IndexError, ZeroDivisionError) as bad:
        raise NetlistError(f"{path}: cannot read the card {name} {' '.join(words)}", cause=str(bad)) from bad


def _sweep(words: list[str]) -> Analysis:
    source, (start, stop, step) = words[0], map(_value, words[1:4])
    n_points = round((stop - start) / step) + 1
    if (start, step) == (0.0, 1.0) and len(words) == 4:
        return DcSweep(source.lower(), n_points)
    return Card(".dc " + " ".join(words), n_points if len(words) == 4 else None)


def _transient(words: list[str]) -> Analysis:
    if len(words) == 4 and re.fullmatch("[uU][iI][cC]", words[-1]) is None and _value(words[2]) == 0:
        return Transient(_value(words[3]), _value(words[1]))
    return Card(".tran " + " ".join(words))


def _value(text: str) -> float:
    value = number(text)
    if value is None:
        raise ValueError(f"{text!r} is no number")
    return value
