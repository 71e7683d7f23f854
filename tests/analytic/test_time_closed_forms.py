"""Judge: closed forms of RC circuits, for the time base, the samples and the energy."""

import numpy as np
import pytest

from aimc_spice.errors import FitError, OutsideValidity
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.energy import driver_energy
from aimc_spice.surrogate.frequency import Cells, StaticPorts, sample
from aimc_spice.surrogate.operator import LinearPorts
from aimc_spice.surrogate.settling import settle
from aimc_spice.surrogate.timebase import TimeBase

POSITIVE = StaticPorts(LinearPorts(1e-4 * np.eye(2), np.array([1.0, 0.0])))  # loads both lines, reads the first
MODE = 3e-4  # error of one real mode, of its DC gain: measured 2.2e-4


def cells(g, wire, r_driver=0.0):
    g = np.asarray(g, dtype=float)
    return Cells(g, np.zeros(g.shape), wire, r_driver)


def one_pole():
    """One cell pair behind a driver, all capacitance on the word line: 1/τ = (1/r_driver + two cells to loads) / c."""
    r, c, g, load = 1e3, 1e-13, 1e-4, 1e-4
    branch = g * load / (g + load)
    total = 1 / r + 2 * branch
    return cells([[[g, g]]], Wire(0.0, 0.0, c, 0.0), r), c / total, 1 / r / total * g / (g + load)


def ramp(t, tau, t_rise):
    def integrated(x):
        return np.where(x > 0, x + tau * np.expm1(-np.maximum(x, 0) / tau), 0.0)

    return (integrated(t) - integrated(t - t_rise)) / t_rise


@pytest.mark.parametrize("t_rise", [1e-12, 1e-11, 3e-10])
def test_one_pole_follows_a_ramp(t_rise):
    tile, tau, gain = one_pole()
    found = settle(tile, POSITIVE, t_rise=t_rise)
    t = np.linspace(0, found.base.t_last, 300)
    np.testing.assert_allclose(
        found.outputs(np.ones((1, 1)), t)[:, 0, 0], gain * ramp(t, tau, t_rise), atol=MODE * gain
    )


def test_one_pole_follows_a_sudden_step_and_settles_when_it_should():
    tile, tau, gain = one_pole()
    found = settle(tile, POSITIVE)
    t = np.geomspace(1e-3, 1, 50) * found.base.t_last
    np.testing.assert_allclose(found.outputs(np.ones((1, 1)), t)[:, 0, 0], -gain * np.expm1(-t / tau), atol=MODE * gain)
    assert found.settling_time(np.ones((1, 1)), 0.01)[0, 0] == pytest.approx(tau * np.log(100), rel=0.01)


def test_work_of_a_driver_is_c_v_squared_and_conduction():
    tile, tau, _ = one_pole()
    found = settle(tile, POSITIVE, t_rise=1e-3 * tau, t_last=20 * tau)
    r, c = tile.r_driver, tile.wire.c_wire_wl
    load = 1e-4  # two cells of 100 µS into loads of 100 µS: 2 · 50 µS
    at_rest = load / (1 + r * load)
    v_node = 1 / (1 + r * load)
    held = 20 * tau - 2 / 3 * 1e-3 * tau
    wanted = at_rest * held + c * v_node**2  # charge c v_node, lifted by a driver of 1 V through a divider
    assert driver_energy(found, np.ones((1, 1)), 20 * tau)[0] == pytest.approx(wanted, rel=2e-3)


def test_first_moment_of_a_ladder_is_elmore():
    n, r, c = 9, 7.0, 3e-15
    tile = cells(np.full((1, n, 2), 1e-15), Wire(r, 0.0, c, 0.0), 50.0)
    s = 1e-6 / (n * n * r * c)
    reads = sample(tile, POSITIVE, np.array([0.0, s])).reads[:, 0, :, 0]
    segment = np.minimum.outer(np.arange(1, n + 1), np.arange(1, n + 1))
    np.testing.assert_allclose((1 - reads[1] / reads[0]) / s, c * (50.0 + r * segment).sum(0), rtol=1e-4)


@pytest.mark.parametrize(("angle", "wanted"), [(0.0, MODE), (0.5, 1e-3), (np.pi / 4, 3e-3), (np.pi / 3, 2e-2)])
def test_any_mode_is_known(angle, wanted):
    assert TimeBase.worst(angle) < wanted


def test_an_integrator_is_a_mode():
    base = TimeBase(2.0)
    t = np.linspace(0, 2, 40)
    np.testing.assert_allclose(base.response(t, 0.0) @ (1 / base.s), t, atol=2e-4)


def test_a_ringing_pole_is_refused_not_answered():
    base, poles = TimeBase(1.0), np.geomspace(5, 1e4, 50)[:, None] * np.exp(1.3j)
    seen = (poles / (base.s + poles)).real
    assert 0.03 < np.abs(base.doubt() @ seen.T).max() < TimeBase.worst(1.3)


def test_without_a_capacitor_outputs_follow_the_edge():
    found = settle(cells(np.full((2, 2, 2), 1e-4), Wire(1.0, 1.0)), POSITIVE, t_rise=4e-12)
    t = np.array([0.0, 1e-12, 3e-12, 4.5e-12])
    wanted = np.minimum(t / 4e-12, 1)[:, None, None] * found.operator
    np.testing.assert_allclose(found.outputs(np.eye(2), t), wanted, rtol=0, atol=MODE * found.operator.max())


def test_an_integrator_needs_a_window():
    never = StaticPorts(LinearPorts(np.zeros((2, 2)), np.array([1.0, 0.0])))
    slow = Cells(np.full((1, 1, 2), 1e-30), np.full((1, 1, 2), 1e-12), Wire(0.0, 0.0, 0.0, 1e-12), 1.0)
    with pytest.raises(FitError, match="integrates"):
        settle(slow, never)


def test_a_window_too_short_does_not_guess():
    tile, tau, _ = one_pole()
    found = settle(tile, POSITIVE, t_last=tau)
    assert found.at(tau)[0, 0] > 0
    with pytest.raises(OutsideValidity, match="still to come"):
        found.at(2 * tau)
    with pytest.raises(OutsideValidity, match="zero or more"):
        found.at(-tau)
