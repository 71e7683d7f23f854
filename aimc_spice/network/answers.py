"""How good and how costly is a network on tiles? A row a layer, and totals.

One idea: the digital network runs beside the one on tiles; `examine` compares every layer fed with digital inputs
(its own error) and as it runs (errors of layers before it included). Costs are counts times figures of the tile and
the converter: one MAC is 2 operations; layers run one after another, all tiles of a layer at once. Digital operations
cost nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetworkError
from aimc_spice.network.base import Scores, score
from aimc_spice.network.feeds import feeds_of
from aimc_spice.network.graph import Step, Values
from aimc_spice.network.layer import AnalogLayer, Tally
from aimc_spice.network.lowered import Call, Single, exact
from aimc_spice.network.prepare import Prepared
from aimc_spice.network.written import WrittenLayer


@dataclass(frozen=True)
class LayerCost:
    """What one inference asks of a layer.

    Parameters
    ----------
    macs, n_parameters : int
        Multiplications with a weight; weights and biases.
    n_tiles : int
        All slices and replicas.
    utilisation : float
        Weights over cells of the tiles (slices and replicas counted as weights).
    n_operations, n_conversions : int
        Operations of single tiles; conversions of single columns.
    latency, energy : float
        [s], [J], writing included.
    cells_written : int
        Cells that are written anew for every sample.
    write_latency, write_energy : float
        What that takes [s], [J].
    """

    name: str
    macs: int
    n_parameters: int
    n_tiles: int
    utilisation: float
    n_operations: int
    n_conversions: int
    latency: float
    energy: float
    cells_written: int = 0
    write_latency: float = 0.0
    write_energy: float = 0.0


@dataclass(frozen=True)
class LayerError:
    """How far a layer is from digital.

    Parameters
    ----------
    sqnr_db : float
        Of the layer on digital inputs.
    sqnr_running_db : float
        In the running network.
    rmse : float
        Of the layer on digital inputs, in its own units.
    adc_clipped, dac_clipped : float
        Share of conversions at the lowest or highest code; share of inputs beyond the range.
    """

    name: str
    sqnr_db: float
    sqnr_running_db: float
    rmse: float
    adc_clipped: float
    dac_clipped: float


@dataclass(frozen=True)
class Cost:
    """Totals of one inference; `tops_per_watt` counts a MAC as 2 operations."""

    macs: int
    n_tiles: int
    latency: float
    energy: float

    @property
    def tops_per_watt(self) -> float:
        """Operations per joule, in units of 1e12; zero where no energy is known."""
        return 2 * self.macs / self.energy / 1e12 if self.energy else 0.0


def layer_costs(prepared: Prepared) -> list[LayerCost]:
    """Return the cost of every layer for one sample."""
    return [
        _written_cost(prepared, layer) if isinstance(layer, WrittenLayer) else _layer_cost(prepared, layer)
        for layer in prepared.parts.values()
    ]


def _layer_cost(prepared: Prepared, layer: AnalogLayer) -> LayerCost:
    sample = prepared.samples[layer.name]
    per_matrix, turns = sample.rows_per_sample, sample.n_turns
    at_once = -(-per_matrix // (turns * layer.mapping.replicas)) * turns  # one time step waits for the one before
    bias = 0 if layer.product.bias is None else layer.product.bias.size
    return _cost(prepared, layer, per_matrix, at_once, bias)


def _cost(prepared: Prepared, layer: AnalogLayer, per_matrix: int, at_once: int, n_biases: int) -> LayerCost:
    """Count what `per_matrix` products of every matrix ask for, `at_once` of them one after another."""
    tile, readout, cycles = prepared.tile, prepared.readout, layer.dac.n_cycles
    t_conv, e_conv = (0.0, 0.0) if readout is None else (readout.t_conv, readout.e_conv)
    n_weights = layer.product.n_weights
    operations = layer.n_tiles * per_matrix * cycles
    conversions = per_matrix * cycles * sum(p.n_columns * len(p.groups) for p in layer.parts)
    used = sum(m.size for m in layer.product.matrices) * layer.n_slices
    return LayerCost(
        layer.name,
        n_weights * per_matrix,
        n_weights + n_biases,
        layer.n_tiles * layer.mapping.replicas,
        used / (layer.n_tiles * tile.n_rows * tile.n_cols),
        operations,
        conversions,
        at_once * cycles * (tile.t_mvm + t_conv),
        operations * tile.e_mvm + conversions * e_conv,
    )


def _written_cost(prepared: Prepared, layer: WrittenLayer) -> LayerCost:
    """Add up the heads, which work at the same time, after their tiles were written."""
    heads = [_cost(prepared, head, layer.n_rows, layer.n_rows, 0) for head in layer.heads]
    one, n, e_write = heads[0], len(heads), layer.n_cells * layer.writing.e_cell
    return LayerCost(
        layer.name, n * one.macs, 0, n * one.n_tiles, one.utilisation, n * one.n_operations, n * one.n_conversions,
        one.latency + layer.t_write, n * one.energy + e_write, layer.n_cells, layer.t_write, e_write,
    )  # fmt: skip


def total_cost(rows: Sequence[LayerCost]) -> Cost:
    """Add up layers that run one after another."""
    macs, tiles = sum(r.macs for r in rows), sum(r.n_tiles for r in rows)
    return Cost(macs, tiles, sum(r.latency for r in rows), sum(r.energy for r in rows))


def examine(prepared: Prepared, x: NDArray[Any] | Values, seed: int = 0) -> list[LayerError]:
    """Compare every layer with digital on a small batch."""
    feeds = feeds_of(prepared.network, x)
    n = len(next(iter(feeds.values())))
    tallies: dict[str, Tally] = {}
    pairs: dict[str, list[_Pair]] = {}
    heard: dict[str, list[NDArray[Any]]] = {}

    def compare(step: Step, inputs: list[Any], outputs: list[Any]) -> None:
        lowered = prepared.lowered.get(step.name)
        if lowered is None or not prepared.parts.keys() & lowered.parts.keys():
            return

        def both(call: Call) -> NDArray[Any]:
            right = outputs[0] if isinstance(lowered, Single) else exact(lowered.parts[call.part], call)
            if call.part in prepared.parts:
                found = prepared.product(call, seed, 0, n, tallies.setdefault(call.part, Tally()))
                pairs.setdefault(call.part, []).append((np.asarray(right), found))
            return np.asarray(right)

        lowered.run(inputs, both)

    prepared.network.run(feeds, watch=compare)
    running = prepared.replaced(seed, 0, n, heard=lambda call, y: heard.setdefault(call.part, []).append(y))
    prepared.network.run(feeds, running)
    return [_error(name, pairs[name], heard[name], tallies[name]) for name in prepared.parts]


_Pair = tuple[NDArray[Any], NDArray[Any]]


def _error(name: str, pairs: list[_Pair], running: list[NDArray[Any]], seen: Tally) -> LayerError:
    wanted, own, late = (np.concatenate([v.ravel() for v in some]) for some in (*zip(*pairs, strict=True), running))
    clipped = _share(seen.clipped, seen.conversions), _share(seen.inputs_clipped, seen.inputs)
    return LayerError(name, _sqnr(own, wanted), _sqnr(late, wanted), _rms(own - wanted), *clipped)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _rms(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _sqnr(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    noise = _rms(found - wanted)
    return 20 * float(np.log10(max(_rms(wanted), 1e-300) / noise)) if noise else float("inf")


@dataclass(frozen=True)
class Accuracy:
    """Accuracy on tiles over seeds, beside digital.

    Parameters
    ----------
    digital : Scores
        With its 95 % interval over samples.
    analog : tuple of Scores
        One a seed.
    """

    digital: Scores
    analog: tuple[Scores, ...]

    @property
    def mean(self) -> float:
        """Over seeds."""
        return float(np.mean([s.accuracy for s in self.analog]))

    @property
    def deviation(self) -> float:
        """Standard deviation over seeds; zero for one."""
        values = [s.accuracy for s in self.analog]
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean over seeds (Student)."""
        from scipy.stats import t  # noqa: PLC0415  slow to import, asked for once

        n = len(self.analog)
        half = float(t.ppf(0.975, n - 1)) * self.deviation / n**0.5 if n > 1 else 0.0
        return self.mean - half, self.mean + half


