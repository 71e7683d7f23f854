"""What does one tile of a running network see? Its weights and inputs, so that a circuit can be asked the same.

One idea: the network runs on its tiles; the input of a layer is driven as in the run and cut to the rows of
the tile. What the surrogate says of it comes along, before conversion. It simulates nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetworkError
from aimc_spice.network.analog import cells_of
from aimc_spice.network.build import placed
from aimc_spice.network.feeds import feeds_of
from aimc_spice.network.graph import Values
from aimc_spice.network.layer import AnalogLayer
from aimc_spice.network.lowered import Call
from aimc_spice.network.prepare import Prepared
from aimc_spice.rng import stream

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TileTrace:
    """A tile and what went through it.

    Parameters
    ----------
    layer : str
        Of the network.
    place : tuple of int
        Matrix of the layer, slice, horizontal and vertical partition.
    weights : ndarray, shape (n_rows, n_cols)
        Of the cells in [-1, 1], unused cells of a full tile included; programming errors are not in it.
    x : ndarray, shape (n_vectors, n_rows)
        On the word lines, in [-1, 1].
    y : ndarray, shape (n_vectors, n_used)
        The surrogate's outputs of the used columns, the first ones [V, A or C].
    """

    layer: str
    place: tuple[int, int, int, int]
    weights: Array
    x: Array
    y: Array


def places_of(prepared: Prepared, layer: str) -> list[tuple[int, int, int, int]]:
    """Return every tile of a layer: (matrix, slice, horizontal, vertical partition)."""
    one = _layer(prepared, layer)
    return [
        (m, s, h, v)
        for m, cut in enumerate(one.cuts)
        for s in range(one.n_slices)
        for h in range(len(cut.rows))
        for v in range(len(cut.cols))
    ]


def tile_trace(
    prepared: Prepared,
    x: NDArray[Any] | Values,
    layer: str,
    place: tuple[int, int, int, int],
    n_vectors: int = 8,
    seed: int = 0,
) -> TileTrace:
    """Run a batch up to a layer and return one of its tiles with some of the inputs that it sees.

    Raises
    ------
    NetworkError
        No such layer or tile; partial sums that are added before conversion, so that no tile has outputs of its own.
    """
    one = _layer(prepared, layer)
    if place not in places_of(prepared, layer):
        raise NetworkError(f"there is no tile {place}", where=layer, hint="see places_of")
    if prepared.options.reading.partial_sums == "analog":
        raise NetworkError("partial sums are added before conversion: a tile has no outputs of its own", where=layer)
    m, s, h, v = place
    rows, cols = one.cuts[m].rows[h], one.cuts[m].cols[v]
    driven = _driven(prepared, x, one, m, n_vectors, seed)[:, rows]
    group = one.parts[m].groups[s * len(one.cuts[m].rows) + h]
    y = driven @ one.matrix_of(group)[cols].T.astype(np.float64)
    weights = _weights(prepared, one, m)[s][rows, cols]
    weights = cells_of(weights, one.mapping)
    if one.mapping.padding:
        k, n = weights.shape
        weights = np.pad(weights, ((0, prepared.tile.n_rows - k), (0, prepared.tile.n_cols - n)))
        driven = np.pad(driven, ((0, 0), (0, prepared.tile.n_rows - k)))
    return TileTrace(layer, place, weights, driven, y)


def _layer(prepared: Prepared, layer: str) -> AnalogLayer:
    if layer not in prepared.layers:
        raise NetworkError(f"layer {layer!r} is not on tiles", hint=f"on tiles: {', '.join(prepared.layers)}")
    return prepared.layers[layer]


def _weights(prepared: Prepared, layer: AnalogLayer, m: int) -> Array:
    matrices = layer.product.matrices
    sizes = np.cumsum([matrix.shape[1] for matrix in matrices])[:-1]
    bias = None if layer.product.bias is None else np.split(layer.product.bias, sizes)[m]
    limit, tile = layer.dac.limit, prepared.tile
    return placed(matrices[m], bias, layer.n_bias_rows, limit, layer.mapping, tile, layer.name).digits


def _driven(
    prepared: Prepared, x: NDArray[Any] | Values, layer: AnalogLayer, m: int, n_vectors: int, seed: int
) -> Array:
    """Return rows of the first cycle's inputs of matrix `m`, bias rows last."""
    feeds = feeds_of(prepared.network, x)
    n = len(next(iter(feeds.values())))
    kept: list[NDArray[Any]] = []

    def heard(call: Call, _found: NDArray[Any]) -> None:
        if call.part == layer.name:
            kept.append(call.x)

    prepared.network.run(feeds, prepared.replaced(seed, 0, n, heard=heard))
    rows = [some for one in kept for some in layer.product.rows(layer.dac.drive(one), m)]
    every = np.concatenate(rows).astype(np.float64)
    chosen = np.sort(stream(seed, "trace", layer.name).permutation(len(every))[:n_vectors])
    top = layer.dac.highest(0)
    return np.hstack([every[chosen], np.full((len(chosen), layer.n_bias_rows), top)])
