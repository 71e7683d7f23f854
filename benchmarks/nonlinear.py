"""How exact and how fast are the surrogates of tiles with nonlinear cells, and Newton's method, against ngspice?

Tiles of differential cells, 10 kΩ – 1 MΩ, states even in the logarithm (harder than even in the resistance: four times
the current), wires 1 Ω, transimpedance read-out, inputs even in ± 0.25 V with vectors at full drive among them. Cells:
resistor, sinh with v0 = v_read, 1T1R on the generic card. Errors are of full scale, on circuits not used in any fit.
One thread; times are CPU seconds. ``--quick`` leaves out 128 × 128.
"""

from __future__ import annotations

import os
import sys

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from _claim import claim

from aimc_spice.build.tile import charge_tile_of, open_tile, resized
from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench as LabBench
from aimc_spice.device.base import ConductanceMap, Device
from aimc_spice.flows.calibrate_charge import simulate_charge
from aimc_spice.netlist.cells import one_t_one_r, sinh_cell
from aimc_spice.netlist.library import diff_amp, tia
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate import BatchSimulator, SimulatorPool
from aimc_spice.surrogate.charge_family import ChargeFamily
from aimc_spice.surrogate.experiment import design
from aimc_spice.surrogate.families.base import Circuit, Programmer
from aimc_spice.surrogate.families.choose import choose
from aimc_spice.surrogate.families.decks import TileCircuit
from aimc_spice.surrogate.families.interval import conformal
from aimc_spice.surrogate.families.rows import RowFamily
from aimc_spice.surrogate.laws.fit import FittedCell, fit_cell
from aimc_spice.surrogate.newton import NonlinearTile
from aimc_spice.surrogate.operator import tile_operator

V, DEVICE, RANGE = 0.25, Device.from_resistances(1e4, 1e6), (1e-6, 1e-4)
CELLS: dict[str, Macro | None] = {"resistor": None, "sinh": sinh_cell(v0=V), "1T1R": one_t_one_r()}
TIA = tia(r_f=1e3)
Bench = tuple[SimulatorPool, Store]


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the least CPU time of some runs [s]."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def tile(seed: int, n: int, n_vectors: int) -> tuple[ConductanceMap, np.ndarray]:
    """Return cells and inputs; the first vectors are at full drive: all up, mixed signs, half of the rows."""
    rng = np.random.default_rng(seed)
    g = 10 ** rng.uniform(-6, -4, (2, n, n))
    x = rng.uniform(-1, 1, (n_vectors, n))
    x[0], x[1], x[2] = 1.0, np.sign(x[1]), x[2] > 0
    return ConductanceMap(g[0], g[1], DEVICE), x


def errors(name: str, n: int, circuit: TileCircuit, cell: FittedCell | None, bench: Bench) -> None:
    """Fit all families to some circuits, judge them on others, and print the table and the claims."""
    n_train, n_held, n_vectors = (4, 5, 10) if n == 64 else (2, 4, 5)
    found = circuit.simulate([tile(k, n, n_vectors) for k in range(n_train + n_held)], *bench)
    choice = choose(circuit.kind(cell), found[:n_train], found[n_train:])
    for entry in choice.table:
        print(f"{name} {n}x{n} {entry.row()}")
    if circuit.front_end != TIA:  # bit lines move: rows is not enough, what is chosen is
        rows, which = choice.chosen, choice.chosen.family.name
    else:
        rows, which = choice.table[1], "operator + rows"
    goals = (0.05, 0.05) if name == "resistor" else (0.3, 1.0)
    for what, value, goal in zip(("rms", "worst"), (rows.fit.rms, rows.fit.worst), goals, strict=True):
        percent = 100 * value / rows.fit.full_scale
        about = f"{name} {n}x{n}, {which}, {what}"
        claim(about, percent, "% of full scale", goal, at_least=False, against="ngspice, held-out circuits")
    claim(
        f"{name} {n}x{n}, chosen: {choice.chosen.family.name}, rms",
        100 * choice.chosen.fit.rms_of_full_scale,
        "% of full scale",
        goals[0],
        at_least=False,
        against=choice.why,
    )


def honesty(name: str, circuit: TileCircuit, cell: FittedCell | None, bench: Bench) -> None:
    """Make intervals from ten and from twenty circuits and count how often they hold on five others."""
    found = circuit.simulate([tile(k, 32, 12) for k in range(100, 129)], *bench)
    covered(f"{name} 32x32", RowFamily.fit(circuit.kind(cell), found[:4]), found[4:])


