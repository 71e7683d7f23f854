"""How fast is the simulation engine, what does it add to ngspice's own time, and does it leak?

A 64 x 64 crossbar and 1,000 input vectors on one worker, with collection and store, against the usual PySpice loop
(build a circuit, ``operating_point()``), against alter + op on a loaded circuit, and against the best sweep that
libngspice can be driven to by hand; 1 and 2 workers on mixed decks; thousands of small jobs with one worker's memory,
files and processes watched. Every peer runs in a process of its own, all in one run, and is timed by CPU time (its own
and its worker's), so that ratios hold on a busy machine; two workers against one is wall time and wants a quiet one.
``--quick``: fewer vectors and jobs.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from _claim import claim

from aimc_spice.dataset import Job, Store, collect
from aimc_spice.dataset.plan import Grid, make_plan
from aimc_spice.netlist.base import Deck, Lines, Netlist, Transient
from aimc_spice.netlist.driven import Driven
from aimc_spice.simulate import SimulatorPool
from aimc_spice.simulate.limits import resident_mb

QUICK = "--quick" in sys.argv
N, N_VECTORS = 64, 250 if QUICK else 1000
G = np.random.default_rng(0).uniform(1e-6, 1e-4, (N, N))
VECTORS = np.random.default_rng(1).uniform(0.0, 0.3, (N_VECTORS, N))
R_WIRE, R_SENSE, BOUND_MB = 1.0, 100.0, 512.0


def elements() -> list[tuple[str, str, str, float]]:
    """Return the resistors of the crossbar: name, two nodes, value [Ω]."""
    made = [(f"s_{c}", f"out_{c}", "0", R_SENSE) for c in range(N)]
    for r in range(N):
        for c in range(N):
            left = f"w_{r}_{c - 1}" if c else f"in_{r}"
            below = f"b_{r + 1}_{c}" if r < N - 1 else f"out_{c}"
            made.append((f"w_{r}_{c}", left, f"w_{r}_{c}", R_WIRE))
            made.append((f"g_{r}_{c}", f"w_{r}_{c}", f"b_{r}_{c}", float(1.0 / G[r, c])))
            made.append((f"b_{r}_{c}", f"b_{r}_{c}", below, R_WIRE))
    return made


def crossbar(*_: object) -> Driven:
    """Return the crossbar without its sources."""
    text = "\n".join(f"r{name} {a} {b} {value!r}" for name, a, b, value in elements())
    inputs, probes = (tuple(f"{name}_{k}" for k in range(N)) for name in ("in", "out"))
    return Driven(Netlist("crossbar", (), (Lines(text),)), inputs, tuple(f"v({probe})" for probe in probes))


def pyspice_loop() -> float:
    """Seconds a vector of the usual loop."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    from PySpice.Spice.Netlist import Circuit  # noqa: PLC0415  in its own process
    from PySpice.Spice.NgSpice.Shared import NgSpiceShared  # noqa: PLC0415

    NgSpiceShared.LIBRARY_PATH = _library().replace("{", "{{")
    times = []
    for vector in VECTORS[: 3 if QUICK else 5]:
        start = time.process_time()
        circuit = Circuit("crossbar")
        for r, volt in enumerate(vector):
            circuit.V(f"in_{r}", f"in_{r}", circuit.gnd, float(volt))
        for name, a, b, value in elements():
            circuit.R(name, a, b, value)
        simulator = circuit.simulator(simulator="ngspice-shared")
        simulator.options("klu")
        answer = simulator.operating_point()
        float(np.asarray(answer["out_0"])[0])
        times.append(time.process_time() - start)
    return statistics.median(times)


def alter_loop() -> float:
    """Seconds a vector of alter + op on a loaded circuit."""
    library, folder = _loaded(crossbar().dc(VECTORS[:1]))
    n = 20 if QUICK else 50
    start = time.process_time()
    for vector in VECTORS[:n]:
        for r, volt in enumerate(vector):
            library.exec_command(f"alter vin_{r} = {volt!r}")
        library.exec_command("op")
        library.copy_plot("op", frozenset({"v(out_0)"}))
        library.exec_command("destroy all")
    folder.cleanup()
    return (time.process_time() - start) / n


