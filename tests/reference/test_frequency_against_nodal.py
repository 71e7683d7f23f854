"""Judge: the nodal equations of the deck's own text at a real frequency, where C is the conductance s C."""

import numpy as np
import pytest

from aimc_spice.device import Device
from aimc_spice.device.base import ConductanceMap
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import diff_amp, tia
from aimc_spice.netlist.parse import parse_netlist
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.readout import OpAmp, dynamic_tia
from aimc_spice.netlist.tile_bench import tile_driven
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.mna import Factorised, branch_of, equations
from aimc_spice.simulate.stimulus import Stimulus
from aimc_spice.surrogate.frequency import Cells, MacroPorts, sample

EXACT = 1e-10  # of the largest
FRONT_ENDS = {
    "diff_amp": diff_amp(gain=30),
    "tia": tia(r_f=800.0),
    "dynamic_tia": dynamic_tia(r_f=800.0, opamp=OpAmp(1e4, 1e9), offsets=(1e-3, 2e-3)),
}
WIRES = [Wire(1.0, 2.0, 2e-15, 1e-15), Wire(0.0, 2.0, 1e-15, 0.0), Wire(3.0, 0.0, 0.0, 1e-15), Wire(0, 0, 1e-15, 1e-15)]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("r_driver", [0.0, 300.0])
@pytest.mark.parametrize("name", FRONT_ENDS)
def test_samples(wire, r_driver, name):
    front_end, (n_rows, n_cols) = FRONT_ENDS[name], (6, 5)
    g = 1 / np.random.default_rng(7).uniform(1e4, 1e6, (n_rows, n_cols, 2))
    layer = Layer(
        ConductanceMap(g[..., 0], g[..., 1], Device.from_resistances(1e4, 1e6)),
        Partition(n_rows, n_cols, 1, 1),
        wire,
        front_end,
        r_driver=r_driver,
    )
    s = np.array([0.0, 1e8, 1e11, 1e14])
    found = sample(Cells(g, np.zeros(g.shape), wire, r_driver), MacroPorts(front_end.macro), s)
    reads, drivers = judged(tile_driven(layer, "judge"), s, n_rows)
    for k in range(len(s)):
        np.testing.assert_allclose(found.reads[k, ..., 0], reads[k], rtol=0, atol=EXACT * np.abs(reads[k]).max())
        np.testing.assert_allclose(found.drivers[k], drivers[k], rtol=0, atol=EXACT * np.abs(drivers[k]).max())


def judged(driven, s, n_rows):
    """Outputs and driver currents for one volt on each word line, without what offsets give."""
    circuit = parse_netlist(driven.dc(np.eye(n_rows + 1, n_rows, -1)).chunks())
    stimulus = Stimulus(circuit)
    sources = stimulus.swept(stimulus.source_row("vctl"), np.arange(n_rows + 1.0))
    outs = [circuit.node(probe[2:-1]) for probe in driven.probes]
    ins = [circuit.n_nodes + branch_of(circuit, f"bin_{r}") for r in range(n_rows)]
    found = [Factorised(equations(circuit, stimulus, storage=one)).solve(sources) for one in s]
    found = np.stack([each[:, 1:] - each[:, :1] for each in found])
    return found[:, outs].swapaxes(1, 2), -found[:, ins]
