"""Judge: ngspice transients (Gear) of a 32 x 32 charge-mode crossbar, its bit lines held by 1 TΩ alone.

Asked is the goal, 1 % of full scale at any time; what is seen is ngspice's own time step. Wires and drivers are chosen
slow, so that times matter.
"""

import numpy as np
import pytest

from aimc_spice.device.capacitance import Capacitor, map_capacitances
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Lines, Netlist
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.driven import Driven
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.shared import SharedSimulator
from aimc_spice.surrogate.charge import charge_settling
from aimc_spice.surrogate.energy import driver_energy
from aimc_spice.surrogate.frequency import Cells

N, T_RISE = 32, 1e-11


@pytest.mark.ngspice
@pytest.mark.parametrize("wire", [Wire(5.0, 5.0, 1e-16, 1e-16), Wire(0.0, 50.0, 0.0, 1e-15)])
def test_bit_lines_and_energy(wire):
    rng = np.random.default_rng(5)
    cells = map_capacitances(rng.uniform(-1, 1, (N, N)), Capacitor(1e-15), n_levels=None)
    crossbar = ChargeCrossbar(cells, wire, 2e3, 1e-16, 5e-15)
    network = Cells(np.zeros((N, N, 2)), np.stack([cells.c_pos, cells.c_neg], -1), wire, 2e3, 1e-16)
    found = charge_settling(network, 5e-15, t_rise=T_RISE)
    v, t_stop = 0.8 * rng.uniform(0, 1, (1, N)), 0.8 * found.base.t_last
    nodes = tuple(f"wl_{r}" for r in range(N))
    probes = (*(f"v(b{line}_{c})" for line in "pn" for c in range(N)), *(f"i(vin_{r})" for r in range(N)))
    netlist = Netlist("charge", (), (Lines("vcm vcm 0 0"), crossbar))
    driven = Driven(netlist, nodes, probes, (*DEFAULT_OPTIONS, "method=gear"))
    judge = SharedSimulator()
    try:
        waves = judge.run(driven.steps(v, t_rise=T_RISE, t_step=t_stop / 250, t_stop=t_stop))
    finally:
        judge.close()
    t, outs = waves.axis, waves.stack(probes[:N]) - waves.stack(probes[N : 2 * N])
    full_scale = np.abs(v @ found.operator).max()
    assert np.abs(found.outputs(v, t)[:, 0] - outs).max() < 1e-2 * full_scale
    away = np.abs(outs - v @ found.operator).max(1) > 0.01 * full_scale
    last = len(t) - 1 - away[::-1].argmax()
    assert t[last] * 0.95 < found.settling_time(v, 0.01).max() < t[last + 1] * 1.05
    power = -(waves.stack(probes[2 * N :]) * v).sum(1) * np.minimum(t / T_RISE, 1)
    assert driver_energy(found, v, t_stop)[0] == pytest.approx(np.trapezoid(power, t), rel=3e-2)