def hand_sweep() -> float:
    """Seconds a vector of the best sweep by hand: one table deck, loaded once."""
    library, folder = _loaded(crossbar().dc(VECTORS[:250]))
    start = time.process_time()
    library.exec_command("run")
    library.copy_plot("dc", frozenset(crossbar().probes))
    seconds = (time.process_time() - start) / 250
    folder.cleanup()
    return seconds


def engine() -> float:
    """Seconds a vector of the engine: decks, worker, checks, store."""
    driven = crossbar()
    with tempfile.TemporaryDirectory() as folder, SimulatorPool(1) as pool:
        _warm(pool)
        start = time.process_time() + _cpu_of(pool)
        jobs = [Job(f"from {i}", driven.dc(VECTORS[i : i + 250])) for i in range(0, N_VECTORS, 250)]
        collect(jobs, pool, Store(Path(folder)))
        return (time.process_time() + _cpu_of(pool) - start) / N_VECTORS


def superposed() -> float:
    """Seconds a vector of a plan, which superposes this linear circuit."""
    with tempfile.TemporaryDirectory() as folder, SimulatorPool(1) as pool:
        _warm(pool)
        start = time.process_time() + _cpu_of(pool)
        make_plan(Grid({"crossbar": crossbar}, VECTORS)).run(pool, Store(Path(folder)))
        return (time.process_time() + _cpu_of(pool) - start) / N_VECTORS


PARTS = {part.__name__: part for part in (pyspice_loop, alter_loop, hand_sweep, engine, superposed)}


def mixed(n: int) -> list[Job]:
    """Return mixed decks: vector sweeps of the crossbar, transients and operating points."""
    driven, jobs = crossbar(), []
    for k in range(n):
        if k % 10 == 0:
            deck = driven.dc(VECTORS[k : k + 5])
        else:
            body = Lines(f"v1 in 0 sin(0 1 1e6)\nr1 in out {k + 1}e2\nc1 out 0 1e-9")
            deck = Deck(Netlist("rc", (), (body,)), Transient(2e-9, 1e-5), ("v(out)",))
        jobs.append(Job(f"mixed {k}", deck))
    return jobs


def timed(jobs: list[Job], n_workers: int) -> tuple[float, float, float]:
    """Return the wall time of a collection, and the CPU times of this process and of its workers [s]."""
    with tempfile.TemporaryDirectory() as folder, SimulatorPool(n_workers) as pool:
        _warm(pool, n_workers)
        start, here, there = time.perf_counter(), time.process_time(), _cpu_of(pool)
        collect(jobs, pool, Store(Path(folder)))
        return time.perf_counter() - start, time.process_time() - here, _cpu_of(pool) - there


def small_jobs() -> None:
    """Claim that nothing grows over thousands of small jobs."""
    n, scratch = 2000 if QUICK else 10_000, Path(tempfile.mkdtemp())
    tempfile.tempdir, memory = str(scratch), []
    files = len(list(Path("/proc/self/fd").iterdir()))
    decks = (Lines(f"v1 in 0 1\nr1 in out 1e3\nr2 out 0 {k + 1}") for k in range(n))
    jobs = [
        Job(f"small {k}", Driven(Netlist("small", (), (body,)), ("a",), ("v(out)",)).dc([[k]]))
        for k, body in enumerate(decks)
    ]
    with SimulatorPool(1) as pool:
        _warm(pool)
        first = _resident(pool)

        def watch(done: int, _total: int, _label: str) -> None:
            if done % 100 == 0:
                memory.append(_resident(pool))

        start = time.process_time() + _cpu_of(pool)
        collect(jobs, pool, Store(scratch / "store"), watch)
        seconds = time.process_time() + _cpu_of(pool) - start
        pids = [simulator.pid for simulator in pool._simulators if simulator.pid]
    left = [path for path in scratch.iterdir() if path.name != "store"] + list((scratch / "store").rglob(".*"))
    alive = [pid for pid in pids if resident_mb(pid) > 0]
    open_now = len(list(Path("/proc/self/fd").iterdir())) - files
    claim(f"memory of a worker over {n} jobs", max(memory), "MB", BOUND_MB, at_least=False, against="recycled above it")
    claim("growth of a worker", max(memory) - first, "MB", 50.0, at_least=False, against=f"{first:.0f} MB when fresh")
    claim(
        "files, processes, descriptors left", len(left) + len(alive) + open_now, "", 0, at_least=False, against="none"
    )
    claim("small jobs", 1e3 * seconds / n, "ms of CPU", 10.0, at_least=False, against="start of one ngspice -b")


