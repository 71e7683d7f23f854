"""A small neural network on top of `rows`, trained by scikit-learn, evaluated in NumPy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aimc_spice.surrogate.families.base import Array, Arrays, Circuit, TileKind
from aimc_spice.surrogate.families.features import (
    Corrected,
    Model,
    check_features,
    feature_flops,
    feature_tile,
    samples,
)
from aimc_spice.surrogate.families.rows import RowFamily

_HIDDEN, _MOST, _EPOCHS = (32, 32), 30_000, 100


@dataclass(frozen=True)
class Network(Model):
    """Layers of weights (n_in + 1, n_out), the bias last; the first takes standardised features."""

    layers: tuple[Array, ...]
    centre: Array
    spread: Array
    size: float

    def __call__(self, features: Array) -> Array:
        """See `Model`; tanh between layers."""
        value = (features - self.centre) / self.spread
        for k, layer in enumerate(self.layers):
            value = value @ layer[:-1] + layer[-1]
            if k < len(self.layers) - 1:
                np.tanh(value, out=value)
        return np.asarray(self.size * value[:, 0])


@dataclass(frozen=True)
class NeuralFamily:
    """The family."""

    base: RowFamily
    network: Network
    name: ClassVar[str] = "rows + neural network"

    @property
    def kind(self) -> TileKind:
        """See `Family`."""
        return self.base.kind

    @classmethod
    def fit(cls, kind: TileKind, circuits: Sequence[Circuit]) -> Self:
        """Train on samples of all circuits; the same circuits give the same network."""
        from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  slow to import
        from sklearn.neural_network import MLPRegressor  # noqa: PLC0415

        base = RowFamily.fit(kind, circuits)
        x, y = samples(base, circuits, _MOST)
        centre, spread, size = x.mean(0), x.std(0) + 1e-12, float(y.std()) + 1e-12
        model = MLPRegressor(
            hidden_layer_sizes=_HIDDEN, activation="tanh", learning_rate_init=3e-3, max_iter=_EPOCHS, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of epochs is meant
            model.fit((x - centre) / spread, y / size)
        layers = tuple(np.vstack([w, b]) for w, b in zip(model.coefs_, model.intercepts_, strict=True))
        return cls(base, Network(layers, centre, spread, size))

    def program(self, g_pos: Array, g_neg: Array) -> Corrected:
        """See `Family`."""
        return Corrected(feature_tile(self.base, g_pos, g_neg), self.network)

    def flops(self, n_rows: int, n_cols: int) -> float:
        """See `Family`."""
        network = n_cols * sum(2.0 * layer.size for layer in self.network.layers)
        return self.base.flops(n_rows, n_cols) + feature_flops(n_rows, n_cols) + network

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `Family`."""
        net = self.network
        layers = {f"layer_{k}": layer for k, layer in enumerate(net.layers)}
        return {**self.base.arrays(), **layers, "centre": net.centre, "spread": net.spread, "size": np.array(net.size)}

    @classmethod
    def of_arrays(cls, kind: TileKind, arrays: Arrays) -> Self:
        """See `Family`."""
        check_features(len(arrays["centre"]), cls.name)
        layers = tuple(arrays[f"layer_{k}"] for k in range(sum(name.startswith("layer_") for name in arrays)))
        return cls(
            RowFamily.of_arrays(kind, arrays),
            Network(layers, arrays["centre"], arrays["spread"], float(arrays["size"])),
        )
