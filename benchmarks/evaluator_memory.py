"""How much memory does a network of the size of BERT-base take on tiles, mapped and run?

The growth of the largest resident size of a fresh process, from before its model is read to after a run, over the
network's weights in single precision: reading, programming, converter tables and running, all that is left over and
all that is needed on the way. Tiles, converters and noise are those of ``evaluator.py``. ``--quick`` takes two layers
of twelve, so that reading and working memory weigh more.
"""

from __future__ import annotations

import os
import sys

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import resource
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from _claim import claim
from evaluator import TILE, Readout

from aimc_spice.network.graph import read_onnx
from aimc_spice.network.prepare import prepare
from aimc_spice.workloads.graphs.images import mlp
from aimc_spice.workloads.throughput import bert_base

MB = 2**20


def peak() -> float:
    """Return the largest resident size so far [B]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)


def alone(work: Callable[..., object], *arguments: object) -> object:
    """Run a function in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def write(path: Path, n_layers: int) -> None:
    """Write the encoder."""
    path.write_bytes(bert_base(n_layers).SerializeToString())


def measure(path: Path, tile: object = TILE) -> dict[str, float]:
    """Return the memory [B]: of all weights, of those on tiles, and what reading, mapping and running took."""
    tokens, images = np.random.default_rng(0).integers(1, 30000, (8, 128)), np.ones((8, 400), np.float32)
    prepare(read_onnx(mlp()), tile, Readout(), images).run(images)  # code is compiled and loaded once
    start = peak()
    network = read_onnx(path)
    read = peak()
    weights = sum(v.nbytes for v in network.constants.values() if getattr(v, "dtype", None) == np.float32)
    prepared = prepare(network, tile, Readout(), tokens[:2])
    del network
    mapped = peak()
    prepared.run(tokens)
    on_tiles = sum(4 * layer.product.n_weights for layer in prepared.layers.values())
    steps = {"read": read - start, "mapped": mapped - start, "run": peak() - start}
    return {"weights": weights, "on_tiles": on_tiles, "counted": prepared.nbytes, **steps}


def main() -> None:
    """Print the claim."""
    n_layers = 2 if "--quick" in sys.argv else 12
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bert.onnx"
        alone(write, path, n_layers)
        found = alone(measure, path)
    weights = found["weights"]
    parts = ", ".join(f"{name} {found[name] / MB:.0f} MB" for name in ("on_tiles", "counted", "read", "mapped", "run"))
    claim(
        f"resident memory of a BERT-base-size encoder ({n_layers} layers), mapped and run", found["run"] / weights,
        "x its fp32 weights", 4, at_least=False, against=f"weights {weights / MB:.0f} MB, {parts}",
    )  # fmt: skip


if __name__ == "__main__":
    main()
