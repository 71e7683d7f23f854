"""Where do circuits to fit and to judge come from? Tiles written as decks and simulated by ngspice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aimc_spice.dataset.collect import Job, Progress, collect
from aimc_spice.dataset.store import Store
from aimc_spice.device.base import ConductanceMap
from aimc_spice.errors import FitError
from aimc_spice.netlist.base import Deck
from aimc_spice.netlist.cells import PRECISE
from aimc_spice.netlist.driven import NOMINAL, Corner
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import FrontEnd
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.network import tile_deck
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate.base import Pool
from aimc_spice.surrogate.families.base import Array, Circuit, TileKind
from aimc_spice.surrogate.laws.base import LinearLaw
from aimc_spice.surrogate.laws.fit import FittedCell
from aimc_spice.surrogate.laws.separate import separate, separate_cell
from aimc_spice.surrogate.ports import linear_ports


@dataclass(frozen=True)
class TileCircuit:
    """The circuit of one kind of tile, of any size.

    Parameters
    ----------
    wire : Wire
        Segment values.
    front_end : FrontEnd
        Of every column; its linear version enters the surrogate.
    v_read : float
        Word-line voltage of x = 1 [V].
    r_driver : float
        [Ω].
    cell : Macro, optional
        None is a resistor.
    corner : Corner
        Its temperature; what else a corner changes is up to who builds the circuit.
    """

    wire: Wire
    front_end: FrontEnd
    v_read: float
    r_driver: float = 0.0
    cell: Macro | None = None
    corner: Corner = NOMINAL

    def kind(self, cell: FittedCell | None = None) -> TileKind:
        """Return what surrogates know of it; `cell` is its fitted law, needed where it has a cell.

        Raises
        ------
        FitError, OutsideValidity
            There is a cell without a law; `v_read` is beyond the law's box.
        """
        if (self.cell is None) != (cell is None):
            raise FitError("tile: a cell needs its fitted law, and a law its cell", hint="fit_cell(cell, …)")
        law = separate_cell(cell, self.v_read) if cell else separate(LinearLaw(), (1.0, 1.0), self.v_read)
        return TileKind(self.wire, linear_ports(self.front_end.linear), self.v_read, self.r_driver, law)

    def deck(self, cells: ConductanceMap, x: Array) -> Deck:
        """Return the deck of one tile for inputs (n_vectors, n_rows) in [-1, 1]."""
        cut = Partition(*cells.shape, 1, 1)
        layer = Layer(cells, cut, self.wire, self.front_end, r_driver=self.r_driver, cell=self.cell)
        (block,) = cut.blocks()
        return replace(tile_deck(layer, block, self.v_read * np.asarray(x)), options=(*PRECISE, *self.corner.options))

    def simulate(
        self,
        tiles: Sequence[tuple[ConductanceMap, Array]],
        pool: Pool,
        store: Store,
        progress: Progress | None = None,
    ) -> list[Circuit]:
        """Simulate tiles (conductances, inputs); what is stored is not simulated again."""
        decks = [self.deck(cells, x) for cells, x in tiles]
        jobs = [
            Job(f"tile {k}: {len(x)} vectors", deck) for k, (deck, (_, x)) in enumerate(zip(decks, tiles, strict=True))
        ]
        found = collect(jobs, pool, store, progress)
        return [
            Circuit(cells.g_pos, cells.g_neg, x, w.stack(deck.probes), w.deck_digest, w.simulator)
            for (cells, x), deck, w in zip(tiles, decks, found, strict=True)
        ]
