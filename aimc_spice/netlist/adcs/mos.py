"""Which transistors stand in a converter: whose process, which corner, and what does mismatch make of each?

One idea: circuits use two wrappers, ``nch`` and ``pch`` (ports d g s b; parameters w, l, kv, kb), and a `Process` is
the text that defines them, so our generic nodes and a user's PDK are exchanged without touching a circuit. Mismatch is
a number on every transistor's line: its draw times the Pelgrom constant, which the wrapper divides by the square root
of the area. It sizes nothing, and knows no converter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Mismatch
from aimc_spice.netlist.driven import Corner
from aimc_spice.rng import stream
from aimc_spice.share import share
from aimc_spice.units import spice

PROCESSES = ("tt", "ff", "ss", "fs", "sf")
NODES: Mapping[str, float] = {"g180": 1.8, "g45": 0.9}  # supply [V]
_WRAPPERS = ("nch", "pch")
_SUBCKT = re.compile(r"^\.subckt\s+(\S+)(?:.*\n)*?\.ends[^\n]*", re.IGNORECASE | re.MULTILINE)
_TRANSISTOR = re.compile(r"^(x\S+)((?:\s+\S+){4}\s+[np]ch\b[^\n]*)", re.IGNORECASE | re.MULTILINE)
_NAMES = re.compile(r"^\s*\.subckt\s+(\S+)", re.IGNORECASE | re.MULTILINE)
_SECTION = re.compile(r"^\s*\.lib\s+(\w+)\s*$", re.IGNORECASE)
_CALL = re.compile(r"""^\s*\.lib\s+["']?([^"'\s]+)["']?\s+(\w+)\s*$""", re.IGNORECASE)
_INCLUDE = re.compile(r"""^\s*\.inc(?:lude)?\s+["']?([^"'\s]+)["']?\s*$""", re.IGNORECASE)
_END = re.compile(r"^\s*\.endl\b", re.IGNORECASE)
_REFUSED = re.compile(r"^\s*\.(control|end|tran|dc|op|ac|save|options?)\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Process:
    """Transistors of one node in one corner.

    Parameters
    ----------
    name : str
        Node and corner: "g180 tt".
    text : str
        Models and the wrappers ``nch`` and ``pch``.
    vdd : float
        Supply [V], scaled by the corner.
    """

    name: str
    text: str
    vdd: float

    def __post_init__(self) -> None:
        defined = {name.lower() for name in _NAMES.findall(self.text)}
        if missing := sorted(set(_WRAPPERS) - defined):
            raise NetlistError(
                f"process {self.name}: its text has no subcircuit {' and no '.join(missing)}",
                hint="wrap the transistors as .subckt nch d g s b params: w=1u l=1u kv=0 kb=0, likewise pch",
            )


def generic(node: str, corner: Corner) -> Process:
    """Return the project's own transistors: "g180" (1.8 V) or "g45" (0.9 V), see ``netlists/models``.

    Raises
    ------
    NetlistError
        An unknown node, or a corner other than tt, ff, ss, fs, sf.
    """
    if node not in NODES:
        raise NetlistError(f"got the node {node!r}", hint=f"known: {', '.join(NODES)}")
    text = from_lib(share("netlists", "models", f"{node}.lib"), corner.process)
    return Process(f"{node} {corner.process}", text, NODES[node] * corner.vdd_scale)


def pdk(file: Path, wrappers: str, vdd: float, corner: Corner) -> Process:
    """Return a user's transistors.

    Parameters
    ----------
    file : Path
        Model library with ``.lib`` sections.
    wrappers : str
        Text of ``.subckt nch`` and ``.subckt pch`` that use its models.
    vdd : float
        Nominal supply [V].
    corner : Corner
        Its `process` names the section.
    """
    text = f"{from_lib(file, corner.process)}\n{wrappers}"
    return Process(f"{file.stem} {corner.process}", text, vdd * corner.vdd_scale)


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


def scattered(text: str, names: Mapping[str, str], mismatch: Mismatch, seed: int, instance: str) -> str:
    """Return a copy of subcircuits in which every transistor has its own draw.

    Parameters
    ----------
    text : str
        SPICE text with subcircuits whose transistors are lines ``xNAME d g s b nch …``.
    names : mapping of str to str
        Subcircuits to copy, and the names of the copies.
    mismatch : Mismatch
        `a_vt` [V·m] and `a_beta` [m].
    seed, instance : int, str
        The draw depends on these, the subcircuit and the transistor's name alone. Two instances of one inner
        subcircuit share their draws: what must not match is written flat.

    Raises
    ------
    NetlistError
        A subcircuit is not in the text.
    """
    bodies = subcircuits(text)
    if missing := sorted(set(names) - set(bodies)):
        raise NetlistError(f"the text has no subcircuit {', '.join(missing)}", hint=f"it has: {', '.join(bodies)}")
    return "".join(f"{_copy(bodies[old], old, names, mismatch, seed, instance)}\n" for old in names)


def subcircuits(text: str) -> dict[str, str]:
    """Return the subcircuits of a text by their names in lower case, ``.subckt`` to ``.ends``."""
    return {match.group(1).lower(): match.group(0) for match in _SUBCKT.finditer(text)}


def _copy(  # noqa: PLR0917  one place calls it
    body: str, old: str, names: Mapping[str, str], mismatch: Mismatch, seed: int, instance: str
) -> str:
    for inner, outer in names.items():
        body = re.sub(rf"(?<=\s){re.escape(inner)}(?=\s|$)", outer, body, flags=re.IGNORECASE)

    def drawn(line: re.Match[str]) -> str:
        kv, kb = stream(seed, "mos", instance, old, line.group(1).lower()).standard_normal(2)
        return f"{line.group(0)} kv={spice(float(kv) * mismatch.a_vt)} kb={spice(float(kb) * mismatch.a_beta)}"

    return _TRANSISTOR.sub(drawn, body)


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
