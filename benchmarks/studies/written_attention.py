"""What does attention lose when its scores and values are products on written tiles? A row a choice.

Every product of two activations is written into tiles with exact wires and read with fitted 8-bit converters; the rest
of the network is digital (``--whole``: on tiles as well, the same in both scores). Run, for example::

    python benchmarks/studies/written_attention.py minilm_sst2 current 64 --samples 100 --sigma 0 0.02
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from aimc_spice.build.options import options_of
from aimc_spice.build.tile import open_tile, resized, tile_of
from aimc_spice.config.network import OptionsConfig, WriteConfig
from aimc_spice.config.tile import ReadoutConfig, TileConfig
from aimc_spice.network.answers import examine, layer_costs
from aimc_spice.network.graph import Network, read_onnx
from aimc_spice.network.prepare import Prepared, prepare
from aimc_spice.workloads.zoo import ZooEntry, load

READOUTS = {"current": "ramp_8_transistor", "charge": "sar_charge_8"}
HEADER = (
    "network", "tile", "rest", "sigma", "samples", "score, attention digital", "score, written", "outputs that change",
    "SQNR of scores, of values (dB): median, least", "cells", "writing: energy, time", "all of these layers",
)  # fmt: skip


def main() -> None:
    """Read the command line, print the table."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("network", choices=("minilm_sst2", "shakespeare_gpt"))
    made.add_argument("mode", choices=tuple(READOUTS))
    made.add_argument("rows", type=int)
    made.add_argument("--samples", type=int, default=100)
    made.add_argument("--sigma", type=float, nargs="+", default=[0.0, 0.02])
    made.add_argument("--whole", action="store_true", help="static weights on tiles, too")
    chosen = made.parse_args()
    tile = resized(open_tile(f"{chosen.mode}_64"), chosen.rows)
    tile = tile.model_copy(update={"readout": ReadoutConfig(surrogate=READOUTS[chosen.mode])})
    entry = load(chosen.network)
    print("| " + " | ".join(HEADER) + " |\n|" + "---|" * len(HEADER), flush=True)
    for sigma in chosen.sigma:
        print(_row(entry, tile, sigma, chosen), flush=True)


def _row(entry: ZooEntry, tile: TileConfig, sigma: float, chosen: argparse.Namespace) -> str:
    x, y, calibration = _data(entry, chosen.samples)
    network = read_onnx(entry.model, entry.name)
    start = time.process_time()
    prepared = _prepared(network, tile, sigma, calibration, whole=chosen.whole)
    without = prepared.without_written().run(x, 0)
    found = prepared.run(x, 0)
    changed = float(np.mean(found.argmax(-1) != without.argmax(-1)))
    spent = time.process_time() - start
    errors = {e.name: e.sqnr_db for e in examine(prepared, x[:8]) if e.name in prepared.written}
    scores, values = ([v for k, v in errors.items() if part in k] for part in ("scores", "mixed"))
    costs = [c for c in layer_costs(prepared) if c.name in prepared.written]
    total = {name: sum(getattr(c, name) for c in costs) for name in (
        "cells_written", "write_energy", "write_latency", "energy", "latency")}  # fmt: skip
    cells = (
        entry.name, tile.name, "on tiles" if chosen.whole else "digital", f"{sigma:g}", str(len(x)),
        f"{entry.metric(without, y):.4f}", f"{entry.metric(found, y):.4f}", f"{changed:.2%}",
        "; ".join(f"{np.median(v):.1f}, {min(v):.1f}" for v in (scores, values)), f"{total['cells_written']:,}",
        f"{1e6 * total['write_energy']:.3g} µJ, {1e6 * total['write_latency']:.3g} µs",
        f"{1e6 * total['energy']:.3g} µJ, {1e6 * total['latency']:.3g} µs",
    )  # fmt: skip
    print(f"    {spent:.0f} s of processor time", flush=True)
    return "| " + " | ".join(cells) + " |"


def _prepared(network: Network, tile: TileConfig, sigma: float, calibration: np.ndarray, *, whole: bool) -> Prepared:
    attention = tuple(s.name for s in network.steps if s.op == "MatMul" and s.inputs[1] not in network.constants)
    matrices = {name for name, value in network.constants.items() if np.ndim(value) > 1}
    static = tuple(s.name for s in network.steps if matrices.intersection(s.inputs))
    config = OptionsConfig(digital=() if whole else static, write=WriteConfig(layers=attention, sigma=sigma))
    return prepare(network, *tile_of(tile), calibration, options_of(config, tile))


def _data(entry: ZooEntry, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return samples, targets and a calibration batch; token sequences are cut to the longest of them all."""
    (x, y), calibration = entry.test(n), entry.calibration(32)
    if entry.name == "minilm_sst2":
        longest = max(int((v != 0).sum(axis=1).max()) for v in (x, calibration))
        x, calibration = x[:, :longest], calibration[:, :longest]
    return x, y, calibration


if __name__ == "__main__":
    main()
