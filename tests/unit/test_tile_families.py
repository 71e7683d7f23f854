"""Families of tile surrogates without a simulator: circuits come from `newton`, which ngspice judges elsewhere."""

import json
from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.errors import FitError, ShapeError
from aimc_spice.netlist.library import diff_amp
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.families.base import Circuit, TileKind, evaluate
from aimc_spice.surrogate.families.choose import FAMILIES
from aimc_spice.surrogate.families.files import load_family, save_family
from aimc_spice.surrogate.families.interval import Interval, conformal
from aimc_spice.surrogate.families.rows import RowFamily
from aimc_spice.surrogate.laws.separate import separate
from aimc_spice.surrogate.laws.sinh import SinhLaw
from aimc_spice.surrogate.newton import NonlinearTile
from aimc_spice.surrogate.operator import LinearPorts
from aimc_spice.surrogate.ports import linear_ports

V, LAW, WIRE = 0.25, SinhLaw(0.15), Wire(5.0, 5.0)
PORTS = LinearPorts(np.array([[1e3, 0.0], [-1e3, 1e3]]), np.array([2e5, -1e6]))
KIND = TileKind(WIRE, PORTS, V, 0.0, separate(LAW, (1e-6, 1e-4), V))


def circuit(seed, shape=(8, 6)):
    rng = np.random.default_rng(seed)
    g, x = 10 ** rng.uniform(-6, -4, (2, *shape)), rng.uniform(-1, 1, (8, shape[0]))
    y = NonlinearTile(g[0], g[1], WIRE, PORTS, LAW, v_read=V).solve(V * x).out
    return Circuit(g[0], g[1], x, y, f"deck {seed}", "newton")


CIRCUITS = [circuit(seed) for seed in range(4)]


@pytest.fixture(scope="module")
def families():
    return {name: family.fit(KIND, CIRCUITS[:3]) for name, family in FAMILIES.items()}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_file_gives_the_same_outputs_bit_for_bit(name, families, tmp_path):
    path, c = tmp_path / "tile.npz", CIRCUITS[3]
    save_family(families[name], path)
    found = load_family(path)
    assert type(found) is type(families[name])
    np.testing.assert_array_equal(found.program(c.g_pos, c.g_neg)(c.x), families[name].program(c.g_pos, c.g_neg)(c.x))
    assert [file.name for file in tmp_path.iterdir()] == ["tile.npz"]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_of_tiles_is_its_tiles(name, families):
    pos, neg = (np.stack([getattr(c, side) for c in CIRCUITS[:2]]) for side in ("g_pos", "g_neg"))
    x = np.stack([c.x for c in CIRCUITS[:2]])
    found = families[name].program(pos, neg)
    for k, c in enumerate(CIRCUITS[:2]):
        wanted = families[name].program(c.g_pos, c.g_neg)(c.x)
        for got in (found(x)[k], found(c.x)[k]):
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-10 * np.abs(wanted).max())