def charge_honesty(bench: Bench) -> None:
    """Do the same in charge mode, whose closed form is not fitted: what is left is ngspice's own error."""
    config = resized(open_tile("charge_64"), 32)
    cases = design(27, (32, 32), 4, 1, "honesty")[2:]  # without the two extremes, which are no draws
    found = simulate_charge(config, cases, LabBench(*bench))
    covered("charge mode 32x32", ChargeFamily(charge_tile_of(config)), found)


def covered(name: str, family: Programmer, found: list[Circuit]) -> None:
    """Print how often intervals from ten and twenty circuits hold on the last five."""
    for k in (10, 20):
        interval = conformal(family, found[:k], level=0.9)
        about = f"ngspice, width {interval.width:.1e} of a column's scale; {interval.held:.1%} of its {k} circuits"
        share = interval.coverage(family, found[-5:])
        claim(f"{name}, 90 % interval on five fresh circuits", share, "share", 0.9, at_least=True, against=about)


def ngspice_seconds(circuit: TileCircuit, cells: ConductanceMap, x: np.ndarray) -> float:
    """Return the CPU time of ngspice for a vector [s]."""
    before = os.times().children_user
    with tempfile.TemporaryDirectory() as folder:
        BatchSimulator(Path(folder)).run(circuit.deck(cells, x))
    return (os.times().children_user - before) / len(x)


def speed(circuit: TileCircuit, cell: FittedCell) -> None:
    """Compare the time of a product, and of Newton's method, with ngspice's in the same run."""
    cells, x = tile(1, 64, 12)
    spent = min(ngspice_seconds(circuit, cells, x) for _ in range(3))
    kind, many = circuit.kind(cell), np.random.default_rng(0).uniform(-1, 1, (2048, 64))
    family = RowFamily.theory(kind)
    programmed = family.program(cells.g_pos, cells.g_neg)
    ours = seconds(lambda: programmed(many), 9) / len(many)
    claim(
        "sinh 64x64, a product", spent / ours, "times", 1e5, at_least=True, against=f"ngspice, {spent:.2g} s a vector"
    )
    single, few = programmed.single(), many.astype(np.float32)
    ours = seconds(lambda: single(few), 9) / len(many)
    claim("the same in float32", spent / ours, "times", 1e5, at_least=True, against="ngspice")
    g_pos, g_neg = cells.g_pos, cells.g_neg
    newton = seconds(
        lambda: NonlinearTile(g_pos, g_neg, kind.wire, kind.ports, cell.law, v_read=V).solve(V * x), 3
    ) / len(x)
    claim("sinh 64x64, Newton on every node", spent / newton, "times", 1, at_least=True, against="ngspice")
    several = np.stack([g_pos] * 8), np.stack([g_neg] * 8)
    ours = seconds(lambda: family.program(*several))
    linear = seconds(lambda: tile_operator(*several, kind.wire, kind.ports))
    claim("sinh 64x64, programming", ours / linear, "times", 3, at_least=False, against="the linear operator alone")


def newton_error(name: str, circuit: TileCircuit, cell: FittedCell, bench: Bench) -> None:
    """Print how far Newton's method with the fitted law is from ngspice at 64 × 64."""
    (found,) = circuit.simulate([tile(1, 64, 10)], *bench)
    kind = circuit.kind(cell)
    mine = NonlinearTile(found.g_pos, found.g_neg, kind.wire, kind.ports, cell.law, v_read=V, box=cell.box)
    error = np.abs(mine.solve(V * found.x).out - found.y).max() / np.abs(found.y).max()
    goal = 1e-9 if name == "sinh" else 1e-4
    claim(
        f"{name} 64x64, Newton with the fitted law",
        float(error),
        "of the largest",
        goal,
        at_least=False,
        against="ngspice",
    )


def main() -> None:
    """Print the claims."""
    sizes = (64,) if "--quick" in sys.argv else (64, 128)
    with tempfile.TemporaryDirectory() as folder, SimulatorPool(1, timeout_s=600) as pool:
        bench = (pool, Store(Path(folder) / "store"))
        for name, macro in CELLS.items():
            circuit = TileCircuit(Wire(1.0, 1.0), TIA, V, 0.0, macro)
            cell = fit_cell(macro, RANGE, 1.2 * V, *bench) if macro else None
            for n in sizes:
                errors(name, n, circuit, cell, bench)
            honesty(name, circuit, cell, bench)
            if cell:
                newton_error(name, circuit, cell, bench)
            if cell and name == "sinh":
                moving = replace(circuit, front_end=diff_amp(gain=30))
                errors("sinh behind a resistive amplifier", 64, moving, cell, bench)
                speed(circuit, cell)
        charge_honesty(bench)


if __name__ == "__main__":
    main()
