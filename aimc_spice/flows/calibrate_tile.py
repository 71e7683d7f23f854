"""How does a tile file become a surrogate with evidence? The calibration, step by step.

::

    tile file ─ circuit_of ─► TileCircuit        cell ─ fit_cell ─► law          (nonlinear cells)
                                  │                                   │
        design ─► tiles to fit ───┤ ngspice ─► circuits ──────────────┴─► every family, fitted
    again around the worst ───┘                                                  │
        design ─► tiles to choose ─ ngspice ────────────────────────► cheapest that is good enough
        design ─► tiles that judge  ngspice ────────────────────────► error, interval: not used before
        design ─► input steps ───── ngspice, steps halved ──────────► settling, energy, latency of the model
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

from aimc_spice.build.tile import at_corner, cells_device, cells_of, circuit_of, current_tile_of, tile_wire
from aimc_spice.config.tile import TileConfig
from aimc_spice.dataset.bench import Bench
from aimc_spice.device import ConductanceMap
from aimc_spice.flows.step_halving import Answer, Level, limits
from aimc_spice.flows.tile_corners import judge_corners
from aimc_spice.flows.tile_steps import (
    LinearStep,
    Step,
    StepModel,
    Stepped,
    compare_step,
    judge_in_time,
    ratio_fit,
    settling_fit,
    step_cases,
)
from aimc_spice.netlist.base import Deck
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.tile_bench import tile_driven
from aimc_spice.report.figure import save_figure
from aimc_spice.report.tile import tile_figure, tile_page, worst_tiles
from aimc_spice.simulate.base import Waveforms
from aimc_spice.surrogate.calibrated import CalibratedTile, Record, TileBox
from aimc_spice.surrogate.experiment import Case, around, design, sizes
from aimc_spice.surrogate.families.base import Circuit, TileKind, evaluate
from aimc_spice.surrogate.families.choose import FAMILIES, Choice, choose
from aimc_spice.surrogate.families.decks import TileCircuit
from aimc_spice.surrogate.families.interval import conformal
from aimc_spice.surrogate.families.linear import LinearFamily
from aimc_spice.surrogate.frequency import Cells, MacroPorts
from aimc_spice.surrogate.laws.capacitance import cell_capacitance
from aimc_spice.surrogate.laws.fit import FittedCell, fit_cell
from aimc_spice.surrogate.nonlinear_step import NonlinearCells, nonlinear_step
from aimc_spice.surrogate.settling import settle

Array = NDArray[np.float64]
_ROUND = 3  # tiles to fit of each round but the first, which takes half
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
            _write_run(results / f"worst_{k}", self.decks[digest], self.tile, self._circuit(digest))

    def _circuit(self, digest: str) -> Circuit:
        return next(one for one in self.judged if one.digest == digest)


def _write_run(folder: Path, deck: Deck, tile: CalibratedTile, judged: Circuit) -> None:
    """Write a run folder: the deck, and every output of ngspice beside the surrogate's."""
    deck.write(folder / "deck.cir")
    vector, column = np.indices(judged.y.shape)
    model = tile.program(judged.g_pos, judged.g_neg)(judged.x)
    table = np.column_stack([part.ravel() for part in (vector, column, judged.y, model)])
    head = "vector,column,ngspice [V],surrogate [V]"
    np.savetxt(folder / "outputs.csv", table, ("%d", "%d", "%.9e", "%.9e"), ",", header=head, comments="")


