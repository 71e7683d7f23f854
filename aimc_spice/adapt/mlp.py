"""What is trained: a multilayer perceptron whose weights are binary whenever they are used.

Latent weights in [-1, 1] are binarised to their sign on the way forward and receive the gradient unchanged
(straight-through, Courbariaux et al. 2016). Layers are read out by a `Readout`; neurons invert.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.adapt.backend import torch
from aimc_spice.adapt.readout import IdealReadout, Readout
from aimc_spice.adapt.wired import WiredReadout
from aimc_spice.rng import stream

Tensor = Any


@dataclass(frozen=True)
class Neuron:
    """The inverting sigmoid ``a = vdd / (1 + exp(4 slope / vdd * z))``.

    Parameters
    ----------
    vdd : float
        Supply [V].
    slope : float
        Magnitude of the small-signal gain at z = 0.
    backward : float
        Share of the slope that gradients see; below 1 they pass neurons that are all but saturated. Outputs do not
        depend on it.
    """

    vdd: float = 0.8
    slope: float = 3.0
    backward: float = 1.0

    @property
    def steepness(self) -> float:
        """Factor of z in the exponent [1/V]."""
        return 4 * self.slope / self.vdd

    def __call__(self, z: Tensor) -> Tensor:
        """Return the output of a tensor of neuron inputs [V]."""
        output = self.vdd * torch.sigmoid(-self.steepness * z)
        if self.backward == 1:
            return output
        gentle = self.vdd * torch.sigmoid(-self.backward * self.steepness * z)
        return gentle + (output - gentle).detach()


class BinaryMlp:
    """Latent weights, read-out and neuron.

    Parameters
    ----------
    sizes : sequence of int
        Neurons per layer, inputs first.
    readout : Readout or None
        The circuit; None is the ideal read-out with one learnt scale per layer.
    neuron : Neuron
        Of every layer, the last one included.
    seed : int
        Of the first latent weights.
    """

    def __init__(self, sizes: Sequence[int], readout: Readout | None, neuron: Neuron, seed: int) -> None:
        self.neuron = neuron
        self.latent = [_latent(n_in, n_out, seed, k) for k, (n_in, n_out) in enumerate(pairs(sizes))]
        self.log_scale = None if readout else _parameter(np.log(_first_scale(sizes)))
        self._readout = readout

    @property
    def readout(self) -> Readout:
        """The read-out, with the scales as they are now."""
        return self._readout or IdealReadout(self.log_scale.exp())  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        """Return the last layer's neuron inputs z [V], shape (n, n_out), for inputs in [0, 1]."""
        v = self.neuron.vdd * x
        for layer, latent in enumerate(self.latent):
            gains = self.readout.gains(layer, binarised(latent))
            z = v @ gains[:-1] + self.neuron.vdd * gains[-1]
            v = self.neuron(z)
        return z

    def clip(self) -> None:
        """Bring the latent weights back to [-1, 1], beyond which they would get stuck."""
        with torch.no_grad():
            for latent in self.latent:
                latent.clamp_(-1, 1)

    def update(self) -> None:
        """Let a read-out with wires compute its exact gains anew."""
        if isinstance(self._readout, WiredReadout):
            self._readout.update(self.weights())

    def weights(self) -> list[NDArray[np.int8]]:
        """Return the binary weights per layer, bias row last."""
        return [np.where(latent.detach().numpy() >= 0, 1, -1).astype(np.int8) for latent in self.latent]

    def scale(self) -> NDArray[np.float64] | None:
        """Return the learnt scales [V/V], None for a circuit that fixes its gain."""
        return None if self.log_scale is None else np.exp(self.log_scale.detach().double().numpy())


def binarised(latent: Tensor) -> Tensor:
    """Return the sign of each latent weight, zero counting as +1, with the gradient of the identity."""
    sign = torch.where(latent >= 0, 1.0, -1.0)
    return latent + (sign - latent).detach()


def pairs(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return (n_in, n_out) of every layer."""
    return list(pairwise(sizes))


def _latent(n_in: int, n_out: int, seed: int, layer: int) -> Tensor:
    draw = stream(seed, "adapt", "latent", layer).uniform(-0.1, 0.1, (n_in + 1, n_out))
    return _parameter(draw)


def _parameter(values: NDArray[np.float64]) -> Tensor:
    return torch.tensor(values.tolist(), dtype=torch.float32, requires_grad=True)


def _first_scale(sizes: Sequence[int]) -> NDArray[np.float64]:
    """Spread z over about the input range of the neuron: the deviation of a random sum is near sqrt(n_in) / 2."""
    return np.array([0.5 / np.sqrt(n_in) for n_in in sizes[:-1]])
