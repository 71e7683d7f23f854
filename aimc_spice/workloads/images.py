"""How do Fashion-MNIST and the part of CIFAR-10 become what the image networks read?

Verified files, pixels divided by 255, then the published mean and deviation of each channel.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DataError
from aimc_spice.workloads.files import DataFile, is_there, read
from aimc_spice.workloads.mnist import mnist, parse_idx
from aimc_spice.workloads.published import CIFAR_ORIGIN, cifar10_images
from aimc_spice.workloads.task import Array, Labels, Task

_FASHION_MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
_FASHION_MIRRORS = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)  # checked against the md5
FASHION = {name: DataFile(name, md5, "fashion", _FASHION_MIRRORS) for name, md5 in _FASHION_MD5.items()}
FASHION_MEAN, FASHION_DEVIATION = 0.2860, 0.3530
CIFAR = DataFile(
    "cifar10_subset.npz",
    "192cf018b6d83626fa59bef715348ff8",
    "cifar10",
    origin="the archive holds 20,000 training and 3,000 test images of CIFAR-10, and is no published file; "
    + CIFAR_ORIGIN,
)
CIFAR_MEAN, CIFAR_DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def mnist_grey(*, download: bool = False) -> Task:
    """Return MNIST, cropped to 20×20, as 60,000 + 10,000 rows of 400 grey levels in [0, 1]."""
    data = mnist(None, download=download)
    return Task("mnist", data.x_train.astype(np.float32), data.y_train, data.x_test.astype(np.float32), data.y_test)


def fashion(*, download: bool = False) -> Task:
    """Return Fashion-MNIST (Xiao et al., arXiv 1708.07747) as 60,000 + 10,000 images (1, 28, 28), standardised."""
    return Task("fashion", *_fashion_part("train", download), *_fashion_part("t10k", download))


def _fashion_part(part: str, download: bool) -> tuple[Array, Labels]:
    names = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    images, labels = (parse_idx(read(FASHION[name], download=download), name) for name in names)
    standard = (images.astype(np.float32) / 255 - FASHION_MEAN) / FASHION_DEVIATION
    return standard.astype(np.float32)[:, None], labels.astype(np.int64)


def cifar10() -> Task:
    """Return a class-balanced part of CIFAR-10 (Krizhevsky, 2009) as 20,000 + 3,000 images (3, 32, 32), standardised.

    Accuracies on this part are not comparable with published ones: it has 40 % of the training images. Where only the
    published files are, all 50,000 + 10,000 images.
    """
    whole = None if is_there(CIFAR) else cifar10_images()
    data = archive(CIFAR) if whole is None else whole
    to_pixels = _undone if whole is None else np.asarray
    parts = [(_rgb(to_pixels(data[f"x_{part}"])), data[f"y_{part}"].astype(np.int64)) for part in ("train", "test")]
    return Task("cifar10_subset" if whole is None else "cifar10", *parts[0], *parts[1])


def _undone(stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo the differences along rows, columns and from green (modulo 256)."""
    pixels = np.cumsum(np.cumsum(stored, 2, dtype=np.uint8), 3, dtype=np.uint8)
    pixels[:, [0, 2]] += pixels[:, 1:2]
    return pixels


def _rgb(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    mean, deviation = (np.array(v, np.float32)[:, None, None] for v in (CIFAR_MEAN, CIFAR_DEVIATION))
    return np.asarray((pixels.astype(np.float32) / 255 - mean) / deviation, np.float32)


def archive(file: DataFile) -> dict[str, Array]:
    """Return the arrays of a verified NumPy archive; raises `DataError` where Python cannot unpack it."""
    try:
        with np.load(io.BytesIO(read(file)), allow_pickle=False) as data:
            return {key: data[key] for key in data.files}
    except (NotImplementedError, RuntimeError) as bad:
        raise DataError(
            f"{file.name} cannot be unpacked", cause=str(bad), hint="it needs Python's lzma module"
        ) from bad
