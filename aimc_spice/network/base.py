"""How accurate is a whole network when every layer is a programmed surrogate?

One idea: programmed once, run many; a forward pass is one matrix product and one look-up a layer, in chunks of
bounded memory. It runs multi-layer perceptrons.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DataError, ShapeError
from aimc_spice.metrology.spec import wilson
from aimc_spice.surrogate.archive import FORMAT, pack, unpack
from aimc_spice.surrogate.base import Array
from aimc_spice.surrogate.layer import LayerSurrogate

_CHUNK = 4096  # images at once: activations stay in the cache's reach and memory is bounded
_AGAIN = "program the network again: aimc-spice evaluate writes one"


@dataclass(frozen=True)
class NetworkSurrogate:
    """A chain of programmed layers.

    Parameters
    ----------
    layers : tuple of LayerSurrogate
        In order.
    v_bias : float
        Voltage of the bias rows [V]; a layer with one row more than it has inputs gets it there.
    """

    layers: tuple[LayerSurrogate, ...]
    v_bias: float

    def forward(self, v_in: Array, *, extrapolate: bool = False) -> Array:
        """Return the last layer's sums (n, n_out) [V], before its neurons, of input voltages (n, n_in) [V]."""
        chunks = [v_in[i : i + _CHUNK] for i in range(0, len(v_in), _CHUNK)]
        return np.concatenate([self.trace(chunk, extrapolate=extrapolate)[-2] for chunk in chunks])

    def trace(self, v_in: Array, *, extrapolate: bool = False) -> list[Array]:
        """Return ``[sums of layer 0, sums of layer 1, …, network output]`` [V], for comparison with SPICE probes."""
        kept, v = [], v_in
        for index, layer in enumerate(self.layers):
            sums = layer.sums(self.with_bias(v, layer, index), extrapolate=extrapolate)
            kept.append(sums)
            v = layer.activate(sums, extrapolate=extrapolate)
        return [*kept, v]

    def save(self, path: Path) -> None:
        """Write to a NumPy archive (.npz): operators, curves, boxes, and the evidence with the digests of its decks."""
        arrays: dict[str, Any] = {"format": FORMAT, "v_bias_V": self.v_bias, "n_layers": len(self.layers)}
        for index, layer in enumerate(self.layers):
            arrays |= pack(layer, f"layer_{index}_")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with partial.open("wb") as file:
                np.savez_compressed(file, **arrays)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> NetworkSurrogate:
        """Read what `save` wrote; raises `DataError` where the file is damaged or of another format."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                arrays = {name: data[name] for name in data.files}
            found = int(arrays["format"])
            if found != FORMAT:
                raise DataError(f"{path} is a surrogate of format {found}, this version reads {FORMAT}", hint=_AGAIN)
            layers = tuple(unpack(arrays, f"layer_{index}_") for index in range(int(arrays["n_layers"])))
            return cls(layers, float(arrays["v_bias_V"]))
        except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as bad:
            raise DataError(f"{path} is no network surrogate", cause=str(bad), hint=_AGAIN) from bad

    def with_bias(self, v: Array, layer: LayerSurrogate, index: int) -> Array:
        """Return the word lines of layer `index` from its inputs (n, n_in) [V]: the bias row is added where missing."""
        n_rows = layer.rows[-1].stop
        if v.ndim != 2 or v.shape[1] not in {n_rows, n_rows - 1}:
            raise ShapeError(
                f"layer {index}: got inputs {v.shape}, wanted (n, {n_rows - 1}) beside a bias row, or {n_rows}"
            )
        if v.shape[1] == n_rows:
            return v
        return np.hstack([v, np.full((len(v), 1), self.v_bias)])


def labels_of(sums: Array, surrogate: NetworkSurrogate) -> NDArray[np.int64]:
    """Return the class with the highest output, from the last layer's sums (n, n_classes) [V].

    The last neurons are monotone, so the highest output is the lowest sum where they invert; sums are compared because
    saturated outputs are equal to the last digit.
    """
    curve = surrogate.layers[-1].neuron
    inverts = curve is not None and curve.y[-1] < curve.y[0]
    return np.asarray((-sums if inverts else sums).argmax(axis=1), dtype=np.int64)


@dataclass(frozen=True)
class Scores:
    """Accuracy of predicted labels, with its 95 % confidence interval (Wilson)."""

    accuracy: float
    low: float
    high: float
    n: int


def score(labels: NDArray[np.int64], wanted: NDArray[np.int64]) -> Scores:
    """Compare labels (n,) with the wanted ones (n,)."""
    if labels.shape != wanted.shape or not labels.size:
        raise ShapeError(f"labels: got {labels.shape} and {wanted.shape}, wanted two equal (n,)")
    p = float(np.mean(labels == wanted))
    return Scores(p, *wilson(p, labels.size), labels.size)
