"""What does a flow need to simulate? A pool, a store, and who is told how far it is."""

from __future__ import annotations

from dataclasses import dataclass

from aimc_spice.dataset.collect import Progress
from aimc_spice.dataset.store import Store
from aimc_spice.simulate.base import Pool


@dataclass(frozen=True)
class Bench:
    """Where simulations run and where results are kept."""

    pool: Pool
    store: Store
    progress: Progress | None = None
