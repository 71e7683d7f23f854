"""Judges: the ladder's node equation and charge conservation, on cells of charge mode in ngspice."""

import numpy as np
import pytest

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.netlist.adcs.mos import generic
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck, Lines, Netlist, Transient
from aimc_spice.netlist.charge_cells import Ladder, LadderColumn, SwitchedColumn
from aimc_spice.netlist.driven import Corner
from aimc_spice.share import share
from aimc_spice.simulate import open_simulator

T_STEP, T_STOP = 0.1e-9, 5e-9


def text(*parts):
    return share("netlists", *parts).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ngspice():
    simulator = open_simulator("shared", timeout_s=300)
    yield simulator
    simulator.close()


def stepped(ngspice, column, v_wl, *, rest=0.0, definitions=(), more="", probes=("v(bl)",)):
    """Return the probes after the word lines stepped from `rest` to v_wl."""
    drive = "\n".join(
        f"vwl{i} wl_{i} 0 pwl(0 {rest!r} 1n {rest!r} 1.1n {v!r})" for i, v in enumerate(np.asarray(v_wl).tolist())
    )
    netlist = Netlist("charge cells", definitions, (Lines(f"{drive}\n{more}"), column))
    deck = Deck(netlist, Transient(T_STEP, T_STOP), probes, (*DEFAULT_OPTIONS, "method=gear"))
    found = ngspice.run(deck)
    return np.array([found.signals[probe][-1] for probe in probes])


@pytest.mark.parametrize("c_par", [0.0, 0.3e-15])
@pytest.mark.parametrize("word", [0b10110101, 0b00000001, 0b11111111])
def test_nodes_obey_the_published_equation(word, c_par):
    """(V_i - V_(i-1)) + (V_i - V_(i+1)) + (V_i - D_i)/2 = 0 in units of 2C, terminator at the end, parasitics added."""
    n, c = 8, 2e-15
    d = np.array([word >> i & 1 for i in range(n)], dtype=float) * 0.8
    v = Ladder(n, c, c_par).nodes(d)
    below = np.concatenate([[0.0], v[:-1]])
    above = np.concatenate([v[1:], v[-1:]])
    to_below = np.where(np.arange(n) == 0, v / 2, v - below)  # node 0 has the terminator C instead
    residue = to_below + (v - above) + (v - d) / 2 + c_par / (2 * c) * v
    np.testing.assert_allclose(residue, 0, atol=1e-12)


def test_ideal_ladder_weighs_by_powers_of_two():
    np.testing.assert_allclose(Ladder(8, 1e-15).weights, 2.0 ** np.arange(8) / 256, rtol=1e-12)
    assert Ladder(8, 1e-15).c_out == pytest.approx(2e-15)


def test_parasitics_shrink_low_bits_most():
    ratio = Ladder(8, 1e-15, 0.1e-15).weights / Ladder(8, 1e-15).weights
    assert np.all(np.diff(ratio) > 0)
    assert ratio[-1] < 1


@pytest.mark.ngspice
@pytest.mark.parametrize("c_par", [0.0, 0.2e-15])
def test_every_node_of_a_ladder(ngspice, c_par):
    """1e-6 of the step."""
    ladder, word = Ladder(8, 1e-15, c_par), 0b10110101
    column = LadderColumn(np.array([word]), ladder)
    probes = (*(f"v(l0_{i})" for i in range(7)), "v(bl)")
    got = stepped(ngspice, column, [0.8], probes=probes)
    bits = np.array([word >> i & 1 for i in range(8)])
    np.testing.assert_allclose(got, ladder.nodes(0.8 * bits), atol=0.8e-6)
    if not c_par:
        assert got[-1] == pytest.approx(0.8 * word / 256, abs=0.8e-6)


@pytest.mark.ngspice
def test_a_column_of_ladders(ngspice):
    """Sixteen words of 6 bits, parasitics and a load: 1e-6 of the step."""
    rng = np.random.default_rng(0)
    column = LadderColumn(rng.integers(0, 64, 16), Ladder(6, 1e-15, 0.15e-15), c_load=30e-15)
    v_wl = rng.uniform(0, 0.8, 16)
    got = stepped(ngspice, column, v_wl)
    np.testing.assert_allclose(got, column.bit_line(v_wl[None]), atol=0.8e-6)


@pytest.mark.ngspice
def test_switched_capacitors(ngspice):
    """Behavioural cells; off switches of 10 TΩ: 1e-5 of the step."""
    rng = np.random.default_rng(1)
    column = SwitchedColumn(rng.integers(0, 2, 16), 1e-15, 0.2e-15, 10e-15)
    v_wl = rng.uniform(0, 0.8, 16)
    more = "vref ref 0 0\nvdd vdd 0 1.8"
    got = stepped(
        ngspice,
        column,
        v_wl,
        definitions=(Lines(text("cells", "sc_mac.cir").split(".subckt sc_mac wl")[0]),),
        more=more,
    )
    np.testing.assert_allclose(got, column.bit_line(v_wl[None]), atol=0.8e-5)


@pytest.mark.ngspice
def test_switched_capacitors_of_transistors(ngspice):
    """The gates stand at the driven bottom plate: they cost time, not charge. 1e-4 of the step."""
    rng = np.random.default_rng(1)
    column = SwitchedColumn(rng.integers(0, 2, 8), 2e-15, 0.2e-15, 10e-15, cell="sc_mac")
    v_wl = rng.uniform(0, 1.8, 8)
    parts = tuple(map(Lines, (generic("g180", Corner()).text, text("adcs", "gates.cir"), text("cells", "sc_mac.cir"))))
    got = stepped(ngspice, column, v_wl, definitions=parts, more="vref ref 0 0\nvdd vdd 0 1.8")
    np.testing.assert_allclose(got, column.bit_line(v_wl[None]), atol=1.8e-4)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: Ladder(0, 1e-15), NetlistError),
        (lambda: Ladder(4, 0.0), NetlistError),
        (lambda: LadderColumn(np.array([16]), Ladder(4, 1e-15)), NetlistError),
        (lambda: LadderColumn(np.array([0.5]), Ladder(4, 1e-15)), ShapeError),
        (lambda: SwitchedColumn(np.array([2]), 1e-15), NetlistError),
        (lambda: SwitchedColumn(np.array([1]), 0.0), NetlistError),
        (lambda: SwitchedColumn(np.array([1]), 1e-15).bit_line([1.0]), ShapeError),
    ],
)
def test_refused(wrong, error):
    with pytest.raises(error):
        wrong()
