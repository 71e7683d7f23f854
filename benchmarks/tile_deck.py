"""What does a whole tile in one deck cost, and are its codes those of the exact operator and an ideal quantiser?

One input vector through 32 × 32 differential columns with a converter each, in current mode and in charge mode, and
through 64 × 64 with eight columns on each converter, in charge mode 32 × 32, too; wires with R and C, op-amps with a
pole; word lines driven by ideal sources, and by DACs, pulse-width and line drivers. Once more with the crossbar reduced
to its terminals, which must change no code. Processor seconds of ngspice, so that a busy machine does not count.
``--quick`` leaves out the transistors and the 64 × 64 cell by cell.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from _claim import claim

from aimc_spice.build.rows import row_drivers
from aimc_spice.build.tile import cells_of, circuit_of, open_tile, resized
from aimc_spice.build.whole_tile import Choices, CurrentTileJudged, whole_tile
from aimc_spice.device import Device
from aimc_spice.device.capacitance import Capacitor, map_capacitances
from aimc_spice.device.mapping import map_weights
from aimc_spice.metrology.tile import TileRun, read_tile
from aimc_spice.netlist.adcs.base import Embeddable, Level, ideal_codes
from aimc_spice.netlist.adcs.ramp import ramp
from aimc_spice.netlist.adcs.ramp_column import RampColumn
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.adcs.sar_column import SarColumn, SarOnColumn
from aimc_spice.netlist.charge import ChargeCrossbar
from aimc_spice.netlist.inputs import MultiLevel
from aimc_spice.netlist.readout import OpAmp, dynamic_tia, integrator, sample_hold
from aimc_spice.netlist.rows.ideal import IdealRows
from aimc_spice.netlist.tiles.charge import ChargeTileCircuit
from aimc_spice.netlist.tiles.current import CurrentTileCircuit
from aimc_spice.netlist.tiles.multiplexer import ChargeMultiplexer
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate import BatchSimulator
from aimc_spice.surrogate.operator import tile_operator
from aimc_spice.surrogate.ports import linear_ports
from aimc_spice.surrogate.reduced import reduced_crossbar

LEVELS: tuple[Level, ...] = ("transistor", "behavioural")
OPAMP = OpAmp(gain=1e5, gbw=5e9, swing=0.85, slew=1e10)
AGAINST = "closed form: exact operator (or conserved charge) and ideal quantiser"


@dataclass(frozen=True)
class Case:
    """A tile, its inputs and the codes it should give."""

    name: str
    circuit: CurrentTileCircuit | ChargeTileCircuit
    x: np.ndarray
    codes: np.ndarray


def case(n: int, adc: Embeddable, name: str, r_f: float, share: int = 1) -> Case:
    """Return an n × n tile of random continuous weights, its range used to about two thirds."""
    rng = np.random.default_rng(0)
    weights, x = rng.uniform(-1, 1, (n, n)), rng.uniform(-1, 1, (1, n))
    cells = map_weights(weights, Device(1e-4, 1e-6), n_levels=None, zero="off", w_max=1.0)
    middle = (adc.low + adc.high) / 2
    front_end, wire = dynamic_tia(r_f=r_f, opamp=OPAMP, v_ref=middle), Wire(1.0, 1.0, 2e-16, 2e-16)
    encoding = MultiLevel(4, "none")
    circuit = CurrentTileCircuit(
        cells, wire, front_end.macro, adc, encoding, t_int=2e-8, v_read=0.2, v_ref=middle, r_driver=50.0
    )
    if share > 1:
        circuit = replace(circuit, n_shared=share, sampler=sample_hold(), t_hold=1e-9)
    ports = linear_ports(dynamic_tia(r_f=r_f, opamp=OPAMP).linear)
    operator = 0.2 * tile_operator(cells.g_pos, cells.g_neg, wire, ports, 50.0)
    codes = ideal_codes((encoding.quantise(x) @ operator + middle).ravel(), adc.n_bits, adc.low, adc.high)
    return Case(f"{n} x {n}, {name}", circuit, x, codes)


def driven(n: int, kind: str, level: Level) -> Case:
    """Return an n × n tile with a 6-bit SAR a column whose lines are driven by circuits of a kind; 4-bit inputs.

    Of bits and pulses the inputs are positive, so that one phase does; pulses take integrators. The codes are those of
    the drivers' own levels and resistance.
    """
    rows, encoding = row_drivers(kind, "current", level, 4)
    plain = case(n, sar("behavioural", 6), "", 1e4).circuit
    assert isinstance(plain, CurrentTileCircuit)
    circuit = replace(plain, drivers=rows, encoding=replace(encoding, sign="none"), t_idle=1e-9)
    if kind == "pwm":
        c_int = circuit.t_int / 1e4
        front_end = integrator(c_int=c_int, opamp=OPAMP, v_ref=circuit.v_ref, r_on=1.5e-10 / c_int)
        circuit = replace(circuit, front_end=front_end, t_hold=2e-9, t_idle=3e-9)
    x = np.random.default_rng(1).uniform(-1 if kind == "r2r" else 0, 1, (1, n))
    judged = CurrentTileJudged(circuit, dynamic_tia(r_f=1e4, opamp=OPAMP))
    return Case(f"{n} x {n}, 6 bit SAR, drivers {kind}, {level}", circuit, x, judged.codes(x))


def driven_charge(level: Level) -> Case:
    """Return a 32 × 32 tile in charge mode whose lines are driven by R-2R DACs without buffers, from rail to rail."""
    one = charge_case(32, "behavioural", f"6 bit SAR, drivers r2r, {level}")
    assert isinstance(one.circuit, ChargeTileCircuit)
    rows, encoding = row_drivers("r2r", "charge", level, 4)
    circuit = replace(one.circuit, drivers=rows, encoding=encoding, v_read=0.8)
    return replace(one, circuit=circuit, codes=circuit.ideal_codes(one.x))


def undriven(one: Case) -> Case:
    """Return the same with ideal sources behind the drivers' resistance; of mismatch there is none."""
    circuit = one.circuit
    assert isinstance(circuit, CurrentTileCircuit)
    r_driver = circuit.r_driver + circuit.drivers.r_out
    return replace(one, name=f"{one.name}, ideal", circuit=replace(circuit, drivers=IdealRows(), r_driver=r_driver))