def classify(
    prepared: Prepared, x: NDArray[Any] | Values, labels: NDArray[np.int64], seeds: Sequence[int], **run: Any
) -> Accuracy:
    """Compare accuracies of a classifier, on new tiles and converters for every seed.

    Raises
    ------
    NetworkError
        Labels that do not fit the network's outputs.
    """
    digital = digital_run(prepared, x)
    n_classes = digital.shape[-1]
    if labels.shape != digital.shape[:-1] or labels.min() < 0 or labels.max() >= n_classes:
        raise NetworkError(
            f"labels: got {labels.shape} in {labels.min()} to {labels.max()}, "
            f"wanted {digital.shape[:-1]} in 0 to {n_classes - 1}"
        )
    flat = labels.reshape(-1).astype(np.int64)
    found = []
    for index, seed in enumerate(seeds):
        on = prepared if index == 0 and seed == prepared.options.seed else prepared.redrawn(seed)
        found.append(score(on.run(x, seed, **run).argmax(-1).reshape(-1).astype(np.int64), flat))
    return Accuracy(score(digital.argmax(-1).reshape(-1).astype(np.int64), flat), tuple(found))


def digital_run(prepared: Prepared, x: NDArray[Any] | Values) -> NDArray[Any]:
    """Return the digital network's first output, in the chunks that tiles run in."""
    return prepared.without_tiles().run(x)
