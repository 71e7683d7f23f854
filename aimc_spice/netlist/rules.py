"""Is a circuit electrically sound, before any simulation?

One idea: every rule is a function from a flat circuit to what it found (a count and a few examples by name);
`check_rules` runs all and raises one error. The rules, and what they do not call an error:

================== ====================================================================================================
rule               detail
================== ====================================================================================================
references         undefined subcircuits and models, wrong port counts, unknown parameters
duplicates         the same element name twice in one scope
resistances        zero, negative
capacitances       negative (zero is allowed: an absent parasitic)
shorted sources    a voltage source, E or B voltage with both ends on one node
voltage loops      voltage sources, E, B voltages and inductors in a loop: the currents are undefined or infinite
floating nodes     no DC path to ground (see `connectivity`); one entry per island. A node with a single terminal is an
                   error only where that terminal does not conduct: an unread output or an open wire end is sound
================== ====================================================================================================
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.body import Body, IntArray
from aimc_spice.netlist.connectivity import components, floating, voltage_edges, voltage_names
from aimc_spice.netlist.flat import DeviceTable, FlatCircuit, Formulas, Table
from aimc_spice.netlist.names import Names
from aimc_spice.netlist.parse import parse_netlist

_SHOWN = 10


@dataclass(frozen=True)
class Finding:
    """What one rule found: how many, and the first few in words."""

    count: int
    examples: list[str]


def check_rules(circuit: FlatCircuit) -> None:
    """Raise one error that lists every problem of a circuit.

    Parameters
    ----------
    circuit : FlatCircuit
        From `parse_netlist`, ``strict=False`` where wrong references should be listed with all else.

    Raises
    ------
    NetlistError
        At least one problem: the first ten by name, and the count.
    """
    findings = find_problems(circuit)
    if not findings:
        return
    count = sum(finding.count for finding in findings)
    shown = [text for finding in findings for text in finding.examples][:_SHOWN]
    more = [f"… and {count - len(shown)} more"] if count > len(shown) else []
    raise NetlistError(
        f"the circuit breaks the electrical rules {count} times" if count > 1 else "the circuit breaks one rule",
        where=circuit.title,
        cause=("\n" + " " * 9).join([*shown, *more]),
        hint="correct the elements named; dead_ends(circuit) lists nodes with a single terminal, often a misspelt name",
    )


def check_text(chunks: Iterable[str]) -> FlatCircuit:
    """Parse SPICE text, check it, and return the flat circuit; raises `NetlistError`."""
    circuit = parse_netlist(chunks, strict=False)
    check_rules(circuit)
    return circuit


def find_problems(circuit: FlatCircuit) -> list[Finding]:
    """Return what the rules find, without raising; empty for a sound circuit."""
    return [finding for rule in RULES if (finding := rule(circuit)).count]


def references(circuit: FlatCircuit) -> Finding:
    """Find names that are not defined, and wrong port counts."""
    return Finding(len(circuit.problems), list(circuit.problems[:_SHOWN]))


def duplicates(circuit: FlatCircuit) -> Finding:
    """Find element names that occur twice in one scope."""
    texts = [
        f"{name} occurs more than once in {f'subcircuit {scope}' if scope else 'the top level'}"
        for scope, body in circuit.source.scopes()
        for name in _repeated(body)
    ]
    return Finding(len(texts), texts[:_SHOWN])


def resistances(circuit: FlatCircuit) -> Finding:
    """Find resistors of zero or less."""
    return _wrong_values(circuit.tables["r"], lambda ohms: ~(ohms > 0), "Ω, wanted more than zero")


def capacitances(circuit: FlatCircuit) -> Finding:
    """Find negative capacitors."""
    return _wrong_values(circuit.tables["c"], lambda farads: ~(farads >= 0), "F, wanted zero or more")


def shorted_sources(circuit: FlatCircuit) -> Finding:
    """Find voltage sources with both terminals on one node."""
    edges = voltage_edges(circuit)
    rows = np.flatnonzero(edges[:, 0] == edges[:, 1])
    names = _voltage_names(circuit, rows)
    pairs = zip(names, rows[:_SHOWN].tolist(), strict=True)
    return Finding(
        len(rows), [f"{name}: both terminals are on node {circuit.node_names[edges[row, 0]]}" for name, row in pairs]
    )


def voltage_loops(circuit: FlatCircuit) -> Finding:
    """Find loops of voltage sources, E, B voltages and inductors."""
    edges = voltage_edges(circuit)
    rows = _closing_rows(edges, circuit.n_nodes)
    loops = zip(_voltage_names(circuit, rows), edges[rows[:_SHOWN]].tolist(), strict=True)
    node = circuit.node_names
    texts = [f"{name} closes a loop of voltage sources or inductors: {node[a]} to {node[b]}" for name, (a, b) in loops]
    return Finding(len(rows), texts)


def floating_nodes(circuit: FlatCircuit) -> Finding:
    """Find islands of nodes without a DC path to ground."""
    nodes, island = floating(circuit)
    _, first, counts = np.unique(island, return_index=True, return_counts=True)
    order = np.argsort(first)[:_SHOWN]
    texts = [_island_text(circuit, nodes[island == island[first[i]]], int(counts[i])) for i in order]
    return Finding(len(first), texts)


RULES: tuple[Callable[[FlatCircuit], Finding], ...] = (
    references,
    duplicates,
    resistances,
    capacitances,
    shorted_sources,
    voltage_loops,
    floating_nodes,
)


def _repeated(body: Body) -> list[str]:
    by_letter: dict[str, list[Names]] = defaultdict(list)
    for names in body.element_names():
        for letter in {name[0] for name in names} if len(names) else ():
            by_letter[letter].append(names)
    return list(dict.fromkeys(name for parts in by_letter.values() for name in Names.merged(parts).repeated()))


def _wrong_values(table: Table, is_wrong: Callable[[np.ndarray], np.ndarray], wanted: str) -> Finding:
    rows = np.flatnonzero(is_wrong(table.values))
    return Finding(len(rows), [f"{table.names[i]} is {table.values[i]:g} {wanted}" for i in rows[:_SHOWN].tolist()])


def _voltage_names(circuit: FlatCircuit, rows: np.ndarray) -> list[str]:
    wanted = set(rows[:_SHOWN].tolist())
    found = {i: name for i, name in enumerate(voltage_names(circuit)) if i in wanted} if wanted else {}
    return [found[row] for row in rows[:_SHOWN].tolist()]


def _closing_rows(edges: IntArray, n_nodes: int) -> IntArray:
    """Return the rows that close a loop, given the rows before them; edges from a node to itself are left out."""
    rows = np.flatnonzero(edges[:, 0] != edges[:, 1])
    part = components(edges, n_nodes)
    n_edges = np.bincount(part[edges[rows, 0]], minlength=part.max() + 1)
    with_loop = n_edges >= np.bincount(part)
    suspects = rows[with_loop[part[edges[rows, 0]]]]
    parent: dict[int, int] = {}
    return np.array([row for row in suspects.tolist() if not _join(parent, *edges[row].tolist())], dtype=np.int64)


def _join(parent: dict[int, int], a: int, b: int) -> bool:
    """Join two sets; False where they were joined before."""
    top_a, top_b = _top(parent, a), _top(parent, b)
    parent[top_a] = top_b
    return top_a != top_b


def _top(parent: dict[int, int], node: int) -> int:
    while (above := parent.get(node, node)) != node:
        parent[node] = node = parent.get(above, above)
    return node


def _island_text(circuit: FlatCircuit, nodes: IntArray, count: int) -> str:
    names = ", ".join(circuit.node_names[int(node)] for node in nodes[:3]) + (", …" if count > 3 else "")
    touching = ", ".join(islice(_touching(circuit, int(nodes[0])), 3))
    return f"{'node' if count == 1 else f'{count} nodes'} {names}: no DC path to ground (touched by {touching})"


def _touching(circuit: FlatCircuit, node: int) -> Iterable[str]:
    held: list[Table | Formulas | DeviceTable] = [*circuit.tables.values(), circuit.formulas, *circuit.devices]
    for table in held:
        yield from (table.names[int(row)] for row in np.flatnonzero(np.any(table.nodes == node, axis=1)))
    controls = circuit.formulas.controls
    yield from (f"the formula of {circuit.formulas.names[int(row)]}" for row in controls[controls[:, 1] == node, 0])
