"""Many decks on several processes: all come back, none pile up. Judge: one simulator alone, and closed forms."""

from __future__ import annotations

import time

import pytest

from aimc_spice.errors import ConfigError, DeckRejected, SimulationTimeout
from aimc_spice.simulate import SimulatorPool, Waveforms, open_simulator
from decks import ENDLESS, SINE, deck

pytestmark = pytest.mark.ngspice


def ratio(k: int):
    return deck(f"v1 in 0 1\nr1 in out 1e3\nr2 out 0 {k}e3")


def jobs(n: int):
    return ((f"job {k}", ratio(k)) for k in range(1, n + 1))


@pytest.fixture(scope="module", params=["shared", "batch"])
def pool(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with SimulatorPool(2, backend=request.param, timeout_s=30, runs_dir=folder) as opened:
        yield opened


def test_every_job_comes_back_with_its_number(pool):
    results = dict(pool.run_many(jobs(12)))
    assert sorted(results) == list(range(12))
    for index, waveforms in results.items():
        assert waveforms.signals["v(out)"] == pytest.approx((index + 1) / (index + 2), rel=1e-9)


def test_no_jobs_give_no_results(pool):
    assert list(pool.run_many([])) == []


def test_failures_are_results_and_the_others_go_on(pool):
    mixed = [("a", ratio(1)), ("b", deck("r1 out 0 1\nx1 out nosub")), ("c", ratio(1)), ("d", deck("v1 out 0 {nope}"))]
    results = dict(pool.run_many(mixed))
    assert [type(results[k]) for k in range(4)] == [Waveforms, DeckRejected, Waveforms, DeckRejected]
    assert results[1].where == "b"


def test_decks_are_pulled_only_as_fast_as_results_leave(pool):
    pulled = []

    def watched():
        for k, job in enumerate(jobs(30)):
            pulled.append(k)
            yield job

    for done, _ in enumerate(pool.run_many(watched()), 1):
        assert len(pulled) <= done - 1 + 4  # two workers, two decks ahead each


def test_leaving_early_kills_what_runs_and_the_pool_works_again(pool):
    endless = [("short", ratio(1)), *[("endless", deck(SINE, ENDLESS))] * 3]
    started = time.monotonic()
    for _ in pool.run_many(endless):
        break
    assert time.monotonic() - started < 10
    assert len(list(pool.run_many(jobs(3)))) == 3


def test_an_error_of_the_callers_iterator_arrives(pool):
    def broken():
        yield from jobs(2)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        list(pool.run_many(broken()))
    assert len(list(pool.run_many(jobs(2)))) == 2


def test_one_stream_at_a_time(pool):
    first = pool.run_many(jobs(4))
    next(first)
    with pytest.raises(ConfigError, match="one run_many at a time"):
        next(pool.run_many(jobs(1)))
    first.close()


def test_a_time_limit_counts_for_each_deck(tmp_path):
    with SimulatorPool(2, timeout_s=1) as pool:
        results = dict(pool.run_many([("endless", deck(SINE, ENDLESS)), *jobs(3)]))
    assert isinstance(results[0], SimulationTimeout)
    assert all(isinstance(results[k], Waveforms) for k in (1, 2, 3))


@pytest.mark.parametrize("wrong", [{"n_workers": 0}, {"n_workers": 1, "backend": "spectre"}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"n_workers = 0|known: shared, batch"):
        SimulatorPool(**wrong)


def test_an_unknown_simulator_names_the_known_ones():
    with pytest.raises(ConfigError, match="known: shared, batch, nodal"):
        open_simulator("spectre")
