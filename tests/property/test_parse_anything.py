"""Whatever text comes in, the reader gives a circuit or a `NetlistError`, and never anything else."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from aimc_spice.errors import AimcSpiceError
from aimc_spice.netlist.base import Deck, Lines, Netlist, OperatingPoint
from aimc_spice.netlist.expression import number
from aimc_spice.netlist.graph import to_networkx
from aimc_spice.netlist.parse import parse_netlist
from aimc_spice.netlist.rules import find_problems
from aimc_spice.share import share
from aimc_spice.simulate.nodal import NodalSimulator

SHIPPED = "".join(path.read_text() for path in sorted(share("netlists").rglob("*.cir"))).splitlines()
RARE = """k1 l1 l2 0.9
s1 a b c d sw on
a1 [x y] %vd(a b) null ~z buf
v3 a 0 pulse(0 1 {x} 1n 1n 5n)
e5 q 0 table {v(a)} = (0,0) (1,1)
g4 a b poly(2) a 0 b 0 1 2
r9 a b r='1k*(1+v(c))'""".splitlines()
LINES = [*SHIPPED, *RARE]
EDITS = st.tuples(st.integers(0, 2000), st.integers(0, 1), st.sampled_from([*"{}()'=,+*.$; \n\txv019e%[]\x00µ/\"", ""]))


@settings(max_examples=300)
@given(st.lists(st.sampled_from(LINES), max_size=20), st.lists(EDITS, max_size=8))
def test_any_text_gives_a_circuit_or_a_netlist_error(lines, edits):
    text = "\n".join(lines) + "\n"
    for place, skip, new in edits:
        at = place % len(text)
        text = text[:at] + new + text[at + skip :] or "\n"
    with suppress(AimcSpiceError):
        circuit = parse_netlist(["t\n", text], strict=False)
        find_problems(circuit)
        to_networkx(circuit)
        NodalSimulator().run(Deck(Netlist("t", (), (Lines(text),)), OperatingPoint(), ("v(a)",)))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_writes_reads_back(value):
    assert number(repr(value)) == value
