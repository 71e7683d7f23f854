"""How does a tile file become a surrogate with evidence? The calibration, step by step.

::

    tile file ─ circuit_of ─► TileCircuit        cell ─ fit_cell ─► law          (nonlinear cells)
                                  │                                   │
        design ─► tiles to fit ───┤ ngspice ─► circuits ──────────────┴─► every family, fitted
                  around the worst┘                                              │
        design ─► tiles to choose ─ ngspice ────────────────────────► cheapest that is good enough
        design ─► tiles that judge  ngspice ────────────────────────► error, interval: not used before
        design ─► input steps ───── ngspice transients ─────────────► settling, energy, latency of the model
                                                                                 │
                                                              CalibratedTile, report ◄──┘

Every simulation goes through the store: stop at any time, the same command resumes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimc_spice.build_tile import cells_device, cells_of, circuit_of, tile_wire
from aimc_spice.config.tile import TileConfig
from aimc_spice.dataset import Job, collect
from aimc_spice.device import ConductanceMap
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.tile_bench import tile_driven
from aimc_spice.pipeline import Bench
from aimc_spice.report.figure import save_figure
from aimc_spice.report.tile import tile_figure, tile_page, worst_tiles
from aimc_spice.rng import stream
from aimc_spice.simulate.base import Waveforms
from aimc_spice.surrogate.base import Fit, measure
from aimc_spice.surrogate.calibrated import CalibratedTile, Record, TileBox
from aimc_spice.surrogate.energy import amplifier_energy, driver_energy
from aimc_spice.surrogate.experiment import Case, around, design
from aimc_spice.surrogate.families.base import Circuit, TileKind, evaluate
from aimc_spice.surrogate.families.choose import FAMILIES, Choice, choose
from aimc_spice.surrogate.families.decks import TileCircuit
from aimc_spice.surrogate.families.interval import conformal
from aimc_spice.surrogate.families.linear import LinearFamily
from aimc_spice.surrogate.frequency import Cells, MacroPorts
from aimc_spice.surrogate.laws.fit import FittedCell, fit_cell
from aimc_spice.surrogate.settling import Settling, settle

Array = NDArray[np.float64]
_SECOND_ROUND = 3  # one in so many of the tiles to fit is placed where the first round was worst
_FLAT = 0.05  # exponent of a learning curve that does not fall
_IN_TIME = (*DEFAULT_OPTIONS, "method=gear", "reltol=1e-4")
_N_TIMES, _N_TYPICAL = 60, 8


@dataclass(frozen=True)
class Stepped:
    """One input step: ngspice's answer in time beside the model's, for the report.

    Parameters
    ----------
    t : ndarray, shape (n_t,)
        [s], from the start of the edge.
    spice, model : ndarray, shape (n_t, n_cols)
        Outputs [V].
    energy, latency : (float, float)
        ngspice and model: work of the drivers [J], settling time [s].
    digest : str
        Of the deck.
    """

    t: Array
    spice: Array
    model: Array
    energy: tuple[float, float]
    latency: tuple[float, float]
    digest: str


@dataclass(frozen=True)
class Calibration:
    """A calibrated tile with all that its report shows."""

    tile: CalibratedTile
    judged: tuple[Circuit, ...]
    steps: tuple[Stepped, ...]
    decks: Mapping[str, Deck]

    def write(self, folder: Path, results: Path, command: str) -> None:
        """Write the surrogate and its page to `folder`, the worst decks to `results`.

        Parameters
        ----------
        folder, results : Path
            Where the surrogate goes; where decks, which are large, go.
        command : str
            What a person types to get the same.
        """
        self.tile.save(folder)
        worst = worst_tiles(self.tile, self.judged)
        steps = [(one.t, one.spice, one.model) for one in self.steps]
        save_figure(tile_figure(self.tile, self.judged, steps), folder / "report.png")
        (folder / "report.md").write_text(tile_page(self.tile.record, worst, command), encoding="utf-8")
        for k, (digest, _) in enumerate(worst):
            self.decks[digest].write(results / f"worst_{k}.cir")


def calibrate(config: TileConfig, bench: Bench) -> Calibration:
    """Calibrate a current-mode tile.

    Raises
    ------
    SimulationError, FitError
        ngspice failed; a circuit is not what a surrogate can describe; too few decks for the interval.
    """
    circuit, table = circuit_of(config), config.calibration
    cell = _law(config, circuit, bench)
    kind = circuit.kind(cell)
    fit = _first_and_second_round(config, circuit, kind, bench)
    chosen_by = _simulate(config, circuit, _design(config, table.n_choose, "choose"), bench)
    judges = _design(config, table.n_held_out, "judge")
    judged = _simulate(config, circuit, judges, bench)
    choice = choose(kind, fit, chosen_by, rms=table.goal, worst=table.worst, names=_families(circuit))
    family = choice.chosen.family
    interval = conformal(family, judged, table.level)
    steps = _steps(config, circuit, bench) if circuit.cell is None and circuit.front_end.is_linear else ()
    record = Record(
        config.name,
        config.model_dump(mode="python"),
        _box(config),
        family.name,
        choice.why,
        [entry.row() for entry in choice.table],
        evaluate(family, judged, fit),
        interval,
        _settling_fit(steps, bench),
        _pair_fit([one.energy for one in steps], steps, bench),
        _pair_fit([one.latency for one in steps], steps, bench),
        *_cost(config, circuit),
        _more_decks(kind, choice, fit, chosen_by, table.goal),
        table.seed,
    )
    decks = (circuit.deck(cells_of(config, case.weights), case.inputs) for case in judges)
    return Calibration(CalibratedTile(family, record), tuple(judged), steps, {deck.digest(): deck for deck in decks})


def _law(config: TileConfig, circuit: TileCircuit, bench: Bench) -> FittedCell | None:
    if circuit.cell is None:
        return None
    device = cells_device(config)
    return fit_cell(circuit.cell, (device.g_off, device.g_on), config.v_read, bench.pool, bench.store)


def _design(config: TileConfig, n: int, name: str) -> list[Case]:
    return design(n, (config.n_rows, config.n_cols), config.calibration.n_vectors, config.calibration.seed, name)


def _simulate(config: TileConfig, circuit: TileCircuit, cases: Sequence[Case], bench: Bench) -> list[Circuit]:
    tiles = [(cells_of(config, case.weights), case.inputs) for case in cases]
    return circuit.simulate(tiles, bench.pool, bench.store, bench.progress)


def _families(circuit: TileCircuit) -> Sequence[str]:
    """Return which families to try: a linear tile is exactly its operator."""
    linear = circuit.cell is None and circuit.front_end.is_linear
    return (LinearFamily.name,) if linear else tuple(FAMILIES)


def _first_and_second_round(config: TileConfig, circuit: TileCircuit, kind: TileKind, bench: Bench) -> list[Circuit]:
    """Fill the space, then look again where the best family of the first round was worst."""
    table = config.calibration
    n_second = table.n_fit // _SECOND_ROUND
    cases = _design(config, table.n_fit - n_second, "fit")
    first = _simulate(config, circuit, cases, bench)
    half = len(first) // 2
    family = choose(kind, first[half:], first[:half], names=_families(circuit)).chosen.family
    errors = [evaluate(family, [one]).rms for one in first]
    worst = [cases[i] for i in np.argsort(errors)[::-1][: max(1, n_second)]]
    shape = (config.n_rows, config.n_cols)
    return first + _simulate(config, circuit, around(worst, n_second, shape, table.n_vectors, table.seed), bench)


def _more_decks(
    kind: TileKind, choice: Choice, fit: Sequence[Circuit], chosen_by: Sequence[Circuit], goal: float
) -> str:
    """Say what the learning curve promises: errors of the family fitted to half and to all of the tiles."""
    now = choice.chosen.fit.rms_of_full_scale
    if now <= goal:
        return f"none: {now:.1e} of full scale, wanted {goal:.1e}"
    half = evaluate(type(choice.chosen.family).fit(kind, fit[::2]), chosen_by).rms_of_full_scale
    slope = float(np.log2(half / now))
    if slope <= _FLAT:
        return (
            f"more decks do not help: {half:.1e} of full scale with half of them, {now:.1e} with all, wanted {goal:.1e}"
        )
    needed = len(fit) * (now / goal) ** (1 / slope)
    return f"about {needed - len(fit):.0f} more: {half:.1e} with half, {now:.1e} with {len(fit)}, wanted {goal:.1e}"


def _box(config: TileConfig) -> TileBox:
    device = cells_device(config)
    rows, cols = ((max(1, round(0.25 * n)), n) for n in (config.n_rows, config.n_cols))  # as `experiment` draws sizes
    return TileBox(rows, cols, (device.g_off, device.g_on), config.v_read)


def _settling(config: TileConfig, circuit: TileCircuit, cells: ConductanceMap) -> Settling:
    pair = np.stack([cells.g_pos, cells.g_neg], axis=-1)
    network = Cells(pair, np.zeros_like(pair), tile_wire(config), config.r_driver)
    return settle(network, MacroPorts(circuit.front_end.linear), t_rise=config.t_rise)


def _steps(config: TileConfig, circuit: TileCircuit, bench: Bench) -> tuple[Stepped, ...]:
    n, shape = config.calibration.n_steps, (config.n_rows, config.n_cols)
    cases = design(n + 2, shape, 1, config.calibration.seed, "steps")[2:]
    maps = [cells_of(config, case.weights) for case in cases]
    jobs, models = [], []
    for case, cells in zip(cases, maps, strict=True):
        model = _settling(config, circuit, cells)
        volts = config.v_read * case.inputs
        stop = 2.0 * float(model.settling_time(volts, 0.1 * config.settled_within).max()) + 5 * config.t_rise
        layer = Layer(cells, Partition(*cells.shape, 1, 1), circuit.wire, circuit.front_end, r_driver=config.r_driver)
        driven = replace(tile_driven(layer, f"step of {case.name}", step=True), options=_IN_TIME)
        deck = driven.steps(volts, t_rise=config.t_rise, t_step=stop / 400, t_stop=stop)
        jobs.append(Job(case.name, deck))
        models.append((model, volts, stop))
    found = collect(jobs, bench.pool, bench.store, bench.progress)
    return tuple(_stepped(config, *model, waves) for model, waves in zip(models, found, strict=True))


def _stepped(config: TileConfig, model: Settling, volts: Array, stop: float, waves: Waveforms) -> Stepped:
    n_rows, n_cols = model.operator.shape
    t = np.unique(np.concatenate([np.linspace(0, stop, _N_TIMES), stop * np.logspace(-3, 0, _N_TIMES)]))
    outs, currents = (
        waves.stack([f"{kind}_{k})" for k in range(n)]) for kind, n in (("v(out", n_cols), ("i(vin", n_rows))
    )
    spice = np.stack([np.interp(t, waves.axis, out) for out in outs.T], axis=1)
    edge = np.minimum(waves.axis / config.t_rise, 1.0)
    work = float(np.trapezoid((-currents @ volts[0]) * edge, waves.axis))
    return Stepped(
        t,
        spice,
        model.outputs(volts, t)[:, 0],
        (work, float(driver_energy(model, volts, stop)[0])),
        (_latency(config, waves.axis, outs), float(model.settling_time(volts, config.settled_within).max())),
        waves.deck_digest,
    )


def _latency(config: TileConfig, t: Array, outs: Array) -> float:
    """Return when all outputs of a transient stay within the band around their last values [s]."""
    band = config.settled_within * np.abs(outs[-1]).max()
    away = np.abs(outs - outs[-1]).max(axis=1) - band
    last = int(np.flatnonzero(away > 0)[-1])
    share = away[last] / (away[last] - away[last + 1])
    return float(t[last] + share * (t[last + 1] - t[last]))


def _settling_fit(steps: Sequence[Stepped], bench: Bench) -> Fit | None:
    """Errors at every time, as fractions of the step's full scale."""
    if not steps:
        return None
    scale = [np.abs(one.spice[-1]).max() for one in steps]
    got, wanted = (
        np.concatenate([(getattr(one, which) / s).ravel() for one, s in zip(steps, scale, strict=True)])
        for which in ("model", "spice")
    )
    return replace(measure(got, wanted, (), tuple(one.digest for one in steps), bench.pool.name), full_scale=1.0)


def _pair_fit(pairs: Sequence[tuple[float, float]], steps: Sequence[Stepped], bench: Bench) -> Fit | None:
    """Relative errors of the model."""
    if not pairs:
        return None
    ratio = np.array([model / spice for spice, model in pairs])
    found = measure(ratio, np.ones_like(ratio), (), tuple(one.digest for one in steps), bench.pool.name)
    return replace(found, full_scale=1.0)


def _cost(config: TileConfig, circuit: TileCircuit) -> tuple[float, float]:
    """Return settling time [s] and energy [J] of a full tile with typical weights and inputs, from the model."""
    rng = stream(config.calibration.seed, "typical tile")
    model = _settling(config, circuit, cells_of(config, rng.uniform(-1, 1, (config.n_rows, config.n_cols))))
    volts = config.v_read * rng.uniform(-1, 1, (_N_TYPICAL, config.n_rows))
    t = float(model.settling_time(volts, config.settled_within).max())
    energy = driver_energy(model, volts, config.t_int) + amplifier_energy(model, volts, config.t_int, config.vdd)
    return t, float(energy.mean())
