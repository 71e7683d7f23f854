"""A network set beside its own circuits: the three answers agree, and an error in the surrogate is found."""

from dataclasses import replace

import numpy as np
import pytest

import aimc_spice.flows.audit
from aimc_spice.build.tile import open_tile, resized, tile_of
from aimc_spice.config import load_study
from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import ConfigError, OutsideValidity
from aimc_spice.flows.audit import audit_study, mean_interval
from aimc_spice.flows.audit_network import audit_network, effect_of
from aimc_spice.network.plain import network_of
from aimc_spice.network.prepare import prepare
from aimc_spice.pipeline import program
from aimc_spice.rng import stream
from aimc_spice.simulate import SimulatorPool
from aimc_spice.surrogate.base import Box, OutsideValidityWarning, warn_outside
from aimc_spice.surrogate.calibrated import TileBox
from aimc_spice.workloads.metrics import METRICS
from end_to_end.test_main_job import run, study  # noqa: F401  the fixture of the small study

pytestmark = pytest.mark.ngspice


def audited(study, **changes):  # noqa: F811
    config = load_study(study)
    with SimulatorPool(1) as pool:
        bench = Bench(pool, Store(study.parent / "store"))
        return audit_study(config, config.choices[-1], bench, n_tiles=1, n_vectors=3, **changes)


def test_three_answers_agree_and_accuracy_does_not_move(study):  # noqa: F811
    findings, effect = audited(study)
    assert [f.label.split(",")[0] for f in findings] == ["layer 0"] * 2 + ["layer 1"] * 2
    for finding in findings:
        for pair in (("spice", "surrogate"), ("nodal", "surrogate"), ("spice", "nodal")):
            assert finding.error(*pair)[1] < 1e-9  # linear circuits: rounding only
    assert effect.flipped == 0
    assert effect.low <= 0 <= effect.high


def test_a_wrong_surrogate_is_found_with_its_size(study, monkeypatch):  # noqa: F811
    """All operators 1 % too large: ngspice and the nodal solver agree with each other, not with it."""

    def wrong(network, bench):
        good = program(network, bench)
        layers = (replace(one, operators=tuple(1.01 * m for m in one.operators)) for one in good.layers)
        return replace(good, layers=tuple(layers))

    monkeypatch.setattr(aimc_spice.flows.audit, "program", wrong)
    findings, _ = audited(study)
    for finding in findings:
        assert finding.error("spice", "surrogate")[1] == pytest.approx(0.01, rel=1e-6)
        assert finding.error("spice", "nodal")[1] < 1e-9


def test_circuit_that_is_not_linear_has_no_nodal_answer(study):  # noqa: F811
    study.write_text(study.read_text().replace("gain = [30, 10]", 'gain = [30, 10]\nswing = "0.8 V"'))
    findings, _ = audited(study)
    assert all(finding.nodal is None for finding in findings)
    assert max(np.sqrt(np.mean((f.spice - f.surrogate) ** 2)) for f in findings) < 1e-3  # V: a fitted curve


def test_the_command_prints_tiles_decks_and_the_effect(study):  # noqa: F811
    done = run("audit", study, "--choice", "cut", "--out", study.parent / "out", "--tiles", 1, "--vectors", 2)
    assert done.exit_code == 0, done.output
    assert "worst" in done.output
    assert "with the measured errors at every tile" in done.output


