"""The same decks on a real Dask cluster of several processes. Judge: the local pool, bit for bit."""

from __future__ import annotations

import os
import signal
import threading

import distributed
import numpy as np
import pytest

import aimc_spice.simulate.cluster
from aimc_spice.config import load_cluster
from aimc_spice.dataset import Job, Store, collect
from aimc_spice.errors import ConfigError, DeckRejected
from aimc_spice.netlist.base import Deck, Netlist, OperatingPoint, Transient
from aimc_spice.simulate import SimulatorPool, Waveforms
from aimc_spice.simulate.cluster import ClusterPool, open_pool
from decks import deck

pytestmark = [
    pytest.mark.ngspice,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def rc(k: int, periods: int = 5):
    return deck(f"v1 in 0 sin(0 1 1e6)\nr1 in out {k + 1}e2\nc1 out 0 1e-9", Transient(1e-9, periods * 1e-6))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with ClusterPool("local:2", timeout_s=60, runs_dir=tmp_path_factory.mktemp("runs")) as pool:
        yield pool


def jobs(n: int) -> list[Job]:
    return [Job(f"job {k}", rc(k)) for k in range(n)]


def test_results_are_those_of_the_local_pool_bit_for_bit(cluster, tmp_path):
    there = collect(jobs(6), cluster, Store(tmp_path / "cluster"))
    with SimulatorPool(1, timeout_s=60) as local:
        assert local.name == cluster.name
        here = collect(jobs(6), local, Store(tmp_path / "local"))
    for one, other in zip(here, there):
        assert np.array_equal(one.axis, other.axis)
        assert np.array_equal(one.signals["v(out)"], other.signals["v(out)"])
        assert one.simulator == other.simulator


def test_a_killed_worker_costs_its_current_job_only(cluster, tmp_path):
    pids = list(cluster._client.run(os.getpid).values())
    done, store = [], Store(tmp_path)

    def progress(n_done, total, label):
        done.append(label)
        if n_done == 3:
            os.kill(pids[0], signal.SIGKILL)

    found = collect(jobs(16), cluster, store, progress)
    assert len(found) == len(set(done)) == 16
    assert len(list(store.entries())) == 16
    assert pids[0] not in cluster._client.run(os.getpid).values()


def test_failures_cross_the_cluster_with_their_evidence(cluster, tmp_path):
    outcomes = dict(cluster.run_many([("good", rc(1)), ("bad", deck("r1 out 0 1\nx1 out nosub"))]))
    assert isinstance(outcomes[0], Waveforms)
    assert isinstance(outcomes[1], DeckRejected)
    assert "by hand: cd " in outcomes[1].hint


def test_a_running_scheduler_is_joined_and_left_running(tmp_path):
    """As on a shared cluster: the scheduler is somebody else's and outlives the run."""
    where = {"processes": True, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(n_workers=1, local_directory=tmp_path, **where) as theirs:
        with ClusterPool(theirs.scheduler_address, timeout_s=60) as pool:
            assert len(collect(jobs(3), pool, Store(tmp_path / "store"))) == 3
        with distributed.Client(theirs) as client:
            assert len(client.scheduler_info()["workers"]) == 1


class Mine:
    """A part that only this test knows."""

    def chunks(self):
        yield "v1 out 0 3\nr1 out 0 1\n"


def test_parts_that_workers_cannot_import_cross_as_text(cluster):
    one = Deck(Netlist("mine", (), (Mine(),)), OperatingPoint(), ("v(out)",))
    assert dict(cluster.run_many([("", one)]))[0].signals["v(out)"] == 3.0


def test_leaving_early_is_quick_and_the_pool_works_again(cluster):
    for _ in cluster.run_many([(str(k), rc(k)) for k in range(30)]):
        break
    assert len(list(cluster.run_many([("again", rc(0))]))) == 1


def test_nothing_is_left_behind():
    with ClusterPool("local:1", timeout_s=60) as pool:
        list(pool.run_many([("", rc(0))]))
        pids = [*pool._client.run(os.getpid).values(), *pool._client.run(_simulator_pid).values()]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("Nanny")]


def _simulator_pid():
    return next(iter(aimc_spice.simulate.cluster._simulators.values())).pid


def test_no_scheduler_is_a_clear_error():
    with pytest.raises(ConfigError, match="no Dask scheduler answers"):
        ClusterPool("tcp://127.0.0.1:9", start_s=1)


@pytest.mark.parametrize("wrong", ["local:0", "local:many"])
def test_a_wrong_number_is_refused(wrong):
    with pytest.raises(ConfigError, match="wanted local:N"):
        open_pool(wrong, 1)


def test_a_cluster_file_is_read_and_checked(tmp_path):
    path = tmp_path / "slurm.toml"
    path.write_text('scheduler = "slurm"\njobs = 40\nwait = "600 s"\n[options]\nqueue = "normal"\ncores = 1\n')
    assert load_cluster(path).options == {"queue": "normal", "cores": 1}
    path.write_text('scheduler = "cron"\n')
    with pytest.raises(ConfigError, match="not a valid cluster file"):
        load_cluster(path)


@pytest.mark.parametrize(("scheduler", "word"), [("slurm", "#SBATCH -p normal"), ("lsf", "#BSUB -q normal")])
def test_a_batch_system_gets_the_options(tmp_path, scheduler, word):
    """The job script that dask-jobqueue would submit; no batch system is needed to write it."""
    handler = signal.getsignal(signal.SIGINT)
    dask_jobqueue = aimc_spice.simulate.cluster._import("dask_jobqueue")
    assert signal.getsignal(signal.SIGINT) is handler
    path = tmp_path / "it.toml"
    path.write_text(f'scheduler = "{scheduler}"\n[options]\nqueue = "normal"\ncores = 1\nmemory = "2 GB"\n')
    read = load_cluster(path)
    made = getattr(dask_jobqueue, f"{read.scheduler.upper()}Cluster")
    with made(**read.options, scheduler_options={"dashboard_address": "127.0.0.1:0"}) as cluster:
        assert word in cluster.job_script()
