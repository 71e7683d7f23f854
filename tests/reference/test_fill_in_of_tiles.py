"""Judge: ngspice's own count of fill-in, of tiles with and without feedback around the array."""

import re
import subprocess

import numpy as np
import pytest

from aimc_spice.device import Device
from aimc_spice.device.mapping import map_weights
from aimc_spice.netlist.library import diff_amp
from aimc_spice.netlist.readout import OpAmp, dynamic_tia
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate import find_ngspice
from aimc_spice.surrogate.families.decks import TileCircuit

pytestmark = pytest.mark.ngspice
N = 16


def fill_in(front_end, folder):
    rng = np.random.default_rng(0)
    cells = map_weights(rng.uniform(-1, 1, (N, N)), Device(1e-4, 1e-6), n_levels=None, zero="off", w_max=1.0)
    deck = TileCircuit(Wire(1.0, 1.0, 2e-16, 2e-16), front_end, 0.2, 50.0).deck(cells, rng.uniform(-1, 1, (1, N)))
    (folder / "deck.cir").write_text(deck.text().replace(".end\n", ".control\nrun\nrusage all\nquit\n.endc\n.end\n"))
    command = [str(find_ngspice().path), "-b", "deck.cir"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return int(re.search(r"fill-in non-zeroes = (\d+)", done.stdout)[1])


@pytest.mark.parametrize("opamp", [OpAmp(1e4, 2e9), OpAmp(1e4, 2e9, 0.8, 1e10)], ids=["dynamic", "limited"])
def test_references_of_op_amps_do_not_make_the_matrix_fill_in(opamp, tmp_path):
    without_reference = fill_in(diff_amp(gain=30), tmp_path)
    assert fill_in(dynamic_tia(r_f=2e3, opamp=opamp), tmp_path) < 1.2 * without_reference  # 64 x 64: 8 times once
