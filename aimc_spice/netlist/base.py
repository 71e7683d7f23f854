"""What is a circuit here: a `Netlist` (circuit only) and a `Deck` (netlist + analysis + probes + options).

One idea: everything that can be written is a `Part`, which yields chunks of SPICE text; a netlist is a title, a list of
definitions and a list of top-level parts, so a deck of 10⁷ elements is streamed and never held. Pure text, no I/O
beyond `Deck.write`, no simulator.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from aimc_spice.errors import NetlistError
from aimc_spice.units import spice

DEFAULT_OPTIONS = ("klu", "pivrel=0.1")
_NOT_WITH_KLU = (".noise", ".pz")  # ngspice solves these by Sparse only


@runtime_checkable
class Part(Protocol):
    """Anything that yields whole lines of SPICE text, many lines a chunk, each ending in a newline."""

    def chunks(self) -> Iterator[str]:
        """Yield the text."""
        ...


@dataclass(frozen=True)
class Lines:
    """Literal SPICE text."""

    text: str

    def chunks(self) -> Iterator[str]:
        """Yield the text, ending in a newline."""
        yield self.text if self.text.endswith("\n") else self.text + "\n"


@dataclass(frozen=True)
class Subckt:
    """A subcircuit definition: ``.subckt name ports … .ends``."""

    name: str
    ports: tuple[str, ...]
    parts: tuple[Part, ...]
    comment: str = ""

    def chunks(self) -> Iterator[str]:
        """Yield comment, header, body and end."""
        comment = "".join(f"* {line}\n" for line in self.comment.splitlines())
        yield comment + fold([".subckt", self.name, *self.ports])
        for part in self.parts:
            yield from part.chunks()
        yield f".ends {self.name}\n\n"


@dataclass(frozen=True)
class Netlist:
    """A circuit: title line, subcircuit and model definitions, top-level elements."""

    title: str
    definitions: tuple[Part, ...]
    body: tuple[Part, ...]

    def __post_init__(self) -> None:
        if not self.title.strip() or "\n" in self.title:
            raise NetlistError(
                f"title: got {self.title!r}, wanted one non-empty line",
                hint="the first line of a deck is its title: without one ngspice loses the first element",
            )

    def chunks(self) -> Iterator[str]:
        """Yield the text, title first, without analysis and without ``.end``."""
        yield f"* {self.title}\n"
        for part in (*self.definitions, *self.body):
            yield from part.chunks()


class Analysis(Protocol):
    """What ngspice is asked to do."""

    @property
    def card(self) -> str:
        """The dot card."""
        ...

    @property
    def n_points(self) -> int | None:
        """How many points must come back; None where the simulator chooses them."""
        ...


@dataclass(frozen=True)
class OperatingPoint:
    """One DC operating point."""

    card: str = ".op"
    n_points: int | None = 1


@dataclass(frozen=True)
class DcSweep:
    """A DC sweep of one source over 0, 1, …, n_vectors - 1: each value selects an input vector (see `drive`)."""

    source: str
    n_vectors: int

    @property
    def card(self) -> str:
        """The dot card."""
        return f".dc {self.source} 0 {self.n_vectors - 1} 1"

    @property
    def n_points(self) -> int | None:
        """One point a vector."""
        return self.n_vectors


@dataclass(frozen=True)
class Transient:
    """A transient from 0 to `t_stop`, steps of at most `t_step` [s]; ngspice chooses the points."""

    t_step: float
    t_stop: float
    n_points: int | None = None

    @property
    def card(self) -> str:
        """The dot card; the fourth number bounds the internal step."""
        return f".tran {spice(self.t_step)} {spice(self.t_stop)} 0 {spice(self.t_step)}"


@dataclass(frozen=True)
class Card:
    """Any other analysis, as its card; `n_points` where it is known."""

    card: str
    n_points: int | None = None


@dataclass(frozen=True)
class Deck:
    """A netlist with one analysis, the probes to keep and the simulator options.

    Parameters
    ----------
    netlist : Netlist
        The circuit.
    analysis : Analysis
        One analysis.
    probes : tuple of str
        What to keep: ``"v(node)"`` [V] or ``"i(source)"`` [A], lower case.
    options : tuple of str
        ``.options`` entries, for example ``"reltol=1e-4"``. The default asks for KLU with a stricter pivot rule: with
        its own (0.001) a virtual ground of gain 1e4 to 1e6 loses 6 to 9 digits, with 0.1 none, at the same speed.
        Analyses that KLU cannot do (``.noise``, ``.pz``) go without it.
    bound : float
        Largest believable magnitude of a probe [V or A]; more is treated as a failure.
    """

    netlist: Netlist
    analysis: Analysis
    probes: tuple[str, ...]
    options: tuple[str, ...] = DEFAULT_OPTIONS
    bound: float = 1e3

    def __post_init__(self) -> None:
        if not self.probes:
            raise NetlistError("a deck needs at least one probe, such as v(out_0)")

    @property
    def used_options(self) -> tuple[str, ...]:
        """The options as written."""
        without = self.analysis.card.lower().startswith(_NOT_WITH_KLU)
        return tuple(option for option in self.options if not (without and option.lower() == "klu"))

    def chunks(self) -> Iterator[str]:
        """Yield the whole deck, title to ``.end``."""
        yield from self.netlist.chunks()
        yield "".join(f".options {option}\n" for option in self.used_options)
        yield fold([".save", *self.probes])
        yield f"{self.analysis.card}\n.end\n"

    def text(self) -> str:
        """Return the whole deck as one string (small decks; large ones are streamed by `write`)."""
        return "".join(self.chunks())

    def digest(self) -> str:
        """Return the SHA-256 of the text: the identity of a simulation's input."""
        hasher = hashlib.sha256()
        for chunk in self.chunks():
            hasher.update(chunk.encode())
        return hasher.hexdigest()

    def write(self, path: Path) -> None:
        """Stream the deck to a file; the file appears whole or not at all."""
        write_whole(path, self.chunks())


def write_whole(path: Path, chunks: Iterable[str]) -> None:
    """Stream text to a file that appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8") as out:
            out.writelines(chunks)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def fold(words: list[str], width: int = 110) -> str:
    """Join words to one SPICE line, folded with ``+`` continuation lines."""
    lines, line = [], words[0]
    for word in words[1:]:
        if len(line) + len(word) >= width:
            lines.append(line)
            line = "+"
        line = f"{line} {word}"
    return "\n".join([*lines, line]) + "\n"
