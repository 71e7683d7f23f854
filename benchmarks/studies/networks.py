"""How good are trained networks on tiles, by kind of tile, size and converters, and what does an inference cost?

Every network of the zoo that is there, on the current-mode and the charge-mode tile of the toolkit with 64, 128 and 256
rows and columns, by ideal converters, by converters fitted to their circuits, and exactly; at the first size also with
programming errors. Finished points are kept in ``results/networks/points.json``, so stopping loses the one in
work; the same command goes on. A study, not a claim: it prints the table of ``docs/networks.md``.

    python benchmarks/studies/networks.py [--only NETWORK ...] [--rows 64 ...] [--table]
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from aimc_spice.build.tile import open_tile, resized, tile_of
from aimc_spice.config.tile import TileConfig
from aimc_spice.errors import DataError
from aimc_spice.network.answers import digital_run, examine, layer_costs, total_cost
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.options import Options
from aimc_spice.network.prepare import prepare
from aimc_spice.workloads.zoo import NAMES, ZooEntry, load

OUT = Path(__file__).parents[2] / "results" / "networks"
FITTED = {"current": "ramp_8_transistor", "charge": "sar_charge_8"}
SAMPLES = {"mnist_mlp": 10000, "fashion_cnn": 2000, "speech_ds_cnn": 300, "shakespeare_gpt": 60, "cifar_resnet20": 300}
CALIBRATION = {"mnist_mlp": 256, "fashion_cnn": 256, "speech_ds_cnn": 128, "minilm_sst2": 48}  # others 64
SLOW = ("minilm_sst2",)  # one set of tiles a point
DOWN = ("*mlp.down*",)


@dataclass(frozen=True)
class Variant:
    """What reads the columns: bits of ideal converters, fitted ones, or (neither) nothing, DAC included."""

    name: str
    bits: int = 8
    fitted: bool = False
    exact: bool = False
    sigma: float = 0.0

    @property
    def is_random(self) -> bool:
        """Whether sets of tiles differ."""
        return self.fitted or self.sigma > 0


VARIANTS = (
    Variant("fitted 8", fitted=True),
    Variant("ideal 8"),
    Variant("ideal 6", 6),
    Variant("fitted 8, programming 2 %", fitted=True, sigma=0.02),
    Variant("exact, no converters", exact=True),
)
FEW = VARIANTS[:3]


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
    """Yield all points, those that say most for their time first."""
    small = [name for name in networks if name not in SLOW]
    slow = [name for name in networks if name in SLOW]
    for n in rows:
        for variant in VARIANTS if n == rows[0] else (*FEW, VARIANTS[-1]):
            yield from (Point(name, tile, n, variant) for name in small for tile in FITTED)
        for name in slow:
            for digital in ((), DOWN) if n == rows[0] else ((),):
                yield from (Point(name, tile, n, VARIANTS[0], digital) for tile in FITTED)
            yield from (Point(name, tile, n, variant) for variant in FEW for tile in FITTED)


def tile_file(point: Point) -> TileConfig:
    """Return the tile of a point: square, its converters exchanged."""
    config = resized(open_tile(f"{point.tile}_64"), point.rows)
    readout = config.readout.model_copy(
        update={
            "n_bits": point.variant.bits,
            "surrogate": FITTED[point.tile] if point.variant.fitted else None,
        }
    )
    return config.model_copy(update={"readout": readout})


@cache
def entry_of(name: str) -> ZooEntry:
    """Read a network once."""
    return load(name)


def measured(point: Point, seeds: int) -> dict[str, object]:
    """Score a network over sets of tiles, compare its layers with digital, add up its cost."""
    start, entry = time.process_time(), entry_of(point.network)
    x, y = entry.test(SAMPLES.get(point.network))
    tile, readout = tile_of(tile_file(point))
    exact = point.variant.exact
    options = Options(digital=point.digital, dac_bits=None if exact else 8, sigma_program=point.variant.sigma)
    calibration = entry.calibration(CALIBRATION.get(point.network, 64))
    network = read_onnx(entry.model, point.network)
    prepared = prepare(network, tile, None if exact else readout, calibration, options)
    scores = []
    for seed in range(seeds):
        on = prepared.redrawn(seed) if seed else prepared
        scores.append(entry.metric(on.run(x, seed), y))
    layers, cost = examine(prepared, x[:16]), total_cost(layer_costs(prepared))
    sqnr = [layer.sqnr_db for layer in layers]
    worst = layers[int(np.argmin(sqnr))]
    return asdict(point) | {
        "metric": entry.metric.name, "digital_score": digital_score(point.network), "scores": scores,
        "n_samples": len(x), "sqnr_median_db": float(np.median(sqnr)), "sqnr_least_db": worst.sqnr_db,
        "worst_layer": worst.name, "sqnr_end_db": layers[-1].sqnr_running_db,
        "adc_clipped": max(layer.adc_clipped for layer in layers), "macs": cost.macs, "n_tiles": cost.n_tiles,
        "latency_s": cost.latency, "energy_J": cost.energy, "tops_per_watt": cost.tops_per_watt,
        "cpu_s": time.process_time() - start,
    }  # fmt: skip


@cache
def digital_score(name: str) -> float:
    """Score the digital network on the same samples."""
    entry = entry_of(name)
    x, y = entry.test(SAMPLES.get(name))
    tile, _ = tile_of(open_tile("charge_64"))
    prepared = prepare(read_onnx(entry.model, name), tile, None, entry.calibration(2), Options(dac_bits=None))
    return entry.metric(digital_run(prepared, x), y)


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


def table(found: dict[str, dict[str, object]]) -> str:
    """Return the finished points in Markdown."""
    head = "| network | tile | rows | read-out | digital | on tiles | sets | samples | SQNR, layers (dB): median, least"
    head += " | at the end | tiles | energy | latency | TOPS/W |"
    order = [*NAMES]
    rows = sorted(found.values(), key=lambda r: (order.index(r["network"]), r["tile"], r["rows"]))
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *map(line, rows)])


def line(r: dict[str, object]) -> str:
    """Return one row; exact points and ideal converters carry the cost of the tiles alone."""
    variant = r["variant"]["name"] + (f", `{' '.join(r['digital'])}` digital" if r["digital"] else "")
    cells = [
        r["network"], r["tile"], r["rows"], variant, number(r, [r["digital_score"]]), number(r, r["scores"]),
        len(r["scores"]), r["n_samples"], f"{r['sqnr_median_db']:.1f}, {r['sqnr_least_db']:.1f}",
        f"{r['sqnr_end_db']:.1f}", r["n_tiles"],
        f"{1e6 * r['energy_J']:.3g} µJ", f"{1e6 * r['latency_s']:.3g} µs", f"{r['tops_per_watt']:.3g}",
    ]  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def number(r: dict[str, object], scores: Sequence[float]) -> str:
    """Return mean ± standard deviation."""
    factor, digits, unit = (100, 2, " %") if r["metric"] == "accuracy" else (1, 3, "")
    spread = f" ± {factor * np.std(scores, ddof=1):.{digits}f}" if len(scores) > 1 else ""
    return f"{factor * np.mean(scores):.{digits}f}{spread}{unit}"


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
    """Measure what is not yet kept, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=NAMES, default=list(NAMES), help="networks")
    parser.add_argument("--rows", nargs="*", type=int, default=[64, 256, 128], help="tile sizes, in this order")
    parser.add_argument("--seeds", type=int, default=5, help="sets of tiles where they differ")
    parser.add_argument("--table", action="store_true", help="print what is kept and measure nothing")
    options = parser.parse_args()
    for point in [] if options.table else list(points(available(options.only), options.rows)):
        found = kept()
        if point.key not in found:
            seeds = options.seeds if point.variant.is_random and point.network not in SLOW else 1
            row = measured(point, seeds)
            keep(kept() | {point.key: row})
            print(line(row), f"{row['cpu_s']:.0f} s", flush=True)
    print(table(kept()))


if __name__ == "__main__":
    main()
