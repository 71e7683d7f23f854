"""The operator by another array library: the same numbers as NumPy's compiled path, which shares no loop with it."""

import array_api_strict as strict
import numpy as np
import pytest

from aimc_spice.errors import FitError
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import LinearPorts, crossbar_admittance, effective_conductance, tile_operator

PORTS = LinearPorts(np.array([[1e-3, 0.0], [-2e-4, 1e-3]]), np.array([30.0, -30.0]))
WIRE = Wire(2.0, 3.0)
EPS = {"float64": 1e-12, "float32": 2e-6}  # of the largest; measured 2e-15 and 5e-7
SHAPES = [(1, 1), (1, 9), (5, 1), (8, 8), (9, 17), (33, 20)]


def cells(*shape):
    return 10 ** np.random.default_rng(0).uniform(-6, -4, shape)


@pytest.mark.parametrize("name", EPS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_operator_is_the_same(shape, name):
    g = cells(2, 3, *shape)
    theirs = [strict.asarray(one, dtype=getattr(strict, name)) for one in g]
    for got, wanted in (
        (tile_operator(*theirs, WIRE, PORTS, 10.0), tile_operator(*g, WIRE, PORTS, 10.0)),
        (effective_conductance(theirs[0], WIRE, 10.0), effective_conductance(g[0], WIRE, 10.0)),
    ):
        assert got.dtype == getattr(strict, name)
        np.testing.assert_allclose(np.asarray(got), wanted, rtol=0, atol=EPS[name] * np.abs(wanted).max())


@pytest.mark.parametrize("far", [False, True])
def test_leaking_crossbars_are_the_same(far):
    g, leak = cells(2, 11, 6, 2), np.full((2, 1, 1), 1e-7)
    ours = crossbar_admittance(g, WIRE, 5.0, wl_far=far, bl_far=far, leak=(leak, 2 * leak))
    theirs = [strict.asarray(one) for one in (g, leak, 2 * leak)]
    found = crossbar_admittance(theirs[0], WIRE, 5.0, wl_far=far, bl_far=far, leak=(theirs[1], theirs[2]))
    np.testing.assert_allclose(np.asarray(found.c), ours.c, rtol=1e-12, atol=0)
    np.testing.assert_allclose(np.asarray(found.y), ours.y, rtol=0, atol=1e-12 * ours.y.max())


def test_what_is_no_array_is_refused():
    with pytest.raises(FitError, match="follows no array API"):
        effective_conductance(NoArray(), WIRE)


class NoArray:
    """Has a shape and nothing else."""

    shape, ndim, dtype, device = (2, 2), 2, "float64", "cpu"
