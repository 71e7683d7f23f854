"""A network surrogate on disk: kept whole, refused when damaged or of another format."""

import json
import shutil

import numpy as np
import pytest

from aimc_spice.dataset import Dataset
from aimc_spice.errors import DataError, FitError, OutsideValidity
from aimc_spice.network import NetworkSurrogate
from aimc_spice.share import share
from aimc_spice.surrogate.base import Box
from aimc_spice.surrogate.calibrated import CalibratedTile
from aimc_spice.surrogate.layer import LayerSurrogate
from aimc_spice.surrogate.transfer import fit_transfer, sample_points


def data(limit, n, deck):
    x = sample_points(limit, n, knee=0.05)[:, None]
    return Dataset(x, 0.8 / (1 + np.exp(15 * x)), "V", "V", (deck,), "test")


def curve():
    return fit_transfer(data(2.0, 400, "a" * 64), data(1.9, 50, "b" * 64), knee=0.05)


def surrogate():
    rng = np.random.default_rng(0)
    layer = LayerSurrogate(
        (rng.normal(size=(3, 2)), rng.normal(size=(2, 2))), (slice(0, 3), slice(3, 5)), None, curve(), Box(0, 0.8)
    )
    return NetworkSurrogate((layer,), 0.8)


def test_surrogate_survives_the_file(tmp_path):
    path = tmp_path / "s.npz"
    surrogate().save(path)
    found = NetworkSurrogate.load(path)
    v = np.random.default_rng(1).random((7, 4)) * 0.8
    for a, b in zip(found.trace(v, extrapolate=True), surrogate().trace(v, extrapolate=True)):
        np.testing.assert_array_equal(a, b)
    fit = found.layers[0].neuron.fit
    assert fit == curve().fit
    assert fit.fitted_on == ("a" * 64,)


def test_damaged_file_is_refused(tmp_path):
    path = tmp_path / "s.npz"
    surrogate().save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="is no network surrogate"):
        NetworkSurrogate.load(path)


def test_other_format_is_refused(tmp_path):
    np.savez(tmp_path / "s.npz", format=99, n_layers=0, v_bias_V=0.8)
    with pytest.raises(DataError, match="format 99, this version reads 1"):
        NetworkSurrogate.load(tmp_path / "s.npz")


def test_curve_reproduces_the_sigmoid_it_was_fitted_to():
    x = np.linspace(-1.9, 1.9, 1001)
    assert np.abs(curve()(x) - 0.8 / (1 + np.exp(15 * x))).max() < 1e-4
    assert curve().fit.rms_of_full_scale < 1e-4


def test_input_outside_the_box_is_refused_unless_asked():
    with pytest.raises(OutsideValidity, match="got -3 V to 0 V, the surrogate holds for -2 V to 2 V"):
        curve()(np.array([-3.0, 0.0]))
    assert curve()(np.array([-3.0]), extrapolate=True) == pytest.approx(0.8)


def test_too_few_samples_are_refused():
    with pytest.raises(FitError, match="wanted at least 8 and 2"):
        fit_transfer(data(1.0, 5, "a"), data(1.0, 5, "b"), knee=0.05)


def test_response_that_is_no_function_of_its_input_is_refused():
    good = data(1.0, 50, "a")
    twice = Dataset(np.vstack([good.x, good.x]), np.vstack([good.y, good.y + 0.1]), "V", "V", ("a",), "test")
    with pytest.raises(FitError, match="not a function of its input"):
        fit_transfer(twice, good, knee=0.05)


@pytest.mark.parametrize("key", ["box", "interval", "output", "t_mvm", "e_mvm"])
def test_a_calibrated_tile_whose_record_lacks_a_value_is_refused(tmp_path, key):
    shutil.copytree(share("calibration", "surrogates", "current_32"), tmp_path / "tile")
    record = tmp_path / "tile/record.json"
    assert CalibratedTile.load(tmp_path / "tile").record.name == "current_32"
    record.write_text(json.dumps({**json.loads(record.read_text(encoding="utf-8")), key: None}), encoding="utf-8")
    with pytest.raises(FitError, match="its checksum differs"):
        CalibratedTile.load(tmp_path / "tile")


def test_a_calibrated_tile_with_one_bit_flipped_is_refused_wherever_it_is(tmp_path):
    """One bit of any digit of a record is another number: found by its checksum, not by luck."""
    shutil.copytree(share("calibration", "surrogates", "sinh_64"), tmp_path / "tile")
    record = tmp_path / "tile/record.json"
    whole = record.read_bytes()
    for at in range(7, len(whole) - 2, len(whole) // 60):
        if whole[at] in b" \n":
            continue  # layout is not part of it
        record.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(FitError, match=r"checksum differs|no calibrated tile|format"):
            CalibratedTile.load(tmp_path / "tile")


def test_a_calibrated_tile_of_an_older_version_says_how_to_make_it_again(tmp_path):
    shutil.copytree(share("calibration", "surrogates", "current_32"), tmp_path / "tile")
    record = tmp_path / "tile/record.json"
    record.write_text(json.dumps({**json.loads(record.read_text(encoding="utf-8")), "format": 2}), encoding="utf-8")
    with pytest.raises(FitError, match=r"format 2, this version reads 3") as bad:
        CalibratedTile.load(tmp_path / "tile")
    assert "aimc-spice calibrate tile" in str(bad.value)
