"""How much slower than digital is a whole network on tiles with everything on, and what limits it?

One thread, CPU seconds, ratios within one run. Tiles of 128 × 128 with exact wires (1 Ω), cells of 10 kΩ to 1 MΩ, 8-bit
DAC, 8-bit converters with INL of their own in every column, read noise. Against the same network in NumPy, with fast
paths of the evaluator itself, and in torch where it is installed. The roofline of each: the time of its matrix products
of tile height, and of its conversions, alone.
``--quick`` takes half of the batches.
"""

from __future__ import annotations

import os
import sys

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from _claim import claim

from aimc_spice.device import Device
from aimc_spice.netlist.wire import Wire
from aimc_spice.network.answers import digital_run
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.kernel import BLOCK, Worth, convert
from aimc_spice.network.multiply import aligned, multiply, wide
from aimc_spice.network.noise import keys
from aimc_spice.network.prepare import Prepared, prepare
from aimc_spice.rng import stream
from aimc_spice.surrogate.operator import LinearPorts
from aimc_spice.surrogate.readout import ColumnReadouts
from aimc_spice.surrogate.tile import CurrentTile
from aimc_spice.workloads.graphs.attention import attention, feed_forward
from aimc_spice.workloads.graphs.base import Graph
from aimc_spice.workloads.graphs.images import mlp, resnet20
from aimc_spice.workloads.graphs.text import BERT_BASE

PORTS = LinearPorts(np.array([[1e3, 0.0], [-1.0, 1e3]]), np.array([1e6, -1e6]))
TILE = CurrentTile(128, 128, Device.from_resistances(1e4, 1e6), Wire(1.0, 1.0), PORTS, 0.2)
QUICK = "--quick" in sys.argv


@dataclass(frozen=True)
class Readout:
    """Converters of 8 bits whose INL is a random walk of about 0.3 LSB, with noise of 0.3 LSB."""

    n_bits: int = 8
    t_conv: float = 1e-8
    e_conv: float = 1e-12

    def sample(self, n_cols: int, seed: int, *names: str) -> ColumnReadouts:
        """Draw converters."""
        rng = stream(seed, *names)
        levels = np.arange(1, 256) + np.cumsum(rng.normal(0, 0.03, (n_cols, 255)), axis=1)
        levels += 128 - levels.mean(axis=1, keepdims=True)
        return ColumnReadouts(np.sort(levels, axis=1) / 256 - 0.5, 0.3 / 256, -0.5, 0.5)


def seconds(*works: Callable[[], object], repeats: int = 7, enough: float = 0.5) -> list[float]:
    """Return the least CPU time of some runs of each, of as many as fit into `enough` [s] where they are short.

    They take turns, so that a machine that is slow for a while is slow for all of them.
    """
    found: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    while len(found[0]) < repeats or (sum(map(sum, found)) < enough and len(found[0]) < 1000):
        for work, times in zip(works, found, strict=True):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
    return [min(times) for times in found]


def roofline(prepared: Prepared, n: int) -> tuple[float, float, int]:
    """Return the time of tile-sized matrix products alone, of conversions alone, and the number of conversions."""
    products, reading, count = 0.0, 0.0, 0
    for name, layer in prepared.layers.items():
        rows = prepared.samples[name].rows_per_sample * n
        for part in layer.parts:
            for group in part.groups:
                block, (cols, k) = min(rows, BLOCK), group.matrix.shape
                step, x = wide(block), aligned(k * wide(block))
                arguments = (
                    group.matrix.reshape(-1),
                    0,
                    cols,
                    k,
                    x,
                    step,
                    block,
                    np.empty(cols * step, np.float32),
                    step,
                )
                (a,) = seconds(lambda by=arguments: multiply(*by), repeats=3, enough=0.01)
                many, key = min(rows, 16 * BLOCK), keys(cols, 0, name)  # so that calls do not count
                y = np.zeros((cols, many), np.float32)
                total, worth = np.zeros_like(y), Worth(group.to_lsb, group.gain)
                (b,) = seconds(
                    lambda w=worth, y=y, t=total, k=key, c=group.converters: convert(y, w, t, c, k, False),
                    repeats=3,
                    enough=0.01,
                )
                products, reading = products + a * rows / block, reading + b * rows / many
                count += rows * part.n_columns
    return products, reading, count


