"""How does a network get onto tiles, and how is it run there? `prepare` once, `Prepared.run` many.

One idea: the network runs digitally on a calibration batch while every product's inputs are sampled; then each
product is placed, programmed, given ranges and converters, and takes the place of its step. A run is the same network
with those steps replaced, in chunks of samples whose values stay within a bound of memory.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import ConfigError, NetworkError
from aimc_spice.network.arrays import ArrayLayer
from aimc_spice.network.build import build_layer
from aimc_spice.network.feeds import chunk_of, feeds_of, sample_bytes_of
from aimc_spice.network.graph import Network, Step, Values
from aimc_spice.network.layer import AnalogLayer, Tally
from aimc_spice.network.lower import lowered_of
from aimc_spice.network.lowered import Call, Lowered, Single, exact
from aimc_spice.network.memory import give_back
from aimc_spice.network.options import Options
from aimc_spice.network.product import Convolution, Dense
from aimc_spice.network.sampling import SAMPLES, LayerSample, joined, sampled
from aimc_spice.network.simplify import simplified
from aimc_spice.network.written import WrittenLayer, WrittenSample, build_written
from aimc_spice.surrogate.readout import Readout
from aimc_spice.surrogate.tile import TileSurrogate

Heard = Callable[[Call, NDArray[Any]], None]


@dataclass(frozen=True)
class Prepared:
    """A network on tiles.

    Parameters
    ----------
    network : Network
        All steps.
    layers : dict
        Name of a product (of a step, or of one of its matrices) → its prepared layer.
    tile, readout : TileSurrogate, Readout
        What it is made of.
    options : Options
        What was chosen.
    samples : dict
        Calibration inputs of each layer, to draw other converters (`redrawn`).
    sample_bytes : int
        Memory of the largest value of a step for one sample; sets the chunk of a run.
    lowered : dict
        Name of a step → the step with its products.
    written, written_samples : dict
        Name of a product of two activations → its tiles, and what they were calibrated with.
    """

    network: Network
    layers: dict[str, AnalogLayer]
    tile: TileSurrogate
    readout: Readout | None
    options: Options
    samples: dict[str, LayerSample]
    sample_bytes: int = 1
    lowered: dict[str, Lowered] = field(default_factory=dict)
    written: dict[str, WrittenLayer] = field(default_factory=dict)
    written_samples: dict[str, WrittenSample] = field(default_factory=dict)

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
        self, seed: int | None, start: int, n: int, tallies: dict[str, Tally] | None = None, heard: Heard | None = None
    ) -> dict[str, Callable[[list[Any]], tuple[Any, ...]]]:
        """Return what runs instead of each mapped step, for samples `start` on; `heard` is told each product."""

        def multiply(call: Call) -> NDArray[Any]:
            tally = None if tallies is None else tallies.setdefault(call.part, Tally())
            found = self.product(call, seed, start, n, tally)
            if heard is not None:
                heard(call, found)
            return found

        on_tiles = self.parts.keys()
        steps = {name: step for name, step in self.lowered.items() if on_tiles & step.parts.keys()}
        return {name: partial(step.run, multiply=multiply) for name, step in steps.items()}

    def product(self, call: Call, seed: int | None, start: int, n: int, tally: Tally | None = None) -> NDArray[Any]:
        """Answer a call on tiles, for n samples, `start` on; digitally where it is not mapped."""
        if call.part in self.written:
            return self.written[call.part](call, n, seed, start, tally)
        if call.part not in self.layers:
            return exact(self.constant_of(call.part), call)
        layer = self.layers[call.part]
        rows = layer.product.rows_of(call.x.shape)
        if call.n_turns > 1 and rows % n:
            raise NetworkError(
                f"{rows} sequences for {n} samples", where=f"layer {call.part}",
                hint="the first axis of every input is the batch, also of a recurrent network: put a Transpose "
                "before the cell, or give it layout = 1",
            )  # fmt: skip
        first = start * (rows // n) * call.n_turns + call.turn if rows % n == 0 else start
        return layer(call.x, seed, first, call.n_turns, tally)

    def constant_of(self, part: str) -> Dense | Convolution | None:
        """Return the constant that a part multiplies by; None for two activations."""
        return next(step.parts[part] for step in self.lowered.values() if part in step.parts)

    @property
    def parts(self) -> dict[str, AnalogLayer | WrittenLayer]:
        """All that is on tiles, in the order in which it runs."""
        every: dict[str, AnalogLayer | WrittenLayer] = {**self.layers, **self.written}
        return {part: every[part] for step in self.lowered.values() for part in step.parts if part in every}

    def redrawn(self, seed: int) -> Prepared:
        """Return the network on other tiles of the same kind: new programming errors and converters."""
        options = replace(self.options, seed=seed)
        layers = {
            name: build_layer(name, layer.product, self.samples[name], self.tile, self.readout, options, layer)
            for name, layer in self.layers.items()
        }
        written = {
            name: build_written(name, sample, self.tile, self.readout, options)
            for name, sample in self.written_samples.items()
        }
        return replace(self, layers=layers, written=written, options=options)

    def on(self, xp: Any, device: Any = None) -> Prepared:
        """Return the network with its products and read-outs computed by another array library, on a GPU if it has one.

        Parameters
        ----------
        xp : module
            An array API namespace, such as ``array_api_compat.torch``.
        device : object
            Of that library; None is its default.
        """
        return replace(self, layers={name: ArrayLayer.of(layer, xp, device) for name, layer in self.layers.items()})

    def without_written(self) -> Prepared:
        """Return the network with its products of two activations digital."""
        return replace(self, written={}, written_samples={})

    def without_tiles(self) -> Prepared:
        """Return the digital network, run in the same chunks."""
        return replace(self, layers={}, written={})

    @property
    def nbytes(self) -> int:
        """Memory of weights, tables and samples."""
        arrays = [v for v in self.network.constants.values() if isinstance(v, np.ndarray)]
        kept = [rows for sample in self.samples.values() for rows in sample.rows]
        kept += [values for pair in self.written_samples.values() for values in (pair.a, pair.b)]
        return sum(a.nbytes for a in [*arrays, *kept]) + sum(layer.nbytes for layer in self.parts.values())


@dataclass
class _Seen:
    """What the digital runs of the calibration show."""

    lowered: dict[str, Lowered] = field(default_factory=dict)
    constants: dict[str, Dense | Convolution] = field(default_factory=dict)
    parts: dict[str, list[LayerSample]] = field(default_factory=dict)
    pairs: dict[str, WrittenSample] = field(default_factory=dict)

    @property
    def samples(self) -> dict[str, LayerSample]:
        return {name: joined(some) for name, some in self.parts.items()}


def _calls_of(network: Network, options: Options, feeds: Values) -> tuple[dict[str, Lowered], dict[str, list[Call]]]:
    """Run digitally; return the steps with products, and what each product was asked."""
    steps: dict[str, Lowered] = {}
    calls: dict[str, list[Call]] = {}

    def watch(step: Step, inputs: list[Any], outputs: list[Any]) -> None:
        if options.stays_digital(step.name):
            return
        weights = [network.constants.get(name) if name else None for name in step.inputs]
        written = options.is_written(step.name)
        one = lowered_of(step.op, step.name, step.attributes, weights, inputs, written=written)
        if one is None:
            return
        steps[step.name] = one

        def note(call: Call) -> NDArray[Any]:
            if not options.stays_digital(call.part):
                calls.setdefault(call.part, []).append(call)
            return np.asarray(outputs[0]) if isinstance(one, Single) else exact(one.parts[call.part], call)

        one.run(inputs, note)

    network.run(feeds, watch=watch)
    return steps, calls


def _look(network: Network, options: Options, feeds: Values, n: int, size: int) -> _Seen:
    """Run all n calibration samples, `size` at once."""
    seen, at_most = _Seen(), -(-SAMPLES // -(-n // size))
    for start in range(0, n, size):
        part = {name: v[start : start + size] for name, v in feeds.items()}
        steps, calls = _calls_of(network, options, part)
        constants = {name: product for step in steps.values() for name, product in step.parts.items()}
        seen.lowered |= steps
        m = min(size, n - start)
        for name in list(calls):
            some, product = calls.pop(name), constants[name]
            if product is None:
                one = WrittenSample.of(some[0], m)
                seen.pairs[name] = WrittenSample.joined([seen.pairs[name], one]) if name in seen.pairs else one
                continue
            x = some[0].x if len(some) == 1 else np.stack([call.x for call in some], axis=1)
            found = sampled(product, x, m, at_most, options.seed, start)
            seen.constants.setdefault(name, product)
            seen.parts.setdefault(name, []).append(replace(found, n_turns=some[0].n_turns))
    return seen


def _check_patterns(options: Options, network: Network, seen: _Seen) -> None:
    """Refuse patterns that fit no layer: a typing error would change nothing, and say nothing."""
    held = {name for name, value in network.constants.items() if np.ndim(value) > 1}
    layers = [step.name for step in network.steps if held.intersection(step.inputs)]
    layers += [part for one in seen.lowered.values() for part in one.parts if part not in layers]
    names = {*layers, *(step.name for step in network.steps if step.op == "MatMul")}
    for pattern in (*options.digital, *options.layers, *(options.written.layers if options.written else ())):
        if not any(fnmatchcase(name, pattern) for name in names):
            close = difflib.get_close_matches(pattern, names, n=3) or layers[:8]
            raise ConfigError(
                f"the pattern {pattern!r} fits no layer", hint=f"layers are named like {', '.join(close)}"
            )


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
    seen = _look(network, chosen, feeds, n, size)
    _check_patterns(chosen, network, seen)
    if not seen.parts and not seen.pairs:
        raise NetworkError(
            "there is no matrix to map on tiles", where=network.name,
            hint="products with constant weights are mapped: check that weights are initializers, and what stays "
            "digital (--digital)",
        )  # fmt: skip
    names, layers, written, samples, pairs = [*seen.parts, *seen.pairs], {}, {}, seen.samples, seen.pairs
    for index, name in enumerate(names):
        if progress is not None:
            progress(index, len(names), name)
        if name in samples:
            layers[name] = build_layer(name, seen.constants[name], samples[name], tile, readout, chosen)
        else:
            written[name] = build_written(name, pairs[name], tile, readout, chosen)
        give_back()
    return Prepared(network, layers, tile, readout, chosen, samples, sample_bytes, seen.lowered, written, pairs)
