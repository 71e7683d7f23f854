from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.errors import DataError, ShapeError
from aimc_spice.workloads import Workload

X, Y = np.eye(4, dtype=bool), np.array([0, 1, 2, 0])


def test_it_knows_its_shapes_and_is_frozen():
    work = Workload("toy", X, Y, X[:2] * 0.5, Y[:2])
    assert (work.n_inputs, work.n_classes) == (4, 3)
    assert work.x_train.dtype == np.bool_
    assert work.x_test.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        work.x_train[0, 0] = False


def test_it_saves_and_loads_itself(tmp_path):
    work = Workload("toy", X, Y, X[:2] * 0.5, Y[:2])
    work.save(tmp_path / "toy.npz")
    again = Workload.load(tmp_path / "toy.npz")
    assert (again.name, again.digest()) == ("toy", work.digest())


def test_the_digest_tells_labels_apart():
    assert Workload("a", X, Y, X, Y).digest() != Workload("a", X, Y[::-1], X, Y).digest()


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        (X, Y[:3], ShapeError),
        (X[0], Y, ShapeError),
        (X[:0], Y[:0], ShapeError),
        (X[:, :3], Y, ShapeError),
        (X * 2.0, Y, DataError),
        (X * np.nan, Y, DataError),
        (X, -Y, DataError),
    ],
    ids=["labels too few", "one image", "no images", "other inputs", "not scaled", "NaN", "negative labels"],
)
def test_what_does_not_fit_is_refused(x, y, error):
    with pytest.raises(error):
        Workload("bad", x, y, X, Y)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match="no workload"):
        Workload.load(tmp_path / "x.npz")
