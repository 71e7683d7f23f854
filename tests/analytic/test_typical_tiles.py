"""Judge: a tile whose word lines are single poles, and tiles one by one."""

import numpy as np
import pytest

from aimc_spice.device import Device
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import LinearPorts, tile_operator
from aimc_spice.surrogate.tile import CurrentTile, TileSurrogate
from aimc_spice.surrogate.typical import current_tile

PORTS = LinearPorts(np.diag([1e2, 1e2]), np.array([1e5, -1e5]))
V, R, C, N_ROWS, N_COLS = 0.2, 50.0, 1e-15, 6, 4


def tile(wire):
    return CurrentTile(N_ROWS, N_COLS, Device.from_resistances(1e6, 1e7), wire, PORTS, V, R)


def test_time_and_energy_of_single_poles():
    """Cells of a MΩ hardly load the drivers: τ = r_driver n_cols c; charge n_rows n_cols c v² and little conduction."""
    tau, within = R * N_COLS * C, 1e-2
    found = current_tile(tile(Wire(0.0, 0.0, C, 0.0)), t_rise=tau / 50, within=within)
    assert isinstance(found, TileSurrogate)
    assert found.t_mvm == pytest.approx(tau * (np.log(1 / within) + 0.01), rel=0.1)  # columns differ a little
    mean_square = V**2 / 3  # of uniform inputs; 16 vectors of 6 are known to 15 %
    assert found.e_mvm == pytest.approx(N_ROWS * N_COLS * C * mean_square, rel=0.25)
    later = current_tile(tile(Wire(0.0, 0.0, C, 0.0)), t_rise=tau / 50, t_int=1e-8)
    assert later.e_mvm - found.e_mvm == pytest.approx(N_ROWS * N_COLS * 2 * 3.25e-7 * mean_square * 1e-8, rel=0.3)
    assert later.reached == pytest.approx(np.ones(N_COLS))


def test_an_early_read_scales_the_columns():
    tau = R * N_COLS * C
    found = current_tile(tile(Wire(0.0, 0.0, C, 0.0)), t_rise=tau / 1000, t_int=tau)
    assert found.t_mvm == tau
    np.testing.assert_allclose(found.reached, 1 - np.exp(-1), atol=2e-3)
    w = np.random.default_rng(0).uniform(-1, 1, (2, N_ROWS, N_COLS))
    whole = tile(Wire(0.0, 0.0, C, 0.0)).program(w)
    np.testing.assert_allclose(found.program(w), found.reached * whole, rtol=1e-12)


def test_programming_a_few_tiles_at_a_time_and_in_single_precision():
    wire = Wire(1.0, 1.0)
    w = np.random.default_rng(0).uniform(-1, 1, (40, 32, 16)).astype(np.float32)
    found, single = tile(wire).program(w.astype(float)), tile(wire).program(w)
    assert (found.dtype, single.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(single, found, rtol=0, atol=1e-7 * np.abs(found).max())
    up, down = np.maximum(w[37].astype(float), 0), np.maximum(-w[37].astype(float), 0)
    g_pos, g_neg = (1e-7 + state * (1e-6 - 1e-7) for state in (up, down))
    wanted = V * tile_operator(g_pos, g_neg, wire, PORTS, R)
    np.testing.assert_allclose(found[37], wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())
