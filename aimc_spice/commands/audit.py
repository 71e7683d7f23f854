"""Which command checks a network against its circuits? ``audit``. Thin: options in, one call, a table out."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aimc_spice.commands.study import Choice, Data, Out, Weights, open_bench, open_study
from aimc_spice.errors import ConfigError

if TYPE_CHECKING:
    from aimc_spice.flows.audit import Effect, Finding

_OUTSIDE = ("raise", "warn")
_WIDTH = 130  # digests and errors stay on their lines, in a log too


def audit(
    study: Annotated[str, typer.Argument(help="Study file (TOML), or a network of the zoo.")],
    choice: Choice = "",
    out: Out = Path("results"),
    tiles: Annotated[int, typer.Option(min=0, help="Random tiles a layer; the worst one comes on top.")] = 2,
    vectors: Annotated[int, typer.Option(min=1, help="Inputs a tile, from activations of test images.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Picks tiles and images.")] = 0,
    data: Data = "",
    weights: Weights = "",
    tile: Annotated[str, typer.Option(help="Tile of a network of the zoo: a file or a name.")] = "current_64",
    outside: Annotated[
        str, typer.Option(help="Where a surrogate leaves the box it was calibrated for: raise, or warn.")
    ] = "raise",
    samples: Annotated[int, typer.Option(min=1, help="Samples that score a network of the zoo.")] = 500,
) -> None:
    """Run tiles of a network in ngspice, nodal solver and surrogate; say what the difference does to accuracy."""
    from aimc_spice.surrogate.base import warn_outside

    if outside not in _OUTSIDE:
        raise ConfigError(f"--outside: got {outside!r}", hint=f"one of: {', '.join(_OUTSIDE)}")
    how = (tiles, vectors, seed)
    with warn_outside() if outside == "warn" else nullcontext():
        _audit(study, choice, out, how, data, weights, tile, samples)


def _audit(
    study: str, choice: str, out: Path, how: tuple[int, int, int], data: str, weights: str, tile: str, samples: int
) -> None:
    from aimc_spice.flows.audit import audit_study

    tiles, vectors, seed = how
    if not study.endswith(".toml"):
        if choice or data or weights:
            raise ConfigError(f"{study}: --choice, --data and --weights are for studies", hint="leave them out")
        _audit_network(study, tile, out, how, samples)
        return
    config, chosen = open_study(Path(study), choice, data, weights)
    with open_bench(config, out / config.name) as bench:
        found = audit_study(config, chosen, bench, n_tiles=tiles, n_vectors=vectors, seed=seed)
        _tell(*found, bench.pool.name)


def _tell(findings: list[Finding], effect: Effect, simulator: str) -> None:
    _tell_findings(findings, simulator)
    typer.echo(
        f"accuracy {effect.accuracy:.2%}; with the measured errors at every tile {effect.with_errors:.2%}: "
        f"{effect.low * 100:+.3f} to {effect.high * 100:+.3f} points (95 %, {effect.n_runs} runs), "
        f"{effect.flipped:.3%} of labels change"
    )


def _tell_findings(findings: list[Finding], simulator: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"differences, rms (worst), of full scale; {simulator}")
    for column in ("tile", "ngspice - surrogate", "nodal - surrogate", "ngspice - nodal", "deck"):
        table.add_column(column, no_wrap=column == "tile")
    for f in findings:
        pairs = [("spice", "surrogate"), ("nodal", "surrogate"), ("spice", "nodal")]
        cells = ["not linear" if f.nodal is None and "nodal" in p else _difference(f, *p) for p in pairs]
        table.add_row(f.label, *cells, f.digest[:12])
    Console(soft_wrap=True, width=_WIDTH).print(table)


def _difference(finding: Finding, one: str, other: str) -> str:
    rms, worst = finding.error(one, other)
    return f"{rms:.1e} ({worst:.1e})"


def _audit_network(name: str, tile: str, out: Path, how: tuple[int, int, int], samples: int) -> None:
    from aimc_spice.build.tile import open_tile, tile_of
    from aimc_spice.commands.progress import progress
    from aimc_spice.dataset import Store
    from aimc_spice.dataset.bench import Bench
    from aimc_spice.flows.audit_network import audit_network, effect_of
    from aimc_spice.flows.validity import check_inside, check_linear
    from aimc_spice.network.graph import read_onnx
    from aimc_spice.network.prepare import prepare
    from aimc_spice.simulate import SimulatorPool
    from aimc_spice.workloads.zoo import load

    entry, config = load(name), open_tile(tile)
    check_linear(config)
    prepared = prepare(read_onnx(entry.model, name), *tile_of(config), entry.calibration())
    check_inside(prepared, config)
    folder, table = out / f"{name}_{config.name}", config.calibration
    n_tiles, n_vectors, seed = how
    pool = SimulatorPool(table.workers, timeout_s=table.timeout, runs_dir=folder / "runs")
    with pool, progress() as tell:
        bench = Bench(pool, Store(folder / "store"), tell)
        found = audit_network(prepared, config, bench, n_tiles=n_tiles, n_vectors=n_vectors, seed=seed)
    _tell_findings(found, pool.name)
    effect = effect_of(prepared, found, entry.test(samples), entry.metric)
    typer.echo(
        f"{effect.metric} on tiles {effect.plain:.4f}, with the measured errors as noise {effect.with_errors:.4f}: "
        f"{effect.low:+.4f} to {effect.high:+.4f} (95 %, {effect.n_runs} sets of tiles, {samples} samples)"
    )
