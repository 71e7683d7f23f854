"""Judge: closed forms of one cell, of ideal wires, of symmetry, and the linear operator where a cell becomes linear."""

import numpy as np
import pytest
from scipy.optimize import brentq

from aimc_spice.errors import FitError, NotConverged, OutsideValidity, ShapeError
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.base import Box
from aimc_spice.surrogate.families.base import TileKind
from aimc_spice.surrogate.families.reduced import reduce_tiles
from aimc_spice.surrogate.families.rows import RowFamily
from aimc_spice.surrogate.laws.base import LawBox, LinearLaw
from aimc_spice.surrogate.laws.polynomial import PolynomialLaw
from aimc_spice.surrogate.laws.separate import separate
from aimc_spice.surrogate.laws.sinh import SinhLaw
from aimc_spice.surrogate.newton import NonlinearTile
from aimc_spice.surrogate.operator import LinearPorts, tile_operator
from aimc_spice.surrogate.voltages import node_voltages

V = 0.25
PORTS = LinearPorts(np.array([[1e3, 0.0], [-1e3, 1e3]]), np.array([2e5, -1e6]))  # a virtual ground
LOADING = LinearPorts(np.diag([1e-4, 2e-4]), np.array([3.0, -5.0]))  # unlike on both lines
RANGE = (1e-6, 1e-4)
G = 10 ** np.random.default_rng(1).uniform(-6, -4, (2, 6, 5))
X = np.random.default_rng(2).uniform(-1, 1, (7, 6))


WIRE = Wire(2.0, 3.0)


def kind(law, wire=WIRE, ports=PORTS, r_driver=10.0):
    return TileKind(wire, ports, V, r_driver, separate(law, RANGE, V))


def newton(law, wire, ports=PORTS, g=G, r_driver=10.0, **more):
    return NonlinearTile(g[0], g[1], wire, ports, law, v_read=V, r_driver=r_driver, **more)


@pytest.mark.parametrize("law", [SinhLaw(0.1, 1.2), SinhLaw(0.02)])
def test_one_cell_behind_a_resistance(law):
    """Wire and driver in series with one pair of cells into grounds: one equation in the word-line voltage."""
    g, r, ports = np.array([[[3e-5]], [[8e-5]]]), 500.0, LinearPorts(np.diag([1e9, 1e9]), np.array([1.0, 2.0]))
    found = newton(law, Wire(200.0, 0.0), ports, g, 300.0).solve(np.array([[V], [-V], [0.0]]))

    def through(w):
        return law.s * law.v0 * np.sinh(w / law.v0) * g[:, 0, 0]

    w = brentq(lambda w: (V - w) / r - through(w).sum(), 0, V, xtol=1e-15)
    assert found.w[:, 0, 0] == pytest.approx([w, -w, 0], rel=1e-9, abs=1e-15)
    assert found.out[0, 0] == pytest.approx(through(w) @ ports.h / 1e9, rel=1e-6)  # a line moves by i / 1e9 S


@pytest.mark.parametrize("wire", [Wire(), Wire(2.0, 0.0), Wire(0.0, 3.0), Wire(2.0, 3.0)])
@pytest.mark.parametrize("ports", [PORTS, LOADING])
@pytest.mark.parametrize("r_driver", [0.0, 10.0])
def test_linear_cells_give_the_operator_and_every_node_voltage(wire, ports, r_driver):
    found = newton(LinearLaw(), wire, ports, r_driver=r_driver).solve(V * X)
    wanted = V * X @ tile_operator(G[0], G[1], wire, ports, r_driver)
    np.testing.assert_allclose(found.out, wanted, rtol=0, atol=1e-10 * np.abs(wanted).max())
    nodes = node_voltages(G[0], G[1], wire, ports, V * X, r_driver=r_driver)
    np.testing.assert_allclose(found.w, nodes.w, rtol=0, atol=1e-10 * V)
    np.testing.assert_allclose(found.b, nodes.b, rtol=0, atol=1e-10 * V)


def test_a_sinh_of_large_v0_is_the_linear_operator():
    """What is left of the bend is (v / v0)² / 6 = 4e-14 for v0 = 5e5 V: below the tolerance of 1e-12."""
    law, wire = SinhLaw(5e5), Wire(2.0, 3.0)
    wanted = V * X @ tile_operator(G[0], G[1], wire, PORTS, 10.0)
    for got in (newton(law, wire).solve(V * X).out, RowFamily.theory(kind(law)).program(G[0], G[1])(X)):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


def test_odd_cells_give_an_odd_tile():
    tile, exact = RowFamily.theory(kind(SinhLaw(0.1))).program(G[0], G[1]), newton(SinhLaw(0.1), Wire(2.0, 3.0))
    np.testing.assert_allclose(tile(-X), -tile(X), rtol=1e-13)
    up, down = exact.solve(V * X).out, exact.solve(-V * X).out
    np.testing.assert_allclose(down, -up, rtol=0, atol=1e-9 * np.abs(up).max())


