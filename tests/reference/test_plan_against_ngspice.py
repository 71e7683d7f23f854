"""Plans: the cheapest way is chosen, and gives what one deck a vector gives. Judge: ngspice vector by vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from aimc_spice.cli import app
from aimc_spice.dataset import Store
from aimc_spice.dataset.plan import Cut, Dc, Grid, Steps, make_plan
from aimc_spice.errors import DatasetError, ShapeError
from aimc_spice.netlist.base import Card, Lines, Netlist
from aimc_spice.netlist.driven import Corner, Driven
from aimc_spice.simulate import SimulatorPool
from decks import deck

pytestmark = pytest.mark.ngspice
RNG = np.random.default_rng(3)
VECTORS = RNG.uniform(0.0, 0.3, (12, 2))
TAU = 1e-9


def driven(body: str) -> Driven:
    return Driven(Netlist("plan", (), (Lines(body),)), ("a", "b"), ("v(out)",))


def linear(corner: Corner, seed: int) -> Driven:
    return driven(f"r1 a out 1e3\nr2 b out {2 + seed}e3\nr3 out 0 1e3\nib 0 out {1e-4 * corner.vdd_scale}\nc1 out 0 1p")


def diode(corner: Corner, seed: int) -> Driven:
    return driven("r1 a out 1e3\nr2 b out 1e2\nd1 out 0 dm\n.model dm d(is=1e-9)")


@pytest.fixture(scope="module")
def pool():
    with SimulatorPool(1, timeout_s=60) as opened:
        yield opened


def one_by_one(pool, circuit: Driven, vectors):
    decks = [("", circuit.dc(vector[None])) for vector in vectors]
    return np.array([found.signals["v(out)"] for _, found in sorted(pool.run_many(decks), key=lambda pair: pair[0])])


def test_a_linear_circuit_is_superposed_in_every_corner_and_seed(pool, tmp_path):
    corners = (Corner(), Corner("ss", 398.15, 0.9))
    plan = make_plan(Grid({"line": linear}, VECTORS, corners, (0, 5)))
    assert {task.method for task in plan.tasks} == {"superposition"}
    assert [len(task.table) for task in plan.tasks] == [4] * 4
    data = plan.run(pool, Store(tmp_path))["line"]
    assert data["dc"].dims == ("corner", "seed", "vector", "probe")
    got = data["dc"].sel(corner=corners[1].name, seed=5)
    assert got.values == pytest.approx(one_by_one(pool, linear(corners[1], 5), VECTORS), rel=1e-9)
    assert "temp=125" in data.attrs["options"]


def test_a_nonlinear_circuit_is_swept_in_chunks(pool, tmp_path):
    plan = make_plan(Grid({"diode": diode}, VECTORS), Cut(vectors=5))
    assert [len(job.deck.text().split("v=pwl")) for job in plan.jobs] == [3, 3, 3]
    data = plan.run(pool, Store(tmp_path))["diode"]
    assert data.attrs["methods"] == "sweep"
    assert data["dc"].values[0, 0] == pytest.approx(
        one_by_one(pool, diode(Corner(), 0), VECTORS), rel=1e-4
    )  # Newton stops at reltol


def test_few_vectors_are_not_superposed():
    assert make_plan(Grid({"line": linear}, VECTORS[:4])).tasks[0].method == "sweep"


def test_a_train_gives_what_single_transients_give(pool, tmp_path):
    single, train = Steps(1e-11, 2e-11, 3e-9), Steps(1e-11, 2e-11, 3e-9, t_rest=8e-9)
    grid = Grid({"line": linear}, VECTORS[:3], analyses=(single, train, Dc()))
    plan = make_plan(grid)
    assert [(task.method, len(task.jobs)) for task in plan.tasks] == [("transient", 3), ("train", 1), ("sweep", 1)]
    data = plan.run(pool, Store(tmp_path))["line"]
    swing = float(np.ptp(data["steps"].values))
    assert data["steps_1"].values == pytest.approx(data["steps"].values, abs=2e-3 * swing)
    assert data["steps"].values[0, 0, :, -1] == pytest.approx(data["dc"].values[0, 0], abs=0.01 * swing)


def test_a_train_that_does_not_come_to_rest_is_refused(pool, tmp_path):
    plan = make_plan(Grid({"line": linear}, VECTORS[:3], analyses=(Steps(1e-11, 2e-11, 3e-9, t_rest=1e-10),)))
    with pytest.raises(DatasetError, match="away from rest"):
        plan.run(pool, Store(tmp_path))


def test_superposition_that_does_not_hold_is_noticed(pool, tmp_path, monkeypatch):
    monkeypatch.setattr("aimc_spice.dataset.estimate.is_linear", lambda circuit: True)
    with pytest.raises(DatasetError, match="superposition is off by"):
        make_plan(Grid({"diode": diode}, VECTORS)).run(pool, Store(tmp_path))


def test_a_plan_explains_itself():
    text = make_plan(Grid({"line": linear, "diode": diode}, VECTORS)).explain(n_workers=2, klu=False)
    assert "line, tt 300.15 K x1, seed 0, DC: superposition, 4 points of input for 12 vectors, 1 jobs" in text
    assert "2 jobs" in text
    assert "Sparse 1.3 (this ngspice has no KLU" in text


def test_the_same_plan_makes_the_same_decks_whatever_the_workers():
    plans = [make_plan(Grid({"diode": diode}, VECTORS), Cut(vectors=5)) for _ in range(2)]
    assert [job.deck.digest() for job in plans[0].jobs] == [job.deck.digest() for job in plans[1].jobs]


def test_noise_goes_without_klu():

    assert "klu" not in deck(analysis=Card(".noise v(out) v1 dec 1 1 10")).text()
    assert "klu" in deck().text()


def test_vectors_need_two_axes():
    with pytest.raises(ShapeError, match="wanted"):
        Grid({"line": linear}, np.zeros(3))


def test_a_sweep_says_what_it_would_cost_and_runs_nothing(tmp_path):
    """The demo with one of its choices: reading the decks of all takes half a minute."""
    demo = (Path(__file__).parents[2] / "calibration/studies/demo.toml").read_text(encoding="utf-8")
    head, _, smallest, *_ = demo.split("[[choices]]")
    study, out = tmp_path / "small.toml", tmp_path / "out"
    study.write_text(f"{head}[[choices]]{smallest}", encoding="utf-8")
    done = CliRunner().invoke(app, ["sweep", str(study), "--dry-run", "--images", "1", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "0 stored already" in done.output
    assert "solver KLU" in done.output or "solver Sparse" in done.output
    assert not out.exists()
