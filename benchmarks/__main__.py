"""Run every benchmark of this folder and show one table: ``python benchmarks [--quick]``.

Each file also runs alone. It prints one JSON line per claim (name, value, unit, goal, met, against); other lines are
shown as they come. Exit code 1 where a file failed; a goal that is not met is shown, not hidden.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

HERE = Path(__file__).parent
COLUMNS = ("name", "value", "unit", "goal", "met", "against")


def run(path: Path, options: list[str], console: Console) -> list[dict[str, object]] | None:
    """Run one benchmark, show what it says and return its claims; None where it failed."""
    console.print(path.name, style="bold")
    started, claims = time.perf_counter(), []
    with subprocess.Popen([sys.executable, str(path), *options], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if line.startswith("{") and set(COLUMNS) <= set(claim := json.loads(line)):
                claims.append(claim)
            else:
                console.print(f"  {line.rstrip()}", style="dim", markup=False, highlight=False)
    failed = f", failed with exit code {process.returncode}" if process.returncode else ""
    console.print(f"  {time.perf_counter() - started:.1f} s{failed}")
    return None if failed else claims


def table(rows: list[dict[str, object]]) -> Table:
    """Lay the claims out."""
    shown = Table(*COLUMNS, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        value, met = row["value"], {True: "yes", False: "NO", None: "-"}[row["met"]]
        number = f"{value:.4g}" if isinstance(value, float) else str(value)
        cells = (row["name"], number, row["unit"], row["goal"], met, row["against"])
        shown.add_row(*(Text(str(cell)) for cell in cells))
    return shown


def main() -> int:
    """Run all files that are no helper (those begin with an underscore)."""
    console = Console(soft_wrap=True)
    results = [run(path, sys.argv[1:], console) for path in sorted(HERE.glob("[!_]*.py"))]
    console.print(table([row for rows in results if rows for row in rows]))
    failed = sum(rows is None for rows in results)
    if failed:
        console.print(f"{failed} of {len(results)} benchmarks failed", style="red")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
