"""Judge: ngspice transients, steps halved, on tiles of nonlinear cells: a mild step, and one that moves all bit lines.

Asked are the goals: 1 % of full scale at any time, 5 % of the latency, 3 % of the energy.
"""

import numpy as np
import pytest

from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench
from aimc_spice.device import Device
from aimc_spice.device.base import ConductanceMap
from aimc_spice.errors import FitError
from aimc_spice.flows.step_halving import limits
from aimc_spice.flows.tile_steps import LinearStep, Step
from aimc_spice.netlist.cells import one_t_one_r, sinh_cell
from aimc_spice.netlist.driven import Driven
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.readout import OpAmp, dynamic_tia
from aimc_spice.netlist.tile_bench import tile_driven
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate import SimulatorPool
from aimc_spice.surrogate.base import Box
from aimc_spice.surrogate.experiment import design
from aimc_spice.surrogate.frequency import Cells, MacroPorts
from aimc_spice.surrogate.laws.base import LawBox, LinearLaw
from aimc_spice.surrogate.laws.capacitance import NO_CHARGE, cell_capacitance
from aimc_spice.surrogate.laws.fit import fit_cell
from aimc_spice.surrogate.nonlinear_step import NonlinearCells, nonlinear_step
from aimc_spice.surrogate.settling import settle

