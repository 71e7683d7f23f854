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

from aimc_spice.build.tile import cells_device, cells_of, circuit_of, tile_of, tile_wire
from aimc_spice.config.tile import TileConfig
from aimc_spice.dataset import Job, collect
from aimc_spice.dataset.bench import Bench
from aimc_spice.device import ConductanceMap
from aimc_spice.flows.tile_steps import (
    IN_TIME,
    Answer,
    Step,
    Stepped,
    compare_step,
    ratio_fit,
    settling_fit,
    step_cases,
)
from aimc_spice.netlist.base import Deck
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.tile_bench import tile_driven
from aimc_spice.report.figure import save_figure
from aimc_spice.report.tile import tile_figure, tile_page, worst_tiles
from aimc_spice.simulate.base import Waveforms
from aimc_spice.surrogate.calibrated import CalibratedTile, Record, TileBox
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
        settling_fit(steps, bench.pool.name),
        ratio_fit([one.energy for one in steps], steps, bench.pool.name),
        ratio_fit([one.latency for one in steps], steps, bench.pool.name),
        *_cost(config),
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
    cases = step_cases(config)
    maps = [cells_of(config, case.weights) for case in cases]
    models = [_settling(config, circuit, cells) for cells in maps]
    steps = [Step.of(config, model, case) for model, case in zip(models, cases, strict=True)]
    jobs = [
        Job(case.name, _step_deck(config, circuit, cells, step))
        for case, cells, step in zip(cases, maps, steps, strict=True)
    ]
    found = collect(jobs, bench.pool, bench.store, bench.progress)
    return tuple(compare_step(config, step, _answer(step, waves)) for step, waves in zip(steps, found, strict=True))


def _step_deck(config: TileConfig, circuit: TileCircuit, cells: ConductanceMap, step: Step) -> Deck:
    layer = Layer(cells, Partition(*cells.shape, 1, 1), circuit.wire, circuit.front_end, r_driver=config.r_driver)
    driven = replace(tile_driven(layer, "step of a tile", step=True), options=IN_TIME)
    return driven.steps(step.volts, t_rise=config.t_rise, t_step=step.t_step, t_stop=step.t_stop)


def _answer(step: Step, waves: Waveforms) -> Answer:
    n_rows, n_cols = step.model.operator.shape
    outs, currents = (
        waves.stack([f"{kind}_{k})" for k in range(n)]) for kind, n in (("v(out", n_cols), ("i(vin", n_rows))
    )
    return Answer(waves.axis, outs, -currents, waves.deck_digest)


def _cost(config: TileConfig) -> tuple[float, float]:
    """Return time [s] and energy [J] of an operation of a full tile, from the model."""
    tile, _ = tile_of(config)
    return tile.t_mvm, tile.e_mvm