@pytest.mark.parametrize("law", [SinhLaw(0.1), PolynomialLaw(V, np.log(RANGE), np.array([[[1.0, 0.1, 0.2]]] * 2) * V)])
def test_ideal_wires_give_the_sum_of_the_laws(law):
    """Into short circuits every cell sees its input: out = h i / y. Rows: exact but for their polynomial."""
    ports = LinearPorts(np.diag([1e6, 1e6]), np.array([1e9, -1e9]))
    v = np.repeat(V * X, 5, axis=1)[..., None]
    i = np.array([[law.current(one, 0 * one, g.reshape(-1, 1))[0] for g in G] for one in v]).reshape(7, 2, 6, 5)
    wanted = 1e3 * (i[:, 0] - i[:, 1]).sum(1)
    exact = newton(law, Wire(), ports, r_driver=0.0).solve(V * X).out
    rows = RowFamily.theory(kind(law, Wire(), ports, 0.0)).program(G[0], G[1])(X)
    np.testing.assert_allclose(exact, wanted, rtol=0, atol=1e-8 * np.abs(wanted).max())
    np.testing.assert_allclose(rows, wanted, rtol=0, atol=2e-4 * np.abs(wanted).max())


def test_rows_err_in_second_order_of_the_wires_where_inputs_are_of_one_size():
    """A cell that hardly bends: ten times less wire leaves a hundredth of the error above that at no wire."""
    errors, x, law = [], np.sign(X), SinhLaw(2.0)
    for r in (8.0, 0.8, 0.0):
        wire = Wire(r, r)
        wanted = newton(law, wire, r_driver=0.0).solve(V * x, tolerance=1e-13).out
        errors.append(RowFamily.theory(kind(law, wire, PORTS, 0.0)).program(G[0], G[1])(x) - wanted)
    large, small = (np.abs(error - errors[2]).max() for error in errors[:2])
    assert small < large / 30  # measured 37, first order would be 10


def test_the_driver_gives_what_its_cells_take():
    """Judge of the mean voltage of a row: every node voltage, by another solver."""
    found = reduce_tiles(kind(LinearLaw()), G[:1], G[1:])
    nodes = node_voltages(G[0], G[1], Wire(2.0, 3.0), PORTS, V * X, r_driver=10.0)
    across = nodes.w[..., None] - nodes.b
    g = np.moveaxis(G, 0, -1)
    wanted = (across * g).sum((2, 3)) / g.sum((1, 2))
    np.testing.assert_allclose(V * X @ found.mean[0], wanted, rtol=0, atol=1e-10 * V)


def test_a_batch_is_its_tiles_and_single_precision_is_close():
    family = RowFamily.theory(kind(SinhLaw(0.15)))
    batch = family.program(np.stack([G[0], G[1]]), np.stack([G[1], G[0]]))
    one = family.program(G[0], G[1])
    np.testing.assert_allclose(batch(np.stack([X, X]))[0], one(X), rtol=0, atol=1e-12 * np.abs(one(X)).max())
    np.testing.assert_allclose(batch(X)[1], family.program(G[1], G[0])(X), rtol=0, atol=1e-12 * np.abs(one(X)).max())
    single = one.single()(X.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, one(X), rtol=0, atol=1e-5 * np.abs(one(X)).max())


def test_bad_input_is_named():
    with pytest.raises(ShapeError, match="wanted equal matrices"):
        newton(SinhLaw(0.1), Wire(), g=[G[0], G[1][:2]])
    with pytest.raises(FitError, match="not above zero"):
        newton(SinhLaw(0.1), Wire(), g=0 * G)
    with pytest.raises(ShapeError, match=r"wanted \(n_vectors, 6\)"):
        newton(SinhLaw(0.1), Wire()).solve(X[:, :4])
    tile = RowFamily.theory(kind(SinhLaw(0.1))).program(G[0], G[1])
    with pytest.raises(OutsideValidity, match="inputs"):
        tile(2 * X)
    with pytest.raises(ShapeError, match=r"wanted \(…, batch, 6\)"):
        tile(X[:, :5])
    with pytest.raises(OutsideValidity, match="parameter g: got"):
        RowFamily.theory(kind(SinhLaw(0.1))).program(10 * G[0], G[1])
    small = LawBox(Box(-0.1, 0.1), Box(0.0, 0.0), Box(*RANGE, "S"))
    with pytest.raises(OutsideValidity, match="voltages across cells"):
        newton(SinhLaw(0.1), Wire(2.0, 3.0), box=small).solve(V * X)


def test_what_does_not_converge_is_named_with_its_cell():
    """A law whose slope has the wrong sign everywhere: Newton is led away."""

    class Wrong:
        n_parameters = 0

        def current(self, v_a, v_b, g):
            return g * np.sign(v_a - v_b) * np.sqrt(np.abs(v_a - v_b)), -g, g

    with pytest.raises(NotConverged, match=r"vector \d did not converge(.|\n)*largest at cell \(\d, \d, [pn]\)"):
        newton(Wrong(), Wire(500.0, 500.0)).solve(V * X)