def compare(title: str, model: object, x: np.ndarray, goal: float) -> Prepared:
    """Print the claims of one network."""
    start = time.process_time()
    prepared = prepare(read_onnx(model), TILE, Readout(), x[:8])
    programming = time.process_time() - start
    by_torch = torch_run(title, x)
    works = [lambda: digital_run(prepared, x), lambda: prepared.run(x), *([by_torch] if by_torch else [])]
    digital, analog, *torch_time = seconds(*works, enough=6.0)
    products, reading, count = roofline(prepared, len(x))
    limit = f"{count / 1e6:.1f} M conversions at {1e9 * reading / count:.2f} ns = {1e3 * reading:.1f} ms"
    limit += f", products {1e3 * products:.1f} ms, digital {1e3 * digital:.1f} ms, on tiles {1e3 * analog:.1f} ms"
    claim(title, analog / digital, "x NumPy", goal, at_least=False, against=limit)
    claim(f"{title}: programming", programming, "s", 600, at_least=False, against="goal, one core")
    for found in torch_time:
        claim(title, analog / found, "x torch", goal, at_least=False, against=f"torch {1e3 * found:.1f} ms")
    return prepared


def torch_run(title: str, x: np.ndarray) -> Callable[[], object] | None:
    """Return a run of the same network in torch, or None without torch."""
    try:
        import torch  # noqa: PLC0415
    except ImportError:
        return None
    torch.set_num_threads(1)
    net, batch = _torch_network(title, torch), torch.from_numpy(x)

    def run() -> object:
        with torch.no_grad():
            return net(batch)

    return run


def _torch_network(title: str, torch: object) -> object:
    nn = torch.nn
    if title.startswith("MLP"):
        sizes = (400, 120, 84, 10)
        pairs = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes)]
        return nn.Sequential(*[m for pair in pairs for m in pair][:-1]).eval()
    if title.startswith("ResNet"):
        return _torch_resnet(torch)
    return nn.TransformerEncoderLayer(768, 12, 3072, 0.0, "gelu", batch_first=True).eval()


def _torch_resnet(torch: object) -> object:
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, a: int, b: int) -> None:
            super().__init__()
            stride = 1 if a == b else 2
            self.first, self.second = nn.Conv2d(a, b, 3, stride, 1), nn.Conv2d(b, b, 3, 1, 1)
            self.skip = nn.Identity() if a == b else nn.Conv2d(a, b, 1, stride)

        def forward(self, x: object) -> object:
            return torch.relu(self.second(torch.relu(self.first(x))) + self.skip(x))

    widths = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)
    blocks = [Block(a, b) for a, b in pairwise(widths)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), *blocks, *head).eval()


def memory(prepared: Prepared) -> None:
    """Claim what a BERT-base-size network takes, from one layer: all of it is proportional to the weights."""
    layers = sum(layer.nbytes for layer in prepared.layers.values())
    weights = sum(4 * layer.product.n_weights for layer in prepared.layers.values())
    claim(
        "memory of a mapped encoder layer", layers / weights + 1, "x its fp32 weights", 4, at_least=False,
        against="matrices, converter tables and corrections, and the weights themselves",
    )  # fmt: skip


def main() -> None:
    """Print the claims."""
    rng = np.random.default_rng(0)
    part = 2 if QUICK else 1
    batch = 1000 // part
    compare("MLP 400-120-84-10, batch 1000", mlp(), rng.random((batch, 400)).astype(np.float32), 2.0)
    images = rng.normal(size=(64 // part, 3, 32, 32)).astype(np.float32)
    compare("ResNet-20, batch 64", resnet20(), images, 3.0)
    bert_layer(rng, 8 // part)


def bert_layer(rng: np.random.Generator, n: int) -> None:
    """Compare one encoder layer on features, in the order of norms of the original."""
    g, d = Graph("bert_layer"), BERT_BASE.d_model
    x, mask = g.input("x", ["N", 128, d]), g.constant("mask", 0.0)
    y = g.node("Add", x, attention(g, x, "attention", BERT_BASE, mask=mask), name="sum1")
    y = g.layer_norm(y, "norm1", d)
    y = g.layer_norm(g.node("Add", y, feed_forward(g, y, "mlp", BERT_BASE), name="sum2"), "norm2", d)
    features = rng.normal(size=(n, 128, d)).astype(np.float32)
    memory(compare("BERT-base layer, 8 x 128 tokens", g.model(y, ["N", 128, d]), features, 1.5))


if __name__ == "__main__":
    main()