def main() -> None:
    """Print the claims."""
    a_vector = {name: _in_own_process(name) for name in PARTS}
    print(", ".join(f"{name} {1e3 * value:.1f} ms/vector" for name, value in a_vector.items()))
    ours = a_vector["engine"]
    against = {"pyspice_loop": 40.0, "alter_loop": 4.5}
    for name, goal in against.items():
        claim("64x64 sweep, one worker", a_vector[name] / ours, "x", goal, at_least=True, against=name)
    claim("64x64 sweep, one worker", ours / a_vector["hand_sweep"], "x", 1.1, at_least=False, against="hand_sweep")
    claim(
        "64x64 plan, one worker",
        a_vector["alter_loop"] / a_vector["superposed"],
        "x",
        4.5,
        at_least=True,
        against="alter_loop",
    )
    claim(
        "64x64 best sweep by hand",
        a_vector["alter_loop"] / a_vector["hand_sweep"],
        "x",
        4.5,
        at_least=True,
        against="alter_loop",
    )
    jobs = mixed(60 if QUICK else 200)
    alone, parent, worker = timed(jobs, 1)
    together, _, _ = timed(jobs, 2)
    claim("two workers, mixed decks", alone / together, "x", 1.85, at_least=True, against="one worker")
    claim("overhead", parent / worker, "of the worker", 0.1, at_least=False, against="CPU time of the worker")
    small_jobs()


def _warm(pool: SimulatorPool, n_workers: int = 1) -> None:
    deck = Driven(Netlist("warm", (), (Lines("r1 a 0 1"),)), ("a",), ("v(a)",)).dc([[1.0]])
    list(pool.run_many([("warm", deck)] * 4 * n_workers))


def _resident(pool: SimulatorPool) -> float:
    return max(resident_mb(simulator.pid) for simulator in pool._simulators if simulator.pid)


def _cpu_of(pool: SimulatorPool) -> float:
    """CPU seconds of the pool's workers so far."""
    stats = [Path(f"/proc/{one.pid}/stat").read_text(encoding="ascii") for one in pool._simulators if one.pid]
    ticks = [sum(map(int, stat.rpartition(")")[2].split()[11:13])) for stat in stats]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")


def _library() -> str:
    from aimc_spice.simulate.locate import find_ngspice  # noqa: PLC0415

    return str(find_ngspice().library)


def _loaded(deck: Deck) -> tuple[object, tempfile.TemporaryDirectory[str]]:
    from aimc_spice.simulate.locate import find_ngspice  # noqa: PLC0415
    from aimc_spice.simulate.shared import _load  # noqa: PLC0415

    library, folder = _load(find_ngspice()), tempfile.TemporaryDirectory()
    path = Path(folder.name) / "deck.cir"
    deck.write(path)
    library.exec_command(f"source '{path}'")
    return library, folder


def _in_own_process(name: str) -> float:
    options = [option for option in sys.argv[1:] if option == "--quick"]
    command = [sys.executable, __file__, "--part", name, *options]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(json.loads(said.splitlines()[-1]))


if __name__ == "__main__":
    if "--part" in sys.argv:
        print(PARTS[sys.argv[sys.argv.index("--part") + 1]]())
    else:
        main()