ROWS, COLS, V, T_RISE, R_DRIVER = 20, 5, 0.2, 5e-11, 50.0
DEVICE, WIRE = Device(1e-4, 1e-6), Wire(1.0, 1.0, 2e-16, 2e-16)
FRONT_END = dynamic_tia(r_f=2e3, opamp=OpAmp(1e4, 2e9))
CELLS = {"sinh": sinh_cell(v0=0.25), "1T1R": one_t_one_r(vdd=1.2, w=1e-6)}
EVERYWHERE = LawBox(Box(-np.inf, np.inf), Box(-np.inf, np.inf), Box(0.0, np.inf, "S"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with SimulatorPool(1, timeout_s=120, runs_dir=tmp_path_factory.mktemp("runs")) as pool:
        yield Bench(pool, Store(tmp_path_factory.mktemp("store")))


def known(name, lab):
    cell, where = CELLS[name], (lab.pool, lab.store)
    law = fit_cell(cell, (DEVICE.g_off, DEVICE.g_on), 2 * V, *where, v_b_max=V)
    return NonlinearCells(law.law, law.box, cell_capacitance(cell, (DEVICE.g_off, DEVICE.g_on), V, *where))


def case(which):
    """Return cells and word lines: nearly all on and driven fully, or a random tile."""
    rng = np.random.default_rng(1)
    if which == "mild":
        return rng.uniform(DEVICE.g_off, DEVICE.g_on, (ROWS, COLS, 2)), V * rng.uniform(-1, 1, (1, ROWS))
    on = rng.random((ROWS, COLS, 1)) < np.array([0.9, 0.1])
    return np.where(on, DEVICE.g_on, DEVICE.g_off), V * np.ones((1, ROWS))


def spice(g, cell, model, volts, lab):
    """Return ngspice's limit and the times to compare at."""
    step = Step(model, volts, float(f"{2.5 * model.settling_time(0.0005):.2g}"))
    layer = Layer(
        ConductanceMap(g[..., 0], g[..., 1], DEVICE),
        Partition(ROWS, COLS, 1, 1),
        WIRE,
        FRONT_END,
        r_driver=R_DRIVER,
        cell=cell,
    )
    driven = tile_driven(layer, "step", step=True)

    def deck(_, level):
        one = Driven(driven.netlist, driven.inputs, driven.probes, level.options)
        return one.steps(volts, t_rise=T_RISE, t_step=step.t_step(level), t_stop=step.t_stop)

    (found,) = limits(["step"], deck, lambda _, w: step.answer(w, w.stack([f"v(out_{c})" for c in range(COLS)])), lab)
    return found.answer, np.unique(
        np.concatenate([np.linspace(0, step.t_stop, 60), step.t_stop * np.logspace(-3, 0, 60)])
    )


def error(model, answer, t):
    return np.abs(model.outputs(t) - answer.at(t)).max() / np.abs(answer.outs[-1]).max()


@pytest.mark.ngspice
@pytest.mark.parametrize("which", ["mild", "harsh"])
@pytest.mark.parametrize("name", CELLS)
def test_outputs_latency_and_energy(name, which, lab):
    (g, volts), ports, cells = case(which), MacroPorts(FRONT_END.linear), known(name, lab)
    how = {"t_rise": T_RISE, "r_driver": R_DRIVER}
    model = nonlinear_step(g, volts, cells, WIRE, ports, **how)
    answer, t = spice(g, CELLS[name], model, volts, lab)
    assert error(model, answer, t) < 0.01
    assert model.settling_time(0.005) == pytest.approx(answer.latency(0.005), rel=0.05)
    assert model.energy(answer.t[-1]) == pytest.approx(answer.work, rel=0.01)
    if name == "1T1R":  # what the transistors store is seen: without it the tile is too fast
        empty = nonlinear_step(g, volts, NonlinearCells(cells.law, cells.box, NO_CHARGE), WIRE, ports, **how)
        assert error(empty, answer, t) > 3 * error(model, answer, t)
    elif which == "harsh":  # and so is the curve: resistors of the same g are slower and take less
        plain = LinearStep(settle(Cells(g, 0 * g, WIRE, R_DRIVER), ports, t_rise=T_RISE), volts)
        assert error(plain, answer, t) > 0.03
        assert plain.energy(answer.t[-1]) < 0.97 * answer.work


@pytest.mark.ngspice
def test_transistors_of_a_full_tile_with_ir_drop_conduct_forwards_on_the_whole_way(lab):
    """Word and bit line of a cell may move alike: a secant over what is left between them was negative."""
    (hardest,) = design(1, (64, 64), 1, 0, "steps")
    state = np.stack([np.maximum(hardest.weights, 0), np.maximum(-hardest.weights, 0)], axis=-1)
    g = DEVICE.g_off + state * (DEVICE.g_on - DEVICE.g_off)
    ports, how = MacroPorts(FRONT_END.linear), {"t_rise": T_RISE, "r_driver": R_DRIVER}
    model = nonlinear_step(g, V * hardest.inputs, known("1T1R", lab), WIRE, ports, **how)
    assert 1e-9 < model.settling_time(0.005) < 1e-8


def test_linear_cells_are_the_linear_tile():
    g, volts = case("mild")
    ports, law = MacroPorts(FRONT_END.linear), NonlinearCells(LinearLaw(), EVERYWHERE)
    model = nonlinear_step(g, volts, law, WIRE, ports, t_rise=T_RISE, r_driver=R_DRIVER)
    plain = LinearStep(settle(Cells(g, 0 * g, WIRE, R_DRIVER), ports, t_rise=T_RISE), volts)
    t = np.array([0.0, 1e-10, 1e-9, 5e-9])
    np.testing.assert_allclose(model.outputs(t), plain.outputs(t), atol=1e-9 * np.abs(plain.outputs(t)).max())
    assert model.energy(5e-9) == pytest.approx(plain.energy(5e-9), rel=1e-9)
    assert model.settling_time(0.005) == pytest.approx(plain.settling_time(0.005), rel=1e-6)


STORING = """* a resistor with capacitors
.subckt storing a b params: g=1e-4
r1 a b {1/g}
ca a 0 2e-15
cb b 0 3e-15
cab a b 0.5e-15
.ends storing
"""
LAGGING = """* a resistor beside an inductor: its current lags
.subckt lagging a b params: g=1e-4
r1 a b {1/g}
ra a m 1e4
l1 m 0 1e-3
.ends lagging
"""


@pytest.mark.ngspice
def test_capacitances_of_a_cell_are_read_off_its_ramps(lab):
    found = cell_capacitance(Macro("cell", "storing", STORING), (1e-6, 1e-4), V, lab.pool, lab.store)
    np.testing.assert_allclose([found.a, found.b, found.ab], [2e-15, 3e-15, 0.5e-15], rtol=1e-4)
    found = cell_capacitance(CELLS["sinh"], (1e-6, 1e-4), V, lab.pool, lab.store)
    np.testing.assert_allclose([found.a, found.b, found.ab], 0, atol=1e-22)


@pytest.mark.ngspice
def test_a_cell_whose_current_lags_is_refused(lab):
    with pytest.raises(FitError, match=r"cell lagging: -.*F at a port, wanted zero or more"):
        cell_capacitance(Macro("cell", "lagging", LAGGING), (1e-6, 1e-4), V, lab.pool, lab.store)
