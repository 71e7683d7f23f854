"""Judge: published numbers (arXiv 2201.12480, 2304.09252) and closed forms."""

import numpy as np
import pytest

from aimc_spice.device import ConductanceMap, Device, MtjGeometry, map_weights
from aimc_spice.errors import DeviceError, NetlistError, ShapeError
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.wire import Wire, WireGeometry
from aimc_spice.report.area import uniform_area

PUBLISHED = WireGeometry(27e-9, 22e-9, 20e-9, 108e-9, 135e-9, 45e-9, 1.9e-8, 20.0)


def test_published_junction_resistances():
    mtj = MtjGeometry(ra=1e-11, tmr=2.0, length=50e-9, width=30e-9)
    assert mtj.r_p == pytest.approx(8488.26, abs=0.005)
    assert mtj.r_ap == pytest.approx(25464.79, abs=0.005)


def test_published_segment_resistances():
    wire = PUBLISHED.wire(401)
    assert PUBLISHED.rho == pytest.approx(5.083e-8, rel=1e-4)
    assert round(wire.r_wire_wl, 2) == 9.24
    assert round(wire.r_wire_bl, 2) == 11.55


def test_published_segment_capacitances():
    assert round(PUBLISHED.c_bl() * 1e15, 4) == 0.0479
    assert PUBLISHED.c_wl(0, 401) * 1e15 == pytest.approx(0.0478, abs=1e-4)
    assert PUBLISHED.c_wl(200, 401) * 1e15 == pytest.approx(0.0530, abs=1e-4)


def test_bulk_limit_has_bulk_resistivity():
    bulk = WireGeometry(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.9e-8, 1.0, mean_free_path=1e-12)
    assert bulk.rho == pytest.approx(1.9e-8, rel=1e-6)


def test_published_area():
    area = uniform_area([(32, 32)] * 67, 108e-9, 135e-9, 0.56e-12)
    assert area.array * 1e12 == pytest.approx(1000.3, abs=0.05)
    assert area.periphery * 1e12 == pytest.approx(2401.3, abs=0.05)


def test_published_partition_sizes():
    cuts = [Partition(401, 120, 13, 4), Partition(121, 84, 4, 3), Partition(85, 10, 3, 1)]
    assert sum(cut.n_blocks for cut in cuts) == 67
    assert [Partition.to_fit(n, m, 32, 32) for n, m in ((401, 120), (121, 84), (85, 10))] == cuts


@pytest.mark.parametrize(("n", "parts"), [(401, 16), (121, 8), (85, 3), (7, 7), (120, 8)])
def test_partition_bounds_lie_within_one_line_of_the_published_formula(n, parts):
    published = [int(n * k / parts + (min((n % parts) / k, 1) if k else 0)) for k in range(parts + 1)]
    bounds = Partition(n, 1, parts, 1).row_bounds()
    assert np.abs(np.subtract(bounds, published)).max() <= 1
    assert (bounds[0], bounds[-1]) == (0, n)
    assert np.ptp(np.diff(bounds)) <= 1


@pytest.mark.parametrize("n_levels", [2, 3, 16, None])
@pytest.mark.parametrize("zero", ["on", "off"])
def test_weights_survive_the_round_trip_through_conductances(n_levels, zero):
    rng = np.random.default_rng(1)
    steps = (n_levels or 1000) - 1
    weights = rng.integers(-steps, steps + 1, (7, 5)) / steps * 3.0
    weights[0, 0] = 3.0
    cells = map_weights(weights, Device(1e-4, 1e-6), bias=weights[1], n_levels=n_levels, zero=zero)
    np.testing.assert_allclose(cells.weights(), np.vstack([weights, weights[1]]), atol=1e-12)
    assert cells.has_bias_row


def test_zero_weight_takes_the_low_resistance_state_as_published():
    cells = map_weights([[0.0, 1.0, -1.0]], Device.from_resistances(5e3, 15e3))
    np.testing.assert_allclose(1 / cells.g_pos, [[5e3, 5e3, 15e3]])
    np.testing.assert_allclose(1 / cells.g_neg, [[5e3, 15e3, 5e3]])


def test_conductance_map_is_kept_on_disk(tmp_path):
    cells = map_weights([[1, -1], [-1, 1]], Device(1e-4, 1e-5), bias=[1, 1])
    cells.save(tmp_path / "cells.npz")
    found = ConductanceMap.load(tmp_path / "cells.npz")
    assert found.digest() == cells.digest()
    assert found.device == cells.device
    assert found.has_bias_row


def test_conductance_outside_the_device_is_refused():
    with pytest.raises(DeviceError, match=r"g_pos\[0, 1\] = 200 uS lies outside .* 10 uS to 100 uS"):
        ConductanceMap(np.array([[1e-4, 2e-4]]), np.full((1, 2), 1e-5), Device(1e-4, 1e-5))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(bad):
    with pytest.raises(DeviceError, match="not finite"):
        map_weights([[1.0, bad]], Device(1e-4, 1e-5))


def test_bias_of_the_wrong_shape_is_refused():
    with pytest.raises(ShapeError, match=r"bias: got shape \(3,\), wanted \(2,\)"):
        map_weights([[1.0, -1.0]], Device(1e-4, 1e-5), bias=[1, 1, 1])


def test_swapped_resistances_are_refused():
    with pytest.raises(DeviceError, match="g_on > g_off"):
        Device.from_resistances(15e3, 5e3)


def test_negative_wire_length_is_refused():
    with pytest.raises(NetlistError, match=r"pitch_wl = -108 nm, wanted a length above zero"):
        WireGeometry(27e-9, 22e-9, 20e-9, -108e-9, 135e-9, 45e-9, 1.9e-8, 20.0)


def test_negative_wire_resistance_is_refused():
    with pytest.raises(NetlistError, match="r_wire_wl = -1 Ω"):
        Wire(r_wire_wl=-1.0)


@pytest.mark.parametrize(("n_h", "n_v"), [(0, 1), (402, 1), (1, 121)])
def test_unknown_partition_is_refused(n_h, n_v):
    with pytest.raises(NetlistError, match="wanted 1 to"):
        Partition(401, 120, n_h, n_v)
