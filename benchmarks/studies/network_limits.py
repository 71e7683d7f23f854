"""Why do layers on tiles lose what they lose: unequal bit lines, gains, ranges of rare activations, where zero lies?

Single changes of one tile file, on Fashion-MNIST and on MiniLM: the studies behind "What limits" in
``docs/networks.md``. It makes no claim of its own and keeps nothing.

    python benchmarks/studies/network_limits.py [charge|ranges|zero]
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import sys
from dataclasses import replace

import numpy as np

from aimc_spice.build.tile import charge_tile_of, open_tile, readout_of, resized, tile_of
from aimc_spice.network.answers import examine
from aimc_spice.network.fit import Reading
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.options import Options
from aimc_spice.network.prepare import Prepared, prepare
from aimc_spice.surrogate.readout import IdealReadout
from aimc_spice.workloads.zoo import ZooEntry, load


def show(title: str, prepared: Prepared, entry: ZooEntry, n: int) -> None:
    """Print score, SQNR of every layer, and the median gain over the front end as it is built."""
    x, y = entry.test(n)
    errors = examine(prepared, x[:16])
    groups = [g for layer in prepared.layers.values() for part in layer.parts for g in part.groups]
    gain = np.median([g.to_lsb[0] * g.converters.lsb for g in groups if g.converters is not None])
    print(
        f"{title}: {entry.metric(prepared.run(x, 0), y):.4f}, end {errors[-1].sqnr_running_db:.1f} dB, gain {gain:.1f}"
    )
    print("   ", "  ".join(f"{e.name} {e.sqnr_db:.1f}" for e in errors), flush=True)


def charge() -> None:
    """Load the bit lines of a charge-mode tile more and more; read with gains as built."""
    entry, config = load("fashion_cnn"), open_tile("charge_64")
    network, calibration = read_onnx(entry.model, entry.name), entry.calibration(128)
    fine = IdealReadout(12, config.readout.low, config.readout.high)
    for c_load in (5e-15, 1e-13, 1e-12):
        tile = replace(charge_tile_of(config), c_load=c_load)
        for readout, options in ((fine, Options(dac_bits=None)), (readout_of(config), Options())):
            run = prepare(network, tile, readout, calibration, options)
            show(f"charge, {1e15 * c_load:.0f} fF, {readout.n_bits} bits", run, entry, 500)
    for name in ("charge_64", "current_64"):
        options = Options(reading=Reading(adc_range="fixed"))
        show(f"{name}, gain as built", prepare(network, *tile_of(open_tile(name)), calibration, options), entry, 500)


def ranges() -> None:
    """Choose the ranges of DACs and converters in other ways, on MiniLM."""
    entry, config = load("minilm_sst2"), open_tile("charge_64")
    fitted = config.readout.model_copy(update={"surrogate": "sar_charge_8"})
    pair = tile_of(config.model_copy(update={"readout": fitted}))
    network, calibration = read_onnx(entry.model, entry.name), entry.calibration(48)
    ways = [("mse", Reading()), ("max", Reading("max")), ("max", Reading()), ("percentile", Reading("percentile"))]
    for dac, reading in [*ways, ("mse", Reading(adc_scope="column"))]:
        options = Options(dac_range=dac, reading=reading)
        title = f"DAC {dac}, converters {reading.adc_range} by {reading.adc_scope}"
        show(title, prepare(network, *pair, calibration, options), entry, 300)


def zero(n_sets: int = 2) -> None:
    """Put an output of zero at a threshold of 6-bit converters or into a step, on MiniLM and all its sentences."""
    entry = load("minilm_sst2")
    network, calibration = read_onnx(entry.model, entry.name), entry.calibration(48)
    x, y = entry.test()
    length = (x != 0).sum(axis=1)
    order = np.argsort(length, kind="stable")
    batches = [order[i : i + 64] for i in range(0, len(order), 64)]
    for kind, rows in (("charge", 64), ("charge", 128), ("current", 64)):
        config = resized(open_tile(f"{kind}_64"), rows)
        for surrogate in ({"charge": "sar_charge_6", "current": "ramp_6_transistor"}[kind], None):
            readout = config.readout.model_copy(update={"n_bits": 6, "surrogate": surrogate})
            pair = tile_of(config.model_copy(update={"readout": readout}))
            for where in ("threshold", "step"):
                scores = []
                for seed in range(n_sets if surrogate else 1):
                    options = Options(reading=Reading(zero=where), seed=seed)
                    run = prepare(network, *pair, calibration, options)
                    found = [run.run(x[some, : length[some].max()], seed) for some in batches]
                    scores.append(entry.metric(np.concatenate(found), y[order]))
                print(
                    f"{kind}, {rows} rows, {surrogate or 'ideal 6'}, zero in {where}: {np.round(scores, 4)}", flush=True
                )


if __name__ == "__main__":
    studies = {"charge": charge, "ranges": ranges, "zero": zero}
    for study in sys.argv[1:] or studies:
        studies[study]()