def reduced(one: Case) -> Case:
    """Return the same with the network of the crossbar's terminals in its place."""
    circuit = one.circuit
    assert isinstance(circuit, CurrentTileCircuit)
    network = reduced_crossbar(circuit.cells, circuit.wire, circuit.r_driver)
    return replace(one, name=f"{one.name}, reduced", circuit=replace(circuit, network=network))


def charge_case(n: int, level: Level, name: str, share: int = 1, *, loaded: bool = False) -> Case:
    """Return an n × n charge-mode tile of random continuous weights, `share` columns on each converter.

    With `loaded` levels and codes reckon with what transistors bring to the lines of a shared converter.
    """
    rng = np.random.default_rng(0)
    weights, x = rng.uniform(-1, 1, (n, n)), rng.uniform(-1, 1, (1, n))
    cells = map_capacitances(weights, Capacitor(4e-15), n_levels=None)
    crossbar = ChargeCrossbar(cells, Wire(1.0, 1.0, 2e-16, 2e-16), r_driver=50.0, c_par=5e-16)
    c_bl = float(np.mean(crossbar.c_bl))
    adc = SarOnColumn.of(sar_charge(6, level, c_unit=2.5e-16), c_bl)
    # without a load no column's capacitance changes
    c_mos = ChargeMultiplexer.transistors(share) if loaded else 0.0
    mux = ChargeMultiplexer(share, level, c_port=0.0, c_mos=c_mos) if share > 1 else None
    crossbar = replace(crossbar, reset=mux.reset(c_bl) if mux else None)
    circuit = ChargeTileCircuit(crossbar, adc, MultiLevel(4, "none"), v_read=0.9, v_rest=0.9, multiplexer=mux)
    return Case(f"{n} x {n}, charge mode, {name}", circuit, x, circuit.ideal_codes(x))


def filed(tile: str, n: int, choices: Choices) -> Case:
    """Return an n × n tile of a tile file with converters of one kind, and the codes of its judge."""
    config = resized(open_tile(tile), n)
    judged = whole_tile(config, choices)
    x = np.random.default_rng(0).uniform(-1, 1, (1, n))
    shared = f"{choices.n_shared}:1 on " if choices.n_shared > 1 else ""
    name = f"{n} x {n}, {config.mode} mode, {shared}{choices.n_bits} bit {choices.converter}, {choices.level}"
    return Case(name, judged.circuit, x, judged.codes(x))


