"""How does a plain ``.subckt`` file become a front end, a neuron or a cell in a generated deck?

One idea: a `Macro` is the text of a subcircuit file plus parameter values; the text is copied into the deck, so a
deck never depends on a file elsewhere, and the values are passed by name at every instance. Roles fix the ports:

========== ==================== ===========================================================
role       ports                contract
========== ==================== ===========================================================
front_end  p, n, out            senses the two bit lines of one output, drives ``out``
neuron     in, out              drives the next layer's word lines
cell       a, b                 between word line and bit line; takes a parameter ``g`` [S]
switch     a, b, g, gb          joins a and b while the clock ``g`` is high; ``gb`` is its complement
integrator p, n, rst, out       a front end that adds up while ``rst`` is low
conveyor   p, n, out            a front end that pushes a current into ``out``; ``m`` inside shows it, 1 V an A
sampler    in, clk, out         takes ``in`` while ``clk`` is high, gives it while that is low
========== ==================== ===========================================================

Supply rails are inside the subcircuits. It does not check what the circuit does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.base import Lines
from aimc_spice.units import spice

Role = Literal["front_end", "neuron", "cell", "switch", "integrator", "conveyor", "sampler"]
PORTS: Mapping[str, tuple[str, ...]] = {
    "front_end": ("p", "n", "out"),
    "neuron": ("in", "out"),
    "cell": ("a", "b"),
    "switch": ("a", "b", "g", "gb"),
    "integrator": ("p", "n", "rst", "out"),
    "conveyor": ("p", "n", "out"),
    "sampler": ("in", "clk", "out"),
}
_HEADER = re.compile(r"^\.subckt\s+(\S+)([^\n]*(?:\n\+[^\n]*)*)", re.IGNORECASE | re.MULTILINE)
_CARD = re.compile(r"^[ \t]*\.(\w+)", re.MULTILINE)
_DEFINING = ("subckt", "ends", "model", "param", "global", "ic", "nodeset")


@dataclass(frozen=True)
class Macro:
    """A subcircuit from text, with the values of its parameters.

    Parameters
    ----------
    role : {"front_end", "neuron", "cell", "switch", "integrator", "conveyor", "sampler"}
        Fixes how many ports it must have.
    name : str
        Name of the ``.subckt`` to instantiate; `text` may hold helper subcircuits and models beside it.
    text : str
        SPICE text, without a title line.
    params : dict of str to float
        Parameter values, SI.
    support : tuple of str
        Texts of helper subcircuits and models it needs; written once per deck however many macros share them.
    sources : tuple of str
        Devices inside, such as ``"x1.e1"``, whose current is drawn from the supply: the power is counted there.
    """

    role: Role
    name: str
    text: str
    params: Mapping[str, float] = field(default_factory=dict)
    support: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_cards(self.text, self.name)
        wanted = PORTS[self.role]
        got, known = header(self.text, self.name)
        if len(got) != len(wanted):
            raise NetlistError(
                f"subcircuit {self.name}: got {len(got)} ports ({' '.join(got)}), "
                f"wanted {len(wanted)} for a {self.role}: {' '.join(wanted)}",
                hint="give it exactly these ports, in this order; supplies belong inside the subcircuit",
            )
        if sorted(got) == sorted(wanted) and tuple(got) != tuple(wanted):
            raise NetlistError(
                f"subcircuit {self.name}: got the ports {' '.join(got)}, a {self.role} has them as {' '.join(wanted)}",
                hint="ports count by their place: change the order, or the names if the order is meant",
            )
        unknown = sorted(set(self.params) - known)
        if unknown:
            raise NetlistError(
                f"subcircuit {self.name} has no parameter {', '.join(unknown)}",
                hint=f"its parameters are: {', '.join(sorted(known)) or 'none'}",
            )
        if self.role == "cell" and "g" not in known:
            raise NetlistError(f"cell {self.name} has no parameter g, the conductance in S")

    @classmethod
    def from_file(cls, path: Path, name: str, role: Role, **params: float) -> Macro:
        """Read a user's file; raises `NetlistError` where it is missing or has no such subcircuit."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as bad:
            raise NetlistError(f"cannot read the subcircuit file {path}", cause=str(bad)) from bad
        return cls(role, name, text, params)

    @classmethod
    def from_pyspice(cls, subcircuit: object, role: Role, **params: float) -> Macro:
        """Take a PySpice ``SubCircuit``: its text is what ``str`` gives."""
        text = str(subcircuit)
        header = _HEADER.search(text)
        if header is None:
            raise NetlistError(f"got {type(subcircuit).__name__}, whose text has no .subckt line")
        return cls(role, header.group(1), text, params)

    @property
    def v_dd(self) -> float | None:
        """Supply of a circuit of transistors, which is its parameter ``v_dd`` [V]; None of equations."""
        return self.params.get("v_dd")

    def texts(self) -> tuple[str, ...]:
        """Return every text the deck needs for it, support first."""
        return (*self.support, self.text)

    def source_names(self, instance: str) -> list[str]:
        """Return the ngspice names of `sources` inside an instance: ``e.x7.x1.e1`` for instance ``x7``."""
        return [f"{path.split('.')[-1][0]}.{instance}.{path}" for path in self.sources]

    def call(self) -> str:
        """Return what follows the nodes on an instance line: name and parameters."""
        return " ".join([self.name, *(f"{key}={spice(value)}" for key, value in self.params.items())])


def check_cards(text: str, name: str) -> None:
    """Refuse cards that would act on the whole deck: ``.control`` even runs programs."""
    for match in _CARD.finditer(text):
        if match.group(1).lower() not in _DEFINING:
            raise NetlistError(
                f"subcircuit {name}: its text has the card {match.group(0).strip()}",
                hint=f"keep elements and {', '.join(f'.{card}' for card in _DEFINING)}; copy included text in",
            )

    opened, closed = (len(re.findall(rf"(?im)^[ \t]*\.{card}\b", text)) for card in ("subckt", "ends"))
    if opened != closed:
        raise NetlistError(
            f"subcircuit {name}: its text has {opened} .subckt and {closed} .ends",
            hint="end each subcircuit with a line .ends",
        )


def header(text: str, name: str) -> tuple[list[str], set[str]]:
    """Return the ports of a subcircuit, in order, and the names of its parameters, lower case."""
    for match in _HEADER.finditer(text):
        if match.group(1).lower() == name.lower():
            words = match.group(2).replace("\n+", " ").replace("params:", " ").split()
            pairs = re.findall(r"(\w+)\s*=", match.group(2))
            joined = " ".join(words)
            ports = re.sub(r"\w+\s*=\s*\S+", "", joined).split()
            return ports, {pair.lower() for pair in pairs}
    found = ", ".join(m.group(1) for m in _HEADER.finditer(text)) or "none"
    raise NetlistError(f"the text has no subcircuit {name}", hint=f"it has: {found}")


def definitions(macros: Iterable[Macro]) -> Lines:
    """Return the texts of several macros, each once."""
    texts = dict.fromkeys(text for macro in macros for text in macro.texts())
    return Lines("\n".join(texts))
