"""Every accuracy that a committed weight file states is computed again."""

from __future__ import annotations

import pytest

from aimc_spice.workloads import SigmoidMlp, digits, load_shipped, mnist, shipped_weights
from aimc_spice.workloads.software import trained_readout

NAMES = list(shipped_weights())


def stated_and_found(name, data):
    weights = load_shipped(name)
    network = SigmoidMlp.build(weights, trained_readout(weights))
    return weights.about["digital_accuracy"], network.accuracy(data.x_test, data.y_test)


@pytest.fixture(scope="module")
def mnist_data():
    return mnist()


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("digits")])
def test_digits(name):
    stated, found = stated_and_found(name, digits())
    assert found == pytest.approx(stated, abs=1e-12)
    assert found > 0.94


@pytest.mark.mnist
@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("mnist")])
def test_mnist(name, mnist_data):
    stated, found = stated_and_found(name, mnist_data)
    assert found == pytest.approx(stated, abs=2e-4), "two images may sit on a rounding of the matrix product"
    assert found > 0.94
