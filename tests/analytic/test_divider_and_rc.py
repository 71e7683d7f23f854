"""ngspice through both back ends against closed forms: a divider, and the settling of an RC low-pass."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.netlist.base import DcSweep, Transient
from aimc_spice.simulate import open_simulator
from decks import deck

pytestmark = pytest.mark.ngspice

# reason: the arithmetic of a linear operating point is a few roundings; ngspice adds no gmin to resistors
REL_LINEAR = 1e-9
# reason: trapezoidal rule, local error (h/τ)³/12 with h = τ/100, summed over 10 τ
ABS_SETTLING = 2e-5


@pytest.fixture(scope="module", params=["shared", "batch"])
def simulator(request, tmp_path_factory):
    opened = open_simulator(request.param, timeout_s=60, runs_dir=tmp_path_factory.mktemp("runs"))
    yield opened
    opened.close()


@pytest.mark.parametrize(("r1", "r2"), [(1e3, 3e3), (1.0, 1e6), (5e6, 7.0)])
def test_divider(simulator, r1, r2):
    result = simulator.run(deck(f"v1 in 0 0.7\nr1 in out {r1!r}\nr2 out 0 {r2!r}", probes=("v(out)", "i(v1)")))
    assert result.signals["v(out)"] == pytest.approx(0.7 * r2 / (r1 + r2), rel=REL_LINEAR)
    assert result.signals["i(v1)"] == pytest.approx(-0.7 / (r1 + r2), rel=REL_LINEAR)


def test_sweep_is_linear_in_the_source(simulator):
    body = "vctl ctl 0 0\nb1 in 0 v=0.1*v(ctl)\nr1 in out 1e3\nr2 out 0 1e3"
    result = simulator.run(deck(body, DcSweep("vctl", 6)))
    np.testing.assert_array_equal(result.axis, np.arange(6))
    np.testing.assert_allclose(result.signals["v(out)"], 0.05 * np.arange(6), rtol=REL_LINEAR, atol=1e-15)


def test_rc_settles_as_an_exponential(simulator):
    tau = 1e3 * 1e-12
    body = "v1 in 0 1\nr1 in out 1e3\nc1 out 0 1e-12 ic=0\n.ic v(out)=0"
    result = simulator.run(deck(body, Transient(tau / 100, 10 * tau)))
    assert result.axis_name == "time"
    assert result.axis[-1] == pytest.approx(10 * tau, rel=1e-9)
    assert len(result.axis) >= 1000
    np.testing.assert_allclose(result.signals["v(out)"], 1 - np.exp(-result.axis / tau), atol=ABS_SETTLING)
