"""How good are trained networks on tiles, by kind of tile, size and converters, and what does an inference cost?

Every network of the zoo that is there, on the current-mode and the charge-mode tile of the toolkit with 64, 128 and 256
rows and columns, by converters of 8 and 6 bits fitted to their circuits; then by ideal ones; at 64 rows also with
programming errors and exactly. Tiles are programmed once for all points of one network, kind and size. Finished points
are kept in ``results/networks/points.json`` with the commit and the read-out files they were measured with, so
stopping loses the one in work; the same command goes on. A study, not a claim: it prints the tables of
``docs/networks.md`` (see `network_tables`).

    python benchmarks/studies/networks.py [--only NETWORK ...] [--rows 64 ...] [--table] [--figure FILE.png]
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import argparse
import hashlib
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path

import network_tables
import numpy as np
from numpy.typing import NDArray

from aimc_spice.build.tile import open_tile, readout_of, resized, tile_of
from aimc_spice.config.tile import TileConfig
from aimc_spice.errors import DataError
from aimc_spice.network.answers import digital_run, examine, layer_costs, total_cost
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.options import Options
from aimc_spice.network.prepare import Prepared, prepare
from aimc_spice.share import share
from aimc_spice.surrogate.readout import Readout
from aimc_spice.surrogate.tile import TileSurrogate
from aimc_spice.workloads.zoo import NAMES, ZooEntry, load

OUT = Path(__file__).parents[2] / "results" / "networks"
TILES = ("current", "charge")
FITTED = {
    ("current", 8): "ramp_8_transistor",
    ("current", 6): "ramp_6_transistor",
    ("charge", 8): "sar_charge_8",
    ("charge", 6): "sar_charge_6",
}
SAMPLES = {"fashion_cnn": 2000, "shakespeare_gpt": 60, "cifar_resnet20": 500}  # others all of the test part
CALIBRATION = {"mnist_mlp": 256, "fashion_cnn": 256, "speech_ds_cnn": 128, "minilm_sst2": 48}  # others 64
BATCH = 64  # sentences of like length that run together, so that few tokens are padding
DOWN = ("*mlp.down*",)


@dataclass(frozen=True)
class Variant:
    """What reads the columns: ideal converters, fitted ones, or (exact) nothing, DAC included."""

    name: str
    bits: int = 8
    fitted: bool = False
    exact: bool = False
    sigma: float = 0.0

    @property
    def is_random(self) -> bool:
        """Whether sets of tiles differ."""
        return self.fitted or self.sigma > 0


FITTED_8, FITTED_6 = Variant("fitted 8", fitted=True), Variant("fitted 6", 6, fitted=True)
IDEAL = (Variant("ideal 8"), Variant("ideal 6", 6))
FIRST_SIZE = (
    Variant("fitted 8, programming 2 %", fitted=True, sigma=0.02),
    Variant("exact, no converters", exact=True),
)


@dataclass(frozen=True)
class Point:
    """One line of the table."""

    network: str
    tile: str
    rows: int
    variant: Variant
    digital: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name in the file of finished points."""
        digital = f", digital {' '.join(self.digital)}" if self.digital else ""
        return f"{self.network}, {self.tile}, {self.rows} rows, {self.variant.name}{digital}"


def points(networks: Sequence[str], rows: Sequence[int]) -> Iterator[Point]:
    """Yield all points, those that say most for their time first, those of the same programmed tiles together."""
    for variants in ((FITTED_8, FITTED_6), IDEAL):
        yield from (Point(name, tile, n, v) for name in networks for n in rows for tile in TILES for v in variants)
    for name in networks:
        yield from (Point(name, tile, rows[0], v) for tile in TILES for v in FIRST_SIZE)
        if name == "minilm_sst2":
            yield from (Point(name, tile, rows[0], FITTED_8, DOWN) for tile in TILES)


def tile_file(tile: str, rows: int, variant: Variant) -> TileConfig:
    """Return the tile of a point: square, its converters exchanged."""
    config = resized(open_tile(f"{tile}_64"), rows)
    surrogate = FITTED[tile, variant.bits] if variant.fitted else None
    readout = config.readout.model_copy(update={"n_bits": variant.bits, "surrogate": surrogate})
    return config.model_copy(update={"readout": readout})


@cache
def entry_of(name: str) -> ZooEntry:
    """Read a network once."""
    return load(name)


@cache
def batches_of(name: str) -> tuple[tuple[NDArray[np.generic], ...], NDArray[np.int64]]:
    """Return what is run at once, and all targets; sentences (number 0 is padding) by length, cut to their longest."""
    x, y = entry_of(name).test(SAMPLES.get(name))
    if name != "minilm_sst2":
        return (x,), y
    lengths = (x != 0).sum(axis=1)
    order = np.argsort(lengths, kind="stable")
    parts = [order[start : start + BATCH] for start in range(0, len(x), BATCH)]
    return tuple(x[part, : lengths[part].max()] for part in parts), y[order]


@cache
def kind_of(tile: str, rows: int) -> tuple[TileSurrogate, Readout]:
    """Return a tile with its time and energy, which takes seconds at 256 rows, and 8-bit converters."""
    return tile_of(tile_file(tile, rows, FITTED_8))


