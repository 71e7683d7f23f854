"""How long does it take to characterise a converter of each type, and how far is its surrogate from its circuit?

Every type of the registry: 8 bits behavioural, and 6 bits of transistors; static characterisation, then held-out inputs
against the fitted read-out; Monte Carlo of a converter whose capacitors vary. Times are CPU time of this process and
its workers, over two cores, so that they hold on a busy machine. ``--quick``: 6 bits behavioural of every type, 10
samples. ``--table``: instead of claims the table of ``docs/metrology.md``: 4, 6 and 8 bits, sine test included.
"""

from __future__ import annotations

import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from _claim import claim
from engine import _cpu_of, _warm

from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import AimcSpiceError
from aimc_spice.metrology.characterise import Case, Measurements, characterise
from aimc_spice.metrology.characteristic import Characteristic
from aimc_spice.metrology.population import measure_population
from aimc_spice.metrology.search import Resolution
from aimc_spice.netlist.adcs import CONVERTERS
from aimc_spice.netlist.adcs.base import Converter, Mismatch
from aimc_spice.netlist.driven import Corner
from aimc_spice.simulate import SimulatorPool
from aimc_spice.surrogate.calibrate_readout import HeldOut, calibrate_readout
from aimc_spice.units import show

QUICK = "--quick" in sys.argv
CORES = 2
N_BITS = {"behavioural": 6 if QUICK else 8, "transistor": 6}
GOAL_S = {"behavioural": 10.0, "transistor": 300.0}
GOAL_LSB = {"behavioural": 0.25, "transistor": 0.5}
N_SAMPLES = 10 if QUICK else 200


def one_type(kind: str, level: str, pool: SimulatorPool, folder: Path) -> None:
    """Print the claims of one type at one level."""
    name = f"{kind} {N_BITS[level]} bit {level}"
    try:
        case = Case(CONVERTERS[kind](N_BITS[level], level, None, None, None))
        resolution = Resolution(1 / 64 if level == "behavioural" else 1 / 16)
        bench = Bench(pool, Store(folder / kind / level))
        start = time.process_time() + _cpu_of(pool)
        (one,) = characterise({name: case}, bench, Measurements(resolution, n_sine=0)).values()
        if not isinstance(one, Characteristic):
            raise one
        seconds = (time.process_time() + _cpu_of(pool) - start) / CORES
        readout = calibrate_readout(case, one, bench, None, HeldOut(64 if QUICK else 256))
    except AimcSpiceError as failure:
        print(f"{name}: {type(failure).__name__}: {failure}")
        claim(f"{name} measured", 0.0, "", 1.0, at_least=True, against="a characteristic")
        return
    conversions = f"{one.linearity.n_conversions} conversions"
    claim(f"{name} static", seconds, "s on 2 cores", GOAL_S[level], at_least=False, against=conversions)
    claim(f"{name} surrogate", readout.error_lsb, "LSB rms", GOAL_LSB[level], at_least=False, against="ngspice")
    energy, times = 100 * readout.energy_bias, 100 * readout.fit_time.rms_of_full_scale
    claim(f"{name} mean energy", energy, "%", 3.0, at_least=False, against="ngspice, held-out inputs")
    claim(f"{name} conversion time", times, "% rms", 5.0, at_least=False, against="ngspice, held-out inputs")


def monte_carlo(pool: SimulatorPool, folder: Path) -> None:
    """Print the claim of 200 samples of a converter of 6 bits."""

    def build(corner: Corner, seed: int | None) -> Converter:
        return CONVERTERS["sar_charge"](6, "behavioural", corner, Mismatch(a_c=3e-8), seed)

    start = time.process_time() + _cpu_of(pool)
    bench = Bench(pool, Store(folder / "monte_carlo"))
    measure_population(build, Corner(), range(N_SAMPLES), bench, Measurements(Resolution(1 / 8), n_sine=0))
    seconds = (time.process_time() + _cpu_of(pool) - start) / CORES * 200 / N_SAMPLES
    claim("Monte Carlo, 200 x 6 bit", seconds, "s on 2 cores", 600.0, at_least=False, against=f"{N_SAMPLES} measured")


def table(pool: SimulatorPool, folder: Path) -> None:
    """Print figures of merit of every type as Markdown, a row as it is measured."""
    heads = ("type", "bits", "level", "INL [LSB]", "DNL [LSB]", "offset [LSB]", "gain error", "ENOB", "time", "energy")
    heads += ("surrogate [LSB rms]", "conversions", "CPU time")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for kind, (level, n_bits) in product(CONVERTERS, CASES):
        try:
            cells = _cells(kind, level, n_bits, Bench(pool, Store(folder / f"{kind}_{level}_{n_bits}")))
        except AimcSpiceError as failure:
            cells = [f"{type(failure).__name__}: {failure.what}"]
        print(f"| {kind} | {n_bits} | {level} | {' | '.join(cells)} |", flush=True)


CASES = (("behavioural", 4), ("behavioural", 6), ("behavioural", 8), ("transistor", 6))


def _cells(kind: str, level: str, n_bits: int, bench: Bench) -> list[str]:
    case = Case(CONVERTERS[kind](n_bits, level, None, None, None))
    resolution = Resolution(1 / 64 if level == "behavioural" else 1 / 16)
    start = time.process_time() + _cpu_of(bench.pool)
    (one,) = characterise({kind: case}, bench, Measurements(resolution, n_sine=256)).values()
    if not isinstance(one, Characteristic):
        raise one
    seconds = time.process_time() + _cpu_of(bench.pool) - start
    readout = calibrate_readout(case, one, bench, None, HeldOut(128))
    f = one.figures
    defects = ", ".join(d.name for d in one.linearity.defects)
    return [
        *(f"{value:.3f}" for value in (f.inl_lsb, f.dnl_lsb, f.offset_lsb)),
        f"{100 * f.gain_error:.2f} %",
        f"{f.enob_bits:.2f}",
        show(readout.t_conv, "s", 3) if readout.t_conv else "–",
        show(readout.e_conv, "J", 3) if readout.e_conv else "–",
        f"{readout.error_lsb:.2f}",
        str(one.linearity.n_conversions) + (f", {defects}" if defects else ""),
        f"{seconds:.1f} s",
    ]


def main() -> None:
    """Print the claims, or the table."""
    levels = ("behavioural",) if QUICK else ("behavioural", "transistor")
    with tempfile.TemporaryDirectory() as folder, SimulatorPool(CORES) as pool:
        _warm(pool, CORES)
        if "--table" in sys.argv:
            return table(pool, Path(folder))
        for kind in CONVERTERS:
            for level in levels:
                one_type(kind, level, pool, Path(folder))
        return monte_carlo(pool, Path(folder))


if __name__ == "__main__":
    main()
