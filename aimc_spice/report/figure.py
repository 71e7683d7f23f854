"""What does a partition sweep look like? Four panels over the number of sub-arrays, for people.

Accuracy with 95 % intervals (surrogate on all test images, ngspice on a sample, software), power, settling, area.
Colours are readable with colour-vision deficiency; the same data is in the CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aimc_spice.network import wilson
from aimc_spice.report.table import Row

_BLUE, _ORANGE, _GREEN, _GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
_STYLES = ("o-", "s--", "^:", "v-.")


def sweep_figure(rows: Sequence[Row], title: str) -> Figure:
    """Draw the sweep; `rows` in any order."""
    rows = sorted(rows, key=lambda row: row.n_sub_arrays)
    figure = Figure(figsize=(10, 7.5), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    _accuracy(panels[0], rows)
    _power(panels[1], rows)
    _bars(panels[2], rows, lambda r: _scaled(r.settling_s, 1e12), "settling time [ps]", _GREEN)
    _area(panels[3], rows)
    for panel in panels:
        _partition_axis(panel, rows)
    figure.suptitle(title)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG (200 dpi), or as the suffix says."""
    figure.savefig(path, dpi=200)


def _accuracy(axes: Axes, rows: Sequence[Row]) -> None:
    groups = dict.fromkeys((row.front_end, row.weights) for row in rows)
    y = [100 * row.accuracy_surrogate for row in rows]
    for group, style in zip(groups, cycle(_STYLES), strict=False):
        places = [i for i, row in enumerate(rows) if (row.front_end, row.weights) == group]
        errors = [_bars_of(rows[i].accuracy_surrogate, rows[i].n_test) for i in places]
        label = f"surrogate, {group[0]}, {rows[places[0]].n_test} images"
        bars = list(zip(*errors, strict=True))
        axes.errorbar(places, [y[i] for i in places], yerr=bars, fmt=style, color=_BLUE, capsize=3, label=label)
    spice = [
        (i + 0.08, row.accuracy_spice, row.n_spice) for i, row in enumerate(rows) if row.accuracy_spice is not None
    ]
    if spice:
        spots, shares, counts = zip(*spice, strict=True)
        errors = [_bars_of(share, n) for share, n in zip(shares, counts, strict=True)]
        axes.errorbar(
            spots,
            [100 * share for share in shares],
            yerr=list(zip(*errors, strict=True)),
            fmt="x",
            color=_ORANGE,
            capsize=2,
            elinewidth=0.8,
            label=f"whole network in ngspice, {_counts(counts)} of them",
        )
    digital = [(i, 100 * row.accuracy_digital) for i, row in enumerate(rows) if row.accuracy_digital is not None]
    if digital:
        axes.plot(*zip(*digital, strict=True), "_", color=_GREY, ms=16, label="software, no wires")
    for i, row in enumerate(rows):
        if row.best:
            axes.annotate("best", (i, y[i]), xytext=(0, -22), textcoords="offset points", ha="center", color=_BLUE)
    axes.set_ylim(0, 104)
    axes.set_ylabel("accuracy [%]")
    axes.legend(loc="lower right", frameon=False)


def _bars_of(share: float, n: int) -> tuple[float, float]:
    """Lengths of the two error bars of a share, in percent."""
    low, high = wilson(share, n)
    return 100 * (share - low), 100 * (high - share)


def _counts(counts: Sequence[int]) -> str:
    return f"{min(counts)} to {max(counts)}" if len(set(counts)) > 1 else str(counts[0])


def _bars(axes: Axes, rows: Sequence[Row], value: Callable[[Row], float | None], label: str, colour: str) -> None:
    values = [value(row) for row in rows]
    axes.bar(range(len(rows)), [v or 0.0 for v in values], color=colour, width=0.6)
    for i, v in enumerate(values):
        text = "not run" if v is None else f"{v:.3g}"
        axes.annotate(text, (i, v or 0.0), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=8)
    axes.set_ylabel(label)
    axes.margins(y=0.12)


def _power(axes: Axes, rows: Sequence[Row]) -> None:
    array, around = ([getattr(r, name) or 0.0 for r in rows] for name in ("power_array_w", "power_periphery_w"))
    axes.bar(range(len(rows)), array, color=_BLUE, width=0.6, label="arrays")
    axes.bar(range(len(rows)), around, bottom=array, color=_ORANGE, width=0.6, label="amplifiers and neurons")
    axes.set_ylabel("mean power [W]")
    axes.legend(frameon=False)


def _area(axes: Axes, rows: Sequence[Row]) -> None:
    array, around = ([1e12 * getattr(r, name) for r in rows] for name in ("area_array_m2", "area_periphery_m2"))
    axes.bar(range(len(rows)), array, color=_BLUE, width=0.6, label="cells")
    axes.bar(range(len(rows)), around, bottom=array, color=_GREY, width=0.6, label="lines' periphery")
    axes.set_ylabel("area [µm²]")
    axes.legend(frameon=False)


def _partition_axis(axes: Axes, rows: Sequence[Row]) -> None:
    labels = [f"{row.choice} ({row.n_sub_arrays})" for row in rows]
    axes.set_xticks(range(len(rows)), labels, rotation=30, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_xlabel("partitioning (number of sub-arrays)")
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
