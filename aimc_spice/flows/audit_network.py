"""How far is a network on tiles from its circuits? Tiles with their real activations, replayed in ngspice.

One idea: a prepared layer knows its weights and a sample of its inputs; any of its tiles is the circuit of the tile
file with these conductances and these word-line voltages. The measured errors then join the converters' noise, and
the network is scored again. Worst tiles are those that wires, or sharing charge, change most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aimc_spice.config.tile import TileConfig
from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import ConfigError
from aimc_spice.flows.audit import Finding, Probe, mean_interval, three_way
from aimc_spice.flows.replay import Replay, replay_of
from aimc_spice.network.analog import Group, cells_of
from aimc_spice.network.layer import AnalogLayer
from aimc_spice.network.mapping import Placement, place
from aimc_spice.network.prepare import Prepared
from aimc_spice.rng import stream
from aimc_spice.workloads.metrics import Metric

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NetworkEffect:
    """Scores on tiles without and with the measured errors, and the 95 % interval of the change over seeds."""

    metric: str
    plain: float
    with_errors: float
    low: float
    high: float
    n_runs: int


def audit_network(
    prepared: Prepared,
    config: TileConfig,
    bench: Bench,
    *,
    n_layers: int = 3,
    n_tiles: int = 1,
    n_vectors: int = 8,
    seed: int = 0,
) -> list[Finding]:
    """Replay tiles of a prepared network in ngspice and in the nodal solver.

    Parameters
    ----------
    prepared : Prepared
        Made with the tile of `config`.
    config : TileConfig
        The circuit.
    bench : Bench
        Simulators and store.
    n_layers, n_tiles, n_vectors : int
        Layers, random tiles of each (the worst comes on top), inputs of each.
    seed : int
        Picks layers, tiles and inputs.

    Raises
    ------
    ConfigError
        A tile that is not that of the network, or inputs in several cycles.
    """
    replay = replay_of(config, prepared.tile)
    names = list(prepared.layers)
    chosen = stream(seed, "audit", "layers").permutation(len(names))[:n_layers]
    probes = [
        probe
        for index in sorted(chosen.tolist())
        for probe in _probes(prepared, names[index], replay, (n_tiles, n_vectors, seed))
    ]
    return three_way(probes, bench)


def effect_of(
    prepared: Prepared,
    findings: Sequence[Finding],
    data: tuple[NDArray[np.generic], NDArray[np.int64]],
    metric: Metric,
    n_runs: int = 5,
) -> NetworkEffect:
    """Score the network on `n_runs` sets of tiles, two or more, without and with the errors as converters' noise."""
    extra = float(np.sqrt(np.mean([np.mean((f.spice - f.surrogate) ** 2) for f in findings])))
    x, y = data
    pairs = []
    for seed in range(n_runs):
        on = prepared.redrawn(seed)
        pairs.append([metric(one.run(x, seed), y) for one in (on, _with_noise(on, extra))])
    plain, noisy = np.array(pairs).T
    return NetworkEffect(metric.name, float(plain.mean()), float(noisy.mean()), *mean_interval(noisy - plain), n_runs)


def _with_noise(prepared: Prepared, extra: float) -> Prepared:
    """Return the network with more noise of its converters: that of tiles [V rms] behind their programmed gains."""
    layers = {
        name: replace(
            layer, parts=tuple(replace(p, groups=tuple(_noisy(g, extra) for g in p.groups)) for p in layer.parts)
        )
        for name, layer in prepared.layers.items()
    }
    return replace(prepared, layers=layers)


def _noisy(group: Group, extra: float) -> Group:
    by = group.converters
    if by is None:
        return group
    sigma = np.hypot(by.sigma, np.float32(extra) * group.to_lsb)
    return replace(group, converters=replace(by, sigma=sigma.astype(np.float32)))


def _probes(prepared: Prepared, name: str, replay: Replay, how: tuple[int, int, int]) -> list[Probe]:
    layer, (n_tiles, n_vectors, seed) = prepared.layers[name], how
    if layer.dac.n_cycles != 1:
        raise ConfigError(f"audit: the inputs of {name} come in {layer.dac.n_cycles} cycles, wanted one pulse")
    tiles, x = _tiles(prepared, layer), _inputs(prepared, layer)
    rng = stream(seed, "audit", name)
    some = x[rng.permutation(len(x))[:n_vectors]]
    picks = [(tiles[i], some, "random") for i in rng.permutation(len(tiles))[:n_tiles]]
    picks.append(_worst(tiles, x, n_vectors, replay))
    return [
        replay.probe(f"{name}, {where}, {why}", weights, _of_tile(v, rows, len(weights)))
        for (where, rows, weights), v, why in picks
    ]


_Tile = tuple[str, slice, Array]


def _tiles(prepared: Prepared, layer: AnalogLayer) -> list[_Tile]:
    """Return every tile of the first matrix of a layer: its place, its rows, its weights in [-1, 1]."""
    placed, full = _placement(prepared, layer), (prepared.tile.n_rows, prepared.tile.n_cols)
    return [
        (f"slice {s}, tile ({h}, {v})", rows, _padded(cells_of(digits[rows, cols], layer.mapping), layer, full))
        for s, digits in enumerate(placed.digits)
        for h, rows in enumerate(placed.cut.rows)
        for v, cols in enumerate(placed.cut.cols)
    ]


def _padded(weights: Array, layer: AnalogLayer, full: tuple[int, int]) -> Array:
    """Return the tile as it is programmed: unused cells are off where the mapping pads."""
    k, n = weights.shape
    return np.pad(weights, ((0, full[0] - k), (0, full[1] - n))) if layer.mapping.padding else weights


def _placement(prepared: Prepared, layer: AnalogLayer) -> Placement:
    if layer.n_bias_rows:
        raise ConfigError(f"audit: {layer.name} holds biases in rows", hint='mapping with bias="digital"')
    matrix = np.asarray(layer.product.matrices[0], dtype=np.float64)
    return place(matrix, layer.mapping, prepared.tile.n_rows, prepared.tile.n_cols, layer.name)


def _inputs(prepared: Prepared, layer: AnalogLayer) -> Array:
    """Return relative inputs (n, K) in [-1, 1], as the DAC gives them."""
    return np.asarray(layer.dac.drive(prepared.samples[layer.name].rows[0]), dtype=np.float64)


def _of_tile(x: Array, rows: slice, n_rows: int) -> Array:
    """Return the inputs of a tile's word lines; unused ones are at 0 V."""
    part = x[:, rows]
    return np.pad(part, ((0, 0), (0, n_rows - part.shape[1])))


def _worst(tiles: list[_Tile], x: Array, n_vectors: int, replay: Replay) -> tuple[_Tile, Array, str]:
    """Return the tile that its circuit changes most over some inputs, and the inputs for which it does."""
    change = [np.abs(_of_tile(x, rows, len(w)) @ replay.change(w)).max(axis=1) for _, rows, w in tiles]
    worst = int(np.argmax([float(one.max()) for one in change]))
    return tiles[worst], x[np.argsort(change[worst])[::-1][:n_vectors]], "worst"
