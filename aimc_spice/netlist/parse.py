"""What circuit does a SPICE text describe?

One idea: every subcircuit body is read once into columns (`elements`, `body`), then copied by array arithmetic for all
its instances (`flatten`): 3x10⁵ lines take about a second, 10⁷ elements stay bounded in memory. Understood are title,
comments, ``+`` lines, ``.subckt`` (nested, with parameters), ``.param``, ``.model``, ``.global`` and all element kinds
(see `elements`); analysis and output cards are kept as text; ``.control`` sections are skipped. Case does not matter.
It does not read other files unless asked for a file, knows no ``.if``, ``.func`` or ``.lib``, and simulates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.body import Body, Scalar
from aimc_spice.netlist.elements import read_element, read_simple, words_of
from aimc_spice.netlist.expression import parameter
from aimc_spice.netlist.flat import FlatCircuit
from aimc_spice.netlist.flatten import flatten
from aimc_spice.netlist.library_file import from_lib
from aimc_spice.netlist.logical import Block, blocks

_KEPT = {
    *("op", "dc", "ac", "tran", "noise", "tf", "sens", "pz", "disto", "four", "meas", "measure", "save", "probe"),
    *("print", "plot", "options", "option", "opt", "temp", "ic", "nodeset", "width", "title", "csparam"),
}
_UNKNOWN_HINT = {
    "include": "read the file with read_netlist, which follows .include",
    "inc": "read the file with read_netlist, which follows .inc",
    "lib": "read the file with read_netlist, which follows .lib FILE SECTION",
}
_INCLUDE = re.compile(
    r"^[ \t]*\.(?:inc(?:lude)?[ \t]+[\"']?([^\"'\n]+?)[\"']?|lib[ \t]+[\"']?([^\"'\s]+)[\"']?[ \t]+(\w+))[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)


def parse_netlist(chunks: Iterable[str], *, strict: bool = True) -> FlatCircuit:
    """Read SPICE text to a flat circuit.

    Parameters
    ----------
    chunks : iterable of str
        The text in pieces of any size, title line first, as `Netlist.chunks` or `Deck.chunks` yields it.
    strict : bool
        Raise where an instance or device names something that is not defined; otherwise these are left out of the
        circuit and listed in ``problems``, for `rules.check_rules` to report with all else.

    Raises
    ------
    NetlistError
        A malformed line, with its number and text, or an expression that cannot be evaluated.
    """
    circuit = flatten(_Reader().read(chunks))
    if strict and circuit.problems:
        raise NetlistError(
            f"{len(circuit.problems)} references are wrong, first: {circuit.problems[0]}",
            cause="; ".join(circuit.problems[1:10]),
        )
    return circuit


def read_netlist(path: Path | str, *, strict: bool = True) -> FlatCircuit:
    """Read a SPICE file and what it includes; see `parse_netlist`."""
    return parse_netlist(file_chunks(Path(path)), strict=strict)


def file_chunks(path: Path, _outer: tuple[Path, ...] = ()) -> Iterator[str]:
    """Yield the text of a file; each ``.include`` and ``.lib FILE SECTION`` is replaced by what it names.

    Raises
    ------
    NetlistError
        A file cannot be read or includes itself.
    """
    if path.resolve() in _outer:
        raise NetlistError(f"{path} includes itself", where=" > ".join(file.name for file in _outer))
    try:
        with path.open(encoding="utf-8") as file:
            while text := "".join(file.readlines(1 << 20)):
                yield from _included(text, path, (*_outer, path.resolve()))
    except (OSError, UnicodeDecodeError) as bad:
        raise NetlistError(f"cannot read the SPICE file {path}", cause=str(bad)) from bad


def _included(text: str, path: Path, outer: tuple[Path, ...]) -> Iterator[str]:
    at = 0
    for match in _INCLUDE.finditer(text):
        yield text[at : match.start()]
        if match.group(1):
            yield from file_chunks(path.parent / match.group(1), outer)
        else:
            yield from_lib(path.parent / match.group(2), match.group(3))
        yield "\n"
        at = match.end()
    yield text[at:]


class _Reader:
    """The state while reading: which body is open, and whether lines are skipped."""

    def __init__(self) -> None:
        self.root = self.body = Body()
        self.title, self.cards = "", list[str]()
        self.skipping = self.ended = False
        self.cards_by_name: dict[str, Callable[[str], None]] = {
            "subckt": self._subckt,
            "ends": self._ends,
            "param": self._param,
            "model": self._model,
            "global": self._global,
            "control": self._control,
            "end": self._end,
        }

    def read(self, chunks: Iterable[str]) -> Body:
        for block in blocks(chunks):
            if block.first == 1:
                self.title, block.lines[0] = block.lines[0].lstrip("* ").strip(), ""
            self._block(block)
            if self.ended:
                break
        if self.body is not self.root:
            raise NetlistError(f"subcircuit {self.body.name} has no .ends")
        self.root.title, self.root.cards = self.title, tuple(self.cards)
        self.root.close()
        return self.root

    def _block(self, block: Block) -> None:
        at = 0
        try:
            while at < len(block.lines):
                at = self._plain_lines(block.lines, at)
                if at < len(block.lines):
                    self._other_line(block.lines[at].strip())
                    at += 1
            self._finish_block()
        except NetlistError as bad:
            raise _located(bad, block, at) from bad.__cause__

    def _plain_lines(self, lines: list[str], start: int) -> int:
        """Set four-word element lines aside; return where another kind of line is met. The hot loop of the reader."""
        if self.skipping or self.ended:
            return start
        simple = self.body.simple
        for at in range(start, len(lines)):
            words = lines[at].split()
            if len(words) == 4 and (held := simple.get(words[0][0])) is not None:
                held.extend(words)
            elif words and words[0][0] != "*":
                return at
        return len(lines)

    def _other_line(self, line: str) -> None:
        if self.skipping:
            self.skipping = not line.startswith(".endc")
        elif not line or self.ended:
            return
        elif line[0] == ".":
            self._card(line)
        else:
            read_element(self.body, line)

    def _card(self, line: str) -> None:
        name = line.split(maxsplit=1)[0][1:]
        if name in self.cards_by_name:
            self.cards_by_name[name](line)
        elif name in _KEPT:
            self.cards.append(line)
        else:
            known = ", ".join(sorted({*self.cards_by_name, *_KEPT}))
            raise NetlistError(f"unknown card .{name}", hint=_UNKNOWN_HINT.get(name, f"known: {known}"))

    def _finish_block(self) -> None:
        body: Body | None = self.body
        while body:
            read_simple(body)
            body = body.parent

    def _subckt(self, line: str) -> None:
        words = [word for word in words_of(line) if word != "params:"]
        first = next((i for i, word in enumerate(words) if "=" in word), len(words))
        if first < 2:
            raise NetlistError("wanted .subckt name port … [key=value …]")
        name, parent = words[1], self.body
        if name in parent.subckts:
            raise NetlistError(f"subcircuit {name} is defined twice in one scope")
        self.body = Body(name, tuple(words[2:first]), _pairs(words[first:]), parent)
        parent.subckts[name] = self.body

    def _ends(self, line: str) -> None:
        name = (line.split()[1:] or [self.body.name])[0]
        if self.body.parent is None or name != self.body.name:
            raise NetlistError(f"got .ends {name}, the open subcircuit is {self.body.name or 'none'}")
        read_simple(self.body)
        self.body.close()
        self.body = self.body.parent

    def _param(self, line: str) -> None:
        self.body.params.update(_pairs(words_of(line)[1:]))

    def _model(self, line: str) -> None:
        words = line.split(maxsplit=2)
        if len(words) < 3:
            raise NetlistError("wanted .model name type [(key=value …)]")
        if words[1] in self.body.models:
            raise NetlistError(f"model {words[1]} is defined twice in one scope")
        self.body.models[words[1]] = words[2]

    def _global(self, line: str) -> None:
        self.root.global_nodes += tuple(name for name in line.split()[1:] if self.root.node(name))

    def _control(self, _: str) -> None:
        self.skipping = True

    def _end(self, _: str) -> None:
        self.ended = True


def _pairs(words: list[str]) -> dict[str, Scalar]:
    pairs = [word.partition("=") for word in words]
    if any(not key or not value for key, _, value in pairs):
        raise NetlistError(f"wanted key=value, got {' '.join(words)}")
    return {key: parameter(value) for key, _, value in pairs}


def _located(bad: NetlistError, block: Block, at: int) -> NetlistError:
    """Add line number and text; lines read in bulk are looked up by their words, which the error brings."""
    if bad.where:
        at = next((i for i, line in enumerate(block.lines) if line.split() == bad.where.split()), at)
    text = " ".join(block.lines[min(at, len(block.lines) - 1)].split())
    shown = text if len(text) <= 120 else text[:117] + "…"
    return NetlistError(bad.what, where=f"line {block.first + at}: {shown}", cause=bad.cause, hint=bad.hint)
