"""What the doctor says about a machine, and whether it calls it usable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from aimc_spice.errors import SimulationTimeout
from aimc_spice.simulate import doctor


def parts(diagnosis):
    return {finding.part: finding for finding in diagnosis.findings}


@pytest.mark.ngspice
def test_this_machine_is_usable():
    diagnosis = doctor.examine()
    assert diagnosis.usable, [f"{finding.part}: {finding.found}" for finding in diagnosis.findings]
    found = parts(diagnosis)
    assert found["divider, batch"].found.startswith("0.750000 V")
    assert found["divider, shared"].found.startswith("0.750000 V")


def test_no_ngspice_is_said_with_a_way_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("AIMC_SPICE_NGSPICE", str(tmp_path / "nowhere"))
    diagnosis = doctor.examine()
    assert not diagnosis.usable
    assert parts(diagnosis)["ngspice"].state == "missing"
    assert "make ngspice" in parts(diagnosis)["ngspice"].advice


@pytest.mark.ngspice
def test_an_old_ngspice_is_usable_with_a_note(monkeypatch):
    old = replace(doctor.find_ngspice(), version=39, has_klu=False)
    monkeypatch.setattr(doctor, "find_ngspice", lambda: old)
    diagnosis = doctor.examine()
    assert diagnosis.usable
    assert parts(diagnosis)["ngspice"].state == "note"
    assert "42" in parts(diagnosis)["ngspice"].advice


@pytest.mark.ngspice
def test_a_missing_library_is_said_and_batch_is_still_tried(monkeypatch):
    bare = replace(doctor.find_ngspice(), library=None)
    monkeypatch.setattr(doctor, "find_ngspice", lambda: bare)
    found = parts(doctor.examine())
    assert found["libngspice"].state == "missing"
    assert "libngspice0" in found["libngspice"].advice
    assert found["divider, batch"].state == "ok"
    assert "divider, shared" not in found


class Wrong:
    """A simulator that answers, but not the truth."""

    def __init__(self, answer: float | None) -> None:
        self.answer, self.closed = answer, False

    def run(self, deck, *, label):
        if self.answer is None:
            raise SimulationTimeout("no result within 60 s", hint="wait longer")
        return SimpleNamespace(signals={"v(mid)": [self.answer]}, wall_s=0.001, simulator="wrong")

    def close(self):
        self.closed = True


@pytest.mark.parametrize(("answer", "advice"), [(0.7, "cannot be trusted"), (None, "wait longer")])
def test_a_back_end_that_fails_makes_the_machine_unusable(monkeypatch, answer, advice):
    simulator = Wrong(answer)
    monkeypatch.setattr(doctor, "open_simulator", lambda backend, **_: simulator)
    monkeypatch.setattr(doctor, "find_ngspice", lambda: doctor.NgspiceInfo(Path("ngspice"), 46, True, None))
    found = parts(doctor.examine())["divider, batch"]
    assert found.state == "missing"
    assert advice in found.advice
    assert simulator.closed
