from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest

from aimc_spice.errors import DataError
from aimc_spice.workloads import files, mnist
from aimc_spice.workloads.files import DataFile, read, search_path, verified
from aimc_spice.workloads.mnist import FILES, parse_idx

DATA = b"some bytes"
FILE = DataFile(
    "numbers", hashlib.md5(DATA, usedforsecurity=False).hexdigest(), "set", ("https://one/", "https://two/")
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "search_path", lambda: [tmp_path])
    monkeypatch.setattr(files, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(files, "_fetch", lambda url: pytest.fail(f"fetched {url}"))
    return tmp_path


def test_the_environment_comes_first_and_the_cache_last(monkeypatch, tmp_path):
    monkeypatch.setenv("AIMC_SPICE_DATA", str(tmp_path))
    assert search_path()[0] == tmp_path
    assert search_path()[-1] == files.cache_dir()
    monkeypatch.setenv("AIMC_SPICE_DATA", "")
    assert tmp_path not in search_path()


@pytest.mark.parametrize("place", ["numbers", "numbers.gz", "set/numbers", "set/numbers.gz"])
def test_plain_or_gzipped_with_or_without_the_folder(folder, place):
    path = folder / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(DATA) if place.endswith("gz") else DATA)
    assert read(FILE) == DATA


def test_a_missing_file_says_where_it_was_looked_for_and_how_to_get_it(folder):
    with pytest.raises(DataError) as caught:
        read(FILE)
    text = str(caught.value)
    assert str(folder / "set") in text
    assert "download=True" in text
    assert "AIMC_SPICE_DATA" in text


def test_a_changed_file_is_refused():
    with pytest.raises(DataError, match=r"checksum mismatch: got md5 [0-9a-f]{32}, wanted"):
        verified(DATA + b"!", FILE.md5, "somewhere")


@pytest.mark.parametrize("cut", [5, 20])
def test_a_damaged_gzip_file_is_refused(folder, cut):
    (folder / "numbers.gz").write_bytes(gzip.compress(DATA)[:cut])
    with pytest.raises(DataError, match="damaged"):
        read(FILE)


def test_download_tries_the_next_mirror_and_keeps_what_it_verified(folder, monkeypatch):
    asked = []

    def fetch(url):
        asked.append(url)
        return gzip.compress(DATA if "two" in url else b"a login page")

    monkeypatch.setattr(files, "_fetch", fetch)
    assert read(FILE, download=True) == DATA
    assert asked == ["https://one/numbers.gz", "https://two/numbers.gz"]
    assert [path.name for path in (folder / "set").iterdir()] == ["numbers.gz"]
    assert read(FILE, download=True) == DATA
    assert len(asked) == 2


def test_a_failed_download_tells_every_mirror(folder, monkeypatch):
    def fetch(url):
        raise OSError("no route")

    monkeypatch.setattr(files, "_fetch", fetch)
    with pytest.raises(DataError, match=r"one/numbers\.gz: no route; .*two/numbers\.gz: no route"):
        read(FILE, download=True)
    assert not (folder / "set").exists()


def test_idx_round_trip():
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    header = b"\x00\x00\x08\x03" + np.array([2, 3, 4], ">u4").tobytes()
    np.testing.assert_array_equal(parse_idx(header + values.tobytes()), values)
    with pytest.raises(DataError, match="got 23 values"):
        parse_idx(header + values.tobytes()[:-1])


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x08", b"\x00\x00\x0d\x01" + bytes(8), b"\x00\x00\x08\x03\x00"])
def test_what_is_no_idx_file_is_refused(data):
    with pytest.raises(DataError, match="no idx file"):
        parse_idx(data)


def test_mnist_is_cropped_and_binarised(folder, monkeypatch):
    for name in FILES:
        content = _idx(name, 3 if name.startswith("train") else 2)
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        monkeypatch.setitem(FILES, name, DataFile(name, md5, "mnist"))
    work = mnist(threshold=0.5)
    assert (work.x_train.shape, work.x_test.shape) == ((3, 400), (2, 400))
    assert work.x_train[0].reshape(20, 20)[0, 0], "pixel (4, 4) of the original is the first one kept"
    assert work.x_train[0].sum() == 1, "pixel (3, 3) is cropped, pixel (5, 5) too faint"
    assert mnist(threshold=None).x_train.max() == 1.0


def _idx(name, n):
    if "labels" in name:
        return b"\x00\x00\x08\x01" + np.array([n], ">u4").tobytes() + bytes(range(n))
    images = np.zeros((n, 28, 28), np.uint8)
    images[:, 3, 3], images[:, 4, 4], images[:, 5, 5] = 255, 255, 100
    return b"\x00\x00\x08\x03" + np.array([n, 28, 28], ">u4").tobytes() + images.tobytes()
