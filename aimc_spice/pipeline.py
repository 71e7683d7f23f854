"""How does a weight matrix become an accuracy, step by step? The page to read first.

``device → netlist → simulate → dataset → surrogate → network → report``::

    study file ─ build.network_of ──► AnalogNetwork      weights as conductances on partitioned crossbars, one circuit
        │                                 │
        │                                 ├─ .deck ─────► ngspice      whole network, a sample of images   (truth)
        │                                 │
        │           neuron, front end ────┼─ calibrate ─► ngspice      curves with residual and box
        │                                 │
        │                                 └─ program ───► NetworkSurrogate   exact operators + curves     (fast)
        │                                                       │
        └─ build.data_of ─► Workload ───────────────────────────┴─► accuracy on every image, agreement, table

Every simulation goes through a content-addressed store: stop at any time, the same command resumes.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from aimc_spice.build.study import data_of, network_of, weights_of
from aimc_spice.config import ChoiceConfig, StudyConfig
from aimc_spice.dataset import Job, Store, collect
from aimc_spice.dataset.bench import Bench
from aimc_spice.dataset.estimate import explain
from aimc_spice.errors import AimcSpiceError, ConfigError, FitError, MeasurementFailed, ShapeError, SimulationError
from aimc_spice.netlist.base import Deck
from aimc_spice.netlist.network import AnalogNetwork, tile_deck
from aimc_spice.netlist.parse import parse_netlist
from aimc_spice.netlist.partition import Block
from aimc_spice.netlist.rules import check_rules
from aimc_spice.network import NetworkSurrogate, Scores, labels_of, score
from aimc_spice.report.area import area
from aimc_spice.report.compare import compare, dynamics
from aimc_spice.report.table import Row, mark_best
from aimc_spice.rng import stream
from aimc_spice.simulate import SimulatorPool
from aimc_spice.simulate.base import Waveforms
from aimc_spice.surrogate.base import Fit
from aimc_spice.surrogate.calibrate import program_layer
from aimc_spice.surrogate.loading import check_neuron
from aimc_spice.workloads import NetworkWeights, SigmoidMlp, Workload
from aimc_spice.workloads.software import trained_readout

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def sweep(study: StudyConfig, bench: Bench, *, download: bool = False) -> list[Row]:
    """Compare every partitioning of a study; the main job.

    Parameters
    ----------
    study : StudyConfig
        From `config.load_study`.
    bench : Bench
        Simulators and store.
    download : bool
        Whether missing public data may be downloaded.

    Returns
    -------
    list of Row
        In the order of the study, the best one marked.
    """
    rows, failures = attempt(study, bench, download=download)
    for failure in failures.values():
        raise failure
    return rows


def attempt(study: StudyConfig, bench: Bench, *, download: bool = False) -> tuple[list[Row], dict[str, AimcSpiceError]]:
    """Compare every partitioning as `sweep` does, and return what failed beside the rows of the choices that did not.

    Returns
    -------
    list of Row, dict of str to AimcSpiceError
        The rows, the best one marked, and the error of every choice without a row.
    """
    data, networks = data_of(study, download=download), _networks(study)
    for network in networks.values():
        _check_fits(network, data)
        check_rules(parse_netlist(network.deck(np.zeros((1, data.n_inputs))).chunks(), strict=False))
    failures = _simulate(study, networks, data, bench)
    rows = []
    for choice in study.choices:
        if choice.name not in failures:
            try:
                rows.append(_row(study, choice, networks[choice.name], data, bench))
            except (SimulationError, FitError) as bad:
                failures[choice.name] = bad
    return mark_best(rows, study.within), failures


def _simulate(
    study: StudyConfig, networks: dict[str, AnalogNetwork], data: Workload, bench: Bench
) -> dict[str, AimcSpiceError]:
    """Simulate all that a study needs; return the error for every choice whose results are not complete."""
    jobs = {c.name: spice_jobs(study, c, networks[c.name], data) for c in _largest_first(study)}
    try:
        collect([job for some in jobs.values() for job in some], bench.pool, bench.store, bench.progress)
    except SimulationError as bad:
        name = bench.pool.name
        missing = {c: [j for j in some if not bench.store.has(j.deck.digest(), name)] for c, some in jobs.items()}
        return {choice: bad for choice, some in missing.items() if some}
    return {}


def dry_run(study: StudyConfig, store: Store, *, download: bool = False) -> str:
    """Say what a sweep would simulate: jobs, estimated time and memory, and what is stored already; runs nothing.

    Calibration decks, which depend on the circuits' linear answers, come on top: seconds.
    """
    data, networks = data_of(study, download=download), _networks(study)
    for network in networks.values():
        _check_fits(network, data)
    jobs, spice = _all_jobs(study, networks, data), study.spice
    with SimulatorPool(spice.workers, backend=spice.backend) as pool:  # starts no process before its first deck
        name = pool.name
    missing = [job for job in jobs if not store.has(job.deck.digest(), name)]
    costs = explain([job.deck for job in missing], klu="KLU" in name, n_workers=spice.workers)
    return f"{study.name}: {len(jobs)} jobs, {len(jobs) - len(missing)} stored already\n{costs}"


def evaluate(
    study: StudyConfig, choice: ChoiceConfig, bench: Bench, *, download: bool = False
) -> tuple[Scores, dict[str, Fit], NetworkSurrogate]:
    """Score one choice by surrogate on all test images; also return the evidence of every curve, and the surrogate."""
    data, network = data_of(study, download=download), network_of(study, choice)
    _check_fits(network, data)
    surrogate = program(network, bench)
    labels, _ = _classify(study, surrogate, data)
    curves = {
        f"layer {i} {stage}": getattr(layer, stage)
        for i, layer in enumerate(surrogate.layers)
        for stage in ("front_end", "neuron")
    }
    fits = {name: curve.fit for name, curve in curves.items() if curve}
    return score(labels, data.y_test), fits, surrogate


def deck_of(study: StudyConfig, choice: ChoiceConfig, n_images: int, tile: str = "") -> Deck:
    """Return the deck of a whole network on the first test images, or of one tile ("LAYER,H,V").

    A tile's word lines carry the images in layer 0, and vdd / 2 in later layers.
    """
    network, data = network_of(study, choice), data_of(study)
    _check_fits(network, data)
    volts = input_voltages(study, data.x_test[:n_images])
    if not tile:
        return _dc_deck(network, choice, volts)
    index, block = _tile_of(network, tile)
    layer = network.layers[index]
    full = np.full((len(volts), layer.cells.shape[0]), study.vdd / 2)
    if index == 0:
        full[:, : layer.n_in] = volts
    if layer.cells.has_bias_row:
        full[:, -1] = network.v_bias
    return tile_deck(layer, block, full[:, block.rows], title=f"{choice.name}, tile {tile}")


def program(network: AnalogNetwork, bench: Bench) -> NetworkSurrogate:
    """Turn a circuit into its surrogate: exact operators, neuron and front-end curves calibrated in ngspice."""
    for layer in network.layers:
        check_neuron(layer, network.v_bias, bench.pool, bench.store)
    layers = tuple(program_layer(layer, network.v_bias, bench.pool, bench.store) for layer in network.layers)
    return NetworkSurrogate(layers, network.v_bias)


def input_voltages(study: StudyConfig, images: NDArray[np.generic]) -> Array:
    """Return word-line voltages [V] of images in [0, 1], shape (n, n_in)."""
    return np.asarray(images, dtype=np.float64) * study.vdd


def sample_of(study: StudyConfig, choice: ChoiceConfig, data: Workload) -> NDArray[np.int64]:
    """Return which test images go through whole-network ngspice: a seeded permutation, the same for every choice."""
    n = study.spice.n_images if choice.n_images is None else choice.n_images
    return stream(study.spice.seed, "spice images", data.name).permutation(len(data.x_test))[:n].astype(np.int64)


def spice_jobs(study: StudyConfig, choice: ChoiceConfig, network: AnalogNetwork, data: Workload) -> list[Job]:
    """Return the whole-network simulations of one choice: the transient, then DC decks of a few images each.

    Only the first DC deck meters the power: thousands of meters take time.
    """
    volts = input_voltages(study, data.x_test[sample_of(study, choice, data)])
    size = study.spice.images_per_deck
    jobs = [
        Job(
            f"{choice.name}: images {i} to {min(i + size, len(volts)) - 1}",
            _dc_deck(network, choice, volts[i : i + size], power=i == 0),
        )
        for i in range(0, len(volts), size)
    ]
    timing = study.spice.transient
    if timing and choice.transient and len(volts):
        deck = network.step_deck(
            volts[0], t_rise=timing.t_rise, t_step=timing.t_step, t_stop=timing.t_stop, title=f"{choice.name}, step"
        )
        jobs.insert(0, Job(f"{choice.name}: step response", deck))
    return jobs


def _networks(study: StudyConfig) -> dict[str, AnalogNetwork]:
    return {choice.name: network_of(study, choice) for choice in study.choices}


def _all_jobs(study: StudyConfig, networks: dict[str, AnalogNetwork], data: Workload) -> list[Job]:
    return [job for choice in _largest_first(study) for job in spice_jobs(study, choice, networks[choice.name], data)]


def _row(study: StudyConfig, choice: ChoiceConfig, network: AnalogNetwork, data: Workload, bench: Bench) -> Row:
    surrogate = program(network, bench)
    labels, seconds = _classify(study, surrogate, data)
    scores = score(labels, data.y_test)
    sample = sample_of(study, choice, data)
    volts = input_voltages(study, data.x_test[sample])
    found = collect(spice_jobs(study, choice, network, data), bench.pool, bench.store)
    step = found.pop(0) if found and found[0].axis_name == "time" else None
    seen = compare(study, network, surrogate, volts, found) if found else None
    settling, energy = _dynamics(study, choice, network, step, dc=found[0]) if step else (None, None)
    weights = weights_of(study, choice)
    shapes = [block.shape for layer in network.layers for block in layer.partition.blocks()]
    size = area(
        [layer.partition for layer in network.layers],
        study.wire.pitch_wl or 0.0,
        study.wire.pitch_bl or 0.0,
        study.periphery.area_per_line,
    )
    return Row(
        choice=choice.name,
        front_end=choice.front_end or study.front_end,
        weights=choice.weights or study.weights,
        n_sub_arrays=len(shapes),
        max_rows=max(rows for rows, _ in shapes),
        max_cols=max(cols for _, cols in shapes),
        accuracy_digital=_digital(weights, data, study),
        accuracy_surrogate=scores.accuracy,
        accuracy_low=scores.low,
        accuracy_high=scores.high,
        n_test=scores.n,
        accuracy_spice=float(np.mean(seen.labels == data.y_test[sample])) if seen else None,
        n_spice=len(sample),
        label_agreement=seen.label_agreement if seen else None,
        rms_output=seen.rms_output if seen else None,
        rms_worst_layer=max(seen.rms_layers) if seen else None,
        power_array_w=seen.power_array if seen else None,
        power_periphery_w=seen.power_periphery if seen else None,
        energy_per_image_j=energy,
        settling_s=settling,
        area_array_m2=size.array,
        area_periphery_m2=size.periphery,
        spice_s_per_image=seen.s_per_image if seen else None,
        surrogate_s_per_image=seconds / scores.n,
    )


def _dynamics(
    study: StudyConfig, choice: ChoiceConfig, network: AnalogNetwork, step: Waveforms, *, dc: Waveforms
) -> tuple[float | None, float | None]:
    if study.spice.transient is None:
        return None, None
    try:
        return dynamics(study, study.spice.transient, network, step, dc=dc)
    except MeasurementFailed as bad:
        raise MeasurementFailed(bad.what, where=f"step response of {choice.name}", hint=bad.hint) from bad


def _classify(study: StudyConfig, surrogate: NetworkSurrogate, data: Workload) -> tuple[Labels, float]:
    volts = input_voltages(study, data.x_test)
    start = time.perf_counter()
    sums = surrogate.forward(volts)
    return labels_of(sums, surrogate), time.perf_counter() - start


def _digital(weights: NetworkWeights, data: Workload, study: StudyConfig) -> float | None:
    """Accuracy in software of the read-out that the weights were trained for; None for weights that do not say."""
    if not weights.about and weights.scale is None:
        return None
    network = SigmoidMlp.build(weights, trained_readout(weights), vdd=study.vdd, slope=study.neuron.slope)
    return network.accuracy(data.x_test, data.y_test)


def _largest_first(study: StudyConfig) -> list[ChoiceConfig]:
    """Order choices so that the coarsest cut, the slowest to simulate, starts first and the workers end together."""
    return sorted(study.choices, key=lambda choice: choice.n_h[0] * choice.n_v[0])


def _tile_of(network: AnalogNetwork, tile: str) -> tuple[int, Block]:
    blocks = {
        f"{i},{block.h},{block.v}": (i, block)
        for i, layer in enumerate(network.layers)
        for block in layer.partition.blocks()
    }
    if tile not in blocks:
        raise ConfigError(
            f"there is no tile {tile!r}", hint=f"LAYER,H,V from {next(iter(blocks))} to {list(blocks)[-1]}"
        )
    return blocks[tile]


def _check_fits(network: AnalogNetwork, data: Workload) -> None:
    if network.layers[0].n_in != data.n_inputs:
        raise ShapeError(
            f"the weights take {network.layers[0].n_in} inputs, the images of {data.name} have {data.n_inputs}"
        )
    if data.n_classes > network.layers[-1].n_out:
        raise ShapeError(
            f"the weights have {network.layers[-1].n_out} outputs, {data.name} has {data.n_classes} classes"
        )


def _dc_deck(network: AnalogNetwork, choice: ChoiceConfig, volts: Array, *, power: bool = False) -> Deck:
    return network.deck(volts, title=f"analog network {choice.name}", power=power)