def test_damaged_and_foreign_files_are_refused(families, tmp_path):
    path = tmp_path / "tile.npz"
    save_family(families["operator + rows"], path)
    with np.load(path) as data:
        arrays = {name: data[name] for name in data.files}
    about = json.loads(str(arrays["about"]))
    for change, message in (
        ({"family/weights": arrays["family/weights"] + 1e-9}, "damaged"),
        ({"about": np.array(json.dumps({**about, "format": 0}))}, "got format 0"),
        ({"about": np.array(json.dumps({**about, "family": "oracle"}))}, "family 'oracle'"),
        ({"about": np.array("{}")}, "holds no tile surrogate"),
    ):
        np.savez(path, **{**arrays, **change})
        with pytest.raises(FitError, match=message):
            load_family(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(FitError, match="holds no tile surrogate"):
        load_family(path)
    with pytest.raises(FitError, match="holds no tile surrogate"):
        load_family(tmp_path / "none.npz")


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_beats_the_bare_operator_or_is_it(name, families):
    """On circuits like those it was fitted to, which proves that fitting works, not that it generalises."""
    bare, own = (evaluate(families[n], CIRCUITS[:3]).rms for n in ("operator", name))
    assert own < 0.8 * bare or name == "operator"
    assert families[name].flops(8, 6) >= families["operator"].flops(8, 6)


def test_learnt_families_know_where_bit_lines_of_a_resistive_amplifier_move():
    """On circuits that were not fitted; `benchmarks/nonlinear.py` has 64 x 64 against ngspice."""
    law, wire, ports = SinhLaw(V), Wire(1.0, 1.0), linear_ports(diff_amp(gain=30).linear)
    kind, found = TileKind(wire, ports, V, 0.0, separate(law, (1e-6, 1e-4), V)), []
    for seed in range(7):
        c = circuit(seed, (40, 32))
        y = NonlinearTile(c.g_pos, c.g_neg, wire, ports, law, v_read=V).solve(V * c.x).out
        found.append(replace(c, y=y))
    names = ("operator + rows", "rows + neural network")
    rows, learnt = (evaluate(FAMILIES[name].fit(kind, found[:4]), found[4:]) for name in names)
    assert learnt.rms_of_full_scale < 2e-3
    assert rows.rms > 2.5 * learnt.rms


@pytest.mark.parametrize("name", ["rows + neural network", "rows + Gaussian process"])
def test_a_family_fitted_to_the_features_of_an_older_version_is_refused(name, families):
    arrays = families[name].arrays()
    older = {key: a[..., :12] if key in ("centre", "lengths") else a for key, a in arrays.items()}
    with pytest.raises(FitError, match="got 12 features, wanted 18"):
        FAMILIES[name].of_arrays(KIND, older)


def test_weights_of_the_theory_are_near_one(families):
    np.testing.assert_allclose(families["operator + rows"].weights, 1, atol=0.5)
    other = circuit(9, (12, 9))
    fitted = evaluate(families["operator + rows"], [other])
    assert fitted.rms < 0.2 * evaluate(families["operator"], [other]).rms


def test_too_few_circuits_are_refused():
    for name, family in FAMILIES.items():
        if name != "operator":
            with pytest.raises(FitError, match="circuits"):
                family.fit(KIND, [])
    with pytest.raises(FitError, match="got no circuits"):
        evaluate(RowFamily.theory(KIND), [])
    c = CIRCUITS[0]
    with pytest.raises(ShapeError, match="circuit"):
        Circuit(c.g_pos, c.g_neg, c.x[:, :3], c.y, "", "")


class Noisy:
    """Says zero where the truth is a draw whose size differs from circuit to circuit."""

    scale = np.ones(5)

    def program(self, g_pos, g_neg):
        return self

    def __call__(self, x):
        return np.zeros((len(x), 5))


def noisy(rng):
    y = rng.lognormal(0, 0.7) * rng.standard_normal((20, 5))
    return Circuit(np.ones((3, 5)), np.ones((3, 5)), np.zeros((20, 3)), y, "", "")


def test_the_interval_covers_new_circuits_at_its_level():
    """200 populations of 12 circuits: on average at least 80 %, as promised; pooling outputs alone would miss it."""
    rng, covered = np.random.default_rng(0), []
    for _ in range(200):
        interval = conformal(Noisy(), [noisy(rng) for _ in range(12)], level=0.8)
        covered.append(interval.coverage(Noisy(), [noisy(rng) for _ in range(5)]))
    assert 0.8 <= np.mean(covered) < 0.93
    assert np.isclose(interval.held, 0.8 * 13 / 12)


def test_where_circuits_err_alike_an_interval_holds_what_it_held():
    rng, plain = np.random.default_rng(0), np.ones((3, 5))
    same = [Circuit(plain, plain, np.zeros((400, 3)), rng.standard_normal((400, 5)), "", "") for _ in range(15)]
    interval = conformal(Noisy(), same[:10], level=0.9)
    assert np.isclose(interval.held, 0.99)
    assert np.isclose(interval.coverage(Noisy(), same[:10]), 0.99, atol=1e-3)
    assert np.isclose(interval.coverage(Noisy(), same[10:]), 0.99, atol=5e-3)


def test_a_tile_with_columns_of_zero_weight_has_a_scale_and_an_interval(families):
    c = CIRCUITS[0]
    g_neg = c.g_neg.copy()
    g_neg[:, 2] = c.g_pos[:, 2]
    one = families["operator"].program(c.g_pos, g_neg)
    assert one.scale.min() > 0.05 * one.scale.max()
    y = NonlinearTile(c.g_pos, g_neg, WIRE, PORTS, LAW, v_read=V).solve(V * c.x).out
    rows = families["operator + rows"].program(c.g_pos, g_neg)
    assert np.abs((rows(c.x) - y) / rows.scale).max() < 0.05
    dead = families["operator"].program(c.g_pos, c.g_pos)
    np.testing.assert_array_equal(np.isfinite(dead.scale), True)


def test_the_parts_add_up():
    for law in (LAW, SinhLaw(1e9)):
        kind = TileKind(WIRE, PORTS, V, 0.0, separate(law, (1e-6, 1e-4), V))
        tile = RowFamily.theory(kind).program(CIRCUITS[0].g_pos, CIRCUITS[0].g_neg)
        np.testing.assert_allclose(sum(tile.terms(CIRCUITS[0].x)), tile(CIRCUITS[0].x), rtol=0, atol=1e-12)


def test_bound_follows_the_scale_of_the_columns():
    tile = RowFamily.theory(KIND).program(CIRCUITS[0].g_pos, CIRCUITS[0].g_neg)
    np.testing.assert_allclose(Interval(0.9, 0.01, 20, ()).bound(tile), 0.01 * tile.scale)
