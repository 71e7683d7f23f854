"""The operator of a crossbar by PyTorch: the numbers that NumPy gives."""

import numpy as np
import pytest

from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import LinearPorts, effective_conductance, tile_operator

PORTS = LinearPorts(np.array([[1e-3, 0.0], [-2e-4, 1e-3]]), np.array([30.0, -30.0]))


@pytest.mark.parametrize(("name", "eps"), [("float64", 1e-12), ("float32", 4e-6)])  # measured 2e-15 and 9e-7
def test_tensors_give_what_arrays_give(name, eps):
    import torch  # noqa: PLC0415

    g, wire = 10 ** np.random.default_rng(0).uniform(-6, -4, (2, 2, 33, 12)), Wire(2.0, 3.0)
    tensors = [torch.asarray(one, dtype=getattr(torch, name)) for one in g]
    for got, wanted in (
        (tile_operator(*tensors, wire, PORTS, 10.0), tile_operator(*g, wire, PORTS, 10.0)),
        (effective_conductance(tensors[0], wire), effective_conductance(g[0], wire)),
    ):
        assert got.dtype == getattr(torch, name)
        np.testing.assert_allclose(got.numpy(), wanted, rtol=0, atol=eps * np.abs(wanted).max())
