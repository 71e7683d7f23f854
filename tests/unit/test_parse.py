from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.parse import parse_netlist, read_netlist
from aimc_spice.netlist.waves import Wave

HIERARCHY = """a title, not an element
.param scale=2 both={scale*3}
.SUBCKT Inner a b params: R=1k twice={2*r}
r1 A m {R}
r2 m b {twice}   ; two of them
.ends inner
.subckt outer p q
x1 p q inner r={both*100}
x2 p n3 INNER
rn n3 q
+ 5k $ continued
.ends
* a comment
x1 in 0 outer
x2 in 0 inner R = 10
v1 in gnd dc 1
.op
.end
r99 never read 1
"""


def resistors(circuit):
    table = circuit.tables["r"]
    return dict(zip(table.names, table.values.tolist(), strict=True))


def test_hierarchy_parameters_and_names_as_ngspice_has_them():
    circuit = parse_netlist([HIERARCHY])
    assert resistors(circuit) == {
        "r.x1.x1.r1": 600.0,
        "r.x1.x1.r2": 1200.0,
        "r.x1.x2.r1": 1e3,
        "r.x1.x2.r2": 2e3,
        "r.x1.rn": 5e3,
        "r.x2.r1": 10.0,
        "r.x2.r2": 20.0,
    }
    assert set(circuit.node_names) == {"0", "in", "x1.n3", "x1.x1.m", "x1.x2.m", "x2.m"}
    assert circuit.title == "a title, not an element"
    assert circuit.cards == (".op",)


def test_terminals_follow_the_ports():
    circuit = parse_netlist([HIERARCHY])
    table = circuit.tables["r"]
    ends = {name: [circuit.node_names[n] for n in row] for name, row in zip(table.names, table.nodes, strict=True)}
    assert ends["r.x1.x1.r1"] == ["in", "x1.x1.m"]
    assert ends["r.x1.x2.r2"] == ["x1.x2.m", "x1.n3"]
    assert ends["r.x1.rn"] == ["x1.n3", "0"]


def test_names_lead_back_to_nodes_and_elements():
    circuit = parse_netlist([HIERARCHY])
    for i, name in enumerate(circuit.node_names):
        assert circuit.node(name.upper()) == i
    for i, name in enumerate(circuit.tables["r"].names):
        assert circuit.find(name) == ("r", i)
    assert circuit.find("r.x1.x3.r1") is None
    assert circuit.node("GND") == 0
    with pytest.raises(NetlistError, match=r"no node x1\.x1\.a"):
        circuit.node("x1.x1.a")


def test_inner_scopes_see_the_parameters_around_them_as_in_ngspice():
    text = "t\n.param g=7\n.subckt a p\nr1 p 0 {g}\n.ends\n.subckt b p g=3\nx1 p a\n.ends\nx1 n b g=5\nx2 n a\n"
    assert resistors(parse_netlist([text])) == {"r.x1.x1.r1": 5.0, "r.x2.r1": 7.0}


def test_many_instances_each_keep_their_parameters():
    lines = [f"xg{i} a{i} b cell g={g!r}\n" for i, g in enumerate([1e-6, 2e-6, 4e-6])]
    circuit = parse_netlist(["t\n.subckt cell a b g=1\nr1 a m {1/g}\nr2 m b {g}\n.ends\n", *lines])
    assert resistors(circuit) == {
        **{f"r.xg{i}.r1": 1 / g for i, g in enumerate([1e-6, 2e-6, 4e-6])},
        **{f"r.xg{i}.r2": g for i, g in enumerate([1e-6, 2e-6, 4e-6])},
    }


def test_a_subcircuit_defined_inside_another_is_local():
    text = "t\n.subckt o p\n.subckt i p\nr1 p 0 1\n.ends\nx1 p i\n.ends\nx1 a o\n"
    assert list(parse_netlist([text]).tables["r"].names) == ["r.x1.x1.r1"]
    with pytest.raises(NetlistError, match="subcircuit i is not defined"):
        parse_netlist([text + "x2 a i\n"])


def test_global_nodes_cross_the_hierarchy():
    circuit = parse_netlist(["t\n.global vdd\n.subckt s p\nr1 p vdd 1\n.ends\nv1 vdd 0 1\nx1 a s\n"])
    assert circuit.node_names[circuit.tables["r"].nodes[0, 1]] == "vdd"


def test_sources_keep_steady_value_and_wave():
    text = """t
.param hi=3
v1 a 0 1
v2 b 0 dc 2 ac 1
v3 c 0 pwl(0 0.5 1n {hi*(1+1)})
v4 d 0 dc=4 pulse(0 1 0 1n 1n 5n 20n)
v5 e 0
i1 f 0 sin 0.1 1 1meg
"""
    circuit = parse_netlist([text])
    np.testing.assert_allclose(circuit.tables["v"].values, [2, 0.5, 4, 0, 1])  # four-word lines come last
    assert {wave.function for wave in circuit.waves["v"].values()} == {"pwl", "pulse"}
    rows = {circuit.tables["v"].names[row]: wave for row, wave in circuit.waves["v"].items()}
    np.testing.assert_allclose(rows["v3"].at([0.0, 0.5e-9, 2e-9]), [0.5, 3.25, 6.0])
    np.testing.assert_allclose(rows["v4"].at([0.5e-9, 3e-9, 21e-9]), [0.5, 1.0, 1.0])
    np.testing.assert_allclose(circuit.waves["i"][0].at([0.0, 0.25e-6]), [0.1, 1.1])


