"""What does a network score in software, through an exact read-out formula instead of a circuit?

Double precision on the CPU, in batches: the reference that circuit results are compared with. No noise, no op-amp
limits, and no wires but for weights that were trained with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.adapt.readout import DiffAmpReadout, IdealReadout, Readout
from aimc_spice.adapt.wired import WiredReadout
from aimc_spice.errors import ConfigError, ShapeError
from aimc_spice.netlist.wire import Wire
from aimc_spice.workloads.weights import NetworkWeights

Array = NDArray[np.float64]
_BATCH = 2000


@dataclass(frozen=True)
class SigmoidMlp:
    """A multilayer perceptron with a linear read-out per layer and inverting sigmoid neurons.

    Parameters
    ----------
    gains : tuple of ndarray, shapes (n_in + 1, n_out)
        Neuron input per word-line voltage [V/V], bias row last.
    vdd : float
        Voltage of an input of 1 and of the bias row [V].
    slope : float
        Of the neuron ``a = vdd / (1 + exp(4 slope / vdd * z))``.
    """

    gains: tuple[Array, ...]
    vdd: float = 0.8
    slope: float = 3.0

    @classmethod
    def build(cls, weights: NetworkWeights, readout: Readout | None = None, **neuron: float) -> SigmoidMlp:
        """Combine weights with a read-out; None means the ideal one with the scales of the weight file."""
        chosen = readout or ideal_readout(weights)
        return cls(tuple(chosen.gains(k, w) for k, w in enumerate(weights.with_bias_rows())), **neuron)

    def layers(self, x: NDArray[Any]) -> list[Array]:
        """Return every layer's neuron inputs z [V], shapes (n, n_out), for inputs in [0, 1]."""
        if x.ndim != 2 or x.shape[1] != len(self.gains[0]) - 1:
            raise ShapeError(f"inputs: got shape {x.shape}, wanted (n, {len(self.gains[0]) - 1})")
        v: Array = self.vdd * x.astype(np.float64)
        inputs = []
        for gains in self.gains:
            inputs.append(v @ gains[:-1] + self.vdd * gains[-1])
            v = self.neuron(inputs[-1])
        return inputs

    def neuron(self, z: Array) -> Array:
        """Return the neuron outputs [V]; written so that no exponential overflows."""
        result: Array = self.vdd * 0.5 * (1 - np.tanh(2 * self.slope / self.vdd * z))
        return result

    def classify(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """Return the class of the largest output, shape (n,).

        That is the smallest z, because neurons invert; comparing z itself avoids ties between saturated outputs.
        """
        parts = [self.layers(x[k : k + _BATCH])[-1].argmin(axis=1) for k in range(0, len(x), _BATCH)]
        return np.concatenate(parts)

    def accuracy(self, x: NDArray[Any], y: NDArray[np.int64]) -> float:
        """Return the share of rows of `x` classified as `y`."""
        return float(np.mean(self.classify(x) == y))


def ideal_readout(weights: NetworkWeights) -> IdealReadout:
    """Return the ideal read-out with the scales of the weight file; `ConfigError` where it has none."""
    if weights.scale is None:
        raise ConfigError(
            "these weights carry no scale: they were trained for a circuit that fixes its own gain",
            hint="pass the read-out they were trained for, see weights.about",
        )
    return IdealReadout(weights.scale)


def trained_readout(weights: NetworkWeights) -> Readout:
    """Return the read-out that a weight file of this package was trained for, its wires included."""
    about = weights.about
    kind = about.get("readout", "ideal")
    if kind == "ideal":
        return ideal_readout(weights)
    if kind != "diff_amp":
        raise ConfigError(f"weights: got the unknown read-out {kind!r}, known are ideal, diff_amp")
    wireless = DiffAmpReadout(tuple(about["n_h"]))
    if about.get("r_wire_ohm") is None:
        return wireless
    wired = WiredReadout(wireless, tuple(about["n_v"]), Wire(*about["r_wire_ohm"]))
    wired.update(weights.with_bias_rows())
    return wired
