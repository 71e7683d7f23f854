from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.errors import ConfigError, DataError, ShapeError
from aimc_spice.rng import stream
from aimc_spice.workloads import NetworkWeights, SigmoidMlp, load_shipped, shipped_weights
from aimc_spice.workloads.software import trained_readout

W = tuple(np.sign(stream(0, "w", k).normal(size=s)) for k, s in enumerate([(4, 3), (3, 2)]))
B = tuple(np.ones(w.shape[1]) for w in W)


def keys(**changes):
    """Return the arrays of a good file, changed; None removes a key."""
    given = {"w0": W[0], "b0": B[0], "w1": W[1], "b1": B[1]} | changes
    return {key: value for key, value in given.items() if value is not None}


@pytest.mark.parametrize("scale", [None, np.array([0.1, 0.2])])
def test_round_trip(tmp_path, scale):
    saved = NetworkWeights(W, B, scale, {"seed": 7, "readout": "ideal"})
    saved.save(tmp_path / "w.npz")
    loaded = NetworkWeights.load(tmp_path / "w.npz")
    for a, b in zip(saved.with_bias_rows(), loaded.with_bias_rows(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (loaded.scale is None) == (scale is None)
    assert loaded.about == {"seed": 7, "readout": "ideal"}
    assert loaded.sizes == (4, 3, 2)
    assert loaded.is_binary


def test_equal_weights_give_equal_files(tmp_path):
    for name in ("a", "b"):
        NetworkWeights(W, B).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_of_ones_own_needs_only_the_matrices(tmp_path):
    np.savez(tmp_path / "mine.npz", **keys(w0=W[0] * 0.37))
    mine = NetworkWeights.load(tmp_path / "mine.npz")
    assert not mine.is_binary
    np.testing.assert_array_equal(mine.weights[0], W[0] * 0.37)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"b1": None}, DataError, "missing b1"),
        ({"w0": None, "b0": None}, DataError, "missing w0"),
        ({"w0": None, "b0": None, "w1": None, "b1": None}, DataError, "missing w0, b0"),
        ({"w1": W[1].T}, ShapeError, "layer 1"),
        ({"b0": np.ones((3, 1))}, ShapeError, "layer 0"),
        ({"w0": W[0][0]}, ShapeError, "layer 0"),
        ({"w1": np.ones((5, 2))}, ShapeError, "got 5 inputs, wanted 3"),
        ({"w0": W[0] * np.nan}, DataError, "w0: 12 of 12 values are not finite"),
        ({"b1": B[1] * np.inf}, DataError, "b1: 2 of 2"),
        ({"scale": np.ones(3)}, ShapeError, "scale"),
        ({"scale": np.array([1.0, 0.0])}, DataError, "above zero"),
        ({"about": np.array("no json {")}, DataError, "no weight file"),
        ({"about": np.array("[1]")}, DataError, "about"),
        ({"w0": np.array([["a"] * 3] * 4)}, DataError, "no weight file"),
        ({"w0": np.array([[{}] * 3] * 4)}, DataError, "no weight file"),
    ],
)
def test_a_bad_file_is_refused_and_named(tmp_path, changes, error, text):
    path = tmp_path / "bad.npz"
    np.savez(path, **keys(**changes))
    with pytest.raises(error, match=text) as caught:
        NetworkWeights.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut", None], ids=["empty", "text", "cut", "missing"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="no weight file"):
        NetworkWeights.load(path)


def test_a_single_array_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", W[0])
    with pytest.raises(DataError, match="no weight file"):
        NetworkWeights.load(tmp_path / "x.npy")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(DataError, match="digits_ideal"):
        load_shipped("digts")


@pytest.mark.parametrize("name", shipped_weights())
def test_shipped_weights_are_small_binary_and_documented(name):
    weights = load_shipped(name)
    assert weights.sizes == (400, 120, 84, 10)
    assert weights.is_binary
    assert {"seed", "command", "readout", "digital_accuracy", "data"} <= set(weights.about)
    assert (weights.scale is not None) == (weights.about["readout"] == "ideal")
    assert shipped_weights()[name].stat().st_size < 15_000


def test_software_needs_a_read_out():
    with pytest.raises(ConfigError, match="no scale"):
        SigmoidMlp.build(NetworkWeights(W, B))
    with pytest.raises(ConfigError, match="unknown read-out 'lamp'"):
        trained_readout(NetworkWeights(W, B, None, {"readout": "lamp"}))


def test_software_checks_inputs_and_inverts():
    net = SigmoidMlp.build(NetworkWeights(W[:1], B[:1], np.array([1.0])))
    z = net.layers(np.eye(4)[:1])[-1]
    np.testing.assert_allclose(z, 0.8 * (W[0][:1] + 1))
    np.testing.assert_allclose(net.neuron(z), 0.8 / (1 + np.exp(15 * z)), rtol=1e-12)
    assert net.classify(np.eye(4)[:1]) == z.argmin()
    assert net.neuron(np.array([-1e6, 1e6])).tolist() == [0.8, 0.0]
    with pytest.raises(ShapeError, match="wanted"):
        net.layers(np.eye(5))
