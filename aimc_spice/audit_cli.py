"""Which command checks a network against its circuits? ``audit``. Thin: options in, one call, a table out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aimc_spice.study_cli import Choice, Data, Out, StudyFile, Weights, open_bench, open_study

if TYPE_CHECKING:
    from aimc_spice.audit import Effect, Finding


def audit(
    study: StudyFile,
    choice: Choice = "",
    out: Out = Path("results"),
    tiles: Annotated[int, typer.Option(min=0, help="Random tiles a layer; the worst one comes on top.")] = 2,
    vectors: Annotated[int, typer.Option(min=1, help="Inputs a tile, from activations of test images.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Picks tiles and images.")] = 0,
    data: Data = "",
    weights: Weights = "",
) -> None:
    """Run tiles of a network in ngspice, nodal solver and surrogate; say what the difference does to accuracy."""
    from aimc_spice.audit import audit_study

    config, chosen = open_study(study, choice, data, weights)
    with open_bench(config, out / config.name) as bench:
        found = audit_study(config, chosen, bench, n_tiles=tiles, n_vectors=vectors, seed=seed)
        _tell(*found, bench.pool.name)


def _tell(findings: list[Finding], effect: Effect, simulator: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"differences, rms (worst), of full scale; {simulator}")
    for column in ("tile", "ngspice - surrogate", "nodal - surrogate", "ngspice - nodal", "deck"):
        table.add_column(column, no_wrap=column == "tile")
    for f in findings:
        pairs = [("spice", "surrogate"), ("nodal", "surrogate"), ("spice", "nodal")]
        cells = ["not linear" if f.nodal is None and "nodal" in p else _difference(f, *p) for p in pairs]
        table.add_row(f.label, *cells, f.digest[:12])
    Console(soft_wrap=True).print(table)
    typer.echo(
        f"accuracy {effect.accuracy:.2%}; with the measured errors at every tile {effect.with_errors:.2%}: "
        f"{effect.low * 100:+.3f} to {effect.high * 100:+.3f} points (95 %, {effect.n_runs} runs), "
        f"{effect.flipped:.3%} of labels change"
    )


def _difference(finding: Finding, one: str, other: str) -> str:
    rms, worst = finding.error(one, other)
    return f"{rms:.1e} ({worst:.1e})"