def calibrate(config: TileConfig, bench: Bench) -> Calibration:
    """Calibrate a current-mode tile.

    Raises
    ------
    SimulationError, FitError
        ngspice failed; a circuit is not what a surrogate can describe; too few decks for the interval.
    """
    circuit, table = circuit_of(config), config.calibration
    for name in config.corners:
        circuit_of(at_corner(config, name))  # a corner that cannot be built is said before the work
    cell = _law(config, circuit, bench)
    kind = circuit.kind(cell)
    rounds = _rounds(config, circuit, kind, bench)
    fit = [one for found in rounds for one in found]
    chosen_by = _simulate(config, circuit, _design(config, table.n_choose, "choose"), bench)
    judges = _design(config, table.n_held_out, "judge")
    judged = _simulate(config, circuit, judges, bench)
    choice = choose(kind, fit, chosen_by, rms=table.goal, worst=table.worst, names=_families(circuit))
    family = choice.chosen.family
    interval = conformal(family, judged, table.level)
    corners = judge_corners(config, family, lambda there, cases: _simulate(there, circuit_of(there), cases, bench))
    steps = _steps(config, circuit, bench)
    record = Record(
        config.name,
        config.model_dump(mode="python"),
        _box(config),
        family.name,
        choice.why,
        [entry.row() for entry in choice.table],
        evaluate(family, judged, fit),
        interval,
        corners,
        settling_fit(steps, bench.pool.name),
        ratio_fit([one.energy for one in steps], steps, bench.pool.name),
        ratio_fit([one.latency for one in steps], steps, bench.pool.name),
        judge_in_time(steps),
        *_cost(config, kind),
        _more_decks(kind, choice, fit, chosen_by, table.goal),
        tuple(map(len, rounds)),
        table.seed,
    )
    decks = (circuit.deck(cells_of(config, case.weights), case.inputs) for case in judges)
    return Calibration(CalibratedTile(family, record), tuple(judged), steps, {deck.digest(): deck for deck in decks})


def _law(config: TileConfig, circuit: TileCircuit, bench: Bench) -> FittedCell | None:
    if circuit.cell is None:
        return None
    device = cells_device(config)
    g_range = (device.g_off, device.g_on)
    return fit_cell(circuit.cell, g_range, config.v_read, bench.pool, bench.store, corner=circuit.corner)


def _design(config: TileConfig, n: int, name: str) -> list[Case]:
    return design(n, (config.n_rows, config.n_cols), config.calibration.n_vectors, config.calibration.seed, name)


def _simulate(config: TileConfig, circuit: TileCircuit, cases: Sequence[Case], bench: Bench) -> list[Circuit]:
    tiles = [(cells_of(config, case.weights), case.inputs) for case in cases]
    return circuit.simulate(tiles, bench.pool, bench.store, bench.progress)


def _families(circuit: TileCircuit) -> Sequence[str]:
    """Return which families to try: a linear tile is exactly its operator."""
    linear = circuit.cell is None and circuit.front_end.is_linear
    return (LinearFamily.name,) if linear else tuple(FAMILIES)


