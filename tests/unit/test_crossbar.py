"""The crossbar writer: element counts, node merging, streaming."""

import re
from collections import Counter

import numpy as np
import pytest

from aimc_spice.device import Device, map_weights
from aimc_spice.device.base import ConductanceMap
from aimc_spice.errors import NetlistError
from aimc_spice.netlist.crossbar import Crossbar
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.wire import Wire

DEVICE = Device(1e-4, 1e-6)
FULL = Wire(1.0, 2.0, 1e-17, 2e-17)


def cells(rows=3, cols=4, seed=0):
    g = np.random.default_rng(seed).uniform(1e-6, 1e-4, (2, rows, cols))
    return ConductanceMap(g[0], g[1], DEVICE)


def lines_of(crossbar):
    return "".join(crossbar.chunks()).splitlines()


def test_every_cell_has_its_elements():
    lines = lines_of(Crossbar(cells(), FULL, r_driver=5.0))
    kinds = Counter(re.match(r"[a-z]+", line).group() for line in lines)
    assert kinds == {"rd": 3, "rw": 12, "cw": 12, "rgp": 12, "rgn": 12, "rp": 12, "rn": 12, "cp": 12, "cn": 12}
    assert len(lines) == Crossbar(cells(), FULL, r_driver=5.0).n_lines
    assert len({line.split()[0] for line in lines}) == len(lines)


def test_conductances_are_in_the_deck_bit_for_bit():
    found = {w[0]: float(w[3]) for w in map(str.split, lines_of(Crossbar(cells(), FULL)))}
    for r in range(3):
        for c in range(4):
            assert found[f"rgp_{r}_{c}"] == 1 / cells().g_pos[r, c]
            assert found[f"rgn_{r}_{c}"] == 1 / cells().g_neg[r, c]


def test_ideal_wires_merge_nodes_instead_of_writing_zero_ohm():
    lines = lines_of(Crossbar(cells(), Wire()))
    assert len(lines) == 2 * 12
    assert lines[0].split()[:3] == ["rgp_0_0", "wl_0", "bp_0"]


def test_last_row_ends_at_the_port():
    text = "\n".join(lines_of(Crossbar(cells(), FULL)))
    assert "rp_2_1 p_2_1 bp_1 2.0e+00" in text
    assert "rn_1_1 n_1_1 n_2_1 2.0e+00" in text


def test_own_cell_gets_its_conductance():
    own = Macro("cell", "mem", ".subckt mem a b params: g=1\nr1 a b {1/g}\n.ends\n")
    lines = lines_of(Crossbar(map_weights([[1.0]], DEVICE), Wire(), cell=own))
    assert lines == ["xgp_0_0 wl_0 bp_0 mem g=1.0e-04", "xgn_0_0 wl_0 bn_0 mem g=1.0e-06"]


def test_rows_stream_in_chunks():
    assert len(list(Crossbar(cells(100, 3), FULL).chunks())) == 7


def test_zero_conductance_is_refused():
    dead = ConductanceMap(np.zeros((1, 1)), np.ones((1, 1)) * 1e-4, Device(1e-4, 0.0))
    with pytest.raises(NetlistError, match="zero conductance"):
        Crossbar(dead)
