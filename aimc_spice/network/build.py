"""How does one product become a layer on tiles? Placed, programmed, given ranges and converters.

It sees a sample of the layer's inputs and runs no network; see `prepare`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.network.analog import program
from aimc_spice.network.dac import Dac, limit_of
from aimc_spice.network.fit import Programming, calibrated
from aimc_spice.network.kernel import F32
from aimc_spice.network.layer import AnalogLayer
from aimc_spice.network.mapping import Mapping, Placement, place
from aimc_spice.network.options import Options
from aimc_spice.network.product import Convolution, Dense
from aimc_spice.network.sampling import LayerSample
from aimc_spice.network.unit import FixedPoint, in_fixed_point
from aimc_spice.rng import stream
from aimc_spice.surrogate.readout import Readout
from aimc_spice.surrogate.tile import TileSurrogate


def build_layer(
    name: str,
    product: Dense | Convolution,
    sample: LayerSample,
    tile: TileSurrogate,
    readout: Readout | None,
    options: Options,
    before: AnalogLayer | None = None,
) -> AnalogLayer:
    """Place, program and calibrate a product; without programming errors the matrices of `before` are taken."""
    values = np.concatenate([rows.ravel() for rows in sample.rows])
    limit = limit_of(values, options.dac_range, options.dac_bits, options.reading.percentile)
    dac = Dac(options.dac_bits, limit, sample.low < 0, options.bits_per_cycle)
    mapping = options.mapping_of(name)
    biases = _biases(product)
    n_bias_rows = _bias_rows(product, biases, limit) if mapping.bias == "rows" else 0
    parts, scales, offsets, cuts, n_slices = [], [], [], [], 1
    for index, matrix in enumerate(product.matrices):
        where = name if len(product.matrices) == 1 else f"{name}/{index}"
        placement = placed(matrix, biases[index] if n_bias_rows else None, n_bias_rows, limit, mapping, tile, where)
        rng = stream(options.seed, "program", where)
        if before is None or options.sigma_program:
            programmed = program(placement, tile, mapping, options.sigma_program, rng)
        else:
            programmed = before.parts[index].matrices(len(placement.factors))
        sent = Programming(placement, programmed, driven_rows(sample.rows[index], dac, n_bias_rows))
        parts.append(calibrated(where, [sent], mapping, options.reading, readout, options.seed))
        scales.append((placement.scale * limit).astype(np.float32))
        offsets.append(np.zeros_like(scales[-1]) if n_bias_rows else biases[index].astype(np.float32))
        cuts.append(placement.cut)
        n_slices = len(placement.factors)
    layer = AnalogLayer(
        name, product, dac, tuple(parts), tuple(scales), tuple(offsets), n_bias_rows, mapping, tuple(cuts), n_slices
    )
    return with_unit(layer, options.unit)


def with_unit(layer: AnalogLayer, unit: FixedPoint | None) -> AnalogLayer:
    """Return the layer with its correction in fixed point, where there is a unit."""
    if unit is None:
        return layer
    parts, step = in_fixed_point(layer.parts, layer.scale, layer.bias, unit)
    scale = tuple(np.full_like(s, step) for s in layer.scale)
    return replace(layer, parts=parts, scale=scale, bias=tuple(np.zeros_like(b) for b in layer.bias), unit=unit)


def placed(
    matrix: NDArray[Any], bias: NDArray[Any] | None, n_bias_rows: int, limit: float, mapping: Mapping,
    tile: TileSurrogate, where: str,
) -> Placement:  # fmt: skip
    """Place a matrix, biases as rows below it."""
    whole = np.asarray(matrix, dtype=np.float64)
    if bias is not None and n_bias_rows:
        rows = np.tile(np.asarray(bias, np.float64) / (limit * n_bias_rows), (n_bias_rows, 1))
        whole = np.vstack([whole, rows])
    return place(whole, mapping, tile.n_rows, tile.n_cols, where)


def _biases(product: Dense | Convolution) -> list[NDArray[Any]]:
    sizes = [m.shape[1] for m in product.matrices]
    bias = np.zeros(sum(sizes), np.float32) if product.bias is None else product.bias
    return np.split(bias, np.cumsum(sizes)[:-1])


def _bias_rows(product: Dense | Convolution, biases: list[NDArray[Any]], limit: float) -> int:
    """Return how many rows hold the bias, so that none needs more than the largest weight."""
    if product.bias is None:
        return 0
    need = [
        np.abs(b).max() / max(limit * float(np.abs(m).max()), 1e-30)
        for m, b in zip(product.matrices, biases, strict=True)
    ]
    return max(1, min(64, int(np.ceil(max(need)))))


def driven_rows(rows: F32, dac: Dac, n_bias_rows: int = 0) -> F32:
    """Return what word lines carry for some inputs, cycle by cycle, bias rows last."""
    found = []
    for cycle in range(dac.n_cycles):
        one = np.full((len(rows), n_bias_rows), dac.highest(cycle), np.float32)
        found.append(np.hstack([dac.drive(rows, cycle), one]))
    return np.concatenate(found)
