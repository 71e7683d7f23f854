"""Judge: ngspice transients (Gear) of whole 32 x 32 tiles: outputs at every time, latency, energy.

Asked are the goals: 1 % of full scale at any time, 5 % of the latency, 3 % of the energy. What is seen is ngspice's own
time step: a quarter of the step leaves a tenth of the error. The nodal solver extrapolates its steps and is asked for
1e-4 (`test_settling_against_nodal`).
"""

import numpy as np
import pytest

from aimc_spice.device import Device
from aimc_spice.device.base import ConductanceMap
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import diff_amp, tia
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.readout import OpAmp, dynamic_tia
from aimc_spice.netlist.tile_bench import tile_driven
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.shared import SharedSimulator
from aimc_spice.surrogate.energy import driver_energy
from aimc_spice.surrogate.frequency import Cells, MacroPorts
from aimc_spice.surrogate.settling import settle

N, T_RISE = 32, 1e-11
CASES = {
    "tia": (tia(r_f=800.0), Wire(1.0, 1.0, 1e-16, 1e-16), 500.0, 4e-11, 200),
    "diff_amp": (diff_amp(gain=30), Wire(5.0, 5.0, 1e-16, 1e-16), 0.0, 2e-10, 250),
    "dynamic_tia": (dynamic_tia(r_f=800.0, opamp=OpAmp(1e4, 1e10)), Wire(1.0, 2.0, 1e-16, 2e-16), 200.0, 6e-10, 90),
}


@pytest.fixture(scope="module")
def judge():
    simulator = SharedSimulator()
    yield simulator
    simulator.close()


@pytest.mark.ngspice
@pytest.mark.parametrize("name", CASES)
def test_outputs_latency_and_energy(name, judge):
    front_end, wire, r_driver, t_stop, n_steps = CASES[name]
    rng = np.random.default_rng(3)
    g, v = 1 / rng.uniform(1e4, 1e6, (N, N, 2)), 0.2 * rng.uniform(-1, 1, (1, N))
    found = settle(Cells(g, np.zeros(g.shape), wire, r_driver), MacroPorts(front_end.macro), t_rise=T_RISE)
    cells = ConductanceMap(g[..., 0], g[..., 1], Device.from_resistances(1e4, 1e6))
    driven = tile_driven(Layer(cells, Partition(N, N, 1, 1), wire, front_end, r_driver=r_driver), name, step=True)
    waves = judge.run(driven.steps(v, t_rise=T_RISE, t_step=t_stop / n_steps, t_stop=t_stop))
    t, outs = waves.axis, waves.stack(driven.probes[:N])
    rest = (v @ found.operator)[0]
    full_scale = np.abs(rest).max()
    assert np.abs(found.outputs(v, t)[:, 0] - outs).max() < 1e-2 * full_scale
    away = np.abs(outs - rest).max(1) > 0.005 * full_scale
    last = len(t) - 1 - away[::-1].argmax()
    assert t[last] * 0.95 < found.settling_time(v, 0.005).max() < t[last + 1] * 1.05
    power = -(waves.stack(driven.probes[N : 2 * N]) * v).sum(1) * np.minimum(t / T_RISE, 1)
    assert driver_energy(found, v, t_stop)[0] == pytest.approx(np.trapezoid(power, t), rel=3e-2)
