"""Which commands look after stored results? ``aimc-spice store list | verify | prune | export``.

Thin: options in, one walk over the store, something printed or removed. Added to the command line by `cli`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aimc_spice.dataset.store import Store

app = typer.Typer(help="Look after stored results.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="The store, for example results/demo/store.")]


@app.command("list")
def list_(store: Folder) -> None:
    """Show every result, and every deck that gave none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from aimc_spice.dataset.store import read_entry
    from aimc_spice.errors import DatasetError

    opened, table = _open(store), Table(*_COLUMNS, box=None, header_style="bold", pad_edge=False)
    for path in opened.entries():
        try:
            found = read_entry(path)
        except DatasetError as bad:
            table.add_row(path.stem[:12], Text(f"damaged: {bad.cause or bad.what}"))
            continue
        told = found.provenance
        cells = (told.get("label") or told.get("title", ""), f"{len(found.axis)} x {len(found.signals)}")
        timing = (f"{found.wall_s:.3g}", found.simulator, told.get("retries", ""))
        table.add_row(path.stem[:12], *(Text(cell) for cell in (*cells, *timing)))
    console = Console(soft_wrap=True)
    console.print(table)
    for note in opened.quarantined():
        console.print(note.read_text(encoding="utf-8").rstrip(), markup=False, highlight=False, style="red")


@app.command()
def verify(
    store: Folder, remove: Annotated[bool, typer.Option("--remove", help="Remove what is damaged.")] = False
) -> None:
    """Read every result and check it against its checksum and its name; exit code 1 where one is damaged."""
    from aimc_spice.dataset.store import read_entry
    from aimc_spice.errors import DatasetError

    counts = {"good": 0, "damaged": 0}
    for path in _open(store).entries():
        try:
            read_entry(path)
            counts["good"] += 1
        except DatasetError as bad:
            counts["damaged"] += 1
            typer.echo(f"{bad.what}: {bad.cause}" + (" (removed)" if remove else ""))
            if remove:
                path.unlink()
    typer.echo(f"{counts['good']} good, {counts['damaged']} damaged")
    raise typer.Exit(1 if counts["damaged"] else 0)


@app.command()
def prune(
    store: Folder,
    older_than: Annotated[float, typer.Option(help="Also results older than this, in days; -1: none.")] = -1.0,
    simulator: Annotated[str, typer.Option(help='Also results whose simulator has this text, as "ngspice-39".')] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove what killed runs left behind, damaged results and notes of failures; by choice also old results."""
    n_files = n_bytes = 0
    opened = _open(store)
    doomed = [*opened.left_over(), *opened.quarantined()]
    doomed += [path for path in opened.entries() if _is_doomed(path, older_than, simulator)]
    for path in doomed:
        n_files, n_bytes = n_files + 1, n_bytes + path.stat().st_size
        if not dry_run:
            path.unlink(missing_ok=True)
    typer.echo(f"{'would remove' if dry_run else 'removed'} {n_files} files, {n_bytes / 1e6:.1f} MB")


@app.command()
def export(
    store: Folder,
    out: Annotated[Path, typer.Option("--out", "-o", help="netCDF file to write.")] = Path("results.nc"),
) -> None:
    """Write all results to one labelled netCDF file, one group a form."""
    from aimc_spice.dataset.export import export as write

    typer.echo(f"{write(_open(store), out)} results: {out}")


_COLUMNS = ("key", "what", "points x probes", "seconds", "simulator", "retries")


def _open(folder: Path) -> Store:
    from aimc_spice.dataset.store import Store
    from aimc_spice.errors import DatasetError

    if not folder.is_dir():
        raise DatasetError(f"there is no store {folder}", hint="a sweep keeps its own under <out>/<study>/store")
    return Store(folder)


def _is_doomed(path: Path, older_than: float, simulator: str) -> bool:
    from aimc_spice.dataset.store import read_entry
    from aimc_spice.errors import DatasetError

    if older_than >= 0 and path.stat().st_mtime < time.time() - 86400 * older_than:
        return True
    try:
        found = read_entry(path)
    except DatasetError:
        return True
    return bool(simulator) and simulator in found.simulator
