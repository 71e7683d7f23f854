"""How far is a running network from its circuits? Three answers to the same question, set side by side.

::

    tiles and inputs of the network ─┬─ ngspice            the truth
    (random ones, and the worst)     ├─ nodal solver       an independent reading of the same deck
                                     └─ surrogate          what the network ran on
                                              │
           measured errors, put back into ────┴─► accuracy with and without them

One idea: a `Probe` is a deck with inputs, and what the surrogate says; everything else is comparison. Worst tiles are
those that wires change most. It picks nothing by looking at errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from aimc_spice.build.study import data_of, network_of
from aimc_spice.config import ChoiceConfig, StudyConfig
from aimc_spice.dataset import Job, collect
from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import NetlistError
from aimc_spice.netlist.base import Deck
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.network import AnalogNetwork
from aimc_spice.netlist.partition import Block
from aimc_spice.netlist.tile_bench import tile_driven
from aimc_spice.netlist.wire import Wire
from aimc_spice.network import NetworkSurrogate, labels_of
from aimc_spice.pipeline import input_voltages, program
from aimc_spice.rng import stream
from aimc_spice.simulate.base import Waveforms
from aimc_spice.simulate.nodal import NodalSimulator
from aimc_spice.surrogate.layer import LayerSurrogate, program_operators

Array = NDArray[np.float64]
_N_RUNS = 10
_IN_TIME = 1e-4  # of full scale while it moves; the nodal solver's transients at rest are far closer


@dataclass(frozen=True)
class Probe:
    """One tile with inputs, and what the surrogate says of it.

    Parameters
    ----------
    label : str
        Layer, tile, and why it was picked.
    deck : Deck
        Its circuit with these inputs.
    predicted : ndarray, shape (n_vectors, n_cols)
        The surrogate's column outputs [V].
    read : callable, optional
        Gives the column outputs from waveforms of the deck; default: its probes, a point a vector.
    """

    label: str
    deck: Deck
    predicted: Array
    read: Callable[[Waveforms], Array] | None = None

    def answer(self, waves: Waveforms) -> Array:
        """Return the column outputs (n_vectors, n_cols) [V] of a simulator."""
        return waves.stack(self.deck.probes) if self.read is None else self.read(waves)


@dataclass(frozen=True)
class Finding:
    """The three answers for one tile, each (n_vectors, n_cols) [V]; `nodal` is None where the circuit is not linear."""

    label: str
    digest: str
    spice: Array
    nodal: Array | None
    surrogate: Array

    @property
    def full_scale(self) -> float:
        """Largest magnitude in ngspice [V]."""
        return float(np.abs(self.spice).max()) or 1.0

    def error(self, one: str, other: str) -> tuple[float, float]:
        """Return rms and worst difference of two answers, as fractions of full scale."""
        difference = (getattr(self, one) - getattr(self, other)) / self.full_scale
        return float(np.sqrt(np.mean(difference**2))), float(np.abs(difference).max())


@dataclass(frozen=True)
class Effect:
    """Accuracy without and with the measured errors at every tile; the 95 % interval of the change over their draws."""

    accuracy: float
    with_errors: float
    low: float
    high: float
    flipped: float
    n_runs: int


def three_way(probes: Sequence[Probe], bench: Bench) -> list[Finding]:
    """Ask ngspice and the nodal solver about every probe.

    Raises
    ------
    SimulationError
        ngspice failed.
    """
    found = collect([Job(probe.label, probe.deck) for probe in probes], bench.pool, bench.store, bench.progress)
    return [
        Finding(probe.label, waves.deck_digest, probe.answer(waves), _nodal(probe), probe.predicted)
        for probe, waves in zip(probes, found, strict=True)
    ]


def audit_study(
    study: StudyConfig, choice: ChoiceConfig, bench: Bench, *, n_tiles: int = 2, n_vectors: int = 8, seed: int = 0
) -> tuple[list[Finding], Effect]:
    """Audit a network of the partition study.

    Parameters
    ----------
    study, choice : StudyConfig, ChoiceConfig
        Which network.
    bench : Bench
        Simulators and store.
    n_tiles : int
        Random tiles a layer; the worst one comes on top.
    n_vectors : int
        Inputs a tile, from the activations of test images.
    seed : int
        Picks tiles and images.
    """
    network, data = network_of(study, choice), data_of(study)
    surrogate = program(network, bench)
    volts = input_voltages(study, data.x_test)
    rows = stream(seed, "audit", "images").permutation(len(volts))[: max(n_vectors, 64)]
    probes = [
        probe
        for index, v in enumerate(_word_lines(surrogate, volts[rows]))
        for probe in _layer_probes(network, surrogate, index, v, (n_tiles, n_vectors, seed))
    ]
    findings = three_way([probe for _, probe in probes], bench)
    errors = _errors_by_layer(network, [index for index, _ in probes], findings)
    return findings, _effect(surrogate, volts, data.y_test, errors, seed)


def _word_lines(surrogate: NetworkSurrogate, volts: Array) -> list[Array]:
    """Return the word-line voltages of every layer, bias rows included."""
    kept, v = [], volts
    for index, layer in enumerate(surrogate.layers):
        rows = surrogate.with_bias(v, layer, index)
        kept.append(rows)
        v = layer.activate(layer.sums(rows))
    return kept


def _layer_probes(
    network: AnalogNetwork, surrogate: NetworkSurrogate, index: int, v: Array, how: tuple[int, int, int]
) -> list[tuple[int, Probe]]:
    n_tiles, n_vectors, seed = how
    layer, programmed = network.layers[index], surrogate.layers[index]
    blocks = list(layer.partition.blocks())
    rng = stream(seed, "audit", "tiles", index)
    chosen = [blocks[i] for i in rng.permutation(len(blocks))[:n_tiles]]
    block, vectors = _worst(layer, programmed, v, n_vectors)
    some = v[rng.permutation(len(v))[:n_vectors]]
    picks = [(b, some, "random") for b in chosen] + [(block, vectors, "worst")]
    return [(index, _probe(layer, programmed, pick, f"layer {index}")) for pick in picks]


def _probe(layer: Layer, programmed: LayerSurrogate, pick: tuple[Block, Array, str], where: str) -> Probe:
    block, v, why = pick
    label = f"{where}, tile ({block.h}, {block.v}), {why}"
    rows = v[:, block.rows]
    linear = rows @ programmed.operators[block.h][:, block.cols]
    curve = programmed.front_end
    deck = tile_driven(layer, f"audit of {label}", block).dc(rows)
    return Probe(label, deck, linear if curve is None else curve(linear))


def _worst(layer: Layer, programmed: LayerSurrogate, v: Array, n_vectors: int) -> tuple[Block, Array]:
    """Return the tile that wires change most over some inputs, and the inputs for which they do."""
    ideal = program_operators(replace(layer, wire=Wire(), r_driver=0.0))
    blocks = list(layer.partition.blocks())
    change = [
        np.abs(v[:, b.rows] @ (programmed.operators[b.h][:, b.cols] - ideal[b.h][:, b.cols])).max(axis=1)
        for b in blocks
    ]
    worst = int(np.argmax([float(one.max()) for one in change]))
    return blocks[worst], v[np.argsort(change[worst])[::-1][:n_vectors]]


def _nodal(probe: Probe) -> Array | None:
    try:
        simulator = NodalSimulator() if probe.read is None else NodalSimulator(tolerance=_IN_TIME)
        return probe.answer(simulator.run(probe.deck, label=probe.label))
    except NetlistError:  # it solves linear circuits only, and says which element is not
        return None


def _errors_by_layer(network: AnalogNetwork, layers: Sequence[int], findings: Sequence[Finding]) -> list[Array]:
    """Return the measured errors of every layer's tiles [V], averaged as the ties average partitions."""
    found = []
    for index, layer in enumerate(network.layers):
        errors = [(f.spice - f.surrogate).ravel() for i, f in zip(layers, findings, strict=True) if i == index]
        found.append(np.concatenate(errors) / np.sqrt(layer.partition.n_h))
    return found


