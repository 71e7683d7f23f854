"""How is a SPICE number or a ``{parameter expression}`` read, without ever running foreign code?

One idea: the text becomes a small tree of closures over NumPy, compiled once and evaluated for a thousand instances
at a time. Operators follow ngspice: ``+ - * / %``, ``**`` or ``^`` (left-associative; of the *magnitude*: ``(-2)**3``
is 8; a sign after another operator binds first: ``2*-2**2`` is 8, ``-2**2`` is -4), comparisons, ``a ? b : c`` and
parentheses. Suffixes are SPICE's: ``1M`` is *milli*. Voltages and currents are no parameters: they are refused here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from aimc_spice.errors import NetlistError

Value = Any  # float or ndarray of shape (n_instances,)
Lookup = Callable[[str], Value]
Node = Callable[[Lookup], Value]

_SUFFIX = {"t": 12, "g": 9, "meg": 6, "k": 3, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:e([+-]?\d+))?(meg|mil|[tgkmunpfa])?[a-z]*$")
_TOKEN = re.compile(
    r"\s*(?:((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-z]*)|([a-z_][\w.]*)|(\*\*|[<>=!]=|<>|&&|\|\||[-+*/%^()<>?:,!]))"
)


def _power(base: Value, exponent: Value) -> Value:
    return np.abs(base) ** exponent


_LEVELS: tuple[dict[str, Callable[[Value, Value], Value]], ...] = (
    {"||": np.logical_or},
    {"&&": np.logical_and},
    {"==": np.equal, "!=": np.not_equal, "<>": np.not_equal},
    {"<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal},
    {"+": np.add, "-": np.subtract},
    {"*": np.multiply, "/": np.divide, "%": np.fmod},
    {"**": _power, "^": _power},
)
_PREFIX: dict[str, tuple[int, Callable[[Value], Value]]] = {
    "-": (6, np.negative),
    "+": (6, np.positive),
    "!": (6, np.logical_not),
}
_FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {  # number of arguments (-1: one or more), function
    "min": (-1, lambda *xs: reduce(np.minimum, xs)),
    "max": (-1, lambda *xs: reduce(np.maximum, xs)),
    "pow": (2, np.power),
    "pwr": (2, _power),
    "sgn": (1, np.sign),
    "sqr": (1, np.square),
    "int": (1, np.trunc),
    "nint": (1, np.rint),
    "ln": (1, np.log),  # log is natural in ngspice parameters
    "atan": (1, np.arctan),
    "arctan": (1, np.arctan),
    "asin": (1, np.arcsin),
    "acos": (1, np.arccos),
    "asinh": (1, np.arcsinh),
    "acosh": (1, np.arccosh),
    "atanh": (1, np.arctanh),
    "ternary_fcn": (3, np.where),
    **{
        name: (1, getattr(np, name))
        for name in ("sqrt", "exp", "abs", "log", "log10", "floor", "ceil", "sin", "cos", "tan", "sinh", "cosh", "tanh")
    },
}


@dataclass(frozen=True)
class Expression:
    """A compiled parameter expression; evaluate it with the values of its names."""

    text: str
    names: tuple[str, ...]
    _node: Node

    def evaluate(self, lookup: Lookup) -> Value:
        """Return the value, a float or an array; `lookup` maps a parameter name to its value.

        Raises
        ------
        NetlistError
            The result is not finite (division by zero, root of a negative number).
        """
        with np.errstate(all="ignore"):
            result = self._node(lookup) * np.float64(1.0)
        if not np.all(np.isfinite(result)):
            used = ", ".join(f"{name} = {lookup(name)}" for name in self.names)
            raise NetlistError(f"expression {{{self.text}}} is not finite", cause=used or "no parameters")
        return result


def number(text: str) -> float | None:
    """Read a SPICE number (``1k``, ``1meg``, ``1M`` = milli, ``10pF``); None where `text` is no number."""
    match = _NUMBER.match(text.lower())
    if match is None:
        return None
    mantissa, exponent, suffix = match.groups()
    if suffix == "mil":
        return float(f"{mantissa}e{exponent or 0}") * 25.4e-6
    return float(f"{mantissa}e{int(exponent or 0) + _SUFFIX.get(suffix or '', 0)}")


def plain_number(text: str) -> float | None:
    """Read a number without suffix, faster than `number`; None where it is none (nan, inf and 1_0 are none)."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def quantity(text: str) -> float | Expression:
    """Read an element value: a number, ``{expression}`` or ``'expression'``.

    Raises
    ------
    NetlistError
        It is neither.
    """
    value = plain_number(text)
    if value is None:
        value = number(text)
    if value is not None:
        return value
    if len(text) > 1 and text[0] + text[-1] in ("{}", "''"):
        return compile_expression(text[1:-1])
    raise NetlistError(
        f"{text!r} is neither a number nor an expression", hint="write a parameter in braces: {name}; 1M is milli"
    )


