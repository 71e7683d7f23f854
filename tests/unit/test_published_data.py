"""Published files of CIFAR-10, the spoken digits and SST-2 give what the archives of the zoo give, or a clear error."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
from scipy.io import wavfile

from aimc_spice.errors import DataError
from aimc_spice.workloads import files, published
from aimc_spice.workloads.images import archive, cifar10
from aimc_spice.workloads.language.sst2 import sst2
from aimc_spice.workloads.speech import FSDD, spoken_digits


@pytest.fixture
def only(tmp_path, monkeypatch):
    """Return the one folder that is looked in."""
    for module in (files, published):
        monkeypatch.setattr(module, "search_path", lambda: [tmp_path])
    return tmp_path


def _cifar(folder, files_of, name=published.CIFAR_NAME):
    with tarfile.open(folder / name, "w:gz") as target:
        for member, rows in files_of.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{member}")
            info.size = rows.size
            target.addfile(info, io.BytesIO(rows.tobytes()))


def _recordings(folder, data, names):
    (folder / published.FSDD_NAME / "recordings").mkdir(parents=True)
    for k in range(len(data["digit"])):
        samples = data["audio"][data["offset"][k] : data["offset"][k + 1]]
        name = f"{data['digit'][k]}_{names[data['speaker'][k]]}_{data['index'][k]}.wav"
        wavfile.write(folder / published.FSDD_NAME / "recordings" / name, 8000, samples)


def _made_up():
    digit, speaker, index = (a.ravel() for a in np.indices((10, 6, 50)))
    audio = np.arange(3000, dtype=np.int16).repeat(2)
    return {"audio": audio, "offset": 2 * np.arange(3001), "digit": digit, "speaker": speaker, "index": index}


def test_images_of_the_published_archive_are_those_that_were_written(only, monkeypatch):
    monkeypatch.setattr(published, "_PER_FILE", 20)
    rng = np.random.default_rng(0)
    rows = {name: rng.integers(0, 256, (20, 3073), np.uint8) for name in published._CIFAR_FILES}
    for some in rows.values():
        some[:, 0] = np.arange(20) % 10
    _cifar(only, rows)
    task = cifar10()
    assert (task.name, task.x_train.shape, task.x_test.shape) == ("cifar10", (100, 3, 32, 32), (20, 3, 32, 32))
    assert task.y_train.tolist() == [*range(10)] * 10
    red, blue = rows["data_batch_2.bin"][3, 1 + 32 * 5 + 7], rows["test_batch.bin"][0, -1]
    assert task.x_train[23, 0, 5, 7] * 0.2470 + 0.4914 == pytest.approx(red / 255, abs=1e-6)
    assert task.x_test[0, 2, 31, 31] * 0.2616 + 0.4465 == pytest.approx(blue / 255, abs=1e-6)


def test_a_damaged_published_archive_is_refused(only):
    _cifar(only, {name: np.zeros((7, 3073), np.uint8) for name in published._CIFAR_FILES})
    with pytest.raises(DataError, match="got 21511 bytes, wanted 30730000"):
        cifar10()
    _cifar(only, {"data_batch_1.bin": np.zeros(3, np.uint8)})
    with pytest.raises(DataError, match=r"(?s)cannot be read.*data_batch_2"):
        cifar10()
    (only / published.CIFAR_NAME).write_bytes(b"no archive")
    with pytest.raises(DataError, match="cannot be read"):
        cifar10()


def test_recordings_are_in_the_order_of_speaker_digit_and_take(only):
    _recordings(only, _made_up(), "abcdef")
    found = published.spoken_recordings()
    assert found["digit"].reshape(6, 10, 50)[:, :, 0].tolist() == [[*range(10)]] * 6
    assert found["index"].reshape(60, 50)[7].tolist() == [*range(50)]
    number = found["audio"][found["offset"][:-1]].reshape(6, 10, 50)
    assert number[2, 7, 11] == np.ravel_multi_index((7, 2, 11), (10, 6, 50))


@pytest.mark.zoo_data
def test_published_recordings_equal_the_archive(tmp_path, monkeypatch):
    data = archive(FSDD)
    wanted = {key: data[key] for key in ("audio", "offset", "digit", "index")}
    for module in (files, published):
        monkeypatch.setattr(module, "search_path", lambda: [tmp_path])
    _recordings(tmp_path, data, data["speaker_names"])
    found = published.spoken_recordings()
    assert all((found[key] == wanted[key]).all() for key in wanted)


def test_recordings_that_do_not_fit_are_refused(only):
    data = _made_up()
    _recordings(only, data, "abcdef")
    path = only / published.FSDD_NAME / "recordings" / "0_a_0.wav"
    wavfile.write(path, 16000, np.zeros(4, np.int16))
    with pytest.raises(DataError, match="16000 Hz"):
        spoken_digits()
    path.write_bytes(b"no wave")
    with pytest.raises(DataError, match="cannot be read"):
        spoken_digits()
    path.unlink()
    with pytest.raises(DataError, match="got 2999 recordings"):
        spoken_digits()


def test_sentences_of_glue_are_split_as_said(only):
    folder = only / published.GLUE_NAME
    folder.mkdir()
    lines = [f"phrase {k} \t{k % 2}" for k in range(7000)]
    (folder / "train.tsv").write_text("\n".join(["sentence\tlabel", *lines, ""]))
    (folder / "dev.tsv").write_text("sentence\tlabel\nit works .\t1\n")
    parts = sst2()
    assert {part: len(y) for part, (_, y) in parts.items()} == {"train": 265, "valid": 6735, "test": 1}
    assert parts["valid"][0][0] == "phrase 265"
    assert parts["test"] == (["it works ."], [1])
    (folder / "dev.tsv").write_text("index\tsentence\n0\tit works .\n")
    with pytest.raises(DataError, match="wanted sentence and label"):
        sst2()
    (folder / "dev.tsv").unlink()
    with pytest.raises(DataError, match=r"dev.tsv of SST-2 is missing"):
        sst2()


@pytest.mark.parametrize("read", [cifar10, spoken_digits, sst2])
def test_missing_data_name_the_published_files(only, read):
    with pytest.raises(DataError, match="or put"):
        read()
