"""How does an evaluation look? SQNR layer by layer, score against energy, and the score over what was swept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aimc_spice.flows.evaluate import Answer


def figure(answers: Sequence[Answer], path: Path) -> None:
    """Draw SQNR of layers, the Pareto plot with its front, and where two values or more were swept, the surface."""
    from matplotlib.figure import Figure  # noqa: PLC0415  slow to import

    axes_of_sweep = [key for key in answers[0].point if len({a.point[key] for a in answers}) > 1]
    n = 3 if len(axes_of_sweep) > 1 else 2
    drawn = Figure(figsize=(4.5 * n, 3.6), layout="constrained")
    panels = drawn.subplots(1, n)
    _layers(panels[0], answers)
    _pareto(panels[1], answers)
    if n > 2:
        _surface(panels[2], answers, axes_of_sweep)
    drawn.savefig(path, dpi=150)


def _label(answer: Answer) -> str:
    return ", ".join(f"{k}={v:g}" for k, v in answer.point.items()) or "tile"


def _layers(panel: Any, answers: Sequence[Answer]) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    for answer in answers:
        sqnr = [e.sqnr_running_db for e in answer.errors]
        panel.plot(range(1, len(sqnr) + 1), sqnr, ".-", label=_label(answer), lw=0.8)
    panel.set(xlabel="layer, in the order of the table", ylabel="SQNR in the running network [dB]")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))


def _pareto(panel: Any, answers: Sequence[Answer]) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator  # noqa: PLC0415

    for answer in answers:
        panel.errorbar(answer.cost.energy, answer.mean, answer.half_width, fmt="o", label=_label(answer), ms=4)
    front = pareto(answers)
    if len(front) > 1:
        panel.plot([a.cost.energy for a in front], [a.mean for a in front], "k-", lw=0.6, label="front", zorder=0)
    panel.axhline(answers[0].digital, color="k", ls=":", lw=0.8, label="digital")
    panel.set(xlabel="energy of one inference", ylabel="score")
    panel.xaxis.set_major_formatter(EngFormatter("J"))
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.legend(fontsize=6)


def pareto(answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers that no other one beats in both energy and nearness to digital, cheapest first."""
    front: list[Answer] = []
    for answer in sorted(answers, key=lambda a: (a.cost.energy, _distance(a))):
        if not front or _distance(answer) < _distance(front[-1]):
            front.append(answer)
    return front


def _distance(answer: Answer) -> float:
    """Accuracy falls and perplexity rises on tiles: what counts is how far from digital."""
    return abs(answer.mean - answer.digital)


def _surface(panel: Any, answers: Sequence[Answer], keys: Sequence[str]) -> None:
    """Colour the mean score over the first two swept values; a third one is averaged."""
    across, up = (sorted({a.point[key] for a in answers}) for key in keys[:2])
    mean = np.array([[np.mean([a.mean for a in answers if _at(a, keys, x, y)]) for x in across] for y in up])
    shown = panel.imshow(mean, origin="lower", aspect="auto")
    for (row, col), value in np.ndenumerate(mean):
        panel.text(col, row, f"{value:.4g}", ha="center", va="center", fontsize=7, color="w")
    panel.set_xticks(range(len(across)), [f"{v:g}" for v in across])
    panel.set_yticks(range(len(up)), [f"{v:g}" for v in up])
    panel.set(xlabel=keys[0], ylabel=keys[1], title="score")
    panel.figure.colorbar(shown, ax=panel)


def _at(answer: Answer, keys: Sequence[str], x: float, y: float) -> bool:
    return answer.point[keys[0]] == x and answer.point[keys[1]] == y
