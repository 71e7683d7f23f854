"""How do circuits, input vectors, corners, seeds and analyses become the cheapest set of ngspice jobs?

One idea: every circuit is built and read back once; what it is made of decides how its vectors are simulated::

    DC, linear, fewer inputs than vectors    unit vectors only, superposed afterwards and checked      "superposition"
    DC, anything else                        all vectors as one table sweep of a loaded circuit        "sweep"
    steps with a rest between them           several vectors one after the other in one transient      "train"
    steps                                    one transient a vector                                    "transient"

Vectors are cut into jobs by estimated time and memory and never by the number of workers, so the same plan gives the
same decks everywhere and finished ones are found in the store. It simulates nothing (see `run`, which collects).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from aimc_spice.dataset.answer import assemble, with_check
from aimc_spice.dataset.collect import Job, Progress, collect
from aimc_spice.dataset.estimate import NOTHING, Estimate, Size, estimate, span, total
from aimc_spice.dataset.store import Store
from aimc_spice.errors import ShapeError
from aimc_spice.netlist.base import Deck
from aimc_spice.netlist.driven import Corner, Driven
from aimc_spice.simulate.base import Pool

Array = NDArray[np.float64]
Builder = Callable[[Corner, int], Driven]
Method = Literal["sweep", "superposition", "train", "transient"]


@dataclass(frozen=True)
class Dc:
    """The DC answer to every vector."""


@dataclass(frozen=True)
class Steps:
    """The answer to a step from 0 V to every vector.

    Parameters
    ----------
    t_rise, t_step, t_stop : float
        Edge, largest time step, length of the answer [s].
    t_rest : float
        Where the circuit comes to rest within this time [s], vectors share a deck; zero: one deck a vector.
    """

    t_rise: float
    t_step: float
    t_stop: float
    t_rest: float = 0.0


@dataclass(frozen=True)
class Grid:
    """Everything that is asked.

    Parameters
    ----------
    circuits : mapping of str to callable
        Name, and a function of (corner, seed) that returns a `Driven` circuit.
    vectors : ndarray, shape (n_vectors, n_inputs)
        Input voltages [V].
    corners : tuple of Corner
        Conditions.
    seeds : tuple of int
        Random cases: programming noise, mismatch.
    analyses : tuple of Dc or Steps
        What to do with each.
    """

    circuits: Mapping[str, Builder]
    vectors: Array
    corners: tuple[Corner, ...] = (Corner(),)
    seeds: tuple[int, ...] = (0,)
    analyses: tuple[Dc | Steps, ...] = (Dc(),)

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or not self.vectors.size:
            raise ShapeError(f"plan: got vectors of shape {self.vectors.shape}, wanted (n_vectors, n_inputs)")


@dataclass(frozen=True)
class Cut:
    """How large one job may be: vectors, estimated time [s], estimated memory [MB]."""

    vectors: int = 250
    job_s: float = 60.0
    job_mb: float = 1000.0


@dataclass(frozen=True)
class Task:
    """One circuit in one corner with one seed and one analysis: its jobs, and how their results become answers."""

    circuit: str
    corner: Corner
    seed: int
    analysis: Dc | Steps
    method: Method
    driven: Driven
    table: Array
    jobs: tuple[Job, ...]
    cost: Estimate


@dataclass(frozen=True)
class Plan:
    """A grid and the tasks that answer it; made by `make_plan`."""

    grid: Grid
    tasks: tuple[Task, ...]

    @property
    def jobs(self) -> list[Job]:
        """All jobs, in the order of the tasks."""
        return [job for task in self.tasks for job in task.jobs]

    def explain(self, *, n_workers: int = 1, klu: bool = True) -> str:
        """Say which jobs there are, why, how long they will take and how much memory."""
        grid, n_vectors = self.grid, len(self.grid.vectors)
        head = (
            f"{len(grid.circuits)} circuits x {n_vectors} vectors x {len(grid.corners)} corners x "
            f"{len(grid.seeds)} seeds x {len(grid.analyses)} analyses"
        )
        lines = [
            f"  {_where(task)}: {task.method}, {len(task.table)} points of input for {n_vectors} vectors, "
            f"{len(task.jobs)} jobs, {span(task.cost.seconds)}, {task.cost.memory_mb:.0f} MB"
            for task in self.tasks
        ]
        cost = sum((task.cost for task in self.tasks), NOTHING)
        return "\n".join([head, *lines, total(cost, klu=klu, n_workers=n_workers)])

    def run(self, pool: Pool, store: Store, progress: Progress | None = None) -> dict[str, xr.Dataset]:
        """Simulate what is not stored and return one labelled data set a circuit.

        Returns
        -------
        dict of str to xarray.Dataset
            ``dc`` (corner, seed, vector, probe) and ``steps`` (corner, seed, vector, time, probe; on an even grid of
            `t_step`, a second analysis of this kind ``steps_1``); ``input`` (vector, node); units in ``unit``.

        Raises
        ------
        SimulationError
            After all else has finished: a count by cause.
        DatasetError
            Superposition does not hold, or a circuit is not at rest between steps.
        """
        found = iter(collect(self.jobs, pool, store, progress))
        answers = [(task, [next(found) for _ in task.jobs]) for task in self.tasks]
        return {name: assemble(self.grid, [a for a in answers if a[0].circuit == name]) for name in self.grid.circuits}


def make_plan(grid: Grid, cut: Cut | None = None, *, klu: bool = True) -> Plan:
    """Choose the cheapest way to answer a grid.

    Parameters
    ----------
    grid : Grid
        What is asked.
    cut : Cut, optional
        Size of a job.
    klu : bool
        Whether the simulator has KLU, for the estimates only.

    Raises
    ------
    ShapeError, NetlistError
        Vectors do not fit a circuit; a circuit is malformed.
    """
    return Plan(grid, tuple(_tasks(grid, cut or Cut(), klu=klu)))


def _tasks(grid: Grid, cut: Cut, *, klu: bool) -> Iterator[Task]:
    for name, build in grid.circuits.items():
        for corner in grid.corners:
            for seed in grid.seeds:
                driven = build(corner, seed).with_options(corner.options)
                size = Size.of(driven.flat())
                for analysis in grid.analyses:
                    yield _task((name, corner, seed, analysis), driven, size, grid.vectors, (cut, klu))


def _task(
    point: tuple[str, Corner, int, Dc | Steps], driven: Driven, size: Size, vectors: Array, how: tuple[Cut, bool]
) -> Task:
    name, corner, seed, analysis = point
    cut, klu = how
    method = _method(analysis, size, vectors)
    table = with_check(vectors) if method == "superposition" else vectors
    n = _vectors_per_job(driven, size, analysis, cut, klu=klu)
    rows = [slice(i, min(i + n, len(table))) for i in range(0, len(table), n)]
    where = f"{name}, {corner.name}, seed {seed}"
    jobs = tuple(Job(f"{where}: {method} {r.start} to {r.stop - 1}", _deck(driven, analysis, table[r])) for r in rows)
    cost = sum((estimate(job.deck, size, klu=klu) for job in jobs), NOTHING)
    return Task(name, corner, seed, analysis, method, driven, table, jobs, cost)


def _method(analysis: Dc | Steps, size: Size, vectors: Array) -> Method:
    if isinstance(analysis, Steps):
        return "train" if analysis.t_rest else "transient"
    n_vectors, n_inputs = vectors.shape
    return "superposition" if size.linear and n_inputs + 2 < n_vectors else "sweep"


def _vectors_per_job(driven: Driven, size: Size, analysis: Dc | Steps, cut: Cut, *, klu: bool) -> int:
    if isinstance(analysis, Steps):
        if not analysis.t_rest:
            return 1
        n_points = 1.1 * (analysis.t_stop + analysis.t_rest) / analysis.t_step + 10
    else:
        n_points = 1.0
    by_time = cut.job_s / (size.point_s(klu=klu) * n_points)
    per_vector_mb = size.memory_mb(round(n_points), len(driven.probes)) - size.memory_mb(0, 0)
    by_memory = (cut.job_mb - size.memory_mb(0, 0)) / per_vector_mb
    return max(1, min(cut.vectors, int(by_time), int(by_memory)))


def _deck(driven: Driven, analysis: Dc | Steps, table: Array) -> Deck:
    if isinstance(analysis, Dc):
        return driven.dc(table)
    a = analysis
    return driven.steps(table, t_rise=a.t_rise, t_step=a.t_step, t_stop=a.t_stop, t_rest=a.t_rest)


def _where(task: Task) -> str:
    kind = "DC" if isinstance(task.analysis, Dc) else f"steps of {task.analysis.t_stop:g} s"
    return f"{task.circuit}, {task.corner.name}, seed {task.seed}, {kind}"
