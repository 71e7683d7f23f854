"""How long does it take to characterise a converter of each type, and how far is its surrogate from its circuit?

Every type of the registry: 8 bits behavioural, 6 and 8 bits of transistors; static characterisation, noise, then
held-out inputs against the fitted read-out; Monte Carlo of a converter whose capacitors vary. Times are CPU time of
this process and its workers, over two cores, so that they hold on a busy machine. Energy is judged without the logic,
which is reckoned. ``--quick``: 6 bits behavioural of every type, 10 samples. ``--table``: also 4 and 6 bits
behavioural, and the rows of the tables of ``docs``. ``--only TYPE,TYPE`` leaves the others out.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
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
from aimc_spice.netlist.adcs.base import RECKONED, Converter, Mismatch
from aimc_spice.netlist.adcs.noise import reckoned_noise
from aimc_spice.netlist.driven import Corner
from aimc_spice.simulate import SimulatorPool
from aimc_spice.surrogate.calibrate_readout import HeldOut, calibrate_readout
from aimc_spice.surrogate.fitted import FittedReadout
from aimc_spice.units import show

QUICK, TABLE = "--quick" in sys.argv, "--table" in sys.argv
ONLY = sys.argv[sys.argv.index("--only") + 1].split(",") if "--only" in sys.argv else list(CONVERTERS)
CORES = 2
GOAL_S = {"behavioural": 10.0, "transistor": 300.0}
GOAL_LSB = {"behavioural": 0.25, "transistor": 0.5}
N_SAMPLES = 10 if QUICK else 200
N_REPEAT = 24
FEWER = {"sar_clocked": 8, "cco": 0}  # with transistors: slow; noise far below what its levels resolve
JUDGED = (("behavioural", 6),) if QUICK else (("behavioural", 8), ("transistor", 6), ("transistor", 8))
CASES = tuple(dict.fromkeys((("behavioural", 4), ("behavioural", 6), *JUDGED))) if TABLE else JUDGED
MORE = {"cco": (("transistor", 4),)} if TABLE else {}  # its energy hangs on the input, which 4 bits hardly know
N_SINE = {("transistor", 6): 128, ("transistor", 8): 0}
N_HELD_OUT = {("transistor", 6): 128, ("transistor", 8): 64}
HEADS = "type|bits|level|INL [LSB]|DNL [LSB]|offset [LSB]|gain error|ENOB|time|energy|logic (reckoned)|noise [LSB]"
HEADS += "|closed form [LSB]|surrogate [LSB rms]|its energy [% rms]|its time [% rms]|conversions|CPU time"


@dataclass(frozen=True)
class Measured:
    """One type at one level: time of its levels on two cores [s], what was found, the closed form of its noise."""

    seconds: float
    one: Characteristic
    readout: FittedReadout
    closed_form: float


def measure(kind: str, level: str, n_bits: int, pool: SimulatorPool, folder: Path) -> Measured:
    """Measure one type; levels are timed, the rest is not."""
    case = Case(CONVERTERS[kind](n_bits, level, None, None, None))
    resolution = Resolution(1 / 64 if level == "behavioural" else 1 / 16)
    bench = Bench(pool, Store(folder / f"{kind}_{level}_{n_bits}"))
    start = time.process_time() + _cpu_of(pool)
    _one(case, bench, Measurements(resolution, n_sine=0))
    seconds = (time.process_time() + _cpu_of(pool) - start) / CORES
    n_sine = N_SINE.get((level, n_bits), 256) if TABLE else 0
    few = FEWER.get(kind, N_REPEAT) if level == "transistor" else N_REPEAT
    n_repeat = few if n_bits >= 8 else 0
    one = _one(case, bench, Measurements(resolution, n_sine=n_sine, n_repeat=n_repeat))  # levels are in the store
    readout = calibrate_readout(case, one, bench, None, HeldOut(64 if QUICK else N_HELD_OUT.get((level, n_bits), 256)))
    return Measured(seconds, one, readout, reckoned_noise(case.converter))


def _one(case: Case, bench: Bench, tests: Measurements) -> Characteristic:
    (one,) = characterise({case.converter.name: case}, bench, tests).values()
    if not isinstance(one, Characteristic):
        raise one
    return one


def claims(name: str, level: str, found: Measured) -> None:
    """Print the claims of one type at one level."""
    conversions, readout = f"{found.one.linearity.n_conversions} conversions", found.readout
    claim(f"{name} static", found.seconds, "s on 2 cores", GOAL_S[level], at_least=False, against=conversions)
    claim(f"{name} surrogate", readout.error_lsb, "LSB rms", GOAL_LSB[level], at_least=False, against="ngspice")
    energy, times = 100 * readout.fit_energy.rms_of_full_scale, 100 * readout.fit_time.rms_of_full_scale
    claim(f"{name} energy", energy, "% rms", 3.0, at_least=False, against="ngspice, held-out inputs")
    claim(f"{name} conversion time", times, "% rms", 5.0, at_least=False, against="ngspice, held-out inputs")
    if found.one.noise and found.one.noise.sigma:
        off = 100 * abs(found.one.noise.sigma / found.closed_form - 1)
        claim(f"{name} noise", off, "% off", 20.0, at_least=False, against="closed form")


def row(kind: str, level: str, n_bits: int, found: Measured) -> str:
    """Return a row of the table."""
    one, readout, f = found.one, found.readout, found.one.figures
    logic = float(readout.e_code[RECKONED].mean())
    defects = ", ".join(d.name for d in one.linearity.defects)
    lsb = one.linearity.lsb
    noise = "–" if one.noise is None else f"{one.noise.sigma / lsb:.3f}"
    if one.noise and not one.noise.sigma:
        noise = f"< {one.noise.sigma_high / lsb:.2g}"
    cells = [
        *(kind, str(n_bits), level),
        *(f"{value:.3f}" for value in (f.inl_lsb, f.dnl_lsb, f.offset_lsb)),
        f"{100 * f.gain_error:.2f} %",
        f"{f.enob_bits:.2f}",
        show(readout.t_conv, "s", 3),
        show(readout.e_conv - logic, "J", 3),
        show(logic, "J", 3),
        noise,
        f"{found.closed_form / lsb:.3f}",
        f"{readout.error_lsb:.2f}",
        f"{100 * readout.fit_energy.rms_of_full_scale:.2f}",
        f"{100 * readout.fit_time.rms_of_full_scale:.2f}",
        str(one.linearity.n_conversions) + (f", {defects}" if defects else ""),
        f"{CORES * found.seconds:.1f} s",
    ]
    return f"| {' | '.join(cells)} |"


def monte_carlo(pool: SimulatorPool, folder: Path) -> None:
    """Print the claim of 200 samples of a converter of 6 bits."""

    def build(corner: Corner, seed: int | None) -> Converter:
        return CONVERTERS["sar_charge"](6, "behavioural", corner, Mismatch(a_c=3e-8), seed)

    start = time.process_time() + _cpu_of(pool)
    bench = Bench(pool, Store(folder / "monte_carlo"))
    measure_population(build, Corner(), range(N_SAMPLES), bench, Measurements(Resolution(1 / 8), n_sine=0))
    seconds = (time.process_time() + _cpu_of(pool) - start) / CORES * 200 / N_SAMPLES
    claim("Monte Carlo, 200 x 6 bit", seconds, "s on 2 cores", 600.0, at_least=False, against=f"{N_SAMPLES} measured")


def main() -> None:
    """Print the claims, and the table."""
    with tempfile.TemporaryDirectory() as folder, SimulatorPool(CORES) as pool:
        _warm(pool, CORES)
        if TABLE:
            print(f"| {HEADS.replace('|', ' | ')} |\n|{'---|' * len(HEADS.split('|'))}")
        for kind, level, n_bits in [(one, *case) for one in ONLY for case in (*CASES, *MORE.get(one, ()))]:
            name = f"{kind} {n_bits} bit {level}"
            try:
                found = measure(kind, level, n_bits, pool, Path(folder))
            except AimcSpiceError as failure:
                print(f"{name}: {type(failure).__name__}: {failure}")
                claim(f"{name} measured", 0.0, "", 1.0, at_least=True, against="a characteristic")
                continue
            if (level, n_bits) in JUDGED:
                claims(name, level, found)
            if TABLE:
                print(row(kind, level, n_bits, found), flush=True)
        if list(CONVERTERS) == ONLY:
            monte_carlo(pool, Path(folder))


if __name__ == "__main__":
    main()
