"""How are the finished points of `networks` shown? A matrix to read, a long table to look up, a figure to see.

One idea: points are rows of a dictionary as the study keeps them; nothing is measured here.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from aimc_spice.workloads.zoo import NAMES

Row = dict[str, Any]
HEAD = (
    "network", "tile", "rows", "read-out", "digital", "on tiles", "sets", "samples",
    "SQNR, layers (dB): median, least", "at the end", "tiles", "energy", "latency", "TOPS/W",
)  # fmt: skip
ROWS, BITS, TILES = (64, 128, 256), (8, 6), ("current", "charge")


def tables(found: dict[str, Row]) -> str:
    """Return the matrix, the long table and what they were measured with."""
    return "\n\n".join([matrix(found), long(found), versions(found)])


def matrix(found: dict[str, Row]) -> str:
    """Return scores with fitted converters in Markdown: a line for each network and kind of tile."""
    head = ["network (digital)", "tile", *(f"{n} rows, {bits} bits" for n in ROWS for bits in BITS)]
    lines = [head, ["---", "---", *["---:"] * (len(head) - 2)]]
    for name in NAMES:
        for tile in TILES:
            cells = [_cell(found, name, tile, n, bits) for n in ROWS for bits in BITS]
            lines.append([_title(found, name), tile, *cells])
    return _markdown(lines)


def _cell(found: dict[str, Row], name: str, tile: str, rows: int, bits: int) -> str:
    row = found.get(f"{name}, {tile}, {rows} rows, fitted {bits}")
    return "–" if row is None else number(row, row["scores"], unit=False)


def _title(found: dict[str, Row], name: str) -> str:
    rows = [r for r in found.values() if r["network"] == name]
    return f"{name} ({number(rows[0], [rows[0]['digital_score']])})" if rows else name


def long(found: dict[str, Row]) -> str:
    """Return all finished points in Markdown."""
    order = {name: k for k, name in enumerate(NAMES)}
    rows = sorted(found.values(), key=lambda r: (order[r["network"]], r["tile"], r["rows"]))
    return "\n".join([_markdown([list(HEAD), ["---"] * len(HEAD)]), *map(line, rows)])


def line(r: Row) -> str:
    """Return one line; exact points and ideal converters carry the cost of the tiles alone."""
    variant = r["variant"]["name"] + (f", `{' '.join(r['digital'])}` digital" if r["digital"] else "")
    cells = [
        r["network"], r["tile"], r["rows"], variant, number(r, [r["digital_score"]]), number(r, r["scores"]),
        len(r["scores"]), r["n_samples"], f"{r['sqnr_median_db']:.1f}, {r['sqnr_least_db']:.1f}",
        f"{r['sqnr_end_db']:.1f}", r["n_tiles"],
        f"{1e6 * r['energy_J']:.3g} µJ", f"{1e6 * r['latency_s']:.3g} µs", f"{r['tops_per_watt']:.3g}",
    ]  # fmt: skip
    return _markdown([cells])


def number(r: Row, scores: list[float], *, unit: bool = True) -> str:
    """Return mean ± standard deviation."""
    factor, digits, of = _unit(r)
    spread = f" ± {factor * np.std(scores, ddof=1):.{digits}f}" if len(scores) > 1 else ""
    return f"{factor * np.mean(scores):.{digits}f}{spread}{of if unit else ''}"


def _unit(r: Row) -> tuple[float, int, str]:
    return (100.0, 2, " %") if r["metric"] == "accuracy" else (1.0, 3, "")


def versions(found: dict[str, Row]) -> str:
    """Say which commit measured how many points."""
    counts = Counter(r["commit"] for r in found.values())
    return "Measured at " + ", ".join(f"{commit} ({n} points)" for commit, n in counts.items())


def _markdown(lines: list[list[Any]]) -> str:
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in lines)


def draw(found: dict[str, Row], path: Path) -> None:
    """Draw scores over rows, a panel a network."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  only the figure wants it

    names = [name for name in NAMES if any(r["network"] == name for r in found.values())]
    figure, axes = plt.subplots(2, -(-len(names) // 2), figsize=(3.6 * -(-len(names) // 2), 6), layout="constrained")
    for name, axis in zip(names, axes.flat, strict=False):
        _panel(axis, found, name)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panel(axis: Any, found: dict[str, Row], name: str) -> None:
    example = next(r for r in found.values() if r["network"] == name)
    factor, _, unit = _unit(example)
    axis.axhline(factor * example["digital_score"], color="0.4", lw=1, ls=":", label="digital")
    for tile, colour in zip(TILES, ("C0", "C1"), strict=True):
        for bits, style in zip(BITS, ("o-", "s--"), strict=True):
            rows = [r for n in ROWS if (r := found.get(f"{name}, {tile}, {n} rows, fitted {bits}"))]
            mean = [factor * np.mean(r["scores"]) for r in rows]
            error = [factor * np.std(r["scores"], ddof=1) if len(r["scores"]) > 1 else 0.0 for r in rows]
            apart = 0.12 * TILES.index(tile) + 0.06 * BITS.index(bits) - 0.09  # so that bars do not hide each other
            at = [ROWS.index(r["rows"]) + apart for r in rows]
            label = f"{tile}, {bits} bits"
            axis.errorbar(at, mean, error, fmt=style, color=colour, ms=4, capsize=3, label=label,
                          mfc=colour if bits == BITS[0] else "white")  # fmt: skip
    axis.set_xticks(range(len(ROWS)), ROWS)
    axis.set(title=name, xlabel="rows", ylabel=f"accuracy ({unit.strip()})" if unit else "perplexity")
