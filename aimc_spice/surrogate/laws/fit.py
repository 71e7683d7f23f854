"""Which law has a cell? Its subcircuit is swept in ngspice, every family is fitted, held-out points choose.

One idea: one deck sweeps copies of the cell up and down, each g twice; where a copy differs from its twin or the way
down from the way up, the circuit is not a function of its inputs. Another deck, at points between, judges. The
cheapest law within the goal is taken, else the best. It knows DC only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from aimc_spice.dataset.collect import Job, collect
from aimc_spice.dataset.store import Store
from aimc_spice.errors import FitError
from aimc_spice.netlist.cells import cell_sweep_deck
from aimc_spice.netlist.driven import NOMINAL, Corner
from aimc_spice.netlist.macro import Macro
from aimc_spice.rng import stream
from aimc_spice.simulate.base import Pool, Waveforms
from aimc_spice.surrogate.base import Box, Fit, measure
from aimc_spice.surrogate.laws.base import Array, CellLaw, LawBox, Sweep
from aimc_spice.surrogate.laws.polynomial import fit_polynomial
from aimc_spice.surrogate.laws.sinh import fit_sinh
from aimc_spice.surrogate.laws.table import fit_table
from aimc_spice.units import show

FAMILIES: Mapping[str, Callable[[Sweep], CellLaw]] = {
    "sinh": fit_sinh,
    "polynomial": fit_polynomial,
    "table": fit_table,
}
_N_V, _N_B, _N_G, _N_HELD_OUT = 81, 5, 17, 120
_LEAK = 5e-3  # of the largest current: the junctions of an access transistor leak, a path to ground is more
_SAME = 1e-5  # of v_max: larger differences at equal inputs are no rounding
_MATTERS = 1e-5  # of v_max: a smaller influence of v_b is left out


@dataclass(frozen=True)
class Candidate:
    """One family's result; `failed` says why it has none."""

    name: str
    n_parameters: int
    fit: Fit | None
    failed: str = ""


@dataclass(frozen=True)
class FittedCell:
    """A cell's law, where it holds, and how far it is from ngspice.

    Parameters
    ----------
    name : str
        Family that was chosen.
    law : CellLaw
        The law.
    box : LawBox
        Where it was fitted.
    fit : Fit
        Error of ``i / g`` [V] on held-out points.
    candidates : tuple of Candidate
        All families, for the report.
    """

    name: str
    law: CellLaw
    box: LawBox
    fit: Fit
    candidates: tuple[Candidate, ...]


def fit_cell(
    cell: Macro,
    g_range: tuple[float, float],
    v_max: float,
    pool: Pool,
    store: Store,
    *,
    v_b_max: float | None = None,
    goal: float = 1e-4,
    seed: int = 0,
    corner: Corner = NOMINAL,
) -> FittedCell:
    """Sweep a cell in ngspice and choose its law.

    Parameters
    ----------
    cell : Macro
        Ports a, b, parameter g.
    g_range : tuple of float
        Smallest and largest g [S].
    v_max : float
        Largest voltage across it, ± [V].
    pool, store : Pool, Store
        Where to simulate and to keep results.
    v_b_max : float, optional
        How far port b may move from 0 V, ± [V]; by default a fifth of `v_max`, enough for wires to a virtual ground.
    goal : float
        Worst error that is good enough, as a fraction of the span.
    seed : int
        Of the held-out points.
    corner : Corner
        Temperature.

    Raises
    ------
    SimulationError
        ngspice failed.
    FitError
        Conductances not above zero; the response is not a function of the inputs, current leaks to elsewhere, flows
        without voltage, or no family can be fitted.
    """
    if not 0 < g_range[0] <= g_range[1]:
        got = " to ".join(show(float(g), "S") for g in g_range)
        raise FitError(
            f"cell {cell.name}: got conductances of {got}, wanted a range above zero",
            hint="a law is fitted over the logarithm of g: give the device a g_off above zero",
        )
    v = np.linspace(-v_max, v_max, _N_V)
    v_b_max = 0.2 * v_max if v_b_max is None else v_b_max
    v_b = np.linspace(-v_b_max, v_b_max, _N_B)
    g = np.geomspace(*g_range, _N_G) if g_range[0] < g_range[1] else np.array(g_range[:1])
    held = _held_out_points(v_max, v_b_max, g, seed)
    across, base = (a.ravel() for a in np.meshgrid(v, v_b, indexing="ij"))
    way = np.concatenate([np.arange(across.size), np.arange(across.size)[::-1]])
    decks = [
        cell_sweep_deck(cell, np.repeat(g, 2), (across + base)[way], base[way]),
        cell_sweep_deck(cell, held.g, held.v + held.v_b, held.v_b),
    ]
    there = [replace(deck, options=(*deck.options, *corner.options)) for deck in decks]
    found = collect([Job(f"law of cell {cell.name}", deck) for deck in there], pool, store)
    taken = _through(found[0], np.repeat(g, 2), cell.name)
    y = _single_valued(taken.reshape(2, across.size, len(g), 2), v_max, cell.name)
    sweep = _without_idle_axis(Sweep(v, v_b, g, y.reshape(len(v), len(v_b), len(g))), v_max)
    _check_zero(sweep, v_max, cell.name)
    judged = (held, _through(found[1], held.g, cell.name))
    fits = {name: _try(name, make, sweep, judged, found) for name, make in FAMILIES.items()}
    chosen = _choose([c for _, c in fits.values()], goal, cell.name)
    law = fits[chosen.name][0]
    if law is None or chosen.fit is None:  # `_choose` takes none that failed
        raise FitError(f"cell {cell.name}: no law")
    reach = v_b_max if len(sweep.v_b) > 1 else np.inf
    box = LawBox(Box(-v_max, v_max), Box(-reach, reach), Box(g_range[0], g_range[1], "S"))
    return FittedCell(chosen.name, law, box, chosen.fit, tuple(c for _, c in fits.values()))


