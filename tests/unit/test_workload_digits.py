from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.workloads import digits
from aimc_spice.workloads.digits import upsample


def test_split_and_shapes():
    work = digits()
    assert (work.x_train.shape, work.x_test.shape) == ((1437, 400), (360, 400))
    assert work.x_train.dtype == np.bool_
    assert work.n_classes == 10
    assert np.bincount(work.y_test).min() >= 20
    assert work.digest() == digits().digest()


def test_the_threshold_acts_on_the_grey_levels():
    grey, binary = digits(threshold=None), digits(threshold=0.25)
    assert np.array_equal(binary.x_test, grey.x_test > 0.25)


def test_upsampling_is_linear_between_and_exact_at_the_corners():
    image = np.array([[[0.0, 1.0], [2.0, 3.0]]])
    big = upsample(image, 3)[0]
    np.testing.assert_allclose(big, [[0, 0.5, 1], [1, 1.5, 2], [2, 2.5, 3]])


@pytest.mark.parametrize("side", [8, 20])
def test_upsampling_keeps_a_constant(side):
    np.testing.assert_allclose(upsample(np.full((1, 8, 8), 0.7), side), 0.7)
