"""Deck text, reading of hand-made waveforms, refused inputs; no ngspice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aimc_spice.build.converter import builder_of
from aimc_spice.config.converter import load_converter
from aimc_spice.errors import MeasurementFailed, NetlistError
from aimc_spice.netlist.adcs import CONVERTERS
from aimc_spice.netlist.adcs.base import Converter, Mismatch
from aimc_spice.netlist.adcs.cco import cco
from aimc_spice.netlist.adcs.dual_slope import dual_slope
from aimc_spice.netlist.adcs.flash import flash
from aimc_spice.netlist.adcs.mos import NODES, PROCESSES, Process, generic, pdk, scattered, subcircuits
from aimc_spice.netlist.adcs.ramp import ramp
from aimc_spice.netlist.adcs.slots import Slots, first_rises
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.library_file import from_lib
from aimc_spice.share import share

KINDS = ("ramp", "cco", "dual_slope", "flash", "sar")
PAIR = ".subckt pair a b\nx1 a b 0 0 nch w=1e-6 l=2e-7\nx2 b a 0 0 pch w=1e-6 l=2e-7\n.ends pair\n"


@pytest.mark.parametrize("level", ["behavioural", "transistor"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_type_is_a_converter_with_a_reproducible_deck(kind, level):
    make = CONVERTERS[kind]
    inputs = make(4).low + (make(4).high - make(4).low) * np.array([0.2, 0.8])
    draws = [make(4, level, Corner(), Mismatch(5e-9, 1e-8, a_r=1e-8), seed).deck(inputs) for seed in (3, 3, 4, None)]
    assert isinstance(make(4, level), Converter)
    assert draws[0].digest() == draws[1].digest()
    assert level == "behavioural" or len({deck.digest() for deck in draws}) == 3


def test_the_corner_reaches_the_deck():
    hot = ramp(4, "transistor", Corner("ss", 398.15, 0.9)).deck(np.array([0.3])).text()
    assert "g180_slow_n=1" in hot
    assert "temp=125" in hot
    assert "vdd_cmp vdd_cmp 0 1.62" in hot


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("process", PROCESSES)
def test_generic_nodes_have_five_corners(node, process):
    found = generic(node, Corner(process, vdd_scale=0.9))
    assert found.vdd == pytest.approx(0.9 * NODES[node])
    assert {"nch", "pch"} <= set(subcircuits(found.text))


def test_a_missing_corner_lists_those_there_are():
    with pytest.raises(NetlistError, match="no corner mc") as caught:
        generic("g180", Corner("mc"))
    assert all(process in caught.value.hint for process in PROCESSES)


def test_an_unknown_node_and_a_process_without_wrappers():
    with pytest.raises(NetlistError, match="g7"):
        generic("g7", Corner())
    with pytest.raises(NetlistError, match="no subcircuit pch"):
        Process("half", ".subckt nch d g s b\n.ends\n", 1.0)


def library(folder: Path) -> Path:
    (folder / "cards.inc").write_text(".model n1 nmos level=1\n")
    (folder / "top.lib").write_text(
        "* a user's library\n.lib TT\n.param x=1\n.include 'cards.inc'\n.lib top.lib shared\n.endl TT\n"
        ".lib shared\n.model p1 pmos level=1\n.endl\n.lib loop\n.lib top.lib loop\n.endl\n.lib bad\n.control\n.endl\n"
    )
    return folder / "top.lib"


def test_a_library_is_written_out(tmp_path):
    text = from_lib(library(tmp_path), "tt")
    assert text.split("\n") == [".param x=1", ".model n1 nmos level=1", ".model p1 pmos level=1", ""]
    wrappers = ".subckt nch d g s b\n.ends\n.subckt pch d g s b\n.ends\n"
    assert pdk(tmp_path / "top.lib", wrappers, 1.2, Corner("TT", vdd_scale=0.5)).vdd == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("section", "says"), [("ss", "no corner ss"), ("loop", "includes itself"), ("bad", r"card \.control")]
)
def test_libraries_that_are_refused(tmp_path, section, says):
    with pytest.raises(NetlistError, match=says):
        from_lib(library(tmp_path), section)


def test_a_library_that_is_not_there(tmp_path):
    with pytest.raises(NetlistError, match="cannot read"):
        from_lib(tmp_path / "none.lib", "tt")


def test_draws_depend_on_seed_and_name_alone():
    mismatch = Mismatch(a_vt=5e-9, a_beta=1e-8)
    one = scattered(PAIR, {"pair": "pair_1"}, mismatch, 7, "left")
    assert one == scattered(PAIR, {"pair": "pair_1"}, mismatch, 7, "left")
    assert one != scattered(PAIR, {"pair": "pair_1"}, mismatch, 7, "right")
    assert one.startswith(".subckt pair_1 a b")
    assert one.count("kv=") == 2
    with pytest.raises(NetlistError, match="no subcircuit other"):
        scattered(PAIR, {"other": "x"}, mismatch, 7, "left")


def test_draws_have_pelgroms_spread():
    copies = "".join(scattered(PAIR, {"pair": "p"}, Mismatch(a_vt=1.0), seed, "x") for seed in range(400))
    values = np.array([float(word[3:]) for word in copies.split() if word.startswith("kv=")])
    assert values.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * 800))  # four standard errors
    assert abs(values.mean()) < 4 / np.sqrt(800)


def ramp_waves(converter: object, trips: list[float]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Waveforms of a comparator that trips at the given times after the start of each run; negative: never."""
    slots = converter.slots
    axis, wave = [0.0], [-0.5]
    for k, trip in enumerate(trips):
        start = k * slots.t_slot + slots.t_reset
        at = start + (trip if trip >= 0 else 2 * slots.t_slot)
        end = (k + 1) * slots.t_slot
        axis += [start] + ([at - 1e-12, at + 1e-12] if at < end else []) + [end - 1e-12, end]
        wave += [-0.5] + ([-0.5, 0.5] if at < end else []) + [0.5 if at < end else -0.5, -0.5]
    time = np.array(axis)
    charge = {"v(q_vdd_ramp)": 1e-6 * time / 1e-9, "v(q_vdd_cmp)": 2e-6 * time / 1e-9}  # of 1 and 2 µA, on 1 nF
    return time, {"v(xcmp.d)": np.array(wave), **charge}