def parameter(text: str) -> float | Expression:
    """Read a parameter value: as `quantity`, but the braces may be missing (``g={2*a}`` or ``g=2*a``)."""
    value = plain_number(text)
    if value is not None:
        return value
    return quantity(text if text[0] in "{'" or number(text) is not None else f"{{{text}}}")


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Compile an expression such as ``4*slope/vdd``.

    Parameters
    ----------
    text : str
        Without its braces. Names, numbers with SPICE suffixes, operators and the usual functions (see the module).

    Raises
    ------
    NetlistError
        A syntax error, an unknown function, or nesting too deep.
    """
    parser = _Parser(text.lower())
    try:
        node = parser.ternary()
    except RecursionError as bad:
        raise NetlistError(f"expression {{{text[:40]}…}} is nested too deeply") from bad
    parser.finish()
    return Expression(text, tuple(dict.fromkeys(parser.names)), node)


class _Parser:
    """Recursive descent; one method a rule, each returns a closure."""

    def __init__(self, text: str) -> None:
        self.text, self.names = text, list[str]()
        self.tokens = list(self._split(text))
        self.at = 0

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.wrong(f"cannot read {text[at:].strip()[:20]!r}")
            tokens.append((("number", "name", "op")[(match.lastindex or 1) - 1], match.group(match.lastindex or 1)))
            at = match.end()
        return tokens

    def wrong(self, cause: str) -> NetlistError:
        return NetlistError(f"malformed expression {{{self.text}}}", cause=cause)

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise self.wrong(f"it ends where {wanted or 'a value'} is wanted")
        kind, word = self.tokens[self.at]
        if wanted and word != wanted:
            raise self.wrong(f"got {word!r}, wanted {wanted!r}")
        self.at += 1
        return kind, word

    def finish(self) -> None:
        if self.at < len(self.tokens):
            raise self.wrong(f"did not expect {self.peek()!r}")

    def ternary(self) -> Node:
        test = self.binary(0)
        if self.peek() != "?":
            return test
        self.take("?")
        yes = self.ternary()
        self.take(":")
        no = self.ternary()
        return lambda look: np.where(test(look), yes(look), no(look))

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.primary()
        left = self.leading_sign(level)
        while self.peek() in _LEVELS[level]:
            left = _apply2(_LEVELS[level][self.take()[1]], left, self.binary(level + 1))
        return left

    def leading_sign(self, level: int) -> Node:
        """Let a sign at the start of a sum cover its whole first term: ``-2**2`` is -4."""
        if level == 4 and self.peek() in ("-", "+"):
            sign = _PREFIX[self.take()[1]][1]
            return _apply1(sign, self.binary(5))
        return self.binary(level + 1)

    def primary(self) -> Node:
        kind, word = self.take()
        if kind == "number":
            return self.constant(word)
        if kind == "name":
            return self.call(word) if self.peek() == "(" else self.name(word)
        if word in _PREFIX:
            return _apply1(_PREFIX[word][1], self.primary())
        if word != "(":
            raise self.wrong(f"did not expect {word!r}")
        inside = self.ternary()
        self.take(")")
        return inside

    def constant(self, word: str) -> Node:
        value = number(word)
        if value is None:
            raise self.wrong(f"{word!r} is no number")
        fixed = np.float64(value)
        return lambda _: fixed

    def name(self, word: str) -> Node:
        self.names.append(word)
        return lambda look: look(word)

    def call(self, word: str) -> Node:
        if word not in _FUNCTIONS:
            raise NetlistError(
                f"unknown function {word} in {{{self.text}}}", hint=f"known: {', '.join(sorted(_FUNCTIONS))}"
            )
        n_wanted, function = _FUNCTIONS[word]
        arguments = self.arguments()
        if n_wanted not in (-1, len(arguments)):
            raise self.wrong(f"{word} takes {n_wanted} arguments, got {len(arguments)}")
        return lambda look: function(*(argument(look) for argument in arguments))

    def arguments(self) -> list[Node]:
        self.take("(")
        found = [self.ternary()]
        while self.peek() == ",":
            self.take(",")
            found.append(self.ternary())
        self.take(")")
        return found


def _apply1(function: Callable[[Value], Value], node: Node) -> Node:
    return lambda look: function(node(look))


def _apply2(function: Callable[[Value, Value], Value], left: Node, right: Node) -> Node:
    return lambda look: function(left(look), right(look))
