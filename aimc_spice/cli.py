"""Which commands does a person type, and how do they end?

One idea: a command only reads options, calls one function of the package and prints what it returns. Exit codes:
0 done, 1 the answer is no (``doctor``: not usable), 2 wrong input or a failed simulation, 130 stopped by the person.
Everything heavy is imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from aimc_spice import __version__
from aimc_spice.commands import audit, calibrate, evaluate, store, study, tile
from aimc_spice.errors import AimcSpiceError


class _Group(TyperGroup):
    """Ends every command the same way: errors of ours and of files as text, an interrupt as a line, others as bugs."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _complain("stopped; run the same command to resume")
            raise typer.Exit(130) from None
        except AimcSpiceError as error:
            if ctx.params["debug"]:
                traceback.print_exc()
            _complain(f"{type(error).__name__}: {error}")
            raise typer.Exit(2) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of a pipe went away: click ends quietly
                raise
            if ctx.params["debug"]:
                traceback.print_exc()
            _complain(f"cannot read or write {error.filename or 'a file'}\n  cause  {error}\n  try    another path")
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=_Group,
    help="Circuit-level SPICE co-simulation of analog in-memory computing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line (the console script ``aimc-spice``)."""
    app(prog_name="aimc-spice")


def _complain(text: str) -> None:
    from rich.console import Console

    Console(stderr=True, soft_wrap=True).print(text, markup=False, highlight=False, style="red")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aimc-spice {__version__}")
        raise typer.Exit


@app.callback()
def common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of every command; `_Group` and `_print_version` read them."""


@app.command()
def doctor() -> None:
    """Say what this machine has, try both ngspice back ends, and how to get what is missing."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from aimc_spice.simulate.doctor import examine

    diagnosis = examine()
    table = Table("", "part", box=None, header_style="bold", pad_edge=False)
    table.add_column("found", overflow="fold")
    for finding in diagnosis.findings:
        table.add_row(finding.mark, Text(finding.part), Text(finding.found))
    console = Console(soft_wrap=True)
    console.print(table)
    for finding in diagnosis.findings:
        if finding.advice:
            console.print(f"{finding.part}: {finding.advice}", markup=False, highlight=False)
    console.print("usable" if diagnosis.usable else "not usable", style="bold")
    raise typer.Exit(0 if diagnosis.usable else 1)


for command in (study.netlist, study.simulate, evaluate.evaluate, study.sweep, study.report):
    app.command()(command)
app.command()(audit.audit)
app.add_typer(store.app, name="store")
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(tile.app, name="tile")
