"""How do the waveforms of a plan's jobs become one labelled array?

One idea: each method of `plan` has its way back. A sweep is a list of points; superposed unit vectors give all vectors,
after one random vector has shown that the circuit is linear; a train is cut into windows, after each has been seen to
start from rest. Transients come on an even grid of the time step, linearly between ngspice's own points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from aimc_spice.errors import DatasetError
from aimc_spice.rng import stream
from aimc_spice.simulate.base import Waveforms

if TYPE_CHECKING:
    from aimc_spice.dataset.plan import Grid, Steps, Task

Array = NDArray[np.float64]
_LINEAR = 1e-8  # of the largest answer: KLU leaves 1e-12, a nonlinear circuit 1e-6 and more
_AT_REST = 1e-3  # of the largest answer: what may be left of the step before


def with_check(vectors: Array) -> Array:
    """Return what superposition simulates: zero, one unit vector an input, one random vector to check with."""
    n_inputs, scale = vectors.shape[1], _scale(vectors)
    random = stream(0, "superposition").uniform(vectors.min(), vectors.max() or scale, n_inputs)
    return np.vstack([np.zeros(n_inputs), scale * np.eye(n_inputs), random])


def superpose(vectors: Array, answers: Array, where: str) -> Array:
    """Return the answers (n_vectors, n_probes) to `vectors` from those to ``with_check(vectors)``.

    Raises
    ------
    DatasetError
        The random vector's answer is not the sum of its parts: the circuit is not linear.
    """
    offset, units, checked = answers[0], answers[1:-1], answers[-1]
    gains = (units - offset) / _scale(vectors)
    guess = offset + with_check(vectors)[-1] @ gains
    size = max(float(np.max(np.abs(answers))), np.finfo(float).tiny)
    error = float(np.max(np.abs(guess - checked))) / size
    if not error < _LINEAR:
        raise DatasetError(
            f"superposition is off by {error:.1e} of the largest answer, wanted {_LINEAR:g}",
            where=where,
            hint="the circuit is not linear, or its options are too loose",
        )
    return np.asarray(offset + vectors @ gains)


def windows(found: Sequence[Waveforms], probes: Sequence[str], analysis: Steps, where: str) -> tuple[Array, Array]:
    """Return the time [s] (n_times,) and the answers (n_vectors, n_times, n_probes) of a train or of transients.

    Raises
    ------
    DatasetError
        A window of a train does not start from rest.
    """
    time = np.linspace(0.0, analysis.t_stop, round(analysis.t_stop / analysis.t_step) + 1)
    answers = np.concatenate([_cut(one, probes, analysis, time) for one in found])
    rest = np.max(np.abs(answers[:, 0] - answers[0, 0])) / max(float(np.max(np.abs(answers))), np.finfo(float).tiny)
    if not rest < _AT_REST:
        raise DatasetError(
            f"a step starts {rest:.1e} of the largest answer away from rest, wanted {_AT_REST:g}",
            where=where,
            hint="raise t_rest, or set it to zero for one deck a vector",
        )
    return time, answers


def assemble(grid: Grid, answers: Sequence[tuple[Task, list[Waveforms]]]) -> xr.Dataset:
    """Return the labelled answers of one circuit; see `Plan.run`."""
    probes = list(answers[0][0].driven.probes)
    data = xr.Dataset(
        {"input": (("vector", "node"), grid.vectors, {"units": "V"})},
        coords={
            "node": list(answers[0][0].driven.inputs),
            "probe": probes,
            "unit": ("probe", ["A" if probe.startswith("i(") else "V" for probe in probes]),
            "corner": [corner.name for corner in grid.corners],
            "seed": list(grid.seeds),
        },
    )
    data.attrs = _provenance(answers)
    for number, analysis in enumerate(grid.analyses):
        of_it = [(task, found) for task, found in answers if task.analysis is analysis]
        _add(data, number, of_it, grid)
    return data


def _add(data: xr.Dataset, number: int, answers: list[tuple[Task, list[Waveforms]]], grid: Grid) -> None:
    task = answers[0][0]
    shape = (len(grid.corners), len(grid.seeds))
    if task.method in {"sweep", "superposition"}:
        values = np.stack([_dc(task, found, grid.vectors) for task, found in answers])
        data["dc"] = (("corner", "seed", "vector", "probe"), values.reshape(*shape, *values.shape[1:]))
        return
    pairs = [windows(found, task.driven.probes, task.analysis, _label(task)) for task, found in answers]  # type: ignore[arg-type]
    name, time = ("steps", "time") if "steps" not in data else (f"steps_{number}", f"time_{number}")
    values = np.stack([answer for _, answer in pairs])
    data[name] = (("corner", "seed", "vector", time, "probe"), values.reshape(*shape, *values.shape[1:]))
    data[time] = (time, pairs[0][0], {"units": "s"})


def _dc(task: Task, found: list[Waveforms], vectors: Array) -> Array:
    answers = np.concatenate([one.stack(task.driven.probes) for one in found])
    return superpose(vectors, answers, _label(task)) if task.method == "superposition" else answers


def _cut(one: Waveforms, probes: Sequence[str], analysis: Steps, time: Array) -> Array:
    window = analysis.t_stop + analysis.t_rest
    n = round((one.axis[-1] - analysis.t_stop) / window) + 1 if analysis.t_rest else 1
    grid = (window * np.arange(n)[:, None] + time).ravel()
    columns = [np.interp(grid, one.axis, one.signals[probe]) for probe in probes]
    return np.stack(columns, axis=1).reshape(n, len(time), len(probes))


def _provenance(answers: Sequence[tuple[Task, list[Waveforms]]]) -> dict[str, str]:
    all_found = [one for _, found in answers for one in found]
    retried = sorted({one.provenance.get("retries", "") for one in all_found} - {""})
    return {
        "simulator": "; ".join(sorted({one.simulator for one in all_found})),
        "methods": "; ".join(sorted({task.method for task, _ in answers})),
        "options": "; ".join(sorted({one.provenance.get("options", "") for one in all_found})),
        "retries": " | ".join(retried),
        "decks": " ".join(one.deck_digest for one in all_found),
    }


def _label(task: Task) -> str:
    return f"{task.circuit}, {task.corner.name}, seed {task.seed}"


def _scale(vectors: Array) -> float:
    return float(np.max(np.abs(vectors))) or 1.0
