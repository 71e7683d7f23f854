"""What the networks of the zoo read: shapes and ranges of the real data; closed forms of the speech front end."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.errors import DataError, ShapeError
from aimc_spice.workloads import zoo
from aimc_spice.workloads.images import CIFAR_DEVIATION, CIFAR_MEAN, _rgb, _undone
from aimc_spice.workloads.shakespeare import split_text, tiny_shakespeare, windows
from aimc_spice.workloads.speech import HOP, RATE, WINDOW, mel_bands, mfcc, one_second
from aimc_spice.workloads.task import Task

SHAPES = {
    "fashion_cnn": ((60000, 1, 28, 28), 10000),
    "speech_ds_cnn": ((2700, 1, 49, 10), 300),
    "speech_gru": ((2700, 1, 49, 10), 300),
    "cifar_resnet20": ((20000, 3, 32, 32), 3000),
    "shakespeare_gpt": ((7842, 128), 871),
}


@pytest.mark.zoo_data
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_and_scale(name):
    task, (shape, n_test) = zoo.RECIPES[name].task(), SHAPES[name]
    assert task.x_train.shape == shape
    assert task.x_test.shape == (n_test, *shape[1:])
    if name != "shakespeare_gpt":
        assert abs(task.x_train.mean()) < 0.02
        assert task.x_train.std() == pytest.approx(1, abs=0.03)
        assert np.bincount(task.y_test).tolist() == [n_test // 10] * 10


@pytest.mark.zoo_data
def test_each_character_is_followed_by_the_next():
    task = tiny_shakespeare()
    assert (task.x_train[:, 1:] == task.y_train[:, :-1]).all()
    assert (task.x_train[1:, 0] == task.y_train[:-1, -1]).all()
    assert sum(map(len, split_text())) == 1115394
    assert max(task.x_test.max(), task.y_test.max()) < 65


@pytest.mark.zoo_data
@pytest.mark.minilm
def test_sentences_become_tokens():
    entry = zoo.load("minilm_sst2")
    x, y = entry.test()
    assert x.shape[0] == y.size == 872
    assert (x[:, 0] == 101).all()
    assert ((x == 102).sum(axis=1) == 1).all()
    assert entry.calibration(8).shape == (8, x.shape[1])


@pytest.mark.mnist
def test_calibration_samples_are_of_the_training_part_and_always_the_same():
    entry = zoo.load("mnist_mlp")
    first, again = entry.calibration(5), entry.calibration(5)
    assert (first == again).all()
    assert all((entry.task.x_train == row).all(axis=1).any() for row in first)


def test_windows_neither_overlap_nor_leave_gaps():
    x, y = windows(np.arange(11), 3)
    assert x.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert (y == x + 1).all()


def test_stored_differences_are_undone():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, 3, 5, 4), dtype=np.uint8)
    stored = pixels.copy()
    stored[:, [0, 2]] -= pixels[:, 1:2]
    for axis in (3, 2):
        stored = np.diff(stored, axis=axis, prepend=np.uint8(0))
    mean, deviation = (np.array(v)[:, None, None] for v in (CIFAR_MEAN, CIFAR_DEVIATION))
    assert _rgb(_undone(stored)) * deviation + mean == pytest.approx(pixels / 255, abs=1e-6)


def test_mel_bands_add_up_to_one_between_the_first_and_the_last_peak():
    bands = mel_bands()
    peaks = bands.argmax(axis=0)
    assert bands.shape == (257, 40)
    assert bands[peaks[0] + 1 : peaks[-1]].sum(axis=1) == pytest.approx(1)


def test_a_louder_recording_moves_the_first_coefficient_alone():
    """ln(k² E) = ln E + 2 ln k in every band: √40 · 2 ln k in an orthonormal DCT's first coefficient."""
    wave = np.random.default_rng(0).normal(0, 100, (1, RATE))
    change = mfcc(3 * wave) - mfcc(wave)
    assert change[..., 0] == pytest.approx(np.sqrt(40) * 2 * np.log(3), rel=1e-6)
    assert change[..., 1:] == pytest.approx(0, abs=1e-6)


def test_frames_as_published():
    assert mfcc(np.zeros((2, RATE))).shape == (2, 49, 10)
    assert (WINDOW / RATE, HOP / RATE) == (0.04, 0.02)


@pytest.mark.parametrize("n", [1148, 7999, 8000, 8001, 18262])
def test_the_middle_second(n):
    samples = np.arange(1, n + 1).astype(np.int16)
    found = one_second(samples) * 32768
    kept = found[found != 0]
    assert found.shape == (RATE,)
    assert len(kept) == min(n, RATE)
    assert abs((kept[0] - 1) - (n - kept[-1])) <= 1


def test_a_task_cannot_be_written_and_leaves_the_callers_arrays_alone():
    x, y = np.zeros((4, 3), np.float32), np.zeros(4, np.int64)
    task = Task("t", x, y, x, y)
    with pytest.raises(ValueError, match="read-only"):
        task.x_train[0] = 1
    x[0] = 1


def test_tasks_that_do_not_fit_are_refused():
    x, y = np.zeros((4, 3), np.float32), np.zeros(4, np.int64)
    with pytest.raises(ShapeError, match=r"train part: got samples \(4, 3\) and targets \(3,\)"):
        Task("t", x, y[:3], x, y)
    with pytest.raises(DataError, match="test part: 1 values are not finite"):
        Task("t", x.copy(), y, np.where(np.eye(4, 3) * [1, 0, 0], np.nan, x), y)
