"""Retries and memory limits with the real simulator. Judge: closed forms, and what the system says of the process."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aimc_spice.errors import ConfigError, DeckRejected, NotConverged, OutOfMemory
from aimc_spice.netlist.base import Transient
from aimc_spice.simulate import BatchSimulator, SimulatorPool, WorkerSimulator
from aimc_spice.simulate.ladder import LADDER, Step, climb
from aimc_spice.simulate.limits import Limits, resident_mb
from decks import deck

pytestmark = pytest.mark.ngspice

STUCK = deck("v1 in 0 1\nb1 out in v=v(out)*v(out)+2")  # x = x² + 3 has no real solution
GREEDY = deck(  # a diode clipper asked for more digits than it has: a step with another reltol helps
    "v1 in 0 sin(0 5 1e6)\nr1 in out 1e3\nd1 out 0 dm\n.model dm d(is=1e-14)\nc1 out 0 1e-12",
    Transient(1e-8, 1e-6),
    options=("klu", "reltol=1e-12", "chgtol=1e-30", "trtol=1e-6"),
)
LADDER_OF_300_000 = "v1 n0 0 1\nrl out 0 1\nre n300000 out 1\n" + "".join(
    f"r{k} n{k} n{k + 1} 1\n" for k in range(300_000)
)


@pytest.fixture(scope="module")
def simulator():
    with WorkerSimulator(timeout_s=30) as opened:
        yield opened


def climbed(simulator, one, steps=LADDER):
    return climb(lambda changed, label: simulator.run(changed, label=label), one, "case", steps)


def test_a_step_that_helps_is_recorded(simulator):
    with pytest.raises(NotConverged):
        simulator.run(GREEDY)
    found = climbed(simulator, GREEDY)
    plain = simulator.run(dataclasses.replace(GREEDY, options=("klu", "reltol=1e-5")))
    assert found.provenance["retries"].endswith("; tighter tolerances")
    assert found.deck_digest == GREEDY.digest()
    assert np.interp(8e-7, found.axis, found.signals["v(out)"]) == pytest.approx(
        np.interp(8e-7, plain.axis, plain.signals["v(out)"]), abs=1e-3
    )


def test_what_never_converges_says_what_was_tried(simulator):
    with pytest.raises(NotConverged, match="did not help: gmin stepping, source stepping, tighter"):
        climbed(simulator, STUCK)


def test_other_failures_are_not_retried(simulator):
    calls = []

    def run(one, label):
        calls.append(label)
        return simulator.run(one, label=label)

    with pytest.raises(DeckRejected):
        climb(run, deck("r1 out 0 1\nx1 out nosub"), "bad")
    assert calls == ["bad"]


def test_no_steps_is_no_second_try(simulator):
    with pytest.raises(NotConverged) as caught:
        climbed(simulator, STUCK, ())
    assert "did not help" not in str(caught.value)


def test_steps_of_transients_leave_other_decks_alone():
    names = [step.name for step in LADDER if step.apply(deck())]
    assert names == ["gmin stepping", "source stepping", "tighter tolerances", "looser tolerances"]
    smaller = Step("smaller", (), shrink=4, transient_only=True).apply(GREEDY)
    assert smaller.analysis == Transient(2.5e-9, 1e-6)


def test_a_pool_retries_and_labels_its_results():
    with SimulatorPool(1) as pool:
        (_, found), (_, failed) = sorted(pool.run_many([("clipper", GREEDY), ("stuck", STUCK)]))
    assert found.provenance["retries"]
    assert found.provenance["label"] == "clipper"
    assert isinstance(failed, NotConverged)


@pytest.mark.parametrize("back_end", [WorkerSimulator, BatchSimulator])
def test_a_job_that_takes_too_much_memory_is_killed_by_name(back_end, tmp_path):
    options = {"runs_dir": tmp_path, "limits": Limits(job_mb=250), "timeout_s": 60}
    with back_end(**options) as one:
        with pytest.raises(OutOfMemory, match="wanted at most 250 MB"):
            one.run(deck(LADDER_OF_300_000), label="hungry")
        assert one.run(deck()).signals["v(out)"] == pytest.approx(0.75)


def test_a_worker_is_replaced_when_it_rests_above_its_bound(monkeypatch):
    with WorkerSimulator(limits=Limits(recycle_mb=200)) as one:
        one.run(deck())
        first = one.pid
        one.run(deck())
        assert one.pid == first
        assert 20 < resident_mb(first) < 200
        monkeypatch.setattr("aimc_spice.simulate.process.resident_mb", lambda pid: 201.0)
        one.run(deck())
        assert one.pid is None


def test_a_limit_below_a_fresh_worker_is_refused():
    with pytest.raises(ConfigError, match="wanted 100 or more"):
        Limits(job_mb=10)
