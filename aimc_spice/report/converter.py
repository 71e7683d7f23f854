"""What does a measured converter look like? Six panels for people, and a table of the figures of merit.

Transfer residual, INL and DNL over the code, spectrum of a sine, conversion time over the input, energy by block.
Corners are drawn over each other; a Monte Carlo population is a band from the 5th to the 95th percentile. The same data
is in the netCDF files. It measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.table import Table

from aimc_spice.metrology.characteristic import Characteristic, static_spectrum
from aimc_spice.metrology.levels import Array
from aimc_spice.metrology.linearity import Linearity
from aimc_spice.metrology.population import Population
from aimc_spice.metrology.spec import Spec
from aimc_spice.netlist.adcs.base import RECKONED
from aimc_spice.units import show

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666", "#E69F00", "#56B4E9")


def converter_figure(
    measured: Sequence[Characteristic], population: Population | None = None, spec: Spec | None = None
) -> Figure:
    """Draw one converter in one or several corners, the nominal one first."""
    figure = Figure(figsize=(12, 7), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    spread = population.linearities if population else []
    _lines(panels[0], measured, _residual, "level minus ideal [LSB]", [_residual_of(p) for p in spread])
    _lines(panels[1], measured, lambda m: m.linearity.inl_lsb(), "INL, endpoint [LSB]", [p.inl_lsb() for p in spread])
    _lines(panels[2], measured, lambda m: m.linearity.dnl_lsb(), "DNL, endpoint [LSB]", [p.dnl_lsb() for p in spread])
    _limits(panels[1], spec.max_inl_lsb if spec else None)
    _limits(panels[2], spec.max_dnl_lsb if spec else None)
    _spectrum(panels[3], measured[0])
    _time(panels[4], measured)
    _energy(panels[5], measured)
    panels[0].legend(frameon=False, fontsize=8)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25)
    figure.suptitle(_title(measured[0], population, spec))
    return figure


def converter_table(measured: Sequence[Characteristic], population: Population | None = None) -> Table:
    """Return the figures of merit, one column a corner; mean and standard deviation of a population."""
    table = Table(title=measured[0].name, title_justify="left")
    table.add_column("", no_wrap=True)
    for one in measured:
        table.add_column(one.corner.name, justify="right")
    if population:
        table.add_column(f"{len(population.seeds)} samples", justify="right")
    for label, field, unit in _ROWS:
        cells = [_cell(float(getattr(one.figures, field)), unit) for one in measured]
        if population:
            values = population.values(field)
            mean, sigma = float(values.mean()), float(values.std(ddof=1))
            varies = sigma > 1e-9 * abs(mean)
            cells.append(f"{_cell(mean, unit)} ± {_cell(sigma, unit)}" if varies else _cell(mean, unit))
        table.add_row(label, *cells)
    if any(RECKONED in one.record.energy for one in measured):
        table.add_row("  of it logic, reckoned", *(_cell(_reckoned(one), "J") for one in measured))
    table.add_row("noise", *(_noise(one) for one in measured))
    table.add_row("kick-back", *(_kick(one) for one in measured))
    table.add_row("defects", *(", ".join(d.name for d in one.linearity.defects) or "none" for one in measured))
    table.add_row("conversions", *(str(one.linearity.n_conversions) for one in measured))
    table.add_row("simulator time", *(f"{one.record.wall_s:.2f} s" for one in measured))
    return table


_ROWS = (
    ("max |INL|", "inl_lsb", "LSB"),
    ("max |DNL|", "dnl_lsb", "LSB"),
    ("offset", "offset_lsb", "LSB"),
    ("gain error", "gain_error", "%"),
    ("ENOB", "enob_bits", "bit"),
    ("longest conversion", "t_conv", "s"),
    ("energy", "e_conv", "J"),
)


def _cell(value: float, unit: str) -> str:
    if unit in {"s", "J"}:
        return show(value, unit, 3) if value else "–"
    return f"{100 * value:.3f} %" if unit == "%" else f"{value:.3f} {unit}"


def _reckoned(one: Characteristic) -> float:
    return float(one.record.energy[RECKONED].mean()) if RECKONED in one.record.energy else 0.0


def _noise(one: Characteristic) -> str:
    if one.noise is None:
        return "not measured"
    lsb = one.linearity.lsb
    if not one.noise.sigma:
        return f"below {one.noise.sigma_high / lsb:.2g} LSB"
    return f"{one.noise.sigma / lsb:.3f} LSB"


def _kick(one: Characteristic) -> str:
    kick = one.kick_back
    return f"{show(kick.charge_abs, 'C', 3)}, {show(kick.v_peak, 'V', 3)}" if kick else "not measured"


def _title(one: Characteristic, population: Population | None, spec: Spec | None) -> str:
    title = f"{one.name}: ENOB {one.figures.enob_bits:.2f} bit" + ("" if one.spectrum else " (levels alone)")
    if population:
        found = population.yield_for(spec or Spec())
        title += f"; yield {found.share:.1%} of {found.n} (95 %: {found.low:.1%} to {found.high:.1%})"
    return title


def _residual(one: Characteristic) -> Array:
    return _residual_of(one.linearity)


def _residual_of(line: Linearity) -> Array:
    levels, low, lsb = line.levels, line.low, line.lsb
    return np.asarray((levels - low) / lsb - np.arange(1, len(levels) + 1))


def _lines(
    axes: Axes,
    measured: Sequence[Characteristic],
    value: Callable[[Characteristic], Array],
    label: str,
    spread: Sequence[Array],
) -> None:
    if spread:
        low, middle, high = np.percentile(np.stack(spread), [5, 50, 95], axis=0)
        codes = np.arange(1, len(low) + 1)
        axes.fill_between(codes, low, high, color="#999999", alpha=0.35, lw=0, label="5 % to 95 % of samples")
        axes.plot(codes, middle, color="#999999", lw=0.8)
    for one, colour in zip(measured, cycle(_COLOURS), strict=False):
        y = value(one)
        axes.step(np.arange(1, len(y) + 1), y, where="mid", color=colour, lw=1.0, label=one.corner.name)
    axes.axhline(0, color="black", lw=0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("code")
    axes.set_ylabel(label)
    largest = max(abs(limit) for limit in axes.get_ylim())
    axes.set_ylim(-max(largest, 0.1), max(largest, 0.1))


def _limits(axes: Axes, limit: float | None) -> None:
    if limit is not None:
        for sign in (-1, 1):
            axes.axhline(sign * limit, color="black", lw=0.8, ls=":")
        largest = max(1.15 * limit, axes.get_ylim()[1])
        axes.set_ylim(-largest, largest)


def _spectrum(axes: Axes, one: Characteristic) -> None:
    waves = one.spectrum or static_spectrum(one.linearity)
    decibel = 10 * np.log10(np.maximum(waves.power, 1e-16))
    floor = max(float(np.percentile(decibel[1:], 2)), -110.0) - 10
    share = np.arange(len(decibel)) / waves.n_samples
    axes.vlines(share[1:], floor, decibel[1:], color=_COLOURS[0], lw=0.6)
    harmonics = waves.harmonics()
    axes.plot(share[harmonics], decibel[harmonics], "o", color=_COLOURS[1], ms=3, label="harmonics 2 to 10")
    axes.set_ylim(floor, 20)  # the legend stands above the carrier
    axes.set_xlabel("frequency / sampling rate")
    axes.set_ylabel("power / carrier [dB]")
    axes.set_title(f"SNDR {waves.sndr_db:.1f} dB, SFDR {waves.sfdr_db:.1f} dB, THD {waves.thd_db:.1f} dB", fontsize=9)
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def _time(axes: Axes, measured: Sequence[Characteristic]) -> None:
    for one, colour in zip(measured, cycle(_COLOURS), strict=False):
        order = np.argsort(one.record.inputs)
        axes.plot(one.record.inputs[order], 1e9 * one.record.t_conv[order], ".", color=colour, ms=2)
    axes.set_xlabel(f"input [{measured[0].linearity.unit}]")
    axes.set_ylabel("conversion time [ns]")
    longest = max(float(one.record.t_conv.max()) for one in measured)
    axes.set_ylim(0, 1.1e9 * longest or 1.0)  # where all take alike long, a margin of their differences hides them
    if not any(one.record.t_conv.any() for one in measured):
        _say(axes, "no clock")


def _energy(axes: Axes, measured: Sequence[Characteristic]) -> None:
    blocks = list(measured[0].record.energy)
    bottom = np.zeros(len(measured))
    for block, colour in zip(blocks, cycle(_COLOURS), strict=False):
        height = np.array([1e12 * one.record.energy[block].mean() for one in measured])
        axes.bar(range(len(measured)), height, bottom=bottom, color=colour, width=0.6, label=block)
        bottom += height
    names = [one.corner.name.replace(" ", "\n", 1) for one in measured]
    axes.set_xticks(range(len(measured)), names, fontsize=8)
    axes.set_xlim(-0.6, len(measured) + 0.9)  # room for the legend beside the bars
    axes.set_ylabel("mean energy of a conversion [pJ]")
    if blocks:
        axes.legend(frameon=False, fontsize=8, loc="upper right")
        axes.margins(y=0.15)
    else:
        _say(axes, "not measured")


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", color="#666666")
