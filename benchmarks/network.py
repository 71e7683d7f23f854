"""How much faster is the surrogate than whole-network ngspice, per image, and how far from it?

The 400-120-84-10 network on 13,4,3 x 4,3,1 sub-arrays and the toolkit's digits: ngspice on a few images, the surrogate
on 10,000 (the test images repeated), in one run on one thread.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from _claim import claim, median_time

from aimc_spice.build.study import data_of, network_of
from aimc_spice.config import load_study
from aimc_spice.dataset import Store, collect
from aimc_spice.dataset.bench import Bench
from aimc_spice.pipeline import input_voltages, program, sample_of, spice_jobs
from aimc_spice.report.compare import compare
from aimc_spice.share import share
from aimc_spice.simulate import SimulatorPool


def main() -> None:
    """Print the claims."""
    study = load_study(share("calibration", "studies", "demo.toml"))
    n_images = 2 if "--quick" in sys.argv else 10
    spice = study.spice.model_copy(update={"n_images": n_images, "images_per_deck": n_images, "transient": None})
    study = study.model_copy(update={"spice": spice})
    choice, data = study.choice("13,4,3 x 4,3,1"), data_of(study)
    network = network_of(study, choice)
    with tempfile.TemporaryDirectory() as folder, SimulatorPool(1, timeout_s=600, runs_dir=Path(folder)) as pool:
        bench = Bench(pool, Store(Path(folder) / "store"))
        surrogate = program(network, bench)
        found = collect(spice_jobs(study, choice, network, data), pool, bench.store)
        programming = median_time(lambda: program(network, bench), 3)
    volts = input_voltages(study, data.x_test[sample_of(study, choice, data)])
    seen = compare(study, network, surrogate, volts, found)
    many = np.tile(input_voltages(study, data.x_test), (28, 1))[:10_000]
    per_image = median_time(lambda: surrogate.forward(many), 3) / len(many)
    against = f"whole-network {pool.name}, {n_images} images"
    claim(
        "ngspice time / surrogate time, per image",
        seen.s_per_image / per_image,
        "1",
        1e4,
        at_least=True,
        against=against,
    )
    claim("surrogate time per image", per_image * 1e6, "us", 100, at_least=False, against="one thread, batch of 10,000")
    claim("programming the network", programming, "s", 10, at_least=False, against="59,134 differential cells, exact")
    claim("labels that agree", seen.label_agreement, "1", 0.99, at_least=True, against=against)
    claim("rms error of the outputs", seen.rms_output, "of full scale", 5e-3, at_least=False, against=against)


if __name__ == "__main__":
    main()
