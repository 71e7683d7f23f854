"""What does a calibration of a tile look like on one page? Four panels, a table, and the decks that were worst.

Errors are those of decks that judged, neither fitted nor used to choose; the figure counts each in its tile's own full
scale, the table in the span over all of them. Colours are readable with colour-vision
deficiency; the numbers are in ``record.json``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from aimc_spice.surrogate.base import Fit
from aimc_spice.surrogate.calibrated import CalibratedTile, Record
from aimc_spice.surrogate.families.base import Circuit
from aimc_spice.units import show

Array = NDArray[np.float64]
Step = tuple[Array, Array, Array]
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#666666"
_N_LINES = 4


def tile_figure(tile: CalibratedTile, judged: Sequence[Circuit], steps: Sequence[Step]) -> Figure:
    """Draw errors and time.

    Parameters
    ----------
    tile : CalibratedTile
        The surrogate.
    judged : sequence of Circuit
        Tiles that judged it.
    steps : sequence of (t, spice, model)
        Times (n_t,) [s]; outputs of ngspice and of the model, (n_t, n_cols) [V].
    """
    figure = Figure(figsize=(10, 7.5), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    errors = [_errors(tile, c) for c in judged]
    _histogram(panels[0], errors)
    _position(panels[1], errors)
    _tiles(panels[2], judged, errors)
    _time(panels[3], steps)
    figure.suptitle(f"{tile.record.name}: {tile.record.family}, judged by {tile.record.output.simulator}")
    return figure


def worst_tiles(tile: CalibratedTile, judged: Sequence[Circuit], n: int = 3) -> list[tuple[str, float]]:
    """Return the digests of the worst judging decks with their rms errors, as fractions of their own full scale."""
    errors = [(c.digest, float(np.sqrt(np.mean(_errors(tile, c) ** 2)))) for c in judged]
    return sorted(errors, key=lambda pair: -pair[1])[:n]


def _errors(tile: CalibratedTile, judged: Circuit) -> Array:
    """Return the errors of all outputs, as fractions of the tile's own full scale."""
    y = judged.y
    return (tile.program(judged.g_pos, judged.g_neg)(judged.x) - y) / (float(np.ptp(y)) or 1.0)


def tile_page(record: Record, worst: Sequence[tuple[str, float]], command: str) -> str:
    """Return the report as Markdown."""
    box, interval = record.box, record.interval
    lines = [
        f"# Tile {record.name}",
        "",
        f"Made by `{command}`, seed {record.seed}, judged by {record.output.simulator}.",
        "",
        f"Holds for {box.n_rows[0]} to {box.n_rows[1]} word lines, {box.n_cols[0]} to {box.n_cols[1]} columns,",
        f"cells of {show(box.cells[0], box.unit)} to {show(box.cells[1], box.unit)},",
        f"inputs within ±{show(box.v_read, 'V')}.",
        "",
        "| quantity | rms error | worst | ngspice itself | decks |",
        "|---|---|---|---|---|",
        *(_row(name, fit, own) for name, fit, own in _quantities(record) if fit),
        "",
        *_stepped(record),
        f"Interval: at least {interval.level:.0%} of outputs of a new tile lie within ±{interval.width:.2e}",
        f"of a column's scale, vouched for by {interval.n_circuits} tiles, {interval.held:.1%} of whose outputs do.",
        f"An operation of a full tile takes {show(record.t_mvm, 's')} and {show(record.e_mvm, 'J')}",
        "(drivers and front ends, without converters).",
        f"More decks for the wanted error: {record.more_decks}.",
        "",
        *_corners(record),
        *_fitted(record),
        f"Chosen: {record.family}, {record.why}.",
        "",
        *_families(record),
        "Worst decks, each with all its outputs in a run folder under the results (run one again there by",
        "`ngspice -b -r deck.raw deck.cir`; the figures begin its SHA-256), rms of its own full scale:",
        *(f"- `{record.name}/worst_{k}`, {digest[:12]}: {e:.2e}" for k, (digest, e) in enumerate(worst)),
        "",
        "![errors and time](report.png)",
    ]
    return "\n".join(lines) + "\n"


