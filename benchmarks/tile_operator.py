"""How fast is the exact operator of a crossbar with wires, and how exact?

Everything on one BLAS thread, in CPU seconds, ratios within one run: wire 1 Ω, cells 10 kΩ – 1 MΩ. Against SciPy's
sparse LU on the same network (bit lines at virtual grounds) with 1,000 vectors;
growth of the cost; batches; one vector, against the damped fixed point of CrossSim's parasitic solver (the published
method, written anew: cell currents from voltages, drops from currents summed along the lines, with the damping that
needs the fewest rounds).
``--quick`` leaves out 512 × 512.
"""

from __future__ import annotations

import os
import sys

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import math
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from _claim import claim
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

from aimc_spice.device import Device
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import LinearPorts, effective_conductance, tile_operator
from aimc_spice.surrogate.tile import CurrentTile
from aimc_spice.surrogate.voltages import bit_line_currents, node_voltages

WIRE = Wire(1.0, 1.0)
PORTS = LinearPorts(np.array([[1e3, 0.0], [-1.0, 1e3]]), np.array([1e6, -1e6]))


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the least CPU time of some runs [s]."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def cells(*shape: int) -> np.ndarray:
    """Return conductances [S]."""
    return 1 / np.random.default_rng(0).uniform(1e4, 1e6, shape)