@lru_cache(maxsize=1)
def programmed(name: str, tile: str, rows: int) -> Prepared:
    """Program the tiles of a network, read by 8 bits; whatever else reads them takes the same matrices."""
    entry = entry_of(name)
    calibration = entry.calibration(CALIBRATION.get(name, 64))
    return prepare(read_onnx(entry.model, name), *kind_of(tile, rows), calibration, Options())


def drawn(point: Point, seed: int) -> Prepared:
    """Return one set of tiles of a point."""
    base, variant = programmed(point.network, point.tile, point.rows), point.variant
    if variant == FITTED_8 and not seed and not point.digital:
        return base
    readout = None if variant.exact else readout_of(tile_file(point.tile, point.rows, variant))
    options = replace(base.options, sigma_program=variant.sigma, dac_bits=None if variant.exact else 8)
    kept = {n: v for n, v in base.layers.items() if not any(fnmatchcase(n, some) for some in point.digital)}
    return replace(base, readout=readout, options=options, layers=kept).redrawn(seed)


def score_of(prepared: Prepared, name: str, seed: int) -> float:
    """Score one set of tiles; every batch has other noise."""
    parts, y = batches_of(name)
    outputs = [prepared.run(x, seed * len(parts) + index) for index, x in enumerate(parts)]
    return entry_of(name).metric(np.concatenate(outputs), y)


def measured(point: Point, seeds: int) -> dict[str, object]:
    """Score a network over sets of tiles, compare its layers with digital, add up its cost."""
    start = time.process_time()
    first, others = drawn(point, 0), range(1, seeds if point.variant.is_random else 1)
    scores = [score_of(first, point.network, 0)]
    scores += [score_of(drawn(point, seed), point.network, seed) for seed in others]
    parts, y = batches_of(point.network)
    layers, cost = examine(first, parts[len(parts) // 2][:16]), total_cost(layer_costs(first))
    sqnr = [layer.sqnr_db for layer in layers]
    worst = layers[int(np.argmin(sqnr))]
    return asdict(point) | {
        "metric": entry_of(point.network).metric.name, "digital_score": digital_score(point), "scores": scores,
        "n_samples": len(y), "sqnr_median_db": float(np.median(sqnr)), "sqnr_least_db": worst.sqnr_db,
        "worst_layer": worst.name, "sqnr_end_db": layers[-1].sqnr_running_db,
        "adc_clipped": max(layer.adc_clipped for layer in layers), "macs": cost.macs, "n_tiles": cost.n_tiles,
        "latency_s": cost.latency, "energy_J": cost.energy, "tops_per_watt": cost.tops_per_watt,
        "cpu_s": time.process_time() - start, "commit": commit(), "readout": digest(point),
    }  # fmt: skip


_DIGITAL: dict[str, float] = {}


def digital_score(point: Point) -> float:
    """Score the digital network on the same samples, once."""
    if point.network not in _DIGITAL:
        parts, y = batches_of(point.network)
        prepared = programmed(point.network, point.tile, point.rows)
        outputs = np.concatenate([digital_run(prepared, x) for x in parts])
        _DIGITAL[point.network] = entry_of(point.network).metric(outputs, y)
    return _DIGITAL[point.network]


@cache
def commit() -> str:
    """Return the last commit that changed what is measured; "+" where it was changed since."""
    parts = ["--", "aimc_spice", "calibration", "netlists"]
    return _git("log", "-1", "--format=%h", *parts) + ("+" if _git("status", "--porcelain", *parts) else "")


def _git(*arguments: str) -> str:
    root = Path(__file__).parents[2]
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def digest(point: Point) -> str:
    """Return the start of the SHA-256 of the fitted read-out's file; nothing for ideal ones."""
    if not point.variant.fitted:
        return ""
    path = share("calibration", "readouts") / f"{FITTED[point.tile, point.variant.bits]}.npz"
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def kept() -> dict[str, dict[str, object]]:
    """Return the finished points."""
    path = OUT / "points.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def keep(found: dict[str, dict[str, object]]) -> None:
    """Write the finished points, whole or not at all."""
    OUT.mkdir(parents=True, exist_ok=True)
    partial = OUT / ".points.part"
    partial.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    partial.replace(OUT / "points.json")


def available(names: Sequence[str]) -> list[str]:
    """Return the networks whose weights and data are here; say which are not."""
    found = []
    for name in names:
        try:
            entry_of(name).test(1)
            found.append(name)
        except DataError as missing:
            print(f"left out: {name} ({missing.args[0]})")
    return found


def main() -> None:
    """Measure what is not yet kept, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=NAMES, default=list(NAMES), help="networks")
    parser.add_argument("--rows", nargs="*", type=int, default=[64, 128, 256], help="tile sizes, in this order")
    parser.add_argument("--seeds", type=int, default=5, help="sets of tiles where they differ")
    parser.add_argument("--table", action="store_true", help="print what is kept and measure nothing")
    parser.add_argument("--figure", type=Path, help="draw what is kept into this file, and measure nothing")
    options = parser.parse_args()
    shown = options.table or options.figure
    for point in [] if shown else list(points(available(options.only), options.rows)):
        if point.key not in kept():
            row = measured(point, options.seeds)
            keep(kept() | {point.key: row})
            print(network_tables.line(row), f"{row['cpu_s']:.0f} s", flush=True)
    if options.figure:
        network_tables.draw(kept(), options.figure)
    print(network_tables.tables(kept()))


if __name__ == "__main__":
    main()
