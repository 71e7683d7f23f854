"""What should a linear circuit give, according to someone who never met ngspice?

One idea: an independent judge. It reads the deck's *text* (not the objects that wrote it), sets up modified nodal
equations (`mna`) and solves them with SciPy, so that netlists, ngspice and fast operators can all be checked against
one more opinion. Linear circuits only: R, L, C, V, I, E, G and table sources of input vectors; everything else is
refused by name. Measured: cells of 5 to 30 kΩ, 1 mΩ ties and op-amps of gain 1e6 agree with exact rational arithmetic
to 1.1e-15 in every voltage and current (1.1e-9 without the refinement of `mna`).
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import scipy

from aimc_spice.errors import AimcSpiceError, MeasurementFailed, NetlistError
from aimc_spice.netlist.base import DcSweep, Deck, OperatingPoint, Transient
from aimc_spice.netlist.flat import FlatCircuit
from aimc_spice.netlist.parse import parse_netlist
from aimc_spice.simulate.base import Array, Waveforms, about
from aimc_spice.simulate.mna import Factorised, branch_of, equations, refuse_singular
from aimc_spice.simulate.stimulus import Stimulus
from aimc_spice.simulate.timestep import transient

_PROBE = re.compile(r"\s*([vi])\s*\(\s*([^(),\s]+)\s*(?:,\s*([^(),\s]+)\s*)?\)\s*")
_NUMBERS_PER_BLOCK = 4_000_000  # unknowns times vectors held at once


class NodalSimulator:
    """Solve decks of linear circuits by nodal analysis; a `Simulator` that needs no ngspice.

    Parameters
    ----------
    tolerance : float
        Transients halve their steps until the probes change by less than this, relative to their largest value.
    """

    def __init__(self, *, tolerance: float = 1e-6) -> None:
        self.tolerance = tolerance

    @property
    def name(self) -> str:
        """Name and linear solver."""
        return f"nodal (SciPy {scipy.__version__} splu)"

    def run(self, deck: Deck, *, label: str = "") -> Waveforms:
        """Solve one deck.

        Parameters
        ----------
        deck : Deck
            Linear circuit; analysis `OperatingPoint`, `DcSweep` or `Transient`; probes ``v(node)``, ``v(a,b)`` and
            ``i(source)`` of V, E, L and table sources, with hierarchical names as ngspice writes them. A transient
            starts from the operating point at time zero and comes back on an even grid of `t_step`.
        label : str
            Where the deck belongs, for error messages.

        Raises
        ------
        NetlistError
            A malformed deck, an element that is not linear, ``.ic``, or an analysis of another kind.
        NotConverged
            A floating node, a loop of voltage sources, a singular matrix; steps that do not converge.
        MeasurementFailed
            A probe that is not in the circuit, or a value beyond ``deck.bound``.
        """
        started = time.perf_counter()
        try:
            digest, circuit = _read(deck)
            axis_name, axis, values = self._solve(deck, circuit)
            signals = dict(zip(deck.probes, values, strict=True))
            _check_bound(signals, deck.bound)
        except AimcSpiceError as bad:
            where = ", ".join(part for part in (label or deck.netlist.title, bad.where) if part)
            raise type(bad)(bad.what, where=where, cause=bad.cause, hint=bad.hint) from bad.__cause__
        wall = time.perf_counter() - started
        log = f"{circuit.n_nodes} nodes, {circuit.n_elements} elements"
        return Waveforms(axis_name, axis, signals, self.name, digest, wall, log, about(deck))

    def close(self) -> None:
        """Release nothing: there is no process."""

    def _solve(self, deck: Deck, circuit: FlatCircuit) -> tuple[str, Array, Array]:
        """Return axis name, axis (n_points,) and probes (n_probes, n_points)."""
        refuse_nonlinear(circuit)
        stimulus, analysis = Stimulus(circuit), deck.analysis
        rows = [_rows(circuit, probe) for probe in deck.probes]
        refuse_singular(circuit)
        if isinstance(analysis, Transient):
            return "time", *transient(circuit, stimulus, analysis, rows, self.tolerance)
        if isinstance(analysis, OperatingPoint):
            return "vector", np.zeros(1), _dc(circuit, stimulus, [stimulus.steady()], rows)
        if isinstance(analysis, DcSweep):
            axis = np.arange(analysis.n_vectors, dtype=np.float64)
            row = stimulus.source_row(analysis.source)
            blocks = np.array_split(axis, _n_blocks(circuit, len(axis)))
            return "vector", axis, _dc(circuit, stimulus, (stimulus.swept(row, block) for block in blocks), rows)
        raise NetlistError(
            f"the nodal judge has no analysis {analysis.card}", hint="it has OperatingPoint, DcSweep and Transient"
        )


def refuse_nonlinear(circuit: FlatCircuit) -> None:
    """Raise `NetlistError` naming the first element that is not linear, or a card that changes the problem.

    Formulas are judged by `Stimulus`.
    """
    for devices in circuit.devices:
        raise NetlistError(
            f"element {devices.names[0]} is a device: the nodal judge solves linear circuits only",
            hint="use ngspice, or a linear version of the same circuit",
        )
    if np.any(circuit.tables["r"].values == 0):
        row = int(np.flatnonzero(circuit.tables["r"].values == 0)[0])
        raise NetlistError(f"resistor {circuit.tables['r'].names[row]} is 0 Ω", hint="merge its nodes")
    initial = [card for card in circuit.cards if card.startswith(".ic")]
    if initial:
        raise NetlistError(f"the nodal judge starts from the operating point: got {initial[0]}")


def _read(deck: Deck) -> tuple[str, FlatCircuit]:
    """Parse the deck while hashing its text."""
    hasher = hashlib.sha256()

    def hashed(chunks: Iterable[str]) -> Iterator[str]:
        for chunk in chunks:
            hasher.update(chunk.encode())
            yield chunk

    circuit = parse_netlist(hashed(deck.chunks()))
    return hasher.hexdigest(), circuit


def _rows(circuit: FlatCircuit, probe: str) -> tuple[int, int]:
    """Return the two rows of the solution whose difference is the probe; ground is row 0."""
    match = _PROBE.fullmatch(probe.lower())
    if match is None:
        raise MeasurementFailed(f"cannot read the probe {probe}", hint="a probe is v(node), v(a,b) or i(source)")
    kind, first, second = match.groups()
    try:
        if kind == "v":
            return circuit.node(first), circuit.node(second or "0")
    except NetlistError as bad:
        raise MeasurementFailed(f"probe {probe} is not in the circuit", cause=bad.what, hint=bad.hint) from bad
    branch = branch_of(circuit, first)
    if branch is None:
        raise MeasurementFailed(
            f"probe {probe} is not in the circuit", hint="currents are those of V, E, L and table sources: i(v.x1.v1)"
        )
    return circuit.n_nodes + branch, 0


def _dc(circuit: FlatCircuit, stimulus: Stimulus, blocks: Iterable[Array], rows: list[tuple[int, int]]) -> Array:
    factorised = Factorised(equations(circuit, stimulus))
    plus, minus = np.array(rows).T
    solutions = (factorised.solve(sources) for sources in blocks)
    return np.concatenate([solution[plus] - solution[minus] for solution in solutions], axis=1)


def _n_blocks(circuit: FlatCircuit, n_points: int) -> int:
    return -(-circuit.n_nodes * n_points // _NUMBERS_PER_BLOCK)


def _check_bound(signals: dict[str, Any], bound: float) -> None:
    for probe, values in signals.items():
        if not np.all(np.abs(values) <= bound):
            worst = float(values[np.argmax(np.abs(values))])
            raise MeasurementFailed(
                f"{probe} is {worst:g}, wanted at most {bound:g} in magnitude",
                hint="look for a unit slip; in Python, Deck.bound where the value is right",
            )
