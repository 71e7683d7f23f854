"""How is one element line read?

One idea: one short function per kind, looked up by the first letter of the line. Plain ``r1 a b 1e3`` lines never come
here one by one: `read_simple` takes thousands of them at once. Kinds that only ngspice understands (transistors,
switches, XSPICE code models) are kept with their nodes and model name, so that a circuit can be checked and drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.body import Behaviour, Body, LocalWave, Scalar
from aimc_spice.netlist.expression import number, parameter, quantity

_WORDS = re.compile(r"(?:[^\s{}'()\"=,]++|\{[^{}]*\}|'[^']*'|\"[^\"]*\"|=|\((?:[^()]++|\([^()]*\))*\))+")
_NAME = re.compile(r"[^\s=(){}',\"]+\s+(?![\s=])")
_EQUALS = re.compile(r"\s*=\s*")
_CONTROL = re.compile(r"\bv\s*\(\s*([^\s,()]+)\s*(?:,\s*([^\s,()]+)\s*)?\)")
_NEEDS_CARE = re.compile(r"[{'(]|\s=|=\s")
_READS = re.compile(r"\b[vi]\s*\(|\btime\b")  # a formula that is no parameter expression
_WAVE = re.compile(r"(pwl|pulse|sin|exp|sffm|am|trnoise|trrandom|external)(?:\(|$)")
_ARGUMENTS = re.compile(r"\s*\(?((?:\{[^{}]*\}|'[^']*'|[^(){}']++)*)\)?(.*)$")
_IGNORED = {"tc", "tc1", "tc2", "tce", "temp", "dtemp", "noisy", "ac", "ic"}  # no effect on an ideal element at 27 °C
_PORT_KEYWORDS = ("value", "vol", "cur", "v", "i", "r", "c", "l")
Reader = Callable[[Body, str], None]


def words_of(line: str) -> list[str]:
    """Split a line; ``{a b}``, ``'a b'``, ``(a b)`` and ``key = value`` each stay one word."""
    tight = _EQUALS.sub("=", line)
    left_over = _WORDS.sub("", tight).replace(",", " ").split()
    if left_over:
        raise NetlistError(f"unbalanced {' '.join(left_over)}")
    return _WORDS.findall(tight)


def _split(line: str) -> list[str]:
    return words_of(line) if _NEEDS_CARE.search(line) else line.split()


def read_element(body: Body, line: str) -> None:
    """Read one element line into a body.

    Raises
    ------
    NetlistError
        A malformed line or an element this toolkit does not know.
    """
    reader = READERS.get(line[0])
    if reader is None:
        raise NetlistError(
            f"unknown element {line.split(maxsplit=1)[0]!r}",
            hint=f"elements begin with one of: {' '.join(sorted(READERS))}",
        )
    if not _NAME.match(line):
        raise NetlistError(f"got {line[:20]!r}, wanted an element name, a blank and nodes")
    reader(body, line)


def read_simple(body: Body) -> None:
    """Read all lines of four words that were set aside; where a value is no plain number, line by line."""
    for kind, words in body.simple.items():
        if words:
            _read_many(body, kind, words)
            words.clear()


def _read_many(body: Body, kind: str, words: list[str]) -> None:
    names, texts, n = words[0::4], words[3::4], len(words) // 4
    try:
        values = np.fromiter(map(float, texts), np.float64, n)
        plain = np.all(np.isfinite(values)) and "_" not in "".join(texts)
    except ValueError:
        plain = False
    if not plain:
        _read_each(body, words)
        return
    nodes = np.empty((n, 2), dtype=np.int32)
    nodes[:, 0] = np.fromiter(map(body.ids.__getitem__, words[1::4]), np.int32, n)
    nodes[:, 1] = np.fromiter(map(body.ids.__getitem__, words[2::4]), np.int32, n)
    body.columns[kind].extend(names, nodes, values)


def _read_each(body: Body, words: list[str]) -> None:
    for i in range(0, len(words), 4):
        line = " ".join(words[i : i + 4])
        try:
            read_element(body, line)
        except NetlistError as bad:
            raise NetlistError(bad.what, where=line, cause=bad.cause, hint=bad.hint) from bad


def _at_least(words: list[str], n: int, form: str) -> None:
    if len(words) < n:
        raise NetlistError(f"got {len(words)} words, wanted {form}")


def _passive(body: Body, line: str) -> None:
    """Read R, C, L: ``name a b value [key=value …]``; the value may be a formula of voltages."""
    words = words_of(line)
    _at_least(words, 4, "name node node value")
    name, a, b, text, *rest = words
    extra = {word.partition("=")[0] for word in rest}
    if extra - _IGNORED:
        raise NetlistError(
            f"element {name}: cannot read {', '.join(sorted(extra - _IGNORED))} after the value",
            hint="write the value itself; a factor m or scale belongs into it",
        )
    text = text.removeprefix(f"{name[0]}=").removeprefix("value=")
    if _READS.search(text):
        _behaviour(body, name, body.nodes([a, b]), name[0], text)
    else:
        body.columns[name[0]].add(name, body.nodes([a, b]), quantity(text))


def _source(body: Body, line: str) -> None:
    """Read V, I: ``name a b [[dc] value] [ac …] [pwl(…) | pulse(…) | …]``."""
    parts = line.split(maxsplit=3)
    _at_least(parts, 3, "name node node [value]")
    name, a, b, text = (*parts, "")[:4]
    columns, words = body.columns[name[0]], words_of(text)
    at = next((i for i, word in enumerate(words) if _WAVE.match(word)), len(words))
    dc = _dc_value(name, words[:at])
    if at < len(words):
        body.waves[name[0]][columns.count] = _wave(" ".join(words[at:]), has_dc=dc is not None)
    columns.add(name, body.nodes([a, b]), 0.0 if dc is None else dc)


def _dc_value(name: str, words: list[str]) -> Scalar | None:
    before_ac = words[: words.index("ac")] if "ac" in words else words
    texts = [word.removeprefix("dc=") for word in before_ac if word != "dc"]
    if len(texts) > 1:
        raise NetlistError(f"source {name}: cannot read {' '.join(texts)}", hint="wanted [dc] value [ac …] [pwl(…)]")
    return quantity(texts[0]) if texts else None


def _wave(text: str, *, has_dc: bool) -> LocalWave:
    function = re.match(r"\w+", text)[0]  # type: ignore[index]
    inside, tail = _ARGUMENTS.match(text, len(function)).groups()  # type: ignore[union-attr]
    try:
        plain = np.array(inside.replace(",", " ").split(), dtype=np.float64)
    except ValueError:
        texts = re.findall(r"\{[^{}]*\}|'[^']*'|[^\s,]+", inside)
        return LocalWave(function, tuple(map(quantity, texts)), tail.strip(), has_dc)
    return LocalWave(function, plain, tail.strip(), has_dc)


def _controlled(body: Body, line: str) -> None:
    """Read E, G: ``name out+ out- in+ in- gain``, or a formula, polynomial or table, kept as a behaviour."""
    parts = line.split(maxsplit=3)
    _at_least(parts, 4, "name node node node node gain")
    name, a, b, rest = parts
    if re.match(r"(poly|table|pwl|laplace)\b|\w+\s*=", rest):
        _behaviour(body, name, body.nodes([a, b]), "v" if name[0] == "e" else "i", _EQUALS.sub("=", rest))
        return
    words = words_of(re.sub(r"^\(([^()]*)\)", r"\1", rest))
    if len(words) != 3:
        raise NetlistError(f"element {name}: got {len(words) + 3} words, wanted name node node node node gain")
    gain = quantity(words[2].removeprefix("gain="))
    body.columns[name[0]].add(name, body.nodes([a, b, words[0], words[1]]), gain)


def _source_of_formula(body: Body, line: str) -> None:
    """Read B: ``name a b v=formula`` or ``i=formula``."""
    parts = line.split(maxsplit=3)
    match = re.match(r"([vi])\s*=\s*(.+)$", parts[3]) if len(parts) == 4 else None
    if match is None:
        raise NetlistError(f"element {parts[0]}: wanted name node node v=formula or i=formula")
    _behaviour(body, parts[0], body.nodes(parts[1:3]), match.group(1), match.group(2))


def _behaviour(body: Body, name: str, nodes: list[int], kind: str, text: str) -> None:
    key, equals, formula = text.partition("=")
    if equals and key in _PORT_KEYWORDS:
        text = formula
    reads = [node for pair in _CONTROL.findall(text) for node in pair if node] + _polynomial_inputs(text)
    controls = {read: body.node(read) for read in reads}
    wrapped = re.fullmatch(r"\{([^{}]*)\}|'([^']*)'", text.strip())
    text = (wrapped[1] or wrapped[2] or "") if wrapped else text.strip()
    body.behaviours.append(Behaviour(name, (nodes[0], nodes[1]), kind, text, controls))


def _polynomial_inputs(text: str) -> list[str]:
    match = re.match(r"poly\s*\(\s*(\d+)\s*\)(.*)", text)
    return re.findall(r"[^\s(),]+", match.group(2))[: 2 * int(match.group(1))] if match else []


def _instance(body: Body, line: str) -> None:
    """Read X: ``name node … subckt [params:] [key=value …]``."""
    words = [word for word in _split(line) if word != "params:"]
    first = next((i for i, word in enumerate(words) if "=" in word), len(words))
    plain, pairs = words[:first], [word.partition("=")[::2] for word in words[first:]]
    _at_least(plain, 2, "name node … subcircuit [key=value …]")
    if any(not key or not value for key, value in pairs):
        raise NetlistError(f"instance {plain[0]}: wanted key=value, got {' '.join(words[first:])}")
    nodes = body.nodes(plain[1:-1])
    group = body.call(plain[-1], len(nodes), tuple(key for key, _ in pairs))
    group.add(plain[0], nodes, [parameter(value) for _, value in pairs])


def _with_model(body: Body, line: str) -> None:
    """Read D, M, Q, J, S, W: ``name node … model [area] [key=value …]``."""
    words = [word for word in _split(line) if "=" not in word]
    while len(words) > 1 and (words[-1] in ("on", "off") or _is_value(words[-1])):
        words.pop()
    name, nodes = words[0], words[1:-1]
    if name[0] == "w":
        nodes = nodes[:2]
    if len(nodes) < _FEWEST[name[0]]:
        raise NetlistError(f"element {name}: got {len(nodes)} nodes, wanted at least {_FEWEST[name[0]]} and a model")
    body.device(name[0], len(nodes)).add(name, body.nodes(nodes), words[-1])


def _is_value(word: str) -> bool:
    return word[0] in "{'" or number(word) is not None


def _code_model(body: Body, line: str) -> None:
    """Read A: ``name port … model``, ports in brackets, with ``%v`` types and ``~`` inversion."""
    words = re.sub(r"%\w+|[\[\](),~]", " ", line).split()
    _at_least(words, 3, "name port … model")
    nodes = [word for word in words[1:-1] if word != "null"]
    body.device("a", len(nodes)).add(words[0], body.nodes(nodes), words[-1])


def _without_model(body: Body, line: str) -> None:
    """Read F, H, T, K: nodes only."""
    words, n = line.split(), _FEWEST[line[0]]
    _at_least(words, n + 2, f"name, {n} nodes and what follows")
    body.device(line[0], n).add(words[0], body.nodes(words[1 : n + 1]), "")


_FEWEST = {"d": 2, "m": 4, "q": 3, "j": 3, "z": 3, "s": 4, "w": 2, "n": 1, "u": 3, "o": 4}  # nodes
_FEWEST |= {"f": 2, "h": 2, "t": 4, "k": 0}
READERS: Mapping[str, Reader] = {
    **dict.fromkeys("rcl", _passive),
    **dict.fromkeys("vi", _source),
    **dict.fromkeys("eg", _controlled),
    "b": _source_of_formula,
    "x": _instance,
    **dict.fromkeys("dmqjzswnuo", _with_model),
    **dict.fromkeys("fhtk", _without_model),
    "a": _code_model,
}
