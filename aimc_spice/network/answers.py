"""How good and how costly is a network on tiles? A row a layer, and totals.

One idea: the digital network runs beside the one on tiles; `examine` compares every layer fed with digital inputs
(its own error) and as it runs (errors of layers before it included). Costs are counts times figures of the tile and
the converter: one MAC is 2 operations; layers run one after another, all tiles of a layer at once. Digital operations
cost nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetworkError
from aimc_spice.network.base import Scores, score
from aimc_spice.network.feeds import feeds_of
from aimc_spice.network.graph import Step, Values
from aimc_spice.network.layer import Tally
from aimc_spice.network.prepare import Prepared


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
        [s], [J].
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
    tile, readout = prepared.tile, prepared.readout
    t_conv, e_conv = (0.0, 0.0) if readout is None else (readout.t_conv, readout.e_conv)
    rows = []
    for name, layer in prepared.layers.items():
        per_matrix, cycles = prepared.samples[name].rows_per_sample, layer.dac.n_cycles
        replicas = layer.mapping.replicas
        weights = layer.product.matrices
        n_weights = layer.product.n_weights
        cells = tile.n_rows * tile.n_cols
        operations = layer.n_tiles * per_matrix * cycles
        conversions = per_matrix * cycles * sum(p.n_columns * len(p.groups) for p in layer.parts)
        bias = 0 if layer.product.bias is None else layer.product.bias.size
        rows.append(
            LayerCost(
                name,
                n_weights * per_matrix,
                n_weights + bias,
                layer.n_tiles * replicas,
                sum(m.size for m in weights) * layer.n_slices / (layer.n_tiles * cells),
                operations,
                conversions,
                -(-per_matrix // replicas) * cycles * (tile.t_mvm + t_conv),
                operations * tile.e_mvm + conversions * e_conv,
            )
        )
    return rows


def total_cost(rows: Sequence[LayerCost]) -> Cost:
    """Add up layers that run one after another."""
    macs, tiles = sum(r.macs for r in rows), sum(r.n_tiles for r in rows)
    return Cost(macs, tiles, sum(r.latency for r in rows), sum(r.energy for r in rows))


def examine(prepared: Prepared, x: NDArray[Any] | Values, seed: int = 0) -> list[LayerError]:
    """Compare every layer with digital on a small batch."""
    feeds = feeds_of(prepared.network, x)
    n = len(next(iter(feeds.values())))
    tallies: dict[str, Tally] = {}
    own: dict[str, tuple[float, float]] = {}
    wanted: dict[str, NDArray[Any]] = {}
    stand_ins = prepared.replaced(seed, 0, n, tallies)

    def digital(step: Step, inputs: list[Any], outputs: list[Any]) -> None:
        if step.name in prepared.layers:
            found = np.asarray(stand_ins[step.name](inputs)[0])
            wanted[step.name] = np.asarray(outputs[0])
            own[step.name] = (_sqnr(found, outputs[0]), _rms(found - outputs[0]))

    running: dict[str, float] = {}

    def analog(step: Step, _inputs: list[Any], outputs: list[Any]) -> None:
        if step.name in wanted:
            running[step.name] = _sqnr(outputs[0], wanted[step.name])

    prepared.network.run(feeds, watch=digital)
    prepared.network.run(feeds, prepared.replaced(seed, 0, n), watch=analog)
    return [
        LayerError(
            name, *own[name][:1], running[name], own[name][1], _share(t.clipped, t.conversions),
            _share(t.inputs_clipped, t.inputs),
        )
        for name, t in ((name, tallies[name]) for name in prepared.layers)
    ]  # fmt: skip


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
    return replace(prepared, layers={}).run(x)
