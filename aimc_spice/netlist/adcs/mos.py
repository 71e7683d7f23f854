"""Which transistors stand in a converter: whose process, which corner, and what does mismatch make of each?

One idea: circuits use two wrappers, ``nch`` and ``pch`` (ports d g s b; parameters w, l, kv, kb), and a `Process` is
the text that defines them, so our generic nodes and a user's PDK are exchanged without touching a circuit. Mismatch is
a number on every transistor's line: its draw times the Pelgrom constant, which the wrapper divides by the square root
of the area. It sizes nothing, and knows no converter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Mismatch
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.library_file import from_lib
from aimc_spice.rng import stream
from aimc_spice.share import share
from aimc_spice.units import spice

PROCESSES = ("tt", "ff", "ss", "fs", "sf")
NODES: Mapping[str, float] = {"g180": 1.8, "g45": 0.9}  # supply [V]
_WRAPPERS = ("nch", "pch")
_SUBCKT = re.compile(r"^\.subckt\s+(\S+)(?:.*\n)*?\.ends[^\n]*", re.IGNORECASE | re.MULTILINE)
_TRANSISTOR = re.compile(r"^(x\S+)((?:\s+\S+){4}\s+[np]ch\b[^\n]*)", re.IGNORECASE | re.MULTILINE)
_NAMES = re.compile(r"^\s*\.subckt\s+(\S+)", re.IGNORECASE | re.MULTILINE)


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
