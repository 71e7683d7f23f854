"""How does a person see a network? As a networkx graph, a table of lines, and a drawing.

One idea: nodes are steps with shapes, weights, products and tiles as attributes; edges carry the value's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from aimc_spice.errors import NetworkError
from aimc_spice.network.answers import LayerCost, layer_costs
from aimc_spice.network.graph import Network, Step
from aimc_spice.network.lower import lowered_of
from aimc_spice.network.prepare import Prepared


@dataclass(frozen=True)
class Seen:
    """A step of one sample: shapes of its values, multiplications, weights."""

    step: Step
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    macs: int
    n_weights: int


def look(network: Network, sizes: dict[str, int] | None = None) -> list[Seen]:
    """Run one sample of zeros and note every step.

    Parameters
    ----------
    sizes : dict, optional
        Values of dimensions that have a name in the file, but for the first axis.

    Raises
    ------
    NetworkError
        A dimension without a value.
    """
    feeds = {port.name: np.zeros(_shape(port.shape, port.name, sizes or {}), port.dtype) for port in network.inputs}
    found: list[Seen] = []

    def watch(step: Step, inputs: list[Any], outputs: list[Any]) -> None:
        weights = [network.constants.get(name) if name else None for name in step.inputs]
        n_weights = sum(w.size for w in weights if w is not None and np.ndim(w) > 1)
        macs = _macs(step, weights, inputs)
        found.append(Seen(step, _shapes(inputs), _shapes(outputs), macs, n_weights))

    network.run(feeds, watch=watch)
    return found


def _shapes(values: list[Any]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(np.shape(v)) for v in values if v is not None)


def _macs(step: Step, weights: list[Any], inputs: list[Any]) -> int:
    try:
        lowered = lowered_of(step.op, step.name, step.attributes, weights, inputs, written=True)
    except NetworkError:  # it has weights that tiles cannot hold; `prepare` says so
        return 0
    return 0 if lowered is None else lowered.macs(inputs)


def _shape(shape: tuple[int | str, ...], name: str, sizes: dict[str, int]) -> tuple[int, ...]:
    unknown = [d for d in shape[1:] if isinstance(d, str) and d not in sizes]
    if unknown:
        raise NetworkError(
            f"input {name} has the shape {shape}: no value for {', '.join(map(str, unknown))}",
            hint="give sizes, for example sizes={" + ", ".join(f"{d!r}: 128" for d in unknown) + "}",
        )
    first = [1 if isinstance(d, str) else d for d in shape[:1]]
    return (*first, *(sizes[d] if isinstance(d, str) else d for d in shape[1:]))


def to_networkx(seen: list[Seen], prepared: Prepared | None = None) -> nx.DiGraph:
    """Return the graph; nodes have op, shape, macs, weights and, where mapped, tiles and utilisation."""
    graph = nx.DiGraph()
    made: dict[str, str] = {}
    rows = {} if prepared is None else {row.name: row for row in layer_costs(prepared)}
    for one in seen:
        name = one.step.name
        parts = prepared.lowered[name].parts if prepared and name in prepared.lowered else ()
        on = _tiles([rows[part] for part in parts if part in rows])
        shape = one.outputs[0] if one.outputs else ()
        graph.add_node(name, op=one.step.op, shape=shape, macs=one.macs, weights=one.n_weights, **on)
        for value in one.step.inputs:
            if value in made:
                graph.add_edge(made[value], name, value=value)
        made.update(dict.fromkeys(one.step.outputs, name))
    return graph


def _tiles(rows: list[LayerCost]) -> dict[str, float]:
    """Return the tiles of a step, and how much of them its weights fill."""
    n = sum(row.n_tiles for row in rows)
    return {"tiles": n, "utilisation": sum(row.utilisation * row.n_tiles for row in rows) / n} if n else {"tiles": 0}


def table(seen: list[Seen], prepared: Prepared | None = None) -> str:
    """Return the network as lines of text."""
    graph = to_networkx(seen, prepared)
    lines = [f"{'step':<28}{'op':<20}{'shape':<20}{'MACs':>12}{'weights':>11}{'tiles':>7}{'used':>7}"]
    for name, data in graph.nodes(data=True):
        used = f"{data['utilisation']:.0%}" if "utilisation" in data else ""
        shape = "×".join(map(str, data["shape"]))
        tiles = data["tiles"] or ""
        lines.append(
            f"{name[-27:]:<28}{data['op']:<20}{shape:<20}{data['macs']:>12,}{data['weights']:>11,}{tiles:>7}{used:>7}"
        )
    total = [sum(d[key] for _, d in graph.nodes(data=True)) for key in ("macs", "weights", "tiles")]
    lines.append(f"{'total':<68}{total[0]:>12,}{total[1]:>11,}{total[2]:>7}")
    return "\n".join(lines)


def draw(graph: nx.DiGraph, path: Path) -> None:
    """Draw the graph, mapped steps filled, in columns from inputs to outputs."""
    from matplotlib.figure import Figure  # noqa: PLC0415  slow to import

    for column, names in enumerate(nx.topological_generations(graph)):
        for name in names:
            graph.nodes[name]["column"] = column
    where = nx.multipartite_layout(graph, subset_key="column", align="horizontal")
    where = {name: (x, -y) for name, (x, y) in where.items()}
    n_columns = 1 + max(d["column"] for _, d in graph.nodes(data=True))
    figure = Figure(figsize=(7, min(40.0, max(3.0, 0.45 * n_columns))), layout="constrained")
    axes = figure.add_subplot()
    colours = ["#9ecae1" if d["tiles"] else "#eeeeee" for _, d in graph.nodes(data=True)]
    labels = {n: f"{d['op']}" + (f" · {d['tiles']} tiles" if d["tiles"] else "") for n, d in graph.nodes(data=True)}
    style = {"font_size": 7, "node_size": 500, "edge_color": "#999999"}
    nx.draw_networkx(graph, where, ax=axes, labels=labels, node_color=colours, **style)
    axes.set_axis_off()
    figure.savefig(path)
