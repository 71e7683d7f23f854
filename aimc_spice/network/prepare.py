"""How does a network get onto tiles, and how is it run there? `prepare` once, `Prepared.run` many.

One idea: the network runs digitally on a calibration batch while every product's inputs are sampled; then each
product is placed, programmed, given ranges and converters, and takes the place of its step. A run is the same network
with those steps replaced, in chunks of samples whose values stay within a bound of memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import ConfigError, NetworkError
from aimc_spice.network.analog import program
from aimc_spice.network.dac import Dac, Range, limit_of
from aimc_spice.network.feeds import chunk_of, feeds_of, sample_bytes_of
from aimc_spice.network.fit import Reading, calibrated
from aimc_spice.network.graph import Network, Step, Values
from aimc_spice.network.kernel import F32
from aimc_spice.network.layer import AnalogLayer, Tally
from aimc_spice.network.lower import product_of
from aimc_spice.network.mapping import Mapping, Placement, place
from aimc_spice.network.product import Convolution, Dense
from aimc_spice.network.sampling import SAMPLES, LayerSample, joined, sampled
from aimc_spice.network.simplify import simplified
from aimc_spice.network.unit import FixedPoint, in_fixed_point
from aimc_spice.rng import stream
from aimc_spice.surrogate.readout import Readout
from aimc_spice.surrogate.tile import TileSurrogate


@dataclass(frozen=True)
class Options:
    """What is chosen besides tile and read-out.

    Parameters
    ----------
    mapping : Mapping
        Of every layer.
    layers : dict
        Pattern of names (``"*attention*"``) → `Mapping` of those layers; the first that fits.
    digital : tuple of str
        Patterns of names of layers that stay digital.
    dac_bits : int or None
        Resolution of the inputs; None is continuous.
    dac_range : {"max", "percentile", "mse"}
        How a layer's input range is chosen.
    bits_per_cycle : int or None
        Bit-serial inputs; None is one pulse.
    reading : Reading
        Ranges and correction of the converters.
    unit : FixedPoint or None
        Digital post-processing in fixed point; None is floating point.
    sigma_program : float
        Programming error of a weight, rms; 1 is a whole cell.
    seed : int
        Of converters and programming.
    """

    mapping: Mapping = field(default_factory=Mapping)
    layers: dict[str, Mapping] = field(default_factory=dict)
    digital: tuple[str, ...] = ()
    dac_bits: int | None = 8
    dac_range: Range = "mse"
    bits_per_cycle: int | None = None
    reading: Reading = field(default_factory=Reading)
    unit: FixedPoint | None = None
    sigma_program: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dac_bits is not None and self.dac_bits < 2:
            raise ConfigError(f"got dac_bits = {self.dac_bits}, wanted at least 2", hint="one of them may be the sign")
        if self.bits_per_cycle is not None and self.bits_per_cycle < 1:
            raise ConfigError(f"got bits_per_cycle = {self.bits_per_cycle}, wanted at least 1")

    def mapping_of(self, name: str) -> Mapping:
        """Return how a layer is mapped."""
        return next((m for pattern, m in self.layers.items() if fnmatchcase(name, pattern)), self.mapping)

    def stays_digital(self, name: str) -> bool:
        """Whether a layer was asked to stay digital."""
        return any(fnmatchcase(name, pattern) for pattern in self.digital)


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
        driven = _driven(sample.rows[index], dac, n_bias_rows)
        seed = options.seed
        parts.append(calibrated(where, placement, programmed, driven, mapping, options.reading, readout, seed))
        scales.append((placement.scale * limit).astype(np.float32))
        offsets.append(np.zeros_like(scales[-1]) if n_bias_rows else biases[index].astype(np.float32))
        cuts.append(placement.cut)
        n_slices = len(placement.factors)
    layer = AnalogLayer(
        name, product, dac, tuple(parts), tuple(scales), tuple(offsets), n_bias_rows, mapping, tuple(cuts), n_slices
    )
    return layer if options.unit is None else _in_fixed_point(layer, options.unit)


def _in_fixed_point(layer: AnalogLayer, unit: FixedPoint) -> AnalogLayer:
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


def _driven(rows: F32, dac: Dac, n_bias_rows: int) -> F32:
    found = []
    for cycle in range(dac.n_cycles):
        one = np.tile(dac.drive(np.full((1, 1), dac.limit), cycle), (len(rows), n_bias_rows))
        found.append(np.hstack([dac.drive(rows, cycle), one]))
    return np.concatenate(found)


@dataclass(frozen=True)
class Prepared:
    """A network on tiles.

    Parameters
    ----------
    network : Network
        All steps.
    layers : dict
        Name of a step → its prepared layer.
    tile, readout : TileSurrogate, Readout
        What it is made of.
    options : Options
        What was chosen.
    samples : dict
        Calibration inputs of each layer, to draw other converters (`redrawn`).
    sample_bytes : int
        Memory of the largest value of a step for one sample; sets the chunk of a run.
    """

    network: Network
    layers: dict[str, AnalogLayer]
    tile: TileSurrogate
    readout: Readout | None
    options: Options
    samples: dict[str, LayerSample]
    sample_bytes: int = 1

    def run(
        self, x: NDArray[Any] | Values, seed: int | None = 0, *, chunk: int | None = None,
        progress: Callable[[int, int], None] | None = None, tallies: dict[str, Tally] | None = None,
    ) -> NDArray[Any]:  # fmt: skip
        """Return the first output for a batch.

        Parameters
        ----------
        x : ndarray or dict
            The input, or inputs by name; the first axis is the batch.
        seed : int or None
            Of the read noise; None is none. Sample i has the same noise whatever the chunk.
        chunk : int, optional
            Samples at once; the default bounds memory.
        progress : callable, optional
            Called with samples done and all.
        tallies : dict, optional
            Filled with what each layer counted.
        """
        feeds = feeds_of(self.network, x)
        n = len(next(iter(feeds.values())))
        size = chunk or chunk_of(self.network, n, self.sample_bytes)
        found = []
        for start in range(0, n, size):
            part = {name: value[start : start + size] for name, value in feeds.items()}
            found.append(
                np.asarray(
                    self.network.run(part, self.replaced(seed, start, len(next(iter(part.values()))), tallies))[0]
                )
            )
            if progress is not None:
                progress(min(start + size, n), n)
        return np.concatenate(found)

    def replaced(
        self, seed: int | None, start: int, n: int, tallies: dict[str, Tally] | None = None
    ) -> dict[str, Callable[[list[Any]], tuple[Any, ...]]]:
        """Return what runs instead of each mapped step, for samples `start` on."""
        return {name: _replacement(layer, seed, start, n, tallies) for name, layer in self.layers.items()}

    def redrawn(self, seed: int) -> Prepared:
        """Return the network on other tiles of the same kind: new programming errors and converters."""
        options = replace(self.options, seed=seed)
        layers = {
            name: build_layer(name, layer.product, self.samples[name], self.tile, self.readout, options, layer)
            for name, layer in self.layers.items()
        }
        return replace(self, layers=layers, options=options)

    @property
    def nbytes(self) -> int:
        """Memory of weights, tables and samples."""
        arrays = [v for v in self.network.constants.values() if isinstance(v, np.ndarray)]
        kept = [rows for sample in self.samples.values() for rows in sample.rows]
        return sum(a.nbytes for a in [*arrays, *kept]) + sum(layer.nbytes for layer in self.layers.values())


def _replacement(
    layer: AnalogLayer, seed: int | None, start: int, n: int, tallies: dict[str, Tally] | None
) -> Callable[[list[Any]], tuple[Any, ...]]:
    def run(inputs: list[Any]) -> tuple[Any, ...]:
        x = moving_input(layer.product, inputs)
        tally = None if tallies is None else tallies.setdefault(layer.name, Tally())
        rows = layer.product.rows_of(x.shape)
        first = start * (rows // n) if rows % n == 0 else start
        return (layer(x, seed, first, 1, tally),)

    return run


def moving_input(product: Dense | Convolution, inputs: list[Any]) -> NDArray[Any]:
    """Return the input of a step that is not its constant."""
    left = isinstance(product, Dense) and product.left
    return np.asarray(inputs[1] if left else inputs[0])


def products_of(
    network: Network, options: Options, feeds: Values
) -> dict[str, tuple[Dense | Convolution, NDArray[Any]]]:
    """Run digitally; return what each mapped step multiplies by, and its input."""
    found: dict[str, tuple[Dense | Convolution, NDArray[Any]]] = {}

    def watch(step: Step, inputs: list[Any], _outputs: list[Any]) -> None:
        if options.stays_digital(step.name):
            return
        weights = [network.constants.get(name) if name else None for name in step.inputs]
        moving = [v for v, w in zip(inputs, weights, strict=True) if w is None and v is not None]
        product = product_of(step.op, step.name, step.attributes, weights, np.shape(moving[0]) if moving else ())
        if product is not None:
            found[step.name] = (product, moving_input(product, inputs))

    network.run(feeds, watch=watch)
    return found


def _samples_of(
    network: Network, options: Options, feeds: Values, n: int, size: int
) -> tuple[dict[str, Dense | Convolution], dict[str, LayerSample]]:
    """Run all n calibration samples, `size` at once; return the products and what they were given."""
    products: dict[str, Dense | Convolution] = {}
    parts: dict[str, list[LayerSample]] = {}
    at_most = -(-SAMPLES // -(-n // size))
    for start in range(0, n, size):
        found = products_of(network, options, {name: v[start : start + size] for name, v in feeds.items()})
        for name in list(found):
            product, x = found.pop(name)
            products.setdefault(name, product)
            parts.setdefault(name, []).append(sampled(product, x, min(size, n - start), at_most, options.seed, start))
    return products, {name: joined(some) for name, some in parts.items()}


def prepare(
    network: Network, tile: TileSurrogate, readout: Readout | None, calibration: NDArray[Any] | Values,
    options: Options | None = None, progress: Callable[[int, int, str], None] | None = None,
) -> Prepared:  # fmt: skip
    """Map, program and calibrate a network.

    Parameters
    ----------
    network : Network
        See `graph.read_onnx` and `plain.network_of`.
    tile : TileSurrogate
        Kind of tile.
    readout : Readout or None
        Kind of converter; None is an exact one.
    calibration : ndarray or dict
        A few dozen typical samples, which set the ranges.
    options : Options, optional
        Mapping, DAC, ranges.
    progress : callable, optional
        Called with layers done, all, and the name of the next.

    Raises
    ------
    NetworkError
        Nothing to map; a layer that cannot be mapped; inputs that do not fit.
    """
    chosen = options or Options()
    network = simplified(network)
    feeds = feeds_of(network, calibration)
    n = len(next(iter(feeds.values())))
    sample_bytes = sample_bytes_of(network, feeds)
    size = min(chunk_of(network, n, sample_bytes), n)
    products, samples = _samples_of(network, chosen, feeds, n, size)
    if not products:
        raise NetworkError(
            "there is no matrix to map on tiles", where=network.name,
            hint="products with constant weights are mapped: check that weights are initializers, and what stays "
            "digital (--digital)",
        )  # fmt: skip
    layers = {}
    for index, (name, product) in enumerate(products.items()):
        if progress is not None:
            progress(index, len(products), name)
        layers[name] = build_layer(name, product, samples[name], tile, readout, chosen)
    return Prepared(network, layers, tile, readout, chosen, samples, sample_bytes)