def test_an_unknown_wave_is_kept_but_has_no_value():
    with pytest.raises(NetlistError, match="sffm"):
        Wave("sffm", np.zeros(5)).at(np.zeros(1))


def test_formulas_have_flat_names_and_numbers():
    text = "t\n.subckt s p o k=2\nb1 m 0 v={k}*v(p,o)+i(v1)\nv1 m o 0\n.ends\nx1 a b s k=3\n"
    circuit = parse_netlist([text])
    assert list(circuit.formulas.names) == ["b.x1.b1"]
    assert circuit.formulas.text(0, circuit.node_names) == "3.0*v(a,b)+i(v.x1.v1)"
    assert [circuit.node_names[n] for n in circuit.formulas.reads(0)] == ["a", "b"]


def test_elements_only_ngspice_understands_keep_nodes_and_model():
    text = """t
.model nm nmos level=1
.model dm d
.model sw sw vt=0.5
.model buf dac_bridge
m1 d g s b nm w=1u l=0.1u
d1 a k dm 2
s1 a b c 0 sw on
a1 [q1 ~q2] [o1 o2] buf
e1 o 0 vol='2*v(a)'
g1 o 0 poly(1) a b 0 1
"""
    circuit = parse_netlist([text])
    assert {(t.kind, *t.names, t.nodes.shape[1], *t.models) for t in circuit.devices} == {
        ("m", "m1", 4, "nm"),
        ("d", "d1", 2, "dm"),
        ("s", "s1", 4, "sw"),
        ("a", "a1", 4, "buf"),
    }
    assert list(circuit.formulas.names) == ["e1", "g1"]
    assert circuit.n_elements == 6


def test_control_sections_are_skipped():
    assert parse_netlist(["t\nr1 a 0 1\n.control\nrun\nr9 a 0 1\n.endc\nr2 a 0 1\n"]).n_elements == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("r1 a", "wanted name node node value"),
        ("r1 a b oops", "neither a number nor an expression"),
        ("r1 a b nan", "neither"),
        ("r1 a b 1_0", "neither"),
        ("r1 a b {1", "unbalanced"),
        ("r1 a b 1k m=2", "cannot read m"),
        ("r1 a b {nope}", "parameter nope is not defined"),
        ("r1 a b {1/0}", "not finite"),
        ("v1 a b 1 2", "cannot read 1 2"),
        ("v1 a b pwl(0 0 1)", "pairs"),
        ("e1 a b c 5", "wanted name node node node node gain"),
        ("b1 a b x=3", "wanted name node node v=formula"),
        ("y1 a b 1", "unknown element"),
        ("x1 a b s g=", "key=value"),
        (".nonsense 1", "unknown card"),
        (".include other.cir", "read_netlist"),
        (".ends foo", "open subcircuit is none"),
        (".subckt s a a", "named twice"),
        (".subckt s a 0", "ground"),
        (".param a", "key=value"),
        (".model m", "wanted .model"),
        (".subckt open a", "no .ends"),
    ],
)
def test_a_malformed_line_is_refused_and_named(line, says):
    with pytest.raises(NetlistError, match=says) as caught:
        parse_netlist([f"t\nr8 a 0 1\nr9 a 0 1\n{line}\nr7 a 0 1\n"])
    has_place = "nope" not in line and "1/0" not in line and "(0 0 1)" not in line and "open" not in line
    assert not has_place or caught.value.where.startswith("line 4: ")


def test_the_line_is_right_after_continuations_and_comments():
    with pytest.raises(NetlistError) as caught:
        parse_netlist(["t\nr1 a b\n* between\n+ 1k\n\nc1 a 0 1p ; fine\nr2 a b bad\n"])
    assert caught.value.where == "line 7: r2 a b bad"


def test_a_parameter_that_needs_itself_is_refused():
    with pytest.raises(NetlistError, match="itself"):
        parse_netlist(["t\n.param a={b} b={a}\nr1 x 0 {a}\n"])


def test_a_subcircuit_that_contains_itself_is_refused():
    with pytest.raises(NetlistError, match="contains itself"):
        parse_netlist(["t\n.subckt s p\nx1 p s\n.ends\nx1 a s\n"])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x1 a b nosuch", "nosuch is not defined .known: amp"),
        ("x1 a b c amp", r"amp has 2 ports .p q., got 3 nodes"),
        ("x1 a b amp h=2", "no parameter h .has: g"),
        ("d1 a b nosuch", "model nosuch is not defined"),
    ],
)
def test_wrong_references_are_raised_or_listed(line, says):
    text = f"t\n.subckt amp p q g=1\nr1 p q 1\n.ends\n{line}\n"
    with pytest.raises(NetlistError, match=says):
        parse_netlist([text])
    assert len(parse_netlist([text], strict=False).problems) == 1


def test_files_and_what_they_include(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "cell.cir").write_text("* cell\n.subckt cell a\nr1 a 0 1\n.ends\n")
    (tmp_path / "top.cir").write_text('t\nv1 n 0 1\n.include "sub/cell.cir"\nx1 n cell\n')
    assert list(read_netlist(tmp_path / "top.cir").tables["r"].names) == ["r.x1.r1"]
    (tmp_path / "loop.cir").write_text("t\n.inc loop.cir\n")
    with pytest.raises(NetlistError, match="includes itself"):
        read_netlist(tmp_path / "loop.cir")
    with pytest.raises(NetlistError, match="cannot read"):
        read_netlist(tmp_path / "missing.cir")