def _effect(
    surrogate: NetworkSurrogate, volts: Array, wanted: NDArray[np.int64], errors: list[Array], seed: int
) -> Effect:
    plain = labels_of(surrogate.forward(volts), surrogate)
    runs = [_perturbed(surrogate, volts, errors, stream(seed, "audit", "effect", k)) for k in range(_N_RUNS)]
    scores = np.array([np.mean(labels == wanted) for labels in runs])
    base = float(np.mean(plain == wanted))
    low, high = mean_interval(scores - base)
    flipped = float(np.mean([np.mean(labels != plain) for labels in runs]))
    return Effect(base, float(scores.mean()), low, high, flipped, _N_RUNS)


def mean_interval(values: Array) -> tuple[float, float]:
    """Return the 95 % interval (Student) of the mean of what a few runs gave, two or more."""
    mean, n = float(values.mean()), len(values)
    half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return mean - half, mean + half


def _perturbed(
    surrogate: NetworkSurrogate, volts: Array, errors: list[Array], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the labels with a measured error, drawn anew, on every sum of every layer."""
    v = sums = volts
    for index, (layer, pool) in enumerate(zip(surrogate.layers, errors, strict=True)):
        sums = layer.sums(surrogate.with_bias(v, layer, index), extrapolate=True)
        sums = sums + rng.choice(pool, sums.shape)
        v = layer.activate(sums, extrapolate=True)
    return labels_of(sums, surrogate)
