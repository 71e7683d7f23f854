"""Settling, agreement, errors and averages on arrays whose answer is known."""

import numpy as np
import pytest

from aimc_spice.errors import MeasurementFailed, ShapeError
from aimc_spice.report.metrics import agreement, mean_over_time, rms_of_full_scale, settling_time


def test_settling_of_an_exponential_is_the_closed_form_between_the_points():
    time = np.linspace(0, 20, 401)
    waves = np.stack([1 - np.exp(-time), 0.5 * np.ones_like(time)], axis=1)
    assert settling_time(time, waves, within=0.01, full_scale=1.0) == pytest.approx(np.log(100), rel=2e-3)


def test_what_never_moves_settles_at_once():
    assert settling_time(np.arange(5.0), np.ones((5, 2)), within=0.01, full_scale=1.0) == 0.0


def test_what_still_moves_at_the_end_is_not_settled():
    time = np.linspace(0, 1, 100)
    with pytest.raises(MeasurementFailed, match="raise t_stop"):
        settling_time(time, time[:, None], within=0.01, full_scale=1.0)


def test_agreement_counts_equal_labels():
    assert agreement(np.array([1, 2, 3, 4]), np.array([1, 2, 0, 4])) == 0.75
    with pytest.raises(ShapeError):
        agreement(np.array([], int), np.array([], int))


def test_rms_is_a_fraction_of_full_scale():
    assert rms_of_full_scale(np.array([1.0, 3.0]), np.array([0.0, 0.0]), 10.0) == pytest.approx(np.sqrt(5) / 10)


def test_time_average_weighs_uneven_steps():
    assert mean_over_time(np.array([0.0, 1.0, 10.0]), np.array([0.0, 2.0, 2.0])) == pytest.approx(1.9)