def sparse(g: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return bit-line currents for inputs (n_vectors, n) by sparse LU: factorise, solve in blocks of 100."""
    n = len(g)
    w = np.arange(n * n).reshape(n, n)
    b = w + n * n
    ends = [(w[:, :-1], w[:, 1:], 1.0), (b[:-1], b[1:], 1.0), (w, b, g)]
    i, j, y = (
        np.concatenate(parts)
        for parts in zip(
            *((a.ravel(), c.ravel(), np.broadcast_to(x, a.shape).ravel()) for a, c, x in ends), strict=True
        )
    )
    grounded = np.concatenate([w[:, 0], b[-1]])
    rows, columns = np.concatenate([i, j, i, j, grounded]), np.concatenate([i, j, j, i, grounded])
    matrix = coo_matrix((np.concatenate([y, y, -y, -y, np.ones(2 * n)]), (rows, columns))).tocsc()
    lu = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0)
    found = []
    for some in np.array_split(v, -(-len(v) // 100)):
        right = np.zeros((matrix.shape[0], len(some)))
        right[w[:, 0]] = some.T
        found.append(lu.solve(right)[b[-1]].T)
    return np.concatenate(found)


def fixed_point(g: np.ndarray, v: np.ndarray, damping: float, rounds: int) -> np.ndarray:
    """Return bit-line currents (n,) for one input (n,) after some rounds."""
    across, currents = np.repeat(v[:, None], g.shape[1], axis=1), np.empty_like(g)
    drop, along_bit = np.empty_like(g), np.empty_like(g)
    for _ in range(rounds):
        np.multiply(g, across, out=currents)
        np.cumsum(currents[:, ::-1], axis=1, out=drop[:, ::-1])
        np.cumsum(drop, axis=1, out=drop)
        drop *= WIRE.r_wire_wl
        np.cumsum(currents, axis=0, out=along_bit)
        np.cumsum(along_bit[::-1], axis=0, out=along_bit[::-1])
        along_bit *= WIRE.r_wire_bl
        drop += along_bit
        np.subtract(v[:, None], drop, out=drop)
        drop -= across
        drop *= damping
        across += drop
    found: np.ndarray = (g * across).sum(0)
    return found


def one_vector(g: np.ndarray, v: np.ndarray, wanted: float = 1e-6) -> None:
    """Compare ways to solve one array for one input, each with the least work that is exact to `wanted`."""
    exact = v @ effective_conductance(g, WIRE)

    def error(found: np.ndarray) -> float:
        return float(np.abs(found - exact).max() / exact.max())

    tries = [(rounds, damping) for rounds in range(1, 60) for damping in np.arange(0.5, 1.6, 0.05)]
    rounds, damping = next(some for some in tries if error(fixed_point(g, v, some[1], some[0])) <= wanted)
    tolerances = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
    tolerance = next(t for t in tolerances if error(bit_line_currents(g, WIRE, v[None], tolerance=t)[0]) <= wanted)
    spent = []
    for _ in range(5):  # in turn: what else runs on the machine slows both
        ours = seconds(lambda: bit_line_currents(g, WIRE, v[None], tolerance=tolerance), 1)
        spent.append((ours, seconds(lambda: fixed_point(g, v, damping, rounds), 1)))
    ours, theirs = (min(times) for times in zip(*spent, strict=True))
    ours_error = error(bit_line_currents(g, WIRE, v[None], tolerance=tolerance)[0])
    about = f"fixed point, damping {damping:.2f}, {rounds} rounds, {1e3 * theirs:.1f} ms, error "
    about += f"{error(fixed_point(g, v, damping, rounds)):.0e}; ours {1e3 * ours:.1f} ms, error {ours_error:.0e}"
    claim("one vector, 256x256", ours / theirs, "of the time", 1.5, at_least=False, against=about)


def programming() -> None:
    """Print what programming all tiles of MiniLM-L6 takes: time from 16 tiles, memory at work beside in and out."""
    device = Device.from_resistances(1e4, 1e6)
    tile = CurrentTile(128, 128, device, WIRE, PORTS, 0.2)
    weights = np.random.default_rng(0).uniform(-1, 1, (16, 128, 128)).astype(np.float32)
    n_weights = 10.6e6
    spent = n_weights / weights.size * seconds(lambda: tile.program(weights)) / 2
    claim("MiniLM-L6, 128x128 differential", spent, "s on 2 cores", 45, at_least=False, against="goal, from 16 tiles")
    tracemalloc.start()
    matrices = tile.program(weights)
    at_work = tracemalloc.get_traced_memory()[1] - matrices.nbytes
    tracemalloc.stop()
    memory = 2 + at_work / (4 * n_weights)
    claim("its peak memory", memory, "of the fp32 weights", 3, at_least=False, against="goal; weights and matrices: 2")
    exact = tile.program(weights.astype(np.float64))
    error = float(np.abs(matrices - exact).max() / np.abs(exact).max())
    claim("single-precision matrices", error, "of the largest", 1e-7, at_least=False, against="double precision")


def main() -> None:
    """Print the claims."""
    quick = "--quick" in sys.argv
    g, v = cells(256, 256), np.random.default_rng(1).random((1000, 256))
    wanted: list[np.ndarray] = []
    by_lu = seconds(lambda: wanted.append(sparse(g, v)), 1)
    ours = seconds(lambda: v @ effective_conductance(g, WIRE))
    error = np.abs(v @ effective_conductance(g, WIRE) - wanted[0]).max() / np.abs(wanted[0]).max()
    claim(
        "operator + 1,000 vectors, 256x256",
        by_lu / ours,
        "times",
        50,
        at_least=True,
        against="SciPy splu, factor and solve",
    )
    claim("its error", float(error), "of the largest", 1e-10, at_least=False, against="SciPy splu")
    pair = cells(2, 256, 256)
    differential = seconds(lambda: v @ tile_operator(pair[0], pair[1], WIRE, PORTS))
    claim(
        "same for a differential pair of arrays",
        2 * by_lu / differential,
        "times",
        50,
        at_least=True,
        against="SciPy splu of one array, twice",
    )
    sizes = (64, 128, 256) if quick else (128, 256, 512)
    spent = [seconds(lambda n=n: effective_conductance(cells(n, n), WIRE)) for n in sizes]
    power = math.log(spent[-1] / spent[0]) / math.log(sizes[-1] / sizes[0])
    claim(f"growth from {sizes[0]} to {sizes[-1]}", power, "power of n", 3.3, at_least=False, against="goal")
    tiles = cells(2, 100 if quick else 1000, 64, 64)
    rate = len(tiles[0]) / seconds(lambda: effective_conductance(tiles[0], WIRE), 1)
    claim("batch of 64x64", rate, "tiles/s", 300, at_least=True, against="goal, one core")
    rate = len(tiles[0]) / seconds(lambda: tile_operator(tiles[0], tiles[1], WIRE, PORTS), 1)
    claim("batch of 64x64 differential", rate, "tiles/s", 150, at_least=True, against="half the goal: twice the cells")
    programming()
    batch = cells(2, 16, 128, 128)
    minutes = 85e6 / 128**2 / 16 * seconds(lambda: tile_operator(batch[0], batch[1], WIRE, PORTS)) / 60 / 2
    claim(
        "BERT-base encoder, 128x128 differential",
        minutes,
        "min on 2 cores",
        5,
        at_least=False,
        against="goal, from 16 tiles",
    )
    one_vector(g, v[0])
    one = seconds(lambda: node_voltages(pair[0], pair[1], WIRE, PORTS, v[:1], tolerance=1e-7))
    claim(
        "one vector, 256x256 differential, every node",
        differential / one,
        "times",
        1,
        at_least=True,
        against="the operator and 1,000 vectors",
    )
    exact = v[:1] @ tile_operator(pair[0], pair[1], WIRE, PORTS)
    near = node_voltages(pair[0], pair[1], WIRE, PORTS, v[:1], tolerance=1e-7).out
    claim(
        "its error",
        float(np.abs(near - exact).max() / np.abs(exact).max()),
        "of the largest",
        1e-6,
        at_least=False,
        against="the operator",
    )


if __name__ == "__main__":
    main()
