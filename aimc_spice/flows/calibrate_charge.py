"""How is a charge-mode tile calibrated? Its closed form is judged: nothing is fitted.

One idea: a settled bit line is a capacitive divider whatever its wires, so every deck is a judge. Windows of reset,
step and rest show outputs; single steps show settling, energy and latency of the model in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aimc_spice.build.tile import charge_tile_of, tile_of
from aimc_spice.config.tile import TileConfig
from aimc_spice.dataset import Job, collect
from aimc_spice.dataset.bench import Bench
from aimc_spice.device.capacitance import map_capacitances
from aimc_spice.flows.calibrate_tile import Calibration
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
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.charge_mvm import ChargePhases, charge_mvm_deck, read_bit_lines
from aimc_spice.simulate.base import Waveforms
from aimc_spice.surrogate.calibrated import CalibratedTile, Record, TileBox
from aimc_spice.surrogate.charge import ChargeTile
from aimc_spice.surrogate.charge_family import ChargeFamily
from aimc_spice.surrogate.experiment import Case, design
from aimc_spice.surrogate.families.base import Circuit, evaluate
from aimc_spice.surrogate.families.interval import conformal

Array = NDArray[np.float64]
_WHY = "the closed form: a settled bit line divides charge whatever the wires"


def calibrate_charge(config: TileConfig, bench: Bench) -> Calibration:
    """Judge a charge-mode tile.

    Raises
    ------
    SimulationError, FitError
        ngspice failed; too few decks for the interval.
    """
    tile, table = charge_tile_of(config), config.calibration
    family = ChargeFamily(tile)
    steps = _steps(config, tile, bench)
    cases = design(table.n_held_out, (config.n_rows, config.n_cols), table.n_vectors, table.seed, "judge")
    decks = [charge_deck(config, tile, case) for case in cases]
    judged = _circuits(config, tile, cases, decks, bench)
    cost, _ = tile_of(config)
    simulator = bench.pool.name
    record = Record(
        config.name,
        config.model_dump(mode="python"),
        _box(config, tile),
        family.name,
        _WHY,
        [],
        evaluate(family, judged),
        conformal(family, judged, table.level),
        settling_fit(steps, simulator),
        ratio_fit([one.energy for one in steps], steps, simulator),
        ratio_fit([one.latency for one in steps], steps, simulator),
        cost.t_mvm,
        cost.e_mvm,
        "none: nothing is fitted",
        table.seed,
    )
    return Calibration(CalibratedTile(family, record), tuple(judged), steps, {deck.digest(): deck for deck in decks})


def _crossbar(tile: ChargeTile, case: Case) -> ChargeCrossbar:
    cells = map_capacitances(case.weights, tile.cell, n_levels=tile.n_levels)
    return ChargeCrossbar(cells, tile.wire, tile.r_driver, tile.c_par, tile.c_load)


def _phases(config: TileConfig, t_stop: float) -> ChargePhases:
    """Return phases without a reset switch: a leak holds the bit lines, so a reset is only a pause."""
    pause, edge = 4 * config.t_rise, config.t_rise
    return ChargePhases(t_reset=pause, t_gap=pause, t_stop=t_stop, t_share=t_stop / 2, t_rise=edge, v_cm=0.0)


def charge_deck(config: TileConfig, tile: ChargeTile, case: Case, t_step: float = 0.0) -> Deck:
    """Return the deck of a tile, a window of reset and step for every input; by default steps are ``t_int / 50``."""
    phases = _phases(config, config.t_int)
    deck = charge_mvm_deck(
        _crossbar(tile, case), config.v_read * case.inputs, phases, t_step=t_step or config.t_int / 50
    )
    return replace(deck, options=IN_TIME)


def charge_outputs(config: TileConfig, deck: Deck, waves: Waveforms, n_vectors: int) -> Array:
    """Return what the columns of a `charge_deck` give at the end of each window, (n_vectors, n_cols) [V]."""
    lines = read_bit_lines(_phases(config, config.t_int), n_vectors, waves.axis, waves.stack(deck.probes))
    return lines[:, ::2] - lines[:, 1::2]


def _circuits(
    config: TileConfig, tile: ChargeTile, cases: Sequence[Case], decks: Sequence[Deck], bench: Bench
) -> list[Circuit]:
    jobs = [Job(f"{case.name}: {len(case.inputs)} vectors", deck) for case, deck in zip(cases, decks, strict=True)]
    found = collect(jobs, bench.pool, bench.store, bench.progress)
    circuits = []
    for case, deck, waves in zip(cases, decks, found, strict=True):
        c_pos, c_neg = tile.capacitances(case.weights)
        y = charge_outputs(config, deck, waves, len(case.inputs))
        circuits.append(Circuit(c_pos, c_neg, case.inputs, y, waves.deck_digest, waves.simulator))
    return circuits


def _steps(config: TileConfig, tile: ChargeTile, bench: Bench) -> tuple[Stepped, ...]:
    cases = step_cases(config)
    steps = [Step.of(config, tile.settling(case.weights, config.t_rise), case) for case in cases]
    jobs = [Job(case.name, _step_deck(config, tile, case, step)) for case, step in zip(cases, steps, strict=True)]
    found = collect(jobs, bench.pool, bench.store, bench.progress)
    return tuple(
        compare_step(config, step, _answer(config, step, waves)) for step, waves in zip(steps, found, strict=True)
    )


def _step_deck(config: TileConfig, tile: ChargeTile, case: Case, step: Step) -> Deck:
    phases = _phases(config, step.t_stop + config.t_rise)
    deck = charge_mvm_deck(_crossbar(tile, case), step.volts, phases, t_step=step.t_step)
    currents = tuple(f"i(vwl_{r})" for r in range(step.volts.shape[1]))
    return replace(deck, options=IN_TIME, probes=(*deck.probes, *currents))


def _answer(config: TileConfig, step: Step, waves: Waveforms) -> Answer:
    """Cut the step out of its window: from its edge to before the word lines return."""
    n_rows, n_cols = step.model.operator.shape
    start = float(_phases(config, step.t_stop + config.t_rise).step_times(1)[0])
    t = waves.axis - start
    inside = (t >= 0) & (t <= step.t_stop)
    plus, minus, currents = (
        waves.stack([f"{name}_{k})" for k in range(n)])[inside]
        for name, n in (("v(bp", n_cols), ("v(bn", n_cols), ("i(vwl", n_rows))
    )
    return Answer(t[inside], plus - minus, -currents, waves.deck_digest)


def _box(config: TileConfig, tile: ChargeTile) -> TileBox:
    rows, cols = ((max(1, round(0.25 * n)), n) for n in (config.n_rows, config.n_cols))  # as `experiment` draws sizes
    return TileBox(rows, cols, (tile.cell.c_off, tile.cell.c_on), config.v_read, "F")
