"""How do the MNIST digits become the 400 binary inputs of the published network?

The four idx files, verified; the central 20×20 of 28×28 pixels (which drops 3.3 % of the ink, because the digits are
centred by mass); a threshold. Amin et al. (arXiv 2201.12480) use 20×20 binary inputs; the central crop is assumed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DataError
from aimc_spice.workloads.base import Inputs, Labels, Workload
from aimc_spice.workloads.files import DataFile, read

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
FILES = {name: DataFile(name, md5, "mnist", MIRRORS) for name, md5 in _MD5.items()}
CROP = slice(4, 24)


def mnist(threshold: float | None = 0.25, *, download: bool = False) -> Workload:
    """Return MNIST cropped to 20×20 and binarised.

    Parameters
    ----------
    threshold : float or None
        A pixel is 1 where it lies above this share of full ink; None keeps the grey levels in [0, 1].
    download : bool
        Whether missing files may be fetched into ``~/.cache/aimc_spice/mnist``.

    Returns
    -------
    Workload
        60,000 training and 10,000 test images of 400 inputs, in the published order.

    Raises
    ------
    DataError
        A file is missing (the text says where it was looked for), damaged, or not the published one.
    """
    parts = [_part(part, threshold, download) for part in ("train", "t10k")]
    return Workload("mnist", *parts[0], *parts[1])


def parse_idx(data: bytes, where: str = "idx data") -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes.

    Parameters
    ----------
    data : bytes
        The decompressed file: two zero bytes, type 8, the number of axes, their lengths (big-endian), the values.
    where : str
        File name, for the error message.

    Raises
    ------
    DataError
        Another format, or fewer or more values than announced.
    """
    if len(data) < 4 or data[:3] != b"\x00\x00\x08" or len(data) < 4 + 4 * data[3]:
        raise DataError(f"this is no idx file of unsigned bytes: it starts with {data[:4]!r}", where=where)
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", data[3], 4))
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * data[3])
    if values.size != int(np.prod(shape, dtype=np.int64)):
        raise DataError(f"idx file: got {values.size} values, wanted {shape} as its header says", where=where)
    return values.reshape(shape)


def _part(part: str, threshold: float | None, download: bool) -> tuple[Inputs, Labels]:
    names = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    images, labels = (parse_idx(read(FILES[name], download=download), name) for name in names)
    centre = images[:, CROP, CROP].reshape(len(images), -1)
    return (centre / 255.0 if threshold is None else centre > 255.0 * threshold), labels.astype(np.int64)
