"""How does the same deck read in other simulators' languages?

One idea: the text of a deck is translated line by line, so there is one description of a circuit. What differs:

=====================  ======================  ==============================  =====================================
                       ngspice                 Xyce                            HSPICE; Spectre after ``lang=spice``
=====================  ======================  ==============================  =====================================
expressions            ``{gain/2}``            ``{gain/2}``                    ``'gain/2'``
parameters             ``params: g=1``         ``PARAMS: g=1``, at calls too   ``g=1``
behavioural source     ``b1 a 0 v=…``          ``B1 a 0 V={…}``                ``eb1 a 0 vol='…'``, ``gb1 … cur='…'``
table of input vector  ``v=pwl(v(ctl),0,1,…)`` ``V={TABLE(v(ctl),0,1,…)}``     ``ebin pwl(1) ctl 0 delta=… 0,1 …``
what to keep           ``.save v(x1.n)``       ``.PRINT DC V(x1:n)``           ``.print dc v(x1.n)``
meter of a device      ``f1 a 0 e.x1.e1 2``    ``B1 a 0 I={2*I(x1:e1)}``       ``gf1 a 0 cur='2*i(x1.e1)'``
operating point        ``.op``                 a DC sweep of one point         a DC sweep of one point
=====================  ======================  ==============================  =====================================

Options of ngspice that have no counterpart are kept as comments. The HSPICE text is read back by ngspice in the tests,
which understands that language in good part; Xyce, HSPICE and Spectre themselves have not read any of this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.base import Deck

PROGRAMS = {"xyce": "Xyce", "hspice": "hspice", "spectre": "spectre"}
_SOURCE = re.compile(r"(b\S*) (\S+) (\S+) ([vi])=(.*)", re.IGNORECASE)
_METER = re.compile(r"(f\S*) (\S+) (\S+) ([^v\s]\S*|v\.\S+) (\S+)", re.IGNORECASE)  # not one that reads a plain source
_TABLE = re.compile(r"pwl\(v\(([^(),]+)\),(.*)\)", re.IGNORECASE)
_PROBE = re.compile(r"([vi])\((.*)\)")
_SHARED_OPTIONS = {"reltol", "abstol", "vntol", "itl1", "itl4", "method", "gmin"}  # HSPICE knows them by these names
_ONE_POINT = "vop_aimc op_aimc 0 0\n"


def write_dialect(deck: Deck, dialect: str) -> Iterator[str]:
    """Yield a deck's text in another language, line by line.

    Parameters
    ----------
    deck : Deck
        What to write.
    dialect : {"xyce", "hspice", "spectre"}
        The language; "spectre" is HSPICE's behind ``simulator lang=spice``.

    Raises
    ------
    NetlistError
        Unknown dialect.
    """
    if dialect not in PROGRAMS:
        raise NetlistError(f"dialect: got {dialect!r}", hint=f"known: ngspice, {', '.join(PROGRAMS)}")
    lines = _logical(deck.netlist.chunks())
    title = next(lines)
    yield f"// {title.lstrip('* ')}\nsimulator lang=spice\n" if dialect == "spectre" else f"{title}\n"
    translate = _xyce if dialect == "xyce" else _hspice
    for line in lines:
        yield line + "\n" if line.startswith("*") or not line else translate(line) + "\n"
    yield from _ending(deck, dialect)


def _logical(chunks: Iterator[str]) -> Iterator[str]:
    """Join continuation lines."""
    held: str | None = None
    for line in (line for chunk in chunks for line in chunk.splitlines()):
        if line.startswith("+") and held is not None:
            held += " " + line[1:].strip()
            continue
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield held


def _xyce(line: str) -> str:
    if source := _SOURCE.fullmatch(line):
        name, plus, minus, kind, formula = source.groups()
        table = _TABLE.fullmatch(formula)
        text = f"TABLE(V({table.group(1)}),{table.group(2)})" if table else _without_braces(formula)
        return f"{name} {plus} {minus} {kind.upper()}={{{text}}}"
    if meter := _METER.fullmatch(line):
        name, plus, minus, device, gain = meter.groups()
        return f"B{name} {plus} {minus} I={{{gain}*I({':'.join(_path('i', device))})}}"
    if line[0] in "xX" and "=" in line:
        words = line.split()
        first = next(i for i, word in enumerate(words) if "=" in word)
        return " ".join([*words[:first], "PARAMS:", *words[first:]])
    return line.replace("params:", "PARAMS:")


def _hspice(line: str) -> str:
    if source := _SOURCE.fullmatch(line):
        name, plus, minus, kind, formula = source.groups()
        letter, word = ("e", "vol") if kind.lower() == "v" else ("g", "cur")
        if table := _TABLE.fullmatch(formula):
            return f"{letter}{name} {plus} {minus} pwl(1) {table.group(1)} 0 delta=1e-9 {_pairs(table.group(2))}"
        return f"{letter}{name} {plus} {minus} {word}='{_without_braces(formula)}'"
    if meter := _METER.fullmatch(line):
        name, plus, minus, device, gain = meter.groups()
        *parents, last = _path("i", device)
        letter = "e" if last.startswith("b") else ""  # only one that sets a voltage can be metered
        return f"g{name} {plus} {minus} cur='{gain}*i({'.'.join([*parents, letter + last])})'"
    return re.sub(r"\{([^{}]*)\}", r"'\1'", line.replace("params: ", ""))


def _pairs(knots: str) -> str:
    numbers = knots.split(",")
    return " ".join(f"{x},{y}" for x, y in zip(numbers[::2], numbers[1::2], strict=True))


def _without_braces(formula: str) -> str:
    return formula.replace("{", "(").replace("}", ")")


def _ending(deck: Deck, dialect: str) -> Iterator[str]:
    card, kind = deck.analysis.card, deck.analysis.card.split()[0].lstrip(".").lower()
    if kind == "op":
        yield _ONE_POINT
        card, kind = ".dc vop_aimc 0 0 1", "dc"
    yield from (_option(option, dialect) for option in deck.used_options)
    command = ".PRINT" if dialect == "xyce" else ".print"
    yield f"{command} {kind} {' '.join(_probe(probe, deck, dialect) for probe in deck.probes)}\n"
    yield f"{card}\n.end\n"


def _option(option: str, dialect: str) -> str:
    key, _, value = option.partition("=")
    if key == "temp":
        return f".OPTIONS DEVICE TEMP={value}\n" if dialect == "xyce" else f".temp {value}\n"
    if dialect == "xyce":
        return ".OPTIONS LINSOL TYPE=KLU\n" if key == "klu" else f"* ngspice option without counterpart: {option}\n"
    return f".option {option}\n" if key in _SHARED_OPTIONS else f"* ngspice option without counterpart: {option}\n"


def _probe(probe: str, deck: Deck, dialect: str) -> str:
    found = _PROBE.fullmatch(probe)
    if found is None:
        raise NetlistError(f"probe {probe} of {deck.netlist.title} cannot be translated", hint="v(node) or i(source)")
    kind, name = found.groups()
    *path, last = _path(kind, name)
    if dialect == "xyce":
        return f"{kind.upper()}({':'.join([*path, last])})"
    letter = {"v": "e", "i": "g"}[_unit_of(last, deck)] if kind == "i" and last.startswith("b") else ""
    return f"{kind}({'.'.join([*path, letter + last])})"


def _path(kind: str, name: str) -> list[str]:
    """Split a name of the flat circuit; ngspice writes the kind of an element before its path."""
    path = name.split(".")
    return path[1:] if kind == "i" and len(path) > 2 else path


def _unit_of(name: str, deck: Deck) -> str:
    """Say whether a behavioural source sets a voltage or a current."""
    for line in _logical(deck.netlist.chunks()):
        if (source := _SOURCE.fullmatch(line)) and source.group(1).lower() == name:
            return source.group(4).lower()
    return "v"
