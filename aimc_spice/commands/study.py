"""Which commands work on a study file? ``netlist``, ``simulate``, ``evaluate``, ``sweep`` and ``report``.

Thin: options in, one call of the pipeline, something printed or written. Added to the command line by `cli`.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aimc_spice.config import ChoiceConfig, StudyConfig
    from aimc_spice.dataset.bench import Bench
    from aimc_spice.netlist.base import Deck

StudyFile = Annotated[Path, typer.Argument(help="Study file (TOML), for example calibration/studies/demo.toml.")]
Choice = Annotated[
    str, typer.Option("--choice", "-c", help="Name of one partitioning of the study; default: the first.")
]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="Folder for results; finished simulations are kept under store/.")
]
Data = Annotated[str, typer.Option("--data", help="digits, mnist or a saved workload; default: what the study says.")]
Weights = Annotated[str, typer.Option("--weights", help="Shipped name or an .npz file; default: what the study says.")]
Download = Annotated[bool, typer.Option("--download", help="Download missing public data.")]
Images = Annotated[
    int, typer.Option("--images", min=-1, help="Images through whole-network ngspice; -1: as the study says.")
]

Cluster = Annotated[
    str, typer.Option("--cluster", help="local:8, tcp://host:8786 or a TOML file; default: workers of this machine.")
]


def netlist(
    study: StudyFile,
    choice: Choice = "",
    out: Annotated[Path, typer.Option("--out", "-o", help="Deck to write.")] = Path("network.cir"),
    images: Annotated[int, typer.Option(min=1, help="Input vectors in the deck: the first test images.")] = 1,
    tile: Annotated[str, typer.Option(help="Only one tile: LAYER,H,V, for example 0,2,1.")] = "",
    dialect: Annotated[str, typer.Option(help="ngspice, or translated: xyce, hspice, spectre.")] = "ngspice",
    check: Annotated[bool, typer.Option(help="Run the electrical rule checks.")] = True,
    data: Data = "",
    weights: Weights = "",
) -> None:
    """Write the SPICE deck of a whole network, or of one tile, to re-run by hand: ngspice -b FILE."""
    from aimc_spice.pipeline import deck_of

    config, chosen = open_study(study, choice, data, weights)
    deck = deck_of(config, chosen, images, tile)
    if check:
        from aimc_spice.netlist.parse import parse_netlist
        from aimc_spice.netlist.rules import check_rules

        check_rules(parse_netlist(deck.chunks(), strict=False))
    by_hand = _write(deck, out, dialect)
    size, n = out.stat().st_size / 1e6, deck.analysis.n_points or 1
    typer.echo(f"{out}: {size:.2g} MB, {n} input vector{'s' * (n > 1)}; by hand: {by_hand}")


def simulate(
    deck: Annotated[Path, typer.Argument(help="A deck, for example one that `netlist` wrote.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="netCDF file for the waveforms.")] = Path("waveforms.nc"),
    backend: Annotated[str, typer.Option(help="shared, batch or nodal.")] = "shared",
    timeout: Annotated[float, typer.Option(min=1e-3, help="Time limit in seconds.")] = 1800.0,
    runs: Annotated[Path, typer.Option(help="Folder for the evidence of failed runs.")] = Path("runs"),
    check: Annotated[bool, typer.Option(help="Run the electrical rule checks first.")] = True,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the run folder of a good run too (batch).")] = False,
) -> None:
    """Simulate a deck file and keep the checked waveforms."""
    from aimc_spice.netlist.parse import read_netlist
    from aimc_spice.netlist.read import read_deck
    from aimc_spice.netlist.rules import check_rules
    from aimc_spice.simulate import open_simulator

    if check:
        check_rules(read_netlist(deck, strict=False))
    simulator = open_simulator(backend, timeout_s=timeout, runs_dir=runs, keep=keep)  # type: ignore[arg-type]  # checked
    try:
        found = simulator.run(read_deck(deck), label=deck.stem)
    finally:
        simulator.close()
    found.save(out)
    typer.echo(f"{found.simulator}: {len(found.axis)} points of {len(found.signals)} probes in {found.wall_s:.2f} s")
    for probe in list(found.signals)[:10]:
        typer.echo(f"  {probe} = {found.signals[probe][-1]:.9g} at the last point")
    typer.echo(f"all of them: {out}")


def evaluate(
    study: StudyFile,
    choice: Choice = "",
    out: Out = Path("results"),
    data: Data = "",
    weights: Weights = "",
    download: Download = False,
) -> None:
    """Say how accurate one partitioning is by surrogate, on all test images."""
    from aimc_spice.pipeline import evaluate as run

    config, chosen = open_study(study, choice, data, weights)
    with open_bench(config, out / config.name) as bench:
        scores, fits, surrogate = run(config, chosen, bench, download=download)
    plain = re.sub(r"[^-+,.=()@\w]", "_", chosen.name)
    kept = out / config.name / f"surrogate_{plain}.npz"
    surrogate.save(kept)
    typer.echo(
        f"{chosen.name}: {scores.accuracy:.2%} of {scores.n} images (95 %: {scores.low:.2%} to {scores.high:.2%})"
    )
    for name, fit in fits.items():
        typer.echo(f"  {name}: {fit.rms_of_full_scale:.1e} of full scale rms against ngspice on held-out decks")
    typer.echo(f"surrogate kept: {kept}")


def sweep(
    study: StudyFile,
    out: Out = Path("results"),
    data: Data = "",
    weights: Weights = "",
    images: Images = -1,
    download: Download = False,
    cluster: Cluster = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be simulated; run nothing.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="One ngspice -b a deck, and keep every run folder.")] = False,
) -> None:
    """Compare all partitionings of a study: accuracy, agreement with ngspice, power, settling, area."""
    from rich.console import Console

    from aimc_spice.dataset import Store
    from aimc_spice.pipeline import attempt
    from aimc_spice.pipeline import dry_run as foresee
    from aimc_spice.report.figure import save_figure, sweep_figure
    from aimc_spice.report.table import terminal_table, write_csv, write_netcdf

    config = _study(study, data, weights)
    if images >= 0:
        spice = config.spice.model_copy(update={"n_images": images})
        config = config.model_copy(update={"spice": spice})
    folder = out / config.name
    if dry_run:
        typer.echo(foresee(config, Store(folder / "store"), download=download))
        raise typer.Exit
    with open_bench(config, folder, cluster, keep=keep) as bench:
        rows, failures = attempt(config, bench, download=download)
        simulator = bench.pool.name
    if not rows:
        raise next(iter(failures.values()))
    write_csv(rows, folder / "sweep.csv")
    write_netcdf(rows, folder / "sweep.nc", {"study": config.name, "data": config.data, "simulator": simulator})
    save_figure(sweep_figure(rows, f"{config.name}, {simulator}"), folder / "sweep.png")
    Console(soft_wrap=True).print(terminal_table(rows))
    typer.echo(f"written: {folder}/sweep.csv, sweep.nc, sweep.png; decks re-run by: aimc-spice netlist {study}")
    if failures:
        typer.echo(f"{len(failures)} of {len(config.choices)} choices have no row: {', '.join(failures)}", err=True)
        raise next(iter(failures.values()))


def report(
    table: Annotated[Path, typer.Argument(help="sweep.csv of a finished sweep.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Figure to draw (png, pdf or svg).")] = Path("sweep.png"),
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
) -> None:
    """Draw the figure of a finished sweep again, and print its table."""
    from rich.console import Console

    from aimc_spice.report.figure import save_figure, sweep_figure
    from aimc_spice.report.table import markdown_table, read_csv, terminal_table

    rows = read_csv(table)
    save_figure(sweep_figure(rows, table.parent.name), out)
    if markdown:
        typer.echo(markdown_table(rows))
    else:
        Console(soft_wrap=True).print(terminal_table(rows))
    typer.echo(f"written: {out}")


def _write(deck: Deck, out: Path, dialect: str) -> str:
    """Write a deck in a language and return the command that runs it by hand."""
    from aimc_spice.netlist.base import write_whole
    from aimc_spice.netlist.dialects import PROGRAMS, write_dialect

    if dialect == "ngspice":
        deck.write(out)
        return shlex.join(["ngspice", "-b", "-r", f"{out.stem}.raw", str(out)])
    write_whole(out, write_dialect(deck, dialect))
    return shlex.join([PROGRAMS[dialect], str(out)])


def _study(path: Path, data: str, weights: str) -> StudyConfig:
    from aimc_spice.config import load_study

    changes = {key: value for key, value in (("data", data), ("weights", weights)) if value}
    return load_study(path, **changes)


def open_study(path: Path, choice: str, data: str, weights: str) -> tuple[StudyConfig, ChoiceConfig]:
    """Read a study with changes, and pick one of its choices: the first where none is named."""
    config = _study(path, data, weights)
    return config, config.choice(choice) if choice else config.choices[0]


@contextlib.contextmanager
def open_bench(config: StudyConfig, folder: Path, cluster: str = "", *, keep: bool = False) -> Iterator[Bench]:
    """Open the pool and the store, with progress that estimates what is left."""
    from aimc_spice.commands.progress import progress
    from aimc_spice.dataset import Store
    from aimc_spice.dataset.bench import Bench
    from aimc_spice.simulate.cluster import open_pool
    from aimc_spice.simulate.limits import Limits

    spice = config.spice
    pool = open_pool(
        cluster,
        spice.workers,
        backend="batch" if keep else spice.backend,
        timeout_s=spice.timeout,
        runs_dir=folder / "runs",
        keep=keep or "failed",
        limits=Limits.of_job(spice.max_memory),
    )
    with pool, progress() as tell:
        yield Bench(pool, Store(folder / "store"), tell)
