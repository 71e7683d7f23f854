from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.adapt.backend import torch
from aimc_spice.adapt.mlp import BinaryMlp, Neuron, binarised
from aimc_spice.adapt.readout import DiffAmpReadout
from aimc_spice.rng import stream
from aimc_spice.workloads import NetworkWeights, SigmoidMlp

SIZES = (12, 7, 5, 3)
READOUT = DiffAmpReadout((3, 2, 1))


def test_weights_are_signs_forward_and_pass_gradients_straight():
    latent = torch.tensor([-0.3, 0.0, 0.2], requires_grad=True)
    signs = binarised(latent)
    (signs * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert signs.tolist() == [-1, 1, 1]
    assert latent.grad.tolist() == [1, 2, 3]


@pytest.mark.parametrize("readout", [None, READOUT], ids=["ideal", "diff_amp"])
def test_training_and_software_compute_the_same_network(readout):
    model = BinaryMlp(SIZES, readout, Neuron(), seed=3)
    x = stream(3, "x").random((20, 12)) > 0.5
    with torch.no_grad():
        z = model.forward(torch.from_numpy(x.astype(np.float32))).numpy()
    w = model.weights()
    packed = NetworkWeights(tuple(a[:-1] for a in w), tuple(a[-1] for a in w), model.scale())
    np.testing.assert_allclose(z, SigmoidMlp.build(packed, readout).layers(x)[-1], atol=1e-5)


def test_the_circuit_formula_is_differentiable():
    w = torch.tensor(np.sign(stream(0, "w").normal(size=(13, 4))), requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: READOUT.gains(0, a), w)


def test_latent_weights_stay_in_range():
    model = BinaryMlp(SIZES, None, Neuron(), seed=0)
    with torch.no_grad():
        model.latent[0].fill_(5.0)
    model.clip()
    assert float(model.latent[0].detach().max()) == 1.0


def test_gentle_gradients_leave_outputs_alone():
    def output_and_gradient(backward):
        z = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
        a = Neuron(backward=backward)(z)
        a.sum().backward()
        return a.detach().numpy(), -z.grad.numpy()

    (exact, steep), (same, gentle) = output_and_gradient(1.0), output_and_gradient(0.5)
    np.testing.assert_allclose(same, exact, atol=1e-6)
    assert gentle[1] == pytest.approx(steep[1] / 2)
    assert (gentle[[0, 2]] > 100 * steep[[0, 2]]).all()
