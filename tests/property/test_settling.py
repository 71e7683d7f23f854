"""Judge: what any tile of resistors and capacitors must do in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimc_spice.errors import FitError
from aimc_spice.netlist.library import diff_amp, tia
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.energy import driver_energy
from aimc_spice.surrogate.frequency import Cells, MacroPorts, StaticPorts
from aimc_spice.surrogate.operator import LinearPorts, tile_operator
from aimc_spice.surrogate.ports import linear_ports
from aimc_spice.surrogate.settling import settle

FRONT_ENDS = {"tia": tia(r_f=800.0), "diff_amp": diff_amp(gain=30)}
RESISTIVE = StaticPorts(LinearPorts(np.diag([1e-3, 2e-3]), np.array([1.0, -1.0])))
RESISTIVE_BALANCED = StaticPorts(LinearPorts(np.diag([1e-3, 1e-3]), np.array([1.0, -1.0])))
sizes = st.integers(1, 7)


def tile(n_rows, n_cols, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    g = 1 / rng.uniform(1e4, 1e6, (n_rows, n_cols, 2))
    wire = Wire(*rng.uniform(0.1, 20, 2), *(scale * rng.uniform(1e-17, 1e-14, 2)))
    return Cells(g, np.zeros(g.shape), wire, float(rng.uniform(0, 2e3)))


@pytest.mark.parametrize("what", ["open wires", "balanced pairs"])
def test_a_tile_from_which_nothing_arrives_is_named(what):
    g = np.full((4, 3, 2), 1e-4)
    r = 1e30 if what == "open wires" else 1.0
    if what == "open wires":
        g[..., 1] = 1e-6
    with pytest.raises(FitError, match="no signal arrives"):
        settle(Cells(g, np.zeros(g.shape), Wire(r, r, 1e-16, 1e-16), 50.0), RESISTIVE_BALANCED, t_rise=1e-11)


@settings(max_examples=12)
@given(n_rows=sizes, n_cols=sizes, seed=st.integers(0, 99), name=st.sampled_from(sorted(FRONT_ENDS)))
def test_starts_at_zero_and_ends_at_the_operator(n_rows, n_cols, seed, name):
    cells, front_end = tile(n_rows, n_cols, seed), FRONT_ENDS[name]
    found = settle(cells, MacroPorts(front_end.macro), t_rise=1e-11)
    exact = tile_operator(
        cells.g[..., 0].copy(), cells.g[..., 1].copy(), cells.wire, linear_ports(front_end.linear), cells.r_driver
    )
    size = np.abs(exact).max()
    assert (found.at(0.0) == 0).all()
    np.testing.assert_allclose(found.at(np.inf), exact, rtol=0, atol=1e-9 * size)
    np.testing.assert_allclose(found.at(found.base.t_last), exact, rtol=0, atol=1e-3 * size)


@settings(max_examples=8)
@given(n_rows=sizes, n_cols=sizes, seed=st.integers(0, 99))
def test_drivers_work_and_only_give(n_rows, n_cols, seed):
    """Reciprocal loads: driver admittances are symmetric and positive, and energy never comes back from a step."""
    found = settle(tile(n_rows, n_cols, seed), RESISTIVE, t_rise=1e-12)
    for charge in found.charges:
        np.testing.assert_allclose(charge, charge.T, rtol=0, atol=1e-6 * np.abs(charge).max())
        assert np.linalg.eigvalsh(charge + charge.T).min() > -1e-6 * np.abs(charge).max()
    v = np.random.default_rng(seed).uniform(-1, 1, (3, n_rows))
    spent = np.array([driver_energy(found, v, t) for t in np.linspace(0, found.base.t_last, 40)])
    assert (np.diff(spent, axis=0) > -1e-3 * spent[-1]).all()


@settings(max_examples=6)
@given(seed=st.integers(0, 99), scale=st.floats(1e-2, 1e2))
def test_more_capacitance_is_more_time(seed, scale):
    """Twice the capacitance and twice the edge is the same answer at half the pace."""
    one, other = (
        settle(tile(4, 5, seed, factor), RESISTIVE, t_rise=factor * 1e-12, t_last=factor * 1e-10)
        for factor in (1.0, scale)
    )
    for t in (1e-12, 5e-12, 1e-10):
        np.testing.assert_allclose(one.at(t), other.at(scale * t), rtol=0, atol=1e-6 * np.abs(one.operator).max())


def test_columns_come_up_together_with_the_outputs():
    found = settle(tile(6, 5, 0), RESISTIVE, t_rise=1e-12)
    assert found.columns(np.inf) == pytest.approx(np.ones(5))
    assert (found.columns(0.05 * found.base.t_last) < 1).all()