def test_a_trained_network_on_tiles_is_replayed_tile_by_tile(tmp_path):
    """Linear tiles: rounding only; a surrogate of another wire is found out."""
    config = resized(open_tile("current_64"), 16)
    w = stream(0, "audit test").normal(size=(20, 5)).astype(np.float32)
    x = stream(1, "audit test").uniform(-1, 1, (40, 20)).astype(np.float32)
    tile, readout = tile_of(config)
    prepared = prepare(network_of([w], [None], [""]), tile, readout, x)
    with SimulatorPool(1) as pool:
        bench = Bench(pool, Store(tmp_path))
        findings = audit_network(prepared, config, bench, n_layers=1, n_tiles=2, n_vectors=3)
        thick = replace(tile, wire=replace(tile.wire, r_wire_bl=2.0))
        wrong = audit_network(replace(prepared, tile=thick), config, bench, n_layers=1, n_tiles=1, n_vectors=3)
    assert len(findings) == 3
    assert max(finding.error("spice", "surrogate")[1] for finding in findings) < 1e-9
    assert min(finding.error("spice", "surrogate")[1] for finding in wrong) > 1e-4
    assert max(finding.error("spice", "nodal")[1] for finding in wrong) < 1e-9
    effect = effect_of(prepared, findings, (x, (x @ w).argmax(1)), METRICS["accuracy"], n_runs=2)
    assert effect.low <= 0 <= effect.high


def test_a_network_on_charge_mode_tiles_is_replayed(tmp_path):
    """Only the leak that keeps the decks' bit lines defined is not in the surrogate; another load is found out."""
    config = resized(open_tile("charge_64"), 8)
    w = stream(0, "audit test").normal(size=(12, 5)).astype(np.float32)
    x = stream(1, "audit test").uniform(-1, 1, (40, 12)).astype(np.float32)
    tile, readout = tile_of(config)
    prepared = prepare(network_of([w], [None], [""]), tile, readout, x)
    with SimulatorPool(1) as pool:
        bench = Bench(pool, Store(tmp_path))
        findings = audit_network(prepared, config, bench, n_layers=1, n_tiles=1, n_vectors=2)
        loaded = replace(prepared, tile=replace(tile, c_load=1.1 * tile.c_load))
        wrong = audit_network(loaded, config, bench, n_layers=1, n_tiles=0, n_vectors=2)
    assert [f.label.rsplit(", ", 1)[1] for f in findings] == ["random", "worst"]
    assert max(finding.error("spice", "surrogate")[1] for finding in findings) < 1e-4
    assert max(finding.error("spice", "nodal")[1] for finding in findings) < 1e-6
    assert wrong[0].error("spice", "surrogate")[1] > 1e-2
    effect = effect_of(prepared, findings, (x, (x @ w).argmax(1)), METRICS["accuracy"], n_runs=2)
    assert effect.low <= 0 <= effect.high


def test_the_tile_of_another_mode_is_refused():
    tile, readout = tile_of(resized(open_tile("charge_64"), 8))
    one = np.eye(4, dtype=np.float32)
    prepared = prepare(network_of([one], [None], [""]), tile, readout, one)
    with pytest.raises(ConfigError, match="is of current mode, the network runs on ChargeTile"):
        audit_network(prepared, resized(open_tile("current_64"), 8), None)


def test_interval_of_few_runs_is_students():
    low, high = mean_interval(np.array([0.0, 1.0, 2.0]))
    assert (low, high) == pytest.approx((1 - 2.484, 1 + 2.484), abs=1e-3)  # t of two degrees: 4.303, not 1.96


def test_leaving_the_box_raises_or_warns_as_asked(study):  # noqa: F811
    box, tile = Box(-1.0, 1.0), TileBox((1, 8), (1, 8), (1e-6, 1e-4), 0.2)
    far, g = np.array([0.0, 2.0]), np.full((9, 8), 2e-4)
    with pytest.raises(OutsideValidity, match="got 0 V to 2 V"):
        box.check(far, "inputs")
    with pytest.raises(OutsideValidity, match="tile of 9 rows"):
        tile.check(g, g)
    with warn_outside():
        with pytest.warns(OutsideValidityWarning, match="got 0 V to 2 V"):
            box.check(far, "inputs")
        with pytest.warns(OutsideValidityWarning, match="tile of 9 rows|cells of 200 uS") as told:
            tile.check(g, g)
        assert len(told) == 2
    with pytest.raises(OutsideValidity):
        box.check(far, "inputs")
    done = run("audit", study, "--outside", "perhaps")
    assert done.exit_code == 2
    assert "one of: raise, warn" in done.output