def test_ramp_reads_hand_made_trips():
    converter = ramp(4)
    t_clk = converter.t_clk
    inputs = np.array([0.3, 0.5, 0.95])
    axis, signals = ramp_waves(converter, [2.5 * t_clk, 7.1 * t_clk, -1])
    got = converter.read(inputs, axis, signals)
    assert got.codes[:2].tolist() == [2, 7]
    assert got.codes[2] == 15  # above the range the counter stops at full scale
    np.testing.assert_allclose(got.energy["ramp"], 1.8e-6 * converter.slots.t_slot)


def test_ramp_that_never_trips_is_an_error():
    converter = ramp(4)
    inputs = np.array([0.3, 0.5])
    with pytest.raises(MeasurementFailed, match=r"1 of 2 conversions never finished.* number 1 with input 500 mV"):
        converter.read(inputs, *ramp_waves(converter, [1e-8, -1]))


def test_cco_counts_edges_and_names_a_dead_ring():
    converter = cco(4, "transistor")
    slots, inputs = converter.slots, np.array([1e-5])
    start = slots.t_reset
    axis = np.linspace(0, slots.t_slot, 20001)
    wave = np.where(axis < start + 1e-10, 1.8, np.where(np.floor((axis - start) / 3e-8) % 2, 1.8, 0.0))
    still = np.zeros_like(axis)
    signals = {"v(e1)": wave, "v(e2)": still, "v(e3)": still, "v(q_vdd_cco)": still}
    expected = int(converter.t_count / 3e-8)
    assert converter.read(inputs, axis, signals).codes.tolist() == [expected]
    with pytest.raises(MeasurementFailed, match="did not oscillate"):
        converter.read(inputs, axis, signals | {"v(e1)": np.where(axis < start + 1e-10, 1.8, 0.0)})


def test_flash_refuses_a_count_that_is_not_whole():
    inputs = np.array([0.3, 0.5])
    power = {name: np.zeros(2) for name in ("i(vhigh)", "i(vlow)", "i(vdd_cmp)")}
    with pytest.raises(MeasurementFailed, match=r"7\.5 at 500 mV"):
        flash(4).read(inputs, np.arange(2.0), {"v(count)": np.array([3.0, 7.5]), **power})


def test_first_rises():
    axis, wave = np.array([0.0, 1, 2, 3, 4, 5]), np.array([0.0, 0, 2, 2, 0, 0])
    found = first_rises(axis, wave, 1.0, np.array([0.0, 2.0, 4.0]), np.array([2.0, 4.0, 5.0]))
    assert found.tolist() == [1.5, 2.0, np.inf]


def test_slots_hold_each_input_for_one_slot():
    slots = Slots(1e-8, 9e-8)
    assert slots.edges(2).tolist() == pytest.approx([0, 1e-7, 2e-7])
    text = slots.steps("vin", "in", np.array([0.25, 0.5]))
    assert text == "vin in 0 pwl( 0.0e+00 2.5e-01 1.0e-07 2.5e-01 1.0001999999999999e-07 5.0e-01 )"


@pytest.mark.parametrize(
    "build",
    [
        lambda: ramp(4, low=0.5, high=0.1),
        lambda: ramp(4, "transistors"),
        lambda: ramp(4, c_par=1e-9),
        lambda: cco(4, c_par=1e-12),
        lambda: dual_slope(4, v_step=1.0),
        lambda: dual_slope(4, v_swing=0.3),
        lambda: flash(4, r_unit=0.0),
        lambda: CONVERTERS["sar"](4, r_on=1e6),
    ],
)
def test_parameters_that_make_no_circuit(build):
    with pytest.raises(NetlistError):
        build()


@pytest.mark.parametrize("kind", sorted(CONVERTERS))
def test_a_users_library_takes_the_place_of_the_generic_cards_in_every_type(kind):
    """Our own cards given as a user's make the decks of the generic ones."""
    make, corner = CONVERTERS[kind], Corner("ss", vdd_scale=0.9)
    process = pdk(share("netlists", "models", "g180.lib"), "", 1.8, corner)
    inputs = make(4).low + (make(4).high - make(4).low) * np.array([0.2, 0.8])
    generic_deck, own = (make(4, "transistor", corner, **more).deck(inputs) for more in ({}, {"process": process}))
    assert own.text() == generic_deck.text().replace(generic("g180", corner).text, process.text)
    assert (
        make(4, "behavioural", corner, process=process).deck(inputs).text()
        == make(4, "behavioural", corner).deck(inputs).text()
    )


def test_a_file_with_a_node_takes_a_library_at_the_supply_of_that_node(tmp_path):
    (tmp_path / "x.toml").write_text('name = "x"\nkind = "sar_charge"\nlevel = "transistor"\n[params]\nnode = "g45"\n')
    build = builder_of(load_converter(tmp_path / "x.toml"), share("netlists", "models", "g45.lib"))
    assert build(Corner(), None).parts.v_dd == pytest.approx(0.9)
