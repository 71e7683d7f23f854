"""Judge: the nodal solver, on the network of a crossbar's terminals and on the crossbar itself."""

import numpy as np
import pytest

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.netlist.base import Deck, Lines, Netlist
from aimc_spice.netlist.crossbar import Crossbar
from aimc_spice.netlist.drive import dc_vectors
from aimc_spice.netlist.macro import definitions
from aimc_spice.netlist.readout import dynamic_tia
from aimc_spice.netlist.tiles.ports import PortNetwork
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.nodal import NodalSimulator
from aimc_spice.surrogate.reduced import reduced_crossbar
from tiles import cells

WIRE = Wire(2.0, 3.0, 2e-16, 2e-16)


def outputs(part, n_rows, n_cols):
    front_end = dynamic_tia(r_f=1e4).macro
    drive = dc_vectors([f"wl_{r}" for r in range(n_rows)], np.eye(n_rows))
    ends = Lines("\n".join(f"xf_{c} bp_{c} bn_{c} out_{c} {front_end.call()}" for c in range(n_cols)))
    probes = tuple(f"v(out_{c})" for c in range(n_cols))
    netlist = Netlist("reduced", (definitions([front_end]),), (drive.lines, part, ends))
    return NodalSimulator().run(Deck(netlist, drive.analysis, probes)).stack(probes)


@pytest.mark.parametrize("r_driver", [0.0, 50.0])
@pytest.mark.parametrize("shape", [(5, 3), (3, 6)])
def test_reduced_crossbar_is_the_crossbar(shape, r_driver):
    held = cells(*shape, seed=4)
    whole = outputs(Crossbar(held, WIRE, r_driver), *shape)
    reduced = outputs(reduced_crossbar(held, WIRE, r_driver), *shape)
    assert reduced == pytest.approx(whole, rel=1e-9, abs=1e-12)


def test_what_is_no_network_is_refused():
    with pytest.raises(ShapeError, match="pairs"):
        PortNetwork(np.ones((4, 4)), 3)
    with pytest.raises(NetlistError, match="zero or more"):
        PortNetwork(-np.ones((4, 4)), 2)
