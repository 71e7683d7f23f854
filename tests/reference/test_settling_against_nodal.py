"""Judge: transients of the nodal solver on the deck's text, steps halved and extrapolated to 1e-5."""

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.device import Device
from aimc_spice.device.base import ConductanceMap
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import diff_amp, tia
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.tile_bench import tile_driven
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.nodal import NodalSimulator
from aimc_spice.surrogate.energy import amplifier_energy, driver_energy
from aimc_spice.surrogate.frequency import Cells, MacroPorts
from aimc_spice.surrogate.settling import settle

T_RISE, T_STOP = 1e-11, 6e-11
FRONT_ENDS = {"tia": tia(r_f=800.0), "diff_amp": diff_amp(gain=30)}


@pytest.mark.parametrize("shape", [(12, 12), (5, 17)])
@pytest.mark.parametrize("name", FRONT_ENDS)
def test_outputs_and_energy(name, shape):
    front_end, wire, r_driver = FRONT_ENDS[name], Wire(5.0, 3.0, 5e-15, 3e-15), 200.0
    rng = np.random.default_rng(3)
    g, v = 1 / rng.uniform(1e4, 1e6, (*shape, 2)), 0.2 * rng.uniform(-1, 1, (1, shape[0]))
    found = settle(Cells(g, np.zeros(g.shape), wire, r_driver), MacroPorts(front_end.macro), t_rise=T_RISE)
    cells = ConductanceMap(g[..., 0], g[..., 1], Device.from_resistances(1e4, 1e6))
    driven = tile_driven(Layer(cells, Partition(*shape, 1, 1), wire, front_end, r_driver=r_driver), name, step=True)
    supplies = tuple(f"i({n})" for c in range(shape[1]) for n in front_end.macro.source_names(f"xt.xf_{c}"))
    deck = driven.steps(v, t_rise=T_RISE, t_step=T_STOP / 120, t_stop=T_STOP)
    judged = NodalSimulator(tolerance=1e-5).run(replace(deck, probes=(*deck.probes, *supplies), bound=np.inf))
    t, outs = judged.axis, judged.stack(driven.probes[: shape[1]])
    np.testing.assert_allclose(found.outputs(v, t)[:, 0], outs, rtol=0, atol=1e-4 * np.abs(v @ found.operator).max())
    power = -(judged.stack(driven.probes[shape[1] :]) * v).sum(1) * np.minimum(t / T_RISE, 1)
    assert driver_energy(found, v, T_STOP)[0] == pytest.approx(np.trapezoid(power, t), rel=1e-3)
    drawn = np.trapezoid(np.abs(judged.stack(supplies)).sum(1), t)
    assert amplifier_energy(found, v, T_STOP, 0.8)[0] == pytest.approx(0.8 * drawn, rel=2e-3)
