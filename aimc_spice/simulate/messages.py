"""Which lines of an ngspice log mean that the result must not be believed?

One idea: ngspice often exits with 0 after it dropped an element or invented an operating point, but it says so in its
log; here is the table of what it says, what that means and what helps. A line counts only if `HARMLESS` does not fit.
It does not look at numbers (see `verdict`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aimc_spice.errors import DeckRejected, MeasurementFailed, NotConverged, SimulationError


@dataclass(frozen=True)
class Rule:
    """A pattern in the log, the error it means, what failed and what to try."""

    pattern: re.Pattern[str]
    error: type[SimulationError]
    what: str
    hint: str


@dataclass(frozen=True)
class Finding:
    """The most telling line of a log: its rule, its number (from 1), its text and the node it names ("" if none)."""

    rule: Rule
    line: int
    quote: str
    node: str


def _rule(pattern: str, error: type[SimulationError], what: str, hint: str) -> Rule:
    return Rule(re.compile(pattern), error, what, hint)


_FLOATS = "give the node a DC path to ground, and break loops of voltage sources"
_TROUBLE = "slower edges, a smaller t_step, reltol=1e-4, or a .nodeset near the solution"

# most specific first: the first rule that fits anywhere in the log gives the error
RULES: tuple[Rule, ...] = (
    _rule(
        r"[Cc]ould not find (include|library) file|library file .* not found",
        DeckRejected,
        "a file that the deck includes does not exist",
        "decks are run in their own folder: copy the text into the deck or use an absolute path",
    ),
    _rule(
        r"unknown subckt|valid modelname|can't find model|could not find (a )?model|[Uu]nable to find definition of",
        DeckRejected,
        "a model or subcircuit is not defined",
        "define it in the deck's definitions; code models (A devices) need ngspice's own spinit",
    ),
    _rule(r"\bignored\s*[!.]?\s*$|\bingnored\b", DeckRejected, "a line of the deck was dropped", "correct that line"),
    _rule(
        r"(Value of resistor|resistance) .* set to",
        DeckRejected,
        "a resistor without a value, or of 0 Ω, was replaced",
        "write a value above zero; join the two nodes, or put a 0 V source between them",
    ),
    _rule(
        r"Error (on|in|at).*line|Undefined parameter|Cannot compute substitute|Expression err|[Pp]arse error|PTerror"
        r"|unimplemented|unknown parameter|circuit not parsed|bad type given|unsupported integration|Could not set",
        DeckRejected,
        "a line of the deck was not understood",
        "correct that line",
    ),
    _rule(
        r"out of range for|[Mm]ath error|[Dd]omain error",
        NotConverged,
        "an expression left its domain",
        "guard the arguments of ln, sqrt and pow in the B sources, for example with max(x, 1e-30)",
    ),
    _rule(
        r"Fatal error:",
        DeckRejected,
        "a part of the circuit or the analysis names something that is not there",
        "correct the name",
    ),
    _rule(r"singular matrix", NotConverged, "the circuit has no unique solution", _FLOATS),
    _rule(r"[Tt]imestep too small.*trouble with", NotConverged, "the time step became too small", _TROUBLE),
    _rule(r"[Tt]imestep too small", NotConverged, "the time step became too small", _TROUBLE),
    _rule(r"Transient op", NotConverged, "no operating point was found, ngspice guessed one by a transient", _FLOATS),
    _rule(r"no data saved", MeasurementFailed, "none of the probes exists in the circuit", "compare probes and nodes"),
    _rule(
        r"No \.measure possible|Measurements for|\.meas.* failed",
        DeckRejected,
        "the deck has a .meas card, whose result would be lost",
        "remove it and compute the figure from the waveforms",
    ),
    _rule(r"Matrix is empty|Empty netlist", DeckRejected, "the circuit is empty", "add elements to the netlist"),
    _rule(r"No job|run simulation not started", DeckRejected, "the deck has no analysis", "give it an analysis card"),
    _rule(
        r"\b[Nn]o such|\bnot found\b|[Cc]ould not find|[Cc]an't find|[Cc]annot find",
        DeckRejected,
        "the deck names something that does not exist",
        "correct the name",
    ),
    _rule(r"\bError\b|\bERROR\b", DeckRejected, "ngspice reported an error", "read the log"),
    _rule(
        r"\baborted\b|doAnalyses|interrupted due to error|DC solution failed|no convergence",
        NotConverged,
        "the analysis was given up",
        _TROUBLE,
    ),
)

HARMLESS = re.compile(
    r"^Circuit:|^\*\* "  # the echoed title; the banner
    r"|line ignored since rawfile was produced"  # .print, .plot, .fourier: output only
    r"|is ignored because|dtemp ignored"  # BSIM: one model parameter overrides another
    r"|[Cc]an't find (the initialization|init) file|without reading file 'spinit'"
)
_ANY = re.compile("|".join(f"(?:{rule.pattern.pattern})" for rule in RULES), re.MULTILINE)
_NODE = re.compile(r'check nodes? (\S+)|trouble with node "([^"]+)"')
_CONTINUES = re.compile(r"(line|substitute|netlist).*:\s*$|Model issue on line")


def find_trouble(log: str) -> Finding | None:
    """Return the most telling line of a log, or None where nothing speaks against the result."""
    if not _ANY.search(log):
        return None
    lines = log.splitlines()
    hits = [
        (rank, number)
        for number, line in enumerate(lines)
        if _ANY.search(line) and not HARMLESS.search(line)
        for rank in [next(i for i, rule in enumerate(RULES) if rule.pattern.search(line))]
    ]
    if not hits:
        return None
    rank, number = min(hits)
    node = _NODE.search(lines[number])
    named = next((group for group in node.groups() if group), "") if node else ""
    return Finding(RULES[rank], number + 1, _quote(lines, number), named)


def _quote(lines: list[str], number: int) -> str:
    """Return the line; where ngspice spreads a message over several lines, those too."""
    before = next((n for n in (1, 2) if number >= n and _CONTINUES.search(lines[number - n])), 0)
    first, last = number - before, number + (2 if _CONTINUES.search(lines[number]) else 0)
    if last + 1 < len(lines) and lines[last + 1].lstrip().startswith(("in line", "line no")):
        last += 1
    return " / ".join(dict.fromkeys(line.strip() for line in lines[first : last + 1] if line.strip()))


def solver_of(log: str) -> str:
    """Return the linear solver that was used: "KLU" only where the log says so."""
    return "KLU" if "Using KLU as Direct Linear Solver" in log else "Sparse 1.3"
