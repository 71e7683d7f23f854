"""How is a charge-mode tile calibrated? Its closed form is judged: nothing is fitted.

One idea: a settled bit line is a capacitive divider whatever its wires, so every deck is a judge. Steps with
a rest in between show outputs at the end of the integration time; single steps show settling, energy and latency.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aimc_spice.build.tile import charge_tile_of, tile_of
from aimc_spice.config.tile import TileConfig
from aimc_spice.dataset import Job, collect
from aimc_spice.dataset.bench import Bench
from aimc_spice.device.capacitance import map_capacitances
from aimc_spice.flows.calibrate_tile import Calibration
from aimc_spice.flows.step_halving import Answer, Level, limits
from aimc_spice.flows.tile_corners import judge_corners
from aimc_spice.flows.tile_steps import (
    LinearStep,
    Step,
    Stepped,
    compare_step,
    judge_in_time,
    ratio_fit,
    settling_fit,
    step_cases,
)
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Deck, Lines, Netlist
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.driven import Driven
from aimc_spice.simulate.base import Waveforms
from aimc_spice.surrogate.calibrated import CalibratedTile, Record, TileBox
from aimc_spice.surrogate.charge import ChargeTile
from aimc_spice.surrogate.charge_family import ChargeFamily
from aimc_spice.surrogate.experiment import Case, design, sizes
from aimc_spice.surrogate.families.base import Circuit, evaluate
from aimc_spice.surrogate.families.interval import conformal

Array = NDArray[np.float64]
_LEAK = 1e13  # [Ω]
_POINTS = 10  # an integration time: where charge divides does not depend on the steps on the way there
_REST = 8  # edges, between inputs
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
    judged = simulate_charge(config, cases, bench)
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
        judge_corners(config, family, lambda there, cases: simulate_charge(there, cases, bench)),
        settling_fit(steps, simulator),
        ratio_fit([one.energy for one in steps], steps, simulator),
        ratio_fit([one.latency for one in steps], steps, simulator),
        judge_in_time(steps),
        cost.t_mvm,
        cost.e_mvm,
        "none: nothing is fitted",
        (),
        table.seed,
    )
    decks = (charge_deck(config, tile, case) for case in cases)
    return Calibration(CalibratedTile(family, record), tuple(judged), steps, {deck.digest(): deck for deck in decks})


def _driven(tile: ChargeTile, case: Case, options: tuple[str, ...]) -> Driven:
    """Return the crossbar with open word lines; a faint leak defines the operating point of its bit lines."""
    n_rows, n_cols = case.weights.shape
    cells = map_capacitances(case.weights, tile.cell, n_levels=tile.n_levels)
    crossbar = ChargeCrossbar(cells, tile.wire, tile.r_driver, tile.c_par, tile.c_load, r_leak=_LEAK)
    netlist = Netlist(f"charge-mode crossbar {n_rows} x {n_cols}", (), (Lines("vcm vcm 0 0"), crossbar))
    probes = (*(f"v(b{line}_{c})" for line in "pn" for c in range(n_cols)), *(f"i(vin_{r})" for r in range(n_rows)))
    return Driven(netlist, tuple(f"wl_{r}" for r in range(n_rows)), probes, options)


def charge_deck(config: TileConfig, tile: ChargeTile, case: Case, t_step: float = 0.0) -> Deck:
    """Return the deck of a tile: a step of `t_int` and a rest for every input; by default steps of ``t_int / 10``."""
    driven, t_int, t_rise = _driven(tile, case, (*DEFAULT_OPTIONS, "method=gear")), config.t_int, config.t_rise
    volts, t_step = config.v_read * case.inputs, t_step or t_int / _POINTS
    return driven.steps(volts, t_rise=t_rise, t_step=t_step, t_stop=t_int, t_rest=_REST * t_rise)


def charge_outputs(config: TileConfig, case: Case, waves: Waveforms) -> Array:
    """Return what the columns of a `charge_deck` give at the end of each step, (n_vectors, n_cols) [V]."""
    ends = config.t_int + (config.t_int + _REST * config.t_rise) * np.arange(len(case.inputs))
    return np.stack([np.interp(ends, waves.axis, out) for out in _differences(case, waves).T], axis=1)


def _differences(case: Case, waves: Waveforms) -> Array:
    plus, minus = (waves.stack([f"v(b{line}_{c})" for c in range(case.weights.shape[1])]) for line in "pn")
    return np.asarray(plus - minus)


def simulate_charge(config: TileConfig, cases: Sequence[Case], bench: Bench) -> list[Circuit]:
    """Simulate tiles: outputs at the end of each input's integration time."""
    tile = charge_tile_of(config)
    jobs = [Job(f"{case.name}: {len(case.inputs)} vectors", charge_deck(config, tile, case)) for case in cases]
    found = collect(jobs, bench.pool, bench.store, bench.progress)
    circuits = []
    for case, waves in zip(cases, found, strict=True):
        c_pos, c_neg = tile.capacitances(case.weights)
        y = charge_outputs(config, case, waves)
        circuits.append(Circuit(c_pos, c_neg, case.inputs, y, waves.deck_digest, waves.simulator))
    return circuits


def _steps(config: TileConfig, tile: ChargeTile, bench: Bench) -> tuple[Stepped, ...]:
    cases = step_cases(config)
    volts = [config.v_read * case.inputs for case in cases]
    models = [LinearStep(tile.settling(case.weights, config.t_rise), v) for case, v in zip(cases, volts, strict=True)]
    steps = [Step.of(config, model, v) for model, v in zip(models, volts, strict=True)]

    def deck(k: int, level: Level) -> Deck:
        driven, step = _driven(tile, cases[k], level.options), steps[k]
        return driven.steps(step.volts, t_rise=config.t_rise, t_step=step.t_step(level), t_stop=step.t_stop)

    def read(k: int, waves: Waveforms) -> Answer:
        return steps[k].answer(waves, _differences(cases[k], waves))

    found = limits([case.name for case in cases], deck, read, bench)
    return tuple(compare_step(config, step, one) for step, one in zip(steps, found, strict=True))


def _box(config: TileConfig, tile: ChargeTile) -> TileBox:
    return TileBox(*sizes((config.n_rows, config.n_cols)), (tile.cell.c_off, tile.cell.c_on), config.v_read, "F")
