"""How far is a command, and how long will the rest take?

One idea: what lies in the store comes at once and says nothing about what must be simulated, so only simulations count.
The estimate is of the batch in hand: a search for levels asks for the next one when it has seen this one's answers.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from aimc_spice.dataset.collect import Progress

_RECENT = 100  # simulations that tell how fast it goes


class Pace:
    """How long the rest of a batch takes at the pace of the last simulations.

    Parameters
    ----------
    clock : callable
        Time [s].
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last = clock, clock()
        self._took: deque[float] = deque(maxlen=_RECENT)

    def left(self, n_left: int, *, stored: bool) -> float | None:
        """Note that a job is done and return the time of the `n_left` others [s]; None before the first simulation."""
        now, before = self._clock(), self._last
        self._last = now
        if not stored:
            self._took.append(now - before)
        return n_left * sum(self._took) / len(self._took) if self._took else None


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """Show a bar on a terminal, and a line a finished simulation in a log."""
    from rich import progress as bars

    from aimc_spice.dataset.collect import STORED

    pace = Pace()
    columns = (bars.BarColumn(), bars.MofNCompleteColumn(), bars.TimeElapsedColumn())
    with bars.Progress(*columns, bars.TextColumn("{task.description}")) as bar:
        task = bar.add_task("starting", total=None)

        def tell(done: int, total: int, label: str) -> None:
            left = pace.left(total - done, stored=label.endswith(STORED))
            text = label + ("" if left is None or done == total else f", about {left:.0f} s left")
            bar.update(task, completed=done, total=total, description=text)
            if not bar.console.is_terminal:
                typer.echo(f"[{done}/{total}] {text}")

        yield tell