def _rounds(config: TileConfig, circuit: TileCircuit, kind: TileKind, bench: Bench) -> list[list[Circuit]]:
    """Fill the space, then look again and again where the error is largest, until it is good enough everywhere."""
    table, shape = config.calibration, (config.n_rows, config.n_cols)
    least = 2 if len(_families(circuit)) == 1 else 4  # both halves must do to fit a family that learns
    cases = _design(config, min(table.n_fit, max(least, table.n_fit // 2)), "fit")
    rounds = [_simulate(config, circuit, cases, bench)]
    while len(cases) < table.n_fit:
        errors, good = _left_out(config, circuit, kind, [one for found in rounds for one in found])
        if good:
            break
        n = min(_ROUND, table.n_fit - len(cases))
        worst = [cases[i] for i in np.argsort(errors)[::-1][:n]]
        more = around(worst, shape, table.n_vectors, table.seed, f"round {len(rounds) + 1}")
        rounds.append(_simulate(config, circuit, more, bench))
        cases += more
    return rounds


def _left_out(config: TileConfig, circuit: TileCircuit, kind: TileKind, found: Sequence[Circuit]) -> tuple[Array, bool]:
    """Return each circuit's error [V] by the family fitted to the other half, and whether both halves are content."""
    table, errors, good = config.calibration, np.zeros(len(found)), []
    for half in (0, 1):
        mine, others = found[half::2], found[1 - half :: 2]
        choice = choose(kind, others, mine, rms=table.goal, worst=table.worst, names=_families(circuit))
        errors[half::2] = [evaluate(choice.chosen.family, [one]).rms for one in mine]
        good.append(choice.good)
    return errors, all(good)


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
    return TileBox(*sizes((config.n_rows, config.n_cols)), (device.g_off, device.g_on), config.v_read)


def _models(
    config: TileConfig, circuit: TileCircuit, maps: Sequence[ConductanceMap], volts: Sequence[Array], bench: Bench
) -> list[StepModel]:
    """Return the models in time of tiles, each at word lines (1, n_rows) [V]."""
    ports, pairs = MacroPorts(circuit.front_end.linear), [np.stack([m.g_pos, m.g_neg], axis=-1) for m in maps]
    wire, how = tile_wire(config), {"t_rise": config.t_rise, "r_driver": config.r_driver}
    if circuit.cell is None:
        cells = [Cells(g, np.zeros_like(g), wire, config.r_driver) for g in pairs]
        return [LinearStep(settle(c, ports, t_rise=config.t_rise), v) for c, v in zip(cells, volts, strict=True)]
    known = _stepped_cells(config, circuit.cell, circuit.corner, bench)
    return [nonlinear_step(g, v, known, wire, ports, **how) for g, v in zip(pairs, volts, strict=True)]


def _stepped_cells(config: TileConfig, cell: Macro, corner: Corner, bench: Bench) -> NonlinearCells:
    """Return what is known of a cell while bit lines move: the law over twice the voltages, and what it stores."""
    device, v = cells_device(config), config.v_read
    range_, where = (device.g_off, device.g_on), (bench.pool, bench.store)
    law = fit_cell(cell, range_, 2 * v, *where, v_b_max=v, corner=corner)
    return NonlinearCells(law.law, law.box, cell_capacitance(cell, range_, v, *where, corner=corner))


def _steps(config: TileConfig, circuit: TileCircuit, bench: Bench) -> tuple[Stepped, ...]:
    cases = step_cases(config)
    if not (cases and circuit.front_end.is_linear):
        return ()
    maps, volts = [cells_of(config, case.weights) for case in cases], [config.v_read * case.inputs for case in cases]
    models = _models(config, circuit, maps, volts, bench)
    steps = [Step.of(config, model, v) for model, v in zip(models, volts, strict=True)]

    def deck(k: int, level: Level) -> Deck:
        return _step_deck(config, circuit, maps[k], steps[k], level)

    found = limits([case.name for case in cases], deck, lambda k, waves: _answer(steps[k], waves), bench)
    return tuple(compare_step(config, step, one) for step, one in zip(steps, found, strict=True))


def _step_deck(config: TileConfig, circuit: TileCircuit, cells: ConductanceMap, step: Step, level: Level) -> Deck:
    cut = Partition(*cells.shape, 1, 1)
    layer = Layer(cells, cut, circuit.wire, circuit.front_end, r_driver=config.r_driver, cell=circuit.cell)
    driven = replace(tile_driven(layer, "step of a tile", step=True), options=(*level.options, *circuit.corner.options))
    return driven.steps(step.volts, t_rise=config.t_rise, t_step=step.t_step(level), t_stop=step.t_stop)


def _answer(step: Step, waves: Waveforms) -> Answer:
    return step.answer(waves, waves.stack([f"v(out_{c})" for c in range(step.model.tile.operator.shape[1])]))


def _cost(config: TileConfig, kind: TileKind) -> tuple[float, float]:
    """Return time [s] and energy [J] of an operation of a full tile, from the model with chord conductances."""
    tile = current_tile_of(config, kind.law.gamma)
    return tile.t_mvm, tile.e_mvm
