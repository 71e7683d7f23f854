"""Results on disk: damage is seen, writing is all or nothing, one run leaves to another what that one is at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from aimc_spice.dataset import Job, Store, collect
from aimc_spice.dataset.claims import Claims
from aimc_spice.dataset.entry import seal, unseal
from aimc_spice.dataset.export import export
from aimc_spice.errors import DatasetError, DeckRejected, NotConverged
from aimc_spice.simulate.base import Waveforms
from decks import deck

SIMULATOR = "fake-1 KLU"


def result(digest: str = "a" * 64, seed: int = 0, probes: int = 2) -> Waveforms:
    rng = np.random.default_rng(seed)
    signals = {f"v(out_{k})": rng.normal(size=5) for k in range(probes)}
    notes = {"title": "t", "options": "klu", "retries": "gear"}
    return Waveforms("vector", np.arange(5.0), signals, SIMULATOR, digest, 0.1, "log", notes)


class FakePool:
    """Answers each deck by a function of its label; counts what it was asked."""

    name = SIMULATOR

    def __init__(self, answer=None):
        self.asked, self.answer = [], answer or (lambda label, deck: result(deck.digest()))

    def run_many(self, jobs):
        for number, (label, one) in enumerate(jobs):
            self.asked.append(label)
            yield number, self.answer(label, one)

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def jobs(n: int) -> list[Job]:
    return [Job(f"job {k}", deck(f"v1 out 0 {k}")) for k in range(n)]


def test_an_entry_comes_back_bit_for_bit():
    before = result()
    after = unseal(seal(before))
    assert (after.axis_name, after.deck_digest, after.log) == (before.axis_name, before.deck_digest, before.log)
    assert after.provenance == before.provenance
    assert all(np.array_equal(after.signals[name], values) for name, values in before.signals.items())


@given(st.data())
def test_any_damage_is_seen(data):
    sealed = bytearray(seal(result()))
    place = data.draw(st.integers(0, len(sealed) - 1))
    if data.draw(st.booleans()):
        sealed[place] ^= data.draw(st.integers(1, 255))
    else:
        sealed = sealed[:place]
    with pytest.raises(DatasetError, match="damaged"):
        unseal(bytes(sealed))


def test_a_damaged_entry_is_reported_and_absent(tmp_path, caplog):
    store = Store(tmp_path)
    path = store.put(result(), SIMULATOR)
    path.write_bytes(path.read_bytes()[:-8])
    assert store.get("a" * 64, SIMULATOR) is None
    assert "simulated again" in caplog.text
    assert not path.exists()


def test_an_entry_under_a_wrong_name_is_not_believed(tmp_path):
    store = Store(tmp_path)
    path = store.put(result(), SIMULATOR)
    other = store.path("b" * 64, SIMULATOR)
    other.parent.mkdir()
    path.rename(other)
    assert store.get("b" * 64, SIMULATOR) is None


def test_a_netcdf_of_waveforms_counts_as_an_entry(tmp_path):
    store = Store(tmp_path)
    path = store.path("a" * 64, SIMULATOR).with_suffix(".nc")
    path.parent.mkdir()
    result().save(path)
    assert store.get("a" * 64, SIMULATOR).provenance["retries"] == "gear"


@pytest.mark.parametrize("when", ["write_bytes", "replace"])
def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch, when):
    store = Store(tmp_path)
    monkeypatch.setattr(Path, when, _full)
    with pytest.raises(DatasetError, match="No space left"):
        store.put(result(), SIMULATOR)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def _full(*_):
    raise OSError(28, "No space left on device")


def test_a_store_that_cannot_be_written_is_noticed_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")
    pool = FakePool()
    with pytest.raises(DatasetError, match="cannot write to the store"):
        collect(jobs(3), pool, Store(tmp_path / "file" / "store"))
    assert not pool.asked


def test_collect_resumes_and_keeps_order(tmp_path):
    store, pool = Store(tmp_path), FakePool()
    collect(jobs(3), pool, store)
    found = collect(jobs(5), pool, store)
    assert pool.asked == [f"job {k}" for k in range(5)]
    assert [one.deck_digest for one in found] == [job.deck.digest() for job in jobs(5)]


def test_equal_decks_run_once(tmp_path):
    pool, seen = FakePool(), []
    found = collect(jobs(2) + jobs(2), pool, Store(tmp_path), lambda done, total, _: seen.append((done, total)))
    assert pool.asked == ["job 0", "job 1"]
    assert len(found) == 4
    assert seen[-1] == (4, 4)


def test_failures_are_counted_noted_and_cleared(tmp_path, caplog):
    def answer(label, one):
        kind = {"job 1": DeckRejected, "job 2": NotConverged, "job 3": NotConverged}.get(label)
        return kind("bad", where=label, hint="by hand: cd runs/x && ngspice") if kind else result(one.digest())

    store = Store(tmp_path)
    with pytest.raises(DeckRejected, match=r"3 of 5 .* 2 x NotConverged, 1 x DeckRejected; the others are stored"):
        collect(jobs(5), FakePool(answer), store)
    assert caplog.text.count("by hand: cd runs/x && ngspice") == 3
    assert len(list(store.quarantined())) == 3
    again = FakePool()
    collect(jobs(5), again, store)
    assert again.asked == ["job 1", "job 2", "job 3"]
    assert not list(store.quarantined())


def test_claims_are_exclusive_and_end_with_their_holder(tmp_path):
    path, ours, theirs = tmp_path / "ab/key.wave", Claims(), Claims()
    assert ours.take(path)
    assert not theirs.take(path)
    ours.drop(path)
    assert theirs.take(path)
    theirs.drop_all()
    assert not list(path.parent.iterdir())


def test_a_killed_holder_frees_its_claim(tmp_path):
    path = tmp_path / "key.wave"
    code = "import sys,os;from pathlib import Path;from aimc_spice.dataset.claims import Claims\n"
    code += "print(Claims().take(Path(sys.argv[1])),flush=True);os.kill(os.getpid(),9)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n"
    assert Claims().take(path)


def test_what_another_run_simulates_is_left_to_it(tmp_path):
    store, other, mine = Store(tmp_path), Claims(), FakePool()
    todo = jobs(3)
    taken = store.path(todo[0].deck.digest(), SIMULATOR)
    assert other.take(taken)

    def progress(done, total, label):
        if done == 2:  # the other run finishes
            store.put(result(todo[0].deck.digest()), SIMULATOR)
            other.drop(taken)

    assert len(collect(todo, mine, store, progress)) == 3
    assert mine.asked == ["job 1", "job 2"]


def test_export_stacks_what_has_one_form(tmp_path):
    store = Store(tmp_path / "store")
    for k, probes in enumerate((2, 2, 3)):
        store.put(result(f"{k}" * 64, k, probes), SIMULATOR)
    assert export(store, tmp_path / "all.nc") == 3
    sizes = []
    for group in ("form_0", "form_1"):
        with xr.open_dataset(tmp_path / "all.nc", group=group, engine="h5netcdf") as data:
            sizes.append((data.sizes["entry"], data.sizes["probe"], data.sizes["vector"]))
            assert set(data["retries"].values) == {"gear"}
            assert set(data["unit"].values) == {"V"}
            first = store.get(str(data["deck"].values[0]), SIMULATOR)
            assert np.array_equal(data["signal"][0], first.stack(list(first.signals)))
    assert sorted(sizes) == [(1, 3, 5), (2, 2, 5)]


def test_an_empty_store_has_nothing_to_export(tmp_path):
    with pytest.raises(DatasetError, match="no results to export"):
        export(Store(tmp_path), tmp_path / "all.nc")