@dataclass(frozen=True)
class _Points:
    """Held-out points (n,), at a few g."""

    v: Array
    v_b: Array
    g: Array


def _held_out_points(v_max: float, v_b_max: float, g: Array, seed: int) -> _Points:
    draw = stream(seed, "held-out points of a cell")
    between = np.sqrt(g[1:] * g[:-1])[:: max(1, len(g) // 6)] if len(g) > 1 else g
    v, v_b = draw.uniform(-1, 1, (2, _N_HELD_OUT))
    return _Points(v_max * v, v_b_max * v_b, between)


def _through(found: Waveforms, g: Array, name: str) -> Array:
    """Return ``i / g`` [V] through each copy, (n_points, n_copies); what enters must leave."""
    n = len(g)
    into, out = (found.stack([f"i(v{end}_{k})" for k in range(n)]) / g for end in "ab")
    lost = np.abs(into - out)
    if lost.max() > _LEAK * np.abs(into).max():
        k = int(lost.max(0).argmax())
        gone = show(float(lost[:, k].max() * g[k]), "A")
        raise FitError(
            f"cell {name}: {gone} enters one port and does not leave at the other, at g = {show(float(g[k]), 'S')}",
            hint="a cell with a path to ground or to a supply is no two-terminal law",
        )
    return np.asarray(0.5 * (into + out))


def _single_valued(y: Array, v_max: float, name: str) -> Array:
    """Return the samples (n_points, n_g) of a sweep up and down (2, n_points, n_g, twins), all equal."""
    up, down = y[0], y[1, ::-1]
    for what, spread in (
        ("two equal cells differ", np.abs(y[..., 0] - y[..., 1]).max()),
        ("the way down differs from the way up", np.abs(up - down).max()),
    ):
        if spread > _SAME * v_max:
            raise FitError(
                f"cell {name}: {what} by {spread / v_max:.2g} of v_max in i / g: not a function of its inputs",
                cause="noise" if what.startswith("two") else "hysteresis: more than one operating point",
                hint="a law holds no memory and no chance: take the noise out, or restrict v_max to one branch",
            )
    return np.asarray(0.5 * (up[..., 0] + down[..., 0]))


def _without_idle_axis(sweep: Sweep, v_max: float) -> Sweep:
    """Drop the axis of `v_b` where it does not matter."""
    if np.ptp(sweep.y, axis=1).max() > _MATTERS * v_max:
        return sweep
    middle = slice(len(sweep.v_b) // 2, len(sweep.v_b) // 2 + 1)
    return Sweep(sweep.v, sweep.v_b[middle], sweep.g, sweep.y[:, middle])


def _check_zero(sweep: Sweep, v_max: float, name: str) -> None:
    at_rest = float(np.abs(sweep.y[len(sweep.v) // 2]).max())
    if at_rest > 1e-3 * v_max:
        raise FitError(
            f"cell {name}: {show(at_rest, 'V')} x g flow at 0 V, wanted none",
            hint="a law starts at zero: move the cell's own source into the front end",
        )


def _try(
    name: str,
    make: Callable[[Sweep], CellLaw],
    sweep: Sweep,
    judged: tuple[_Points, Array],
    found: list[Waveforms],
) -> tuple[CellLaw | None, Candidate]:
    try:
        law = make(sweep)
    except FitError as bad:
        return None, Candidate(name, 0, None, bad.what)
    held, wanted = judged
    g = held.g[:, None]
    got = (law.current((held.v + held.v_b)[None], held.v_b[None], g)[0] / g).T
    fit = measure(got, wanted, (found[0].deck_digest,), (found[1].deck_digest,), found[0].simulator)
    return law, Candidate(name, law.n_parameters, fit)


def _choose(candidates: list[Candidate], goal: float, name: str) -> Candidate:
    """Return the cheapest within the goal, else the one of least error."""
    able = [(c, c.fit) for c in candidates if c.fit]
    if not able:
        reasons = "; ".join(f"{c.name}: {c.failed}" for c in candidates)
        raise FitError(f"cell {name}: no family fits", cause=reasons)
    good = [c for c, fit in able if fit.worst <= goal * fit.full_scale]
    return min(good, key=lambda c: c.n_parameters) if good else min(able, key=lambda pair: pair[1].worst)[0]
