"""Any crossbar: what must hold for its operator whatever the numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimc_spice.errors import FitError, ShapeError
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import LinearPorts, crossbar_admittance, effective_conductance, tile_operator
from aimc_spice.surrogate.voltages import bit_line_currents

PORTS = LinearPorts(np.array([[1e-3, 0.0], [-2e-4, 1e-3]]), np.array([30.0, -30.0]))
EPS = 1e-12  # relative to the largest element; measured below 1e-13
SINGLE = 2e-6  # relative error of float32, measured 5e-7

resistances = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))
sizes = st.integers(1, 9)


@st.composite
def crossbars(draw, lines=2):
    shape = (lines, draw(sizes), draw(sizes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return 10 ** rng.uniform(-7, -3, shape), Wire(draw(resistances), draw(resistances)), draw(resistances)


def near(got, wanted, eps=EPS):
    np.testing.assert_allclose(got, wanted, rtol=0, atol=eps * np.abs(wanted).max())


@given(crossbars(lines=1))
def test_ideal_wires_give_the_conductances(crossbar):
    (g,), _, _ = crossbar
    near(effective_conductance(g, Wire()), g)


@given(crossbars(lines=1))
def test_few_vectors_give_what_the_matrix_gives(crossbar):
    (g,), wire, r_driver = crossbar
    v = np.random.default_rng(0).uniform(-1, 1, (2, len(g)))
    wanted = v @ effective_conductance(g, wire, r_driver)
    near(bit_line_currents(g, wire, v, r_driver=r_driver), wanted, 1e-9)


@given(crossbars(lines=1))
def test_reciprocity(crossbar):
    """Swapping rows with columns and drivers with front ends transposes the result."""
    (g,), wire, r_driver = crossbar
    swapped = Wire(wire.r_wire_bl, wire.r_wire_wl)
    near(effective_conductance(g[::-1, ::-1].T, swapped)[::-1, ::-1].T, effective_conductance(g, wire))
    y = crossbar_admittance(g[None, ..., None], wire, r_driver).y[0]
    near(y, y.T)


@given(crossbars(lines=1))
def test_no_current_is_lost_and_wires_only_take(crossbar):
    (g,), wire, r_driver = crossbar
    found = crossbar_admittance(
        g[None, ..., None], wire, r_driver, wl_far=wire.r_wire_wl > 0, bl_far=wire.r_wire_bl > 0
    )
    near(found.y.sum(-1) + 1.0, np.ones(found.y.shape[:-1]), 1e-9)
    assert (found.c >= 0).all()
    effective = effective_conductance(g, wire, r_driver)
    assert effective.sum() <= g.sum() * (1 + EPS)
    assert (effective > 0).all()


@given(crossbars())
def test_a_batch_is_its_tiles_and_float32_is_close(crossbar):
    g, wire, r_driver = crossbar
    batch = np.stack([g, 2 * g[::-1]], axis=1)
    found = tile_operator(batch[0], batch[1], wire, PORTS, r_driver)
    for tile in range(2):
        near(found[tile], tile_operator(batch[0, tile], batch[1, tile], wire, PORTS, r_driver))
    single = effective_conductance(g[0].astype(np.float32), wire, r_driver)
    assert single.dtype == np.float32
    near(single, effective_conductance(g[0], wire, r_driver), SINGLE)


@given(crossbars(), st.integers(1, 8))
def test_ideal_partitioned_is_unpartitioned(crossbar, cut):
    """Ideal wires: tiles that share their outputs add up, read as currents into grounded lines."""
    g, _, _ = crossbar
    whole = effective_conductance(g[0], Wire())
    parts = [effective_conductance(part, Wire()) for part in (g[0][:cut], g[0][cut:]) if len(part)]
    near(np.concatenate(parts), whole)


def test_a_row_without_cells_gives_nothing():
    g = np.full((2, 4, 3), 1e-5)
    g[:, 2] = 0
    found = tile_operator(g[0], g[1], Wire(1, 1), PORTS)
    assert np.all(found[2] == 0)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("g", "r_driver", "error", "message"),
    [
        (np.ones(3), 0.0, ShapeError, r"got cells \(3,\)"),
        (np.ones((0, 3)), 0.0, ShapeError, r"got cells \(0, 3\)"),
        (np.ones((2, 3), int), 0.0, FitError, "conductances of int64"),
        (np.ones((2, 3), np.float16), 0.0, FitError, "conductances of float16"),
        (np.ones((2, 3)), -5.0, FitError, "r_driver = -5.0"),
    ],
)
def test_cells_that_are_no_conductances_are_refused(g, r_driver, error, message):
    with pytest.raises(error, match=message):
        effective_conductance(g, Wire(1, 1), r_driver)
    with pytest.raises(error, match=message):
        tile_operator(g, g, Wire(1, 1), PORTS, r_driver)


@pytest.mark.parametrize("bad", [np.ones((0, 2)), np.full((1, 2), np.nan)])
def test_inputs_that_are_none_are_refused(bad):
    with pytest.raises(FitError, match="one or more, all finite"):
        bit_line_currents(np.ones((2, 3)), Wire(1, 1), bad)


@pytest.mark.parametrize("bad", [-1e-6, np.nan, np.inf])
def test_bad_conductances_are_refused(bad):
    g = np.full((3, 3), 1e-5)
    g[1, 1] = bad
    with pytest.raises(FitError, match="negative or not finite"):
        tile_operator(g, g, Wire(1, 1), PORTS)


def test_bad_arrays_are_refused():
    g, open_ports = np.full((3, 3), 1e-5), LinearPorts(np.zeros((2, 2)), PORTS.h)
    with pytest.raises(ShapeError, match="wanted equal"):
        tile_operator(g, g[:2], Wire(1, 1), PORTS)
    dead = g.copy()
    dead[:, 1] = 0
    with pytest.raises(FitError, match="floats"):
        tile_operator(dead, g, Wire(1, 1), open_ports)
