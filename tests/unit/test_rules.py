from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.connectivity import dead_ends
from aimc_spice.netlist.graph import to_networkx
from aimc_spice.netlist.parse import parse_netlist, read_netlist
from aimc_spice.netlist.rules import check_rules, check_text
from aimc_spice.share import share

SOUND = "v1 a 0 1\nr1 a b 1\nr2 b 0 1\n"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("x9 a b nosuch", "x9: subcircuit nosuch is not defined"),
        ("d9 a b nosuch", "d9: model nosuch is not defined"),
        ("r1 a b 2", "r1 occurs more than once in the top level"),
        ("e9 c 0 a 0 2\ne9 d 0 v=v(a)", "e9 occurs more than once"),
        ("x9 a one\nx9 a 0 two\n.subckt one p\nr1 p 0 1\n.ends\n.subckt two p q\nr1 p q 1\n.ends", "x9 occurs more"),
        (".subckt s p\nr1 p 0 1\nr1 p 0 1\n.ends", "r1 occurs more than once in subcircuit s"),
        ("r9 a b 0", "r9 is 0 Ω"),
        ("r9 a b -5", "r9 is -5 Ω"),
        ("c9 a b -1p", "c9 is -1e-12 F"),
        ("v9 b b 1", "v9: both terminals are on node b"),
        ("v9 a 0 2", "v9 closes a loop"),
        ("e9 c 0 b 0 2\nv9 c d 0\nb9 d 0 v=v(b)", "b9 closes a loop"),
        ("l9 a 0 1n", "l9 closes a loop"),
        ("c9 a c 1p", r"node c: no DC path to ground \(touched by c9\)"),
        ("i9 a c 1\nr9 c d 1", r"2 nodes c, d: no DC path to ground"),
        ("e9 c 0 b typo 2", r"node typo: no DC path to ground \(touched by e9\)"),
        ("b9 c 0 v=v(typo)", r"node typo: .*the formula of b9"),
        ("i9 0 c 1\nb9 c 0 i=v(b)", "node c: no DC path"),
        (".model nm nmos\nm9 a c 0 0 nm", r"node c: no DC path to ground \(touched by m9\)"),
    ],
)
def test_each_rule_finds_and_names_what_breaks_it(lines, says):
    with pytest.raises(NetlistError, match=says):
        check_text(["t\n", SOUND, lines + "\n"])


@pytest.mark.parametrize(
    "lines",
    [
        "e9 probe 0 a b 10",  # an output nobody reads
        "vctl ctl 0 0\nb9 c 0 v=pwl(v(ctl),0,0,1,1)",
        "b9 a b i=1e-3*sinh(v(a,b))\nb8 c b i=v(c)",  # a cell written as a current source conducts
        "g9 c 0 c 0 1e-3",
        "r9 a open 1",  # an open wire end
        "c9 b 0 0",  # an absent parasitic
        "l9 a c 1n\nr9 c 0 1",
        ".model nm nmos\nm9 a b c c nm\nm8 c b 0 0 nm",
        ".model bridge dac_bridge\na9 [c] [d] bridge",
        "x9 a nc s\n.subckt s p q\nr1 p 0 1\n.ends",  # an unused port
        "i9 a a 1",  # harmless
        "v9 in1 in2 0\nr9 in1 0 1",
        "c9 b c 1p\nr9 c 0 1",
    ],
)
def test_sound_circuits_raise_no_alarm(lines):
    check_text(["t\n", SOUND, lines + "\n"])


def test_one_error_lists_ten_problems_and_counts_the_rest():
    lines = "".join(f"r{i} a b {-i}\n" for i in range(10, 30))
    with pytest.raises(NetlistError) as caught:
        check_text(["t\n", SOUND, lines, "c9 a b -1\n"])
    text = str(caught.value)
    assert "21 times" in text
    assert "r19 is -19 Ω" in text
    assert "r20" not in text
    assert "… and 11 more" in text


def test_a_large_sound_circuit_takes_no_time_and_no_alarm():
    n = 30_000
    chain = "".join(f"r{i} n{i} n{i + 1} 1\nv{i} n{i} m{i} 0\n" for i in range(n))
    check_rules(parse_netlist(["t\nv 0 n0 1\n", chain]))


@pytest.mark.parametrize("path", sorted(share("netlists").rglob("*.cir")), ids=lambda path: path.stem)
def test_every_shipped_netlist_is_sound(path):
    check_rules(read_netlist(path, strict=False))


def test_dead_ends_are_listed_for_people():
    assert dead_ends(parse_netlist(["t\n" + SOUND + "r9 a bb 1\n"])) == ["bb"]


def test_the_graph_has_names_kinds_and_values():
    text = "t\n" + SOUND + "e1 c 0 a b 3\nb1 d 0 v=2*v(c)\n.model nm nmos\nm1 a b c 0 nm\n"
    graph = to_networkx(parse_netlist([text]))
    assert set(graph) == {"0", "a", "b", "c", "d"}
    assert graph.number_of_edges() == 8
    edges = {data["name"]: data for _, _, data in graph.edges(data=True)}
    assert edges["r1"] == {"name": "r1", "kind": "r", "value": 1.0}
    assert edges["e1"]["control"] == ("a", "b")
    assert edges["b1"]["value"] == "2*v(c)"
    assert edges["m1"]["value"] == "nm"


def test_graph_and_arrays_say_the_same_about_connection():
    circuit = parse_netlist(["t\n" + SOUND])
    degrees = dict(to_networkx(circuit).degree())
    nodes = np.concatenate([table.nodes.ravel() for table in circuit.tables.values()])
    assert degrees == {name: int(np.sum(nodes == i)) for i, name in enumerate(circuit.node_names)}