def simulate(one: Case) -> tuple[TileRun, float]:
    """Return what the tile did and the processor seconds of ngspice."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder, BatchSimulator(Path(folder), timeout_s=3000) as ngspice:
        waves = ngspice.run(one.circuit.deck(one.x, title=one.name))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return read_tile(waves, one.circuit.probes(one.x), one.circuit.adc), seconds


def report(one: Case, goal_s: float) -> np.ndarray:
    """Simulate one case, print its claims and return its codes."""
    found, seconds = simulate(one)
    off = np.abs(found.codes - one.codes)
    energy = ", ".join(f"{block} {values.mean():.3g} J" for block, values in found.energy.items())
    print(f"{one.name}: t_mvm {found.t_mvm:.4g} s, e_mvm {found.e_mvm:.3g} J ({energy}); {np.mean(off > 0):.1%} differ")
    claim(f"codes, {one.name}", float(off.max()), "LSB", 1.0, at_least=False, against=AGAINST)
    claim(f"cost, {one.name}", seconds, "s", goal_s, at_least=False, against="goal, processor time of ngspice")
    return found.codes


def sweep_cost(n: int, n_vectors: int = 8) -> float:
    """Return processor seconds of ngspice a further input vector of the DC sweep of the default n × n tile."""
    config, rng = resized(open_tile("current_64"), n), np.random.default_rng(0)
    cells, x = cells_of(config, rng.uniform(-1, 1, (n, n))), rng.uniform(-1, 1, (1 + n_vectors, n))
    circuit = circuit_of(config)
    spent = []
    with tempfile.TemporaryDirectory() as folder, BatchSimulator(Path(folder), timeout_s=3000) as ngspice:
        for batch in (x[:1], x):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            ngspice.run(circuit.deck(cells, batch))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return (spent[1] - spent[0]) / n_vectors


def compare(name: str, one: np.ndarray, other: np.ndarray, goal: float = 0.0, against: str = "cell by cell") -> None:
    """Print how far the codes of two decks are from each other."""
    claim(name, float(np.abs(one - other).max()), "LSB", goal, at_least=False, against=against)


def sar(level: Level, n_bits: int) -> SarColumn:
    """Return SAR converters with 2 ns a bit."""
    return SarColumn(sar_charge(n_bits, level))


def drivers_against_sources(kind: str) -> np.ndarray:
    """Print what drivers by equations change against ideal sources with their resistance; return their codes."""
    one = driven(32, kind, "behavioural")
    codes = report(one, 240)
    ideal = report(undriven(one), 240)
    compare(f"drivers {kind}, 32 x 32", codes, ideal, against="ideal sources behind the same resistance")
    return codes


def main() -> None:
    """Print the claims."""
    for n, goal_s in ((64, 0.25), (128, 2.0)):
        name = f"DC, a vector, {n} x {n} differential columns with op-amps"
        claim(name, sweep_cost(n), "s", goal_s, at_least=False, against="goal; it was 2 s and 2 min with torn ordering")
    report(case(32, RampColumn(ramp(8)), "8 bit ramp", 4e3), 60)
    ideal = report(case(32, sar("behavioural", 6), "6 bit SAR", 1e4), 90)
    ideal_charge = report(charge_case(32, "behavioural", "6 bit SAR"), 60)
    on_shared = report(charge_case(32, "behavioural", "8:1 on 6 bit SARs", share=8), 120)
    compare("8:1 on 6 bit SARs, 32 x 32 in charge mode", on_shared, ideal_charge, against="a converter a column")
    compare("crossbar reduced, 32 x 32", report(reduced(case(32, sar("behavioural", 6), "6 bit SAR", 1e4)), 30), ideal)
    shared = case(64, RampColumn(ramp(8)), "8:1 on 8 bit ramps", 3e3, share=8)
    quick = report(reduced(shared), 120)
    for kind, bits in (("flash", 4), ("cco", 6), ("dual_slope", 6)):
        report(filed("current_64", 32, Choices(kind, n_bits=bits)), 60)
    report(filed("charge_64", 32, Choices("ramp", n_bits=6)), 60)
    on_drivers = {"r2r": drivers_against_sources("r2r")}
    if "--quick" in sys.argv:
        return
    on_drivers |= {kind: drivers_against_sources(kind) for kind in ("pwm", "serial")}
    real, equations = (report(driven_charge(level), 600) for level in LEVELS)
    compare("drivers r2r of transistors, 32 x 32 in charge mode", real, equations, 1.0, "the same, behavioural")
    compare("crossbar reduced, 64 x 64", quick, report(shared, 300))
    report(charge_case(64, "behavioural", "6 bit SAR"), 300)
    report(charge_case(64, "behavioural", "8:1 on 6 bit SARs", share=8), 900)
    report(filed("charge_64", 64, Choices("ramp", n_bits=6, n_shared=8)), 600)
    for kind in on_drivers:
        real = report(driven(32, kind, "transistor"), 1800)
        compare(f"drivers {kind} of transistors, 32 x 32", real, on_drivers[kind], 1.0, "the same, behavioural")
    for kind in ("cco", "dual_slope"):
        report(filed("current_64", 32, Choices(kind, "transistor", 6)), 1800)
    report(filed("current_64", 32, Choices("flash", "transistor", 4)), 1800)
    report(filed("charge_64", 32, Choices("ramp", "transistor", 6)), 600)
    report(case(32, sar("behavioural", 8), "8 bit SAR", 1e4), 120)
    real = report(case(32, sar("transistor", 6), "6 bit SAR of transistors", 1e4), 600)
    compare("6 bit SAR of transistors in a 32 x 32 tile", real, ideal, 1.0, "the same, behavioural")
    real = report(charge_case(32, "transistor", "6 bit SAR of transistors"), 600)
    compare("6 bit SAR of transistors on 32 x 32 in charge mode", real, ideal_charge, 1.0, "the same, behavioural")
    real, equations = (
        report(charge_case(32, level, f"8:1 on 6 bit SARs, {level}, loaded", share=8, loaded=True), 1800)
        for level in LEVELS
    )
    compare("8:1 on 6 bit SARs of transistors, 32 x 32 in charge mode", real, equations, 1.0, "the same, behavioural")


if __name__ == "__main__":
    main()
