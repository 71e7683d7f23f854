"""How exact are settling, latency and energy from samples at real frequencies, and how much faster than ngspice?

Whole tiles in time, one random input, against ngspice (Gear) on the same network: worst output over all times and
columns, latency to 0.5 % of full scale, work of the drivers; CPU seconds of both, on one thread. Wire 1 Ω and 0.1 fF a
segment, cells 10 kΩ – 1 MΩ, drivers of 500 Ω, edges of 10 ps; charge mode with 1 fF cells.
``--quick`` leaves out 128 × 128.
"""

from __future__ import annotations

import os
import sys

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import time
from dataclasses import dataclass

import numpy as np
from _claim import claim

from aimc_spice.device import Device
from aimc_spice.device.base import ConductanceMap
from aimc_spice.device.capacitance import Capacitor, map_capacitances
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Lines, Netlist
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.driven import Driven
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import FrontEnd, diff_amp, tia
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.tile_bench import tile_driven
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.shared import SharedSimulator
from aimc_spice.surrogate.charge import charge_settling
from aimc_spice.surrogate.energy import driver_energy
from aimc_spice.surrogate.frequency import Cells, MacroPorts
from aimc_spice.surrogate.settling import Settling, settle

WIRE, R_DRIVER, T_RISE, WITHIN = Wire(1.0, 1.0, 1e-16, 1e-16), 500.0, 1e-11, 0.005
POINTS = 400


@dataclass(frozen=True)
class Case:
    """A tile as a circuit, and how to prepare its surrogate."""

    name: str
    driven: Driven
    n: int
    prepare: object


def current(n: int, front_end: FrontEnd, name: str) -> Case:
    """Return a current-mode tile."""
    g = 1 / np.random.default_rng(0).uniform(1e4, 1e6, (n, n, 2))
    cells = ConductanceMap(g[..., 0], g[..., 1], Device.from_resistances(1e4, 1e6))
    layer = Layer(cells, Partition(n, n, 1, 1), WIRE, front_end, r_driver=R_DRIVER)
    network = Cells(g, np.zeros(g.shape), WIRE, R_DRIVER)
    ports = MacroPorts(front_end.macro)
    return Case(
        f"{name} {n}x{n}", tile_driven(layer, name, step=True), n, lambda: settle(network, ports, t_rise=T_RISE)
    )


def charge(n: int) -> Case:
    """Return a charge-mode tile, its bit lines held by 1 TΩ."""
    cells = map_capacitances(np.random.default_rng(0).uniform(-1, 1, (n, n)), Capacitor(1e-15), n_levels=None)
    crossbar = ChargeCrossbar(cells, WIRE, R_DRIVER, 1e-16, 5e-15)
    network = Cells(np.zeros((n, n, 2)), np.stack([cells.c_pos, cells.c_neg], -1), WIRE, R_DRIVER, 1e-16)
    probes = (*(f"v(b{line}_{c})" for line in "pn" for c in range(n)), *(f"i(vin_{r})" for r in range(n)))
    nodes = tuple(f"wl_{r}" for r in range(n))
    netlist = Netlist("charge", (), (Lines("vcm vcm 0 0"), crossbar))
    driven = Driven(netlist, nodes, probes, (*DEFAULT_OPTIONS, "method=gear"))
    return Case(f"charge {n}x{n}", driven, n, lambda: charge_settling(network, 5e-15, t_rise=T_RISE))


def timed(work: object) -> tuple[object, float]:
    """Return a result and its CPU time [s]."""
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def crossing(t: np.ndarray, away: np.ndarray) -> float:
    """Return when `away` (n_t,) falls below zero for good."""
    last = len(t) - 1 - (away > 0)[::-1].argmax()
    share = away[last] / (away[last] - away[last + 1])
    return float(t[last] + share * (t[last + 1] - t[last]))


def compare(case: Case, judge: SharedSimulator) -> None:
    """Print the claims of one tile."""
    tile, preparing = timed(case.prepare)
    assert isinstance(tile, Settling)
    v = 0.2 * np.random.default_rng(1).uniform(0, 1, (1, case.n))
    stop = max(1.3 * float(tile.settling_time(v, WITHIN).max()), 3 * T_RISE)
    deck = case.driven.steps(v, t_rise=T_RISE, t_step=stop / POINTS, t_stop=stop)
    waves, simulating = timed(lambda: judge.run(deck))
    t, outs = waves.axis, waves.stack(deck.probes[: -case.n])
    outs = outs[:, : case.n] - outs[:, case.n :] if outs.shape[1] > case.n else outs
    mine, answering = timed(lambda: tile.outputs(v, t)[:, 0])
    rest = (v @ tile.operator)[0]
    full_scale = np.abs(rest).max()
    worst = float(np.abs(mine - outs).max() / full_scale)
    claim(f"{case.name}: settling", worst, "of full scale, worst", 0.01, at_least=False, against="ngspice, Gear")
    latency = crossing(t, np.abs(outs - rest).max(1) - WITHIN * full_scale)
    late = abs(float(tile.settling_time(v, WITHIN).max()) / latency - 1)
    claim(f"{case.name}: latency", late, "relative error", 0.05, at_least=False, against="ngspice, Gear")
    power = -(waves.stack(deck.probes[-case.n :]) * v).sum(1) * np.minimum(t / T_RISE, 1)
    spent = abs(float(driver_energy(tile, v, stop)[0]) / float(np.trapezoid(power, t)) - 1)
    claim(f"{case.name}: energy", spent, "relative error", 0.03, at_least=False, against="ngspice, v·i of the sources")
    speed = simulating / (preparing + answering)
    claim(f"{case.name}: prepare and answer", speed, "times", 1, at_least=True, against="one ngspice transient")
    many = np.tile(v, (1000, 1))
    _, one_time = timed(lambda: [tile.outputs(many, t[-1:]) for _ in range(3)])
    speed = simulating / (one_time / 3000)
    claim(f"{case.name}: one more vector", speed, "times", 1e5, at_least=True, against="one ngspice transient")


def main() -> None:
    """Print the claims."""
    judge = SharedSimulator()
    sizes = (32, 64) if "--quick" in sys.argv else (32, 64, 128)
    for n in sizes:
        compare(current(n, tia(r_f=800.0), "tia"), judge)
        compare(charge(n), judge)
    compare(current(32, diff_amp(gain=30), "diff_amp"), judge)
    judge.close()


if __name__ == "__main__":
    main()