def _quantities(record: Record) -> list[tuple[str, Fit | None, float | None]]:
    own = record.judge
    settling, energy, latency = (own.settling, own.energy, own.latency) if own else (None, None, None)
    return [
        ("output, of full scale", record.output, None),
        ("output at any time, of full scale", record.settling, settling),
        ("energy of the drivers, relative", record.energy, energy),
        ("settling time, relative", record.latency, latency),
    ]


def _row(name: str, fit: Fit, own: float | None) -> str:
    n, doubt = len(set(fit.held_out)), "" if own is None else f"{own:.1e}"
    return f"| {name} | {fit.rms / fit.full_scale:.2e} | {fit.worst / fit.full_scale:.2e} | {doubt} | {n} |"


def _stepped(record: Record) -> list[str]:
    if not record.judge:
        return []
    shapes = ", ".join(f"{rows}×{cols}" for rows, cols in record.judge.shapes)
    return [f"Stepped in time: {shapes}; *ngspice itself*: what its answers still change as its steps are halved.", ""]


def _families(record: Record) -> list[str]:
    rows = [
        f"| {one['family']} | {one['rms_percent']:.2e} | {one['worst_percent']:.2e} | {one['flops']:.3g} |"
        for one in record.choice
    ]
    return ["| family | rms, % of full scale | worst, % | flops |", "|---|---|---|---|", *rows, ""] if rows else []


def _corners(record: Record) -> list[str]:
    rows = [
        f"| {name} | {100 * fit.rms_of_full_scale:.2e} | {100 * fit.worst / fit.full_scale:.2e} | {len(fit.held_out)} |"
        for name, fit in record.corners.items()
    ]
    head = ["| at another corner | rms, % of full scale | worst, % | decks |", "|---|---|---|---|"]
    told = ["", "It was not calibrated there: `--corner NAME` does that.", ""]
    return [*head, *rows, *told] if rows else []


def _fitted(record: Record) -> list[str]:
    if not record.rounds:
        return []
    first, *more = record.rounds
    again = f", then {' + '.join(map(str, more))} where the error was largest" if more else ""
    return [f"Fitted to {first} tiles that fill the space{again}.", ""]


def _histogram(axes: Axes, errors: Sequence[Array]) -> None:
    values = 100 * np.concatenate([e.ravel() for e in errors])
    axes.hist(values, bins=81, color=_BLUE)
    axes.set(xlabel="error [% of full scale]", ylabel="outputs", yscale="log", title="errors of all outputs")
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 2))
    axes.locator_params(axis="x", nbins=6)


def _position(axes: Axes, errors: Sequence[Array]) -> None:
    """Rms error against the column's place, from the drivers to the far end."""
    for e in errors:
        place = (np.arange(e.shape[1]) + 0.5) / e.shape[1]
        axes.plot(place, 100 * np.sqrt(np.mean(e**2, axis=0)), ".", color=_GREY, markersize=3)
    axes.set(xlabel="column, from the drivers (0) to the far end (1)", ylabel="rms error [% of full scale]")
    axes.set(yscale="log", title="error against position")


def _tiles(axes: Axes, judged: Sequence[Circuit], errors: Sequence[Array]) -> None:
    size = [c.g_pos.size for c in judged]
    rms = [100 * float(np.sqrt(np.mean(e**2))) for e in errors]
    worst = [100 * float(np.abs(e).max()) for e in errors]
    axes.plot(size, rms, "o", color=_BLUE, label="rms")
    axes.plot(size, worst, "^", color=_ORANGE, label="worst")
    axes.set(xlabel="cells of the tile", ylabel="error [% of full scale]", yscale="log", title="tiles that judged")
    axes.legend()


def _time(axes: Axes, steps: Sequence[Step]) -> None:
    if not steps:
        axes.text(0.5, 0.5, "not stepped", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    t, spice, model = steps[0]
    for k, column in enumerate(np.argsort(-np.abs(spice[-1]))[:_N_LINES]):
        axes.plot(1e9 * t, 1e3 * spice[:, column], "-", color=_GREY, linewidth=2.5, label="" if k else "ngspice")
        axes.plot(1e9 * t, 1e3 * model[:, column], "--", color=_ORANGE, label="" if k else "model")
    axes.set(xlabel="time [ns]", ylabel="output [mV]", title="one step, its largest columns")
    axes.legend()
