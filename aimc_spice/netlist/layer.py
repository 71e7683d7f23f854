"""What is one analog layer: a conductance map cut over tiles, wires, drivers, front ends and neurons?

One idea: a `Layer` is the complete circuit description of one weight matrix, shared by the deck writer, the
operator and the evaluator. A *tile* is the subcircuit of one sub-array: crossbar plus one front end a column::

      wl_0 ─┐  ┌──────────┐ bp_c  ┌───────────┐
      wl_1 ─┼──┤ crossbar ├───────┤ front end ├── out_c      the out_c of all horizontal partitions of a column
       ...  │  │          ├───────┤           │             are tied through r_tie to one node: they average
      wl_n ─┘  └──────────┘ bn_c  └───────────┘

Word lines of every tile start at the ideal input node: routing to the tiles is not modelled, as published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aimc_spice.device.base import ConductanceMap
from aimc_spice.errors import NetlistError
from aimc_spice.netlist.base import Lines, Part, Subckt, fold
from aimc_spice.netlist.crossbar import Crossbar
from aimc_spice.netlist.library import FrontEnd
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.partition import Block, Partition
from aimc_spice.netlist.wire import Wire
from aimc_spice.units import show, spice


@dataclass(frozen=True)
class Layer:
    """One weight matrix on tiles.

    Parameters
    ----------
    cells : ConductanceMap
        Conductances of the whole matrix, bias row last where it has one.
    partition : Partition
        The cut; its size must be that of `cells`.
    wire : Wire
        Segment values.
    front_end : FrontEnd
        Read-out of each column of each tile.
    neuron : Macro, optional
        Circuit behind each output; none for a bare matrix–vector product.
    r_driver : float
        Word-line driver resistance [Ω].
    r_tie : float
        Resistor from each front end to the common node of an output [Ω]. Equal resistors average whatever their value;
        the published 1 mΩ lets more than 1000 A circulate between ideal amplifiers, so the default is 10 kΩ (assumed).
    cell : Macro, optional
        A user's cell subcircuit.
    """

    cells: ConductanceMap
    partition: Partition
    wire: Wire
    front_end: FrontEnd
    neuron: Macro | None = None
    r_driver: float = 0.0
    r_tie: float = 1e4
    cell: Macro | None = None

    def __post_init__(self) -> None:
        if (self.partition.n_rows, self.partition.n_cols) != self.cells.shape:
            raise NetlistError(
                f"partition is of a {self.partition.n_rows} x {self.partition.n_cols} matrix, "
                f"the conductances are {self.cells.shape[0]} x {self.cells.shape[1]}"
            )
        if not self.r_driver >= 0:
            raise NetlistError(f"got r_driver = {show(self.r_driver, 'Ω')}, wanted zero or more")
        if not self.r_tie > 0:
            raise NetlistError(f"got r_tie = {show(self.r_tie, 'Ω')}, wanted above zero")
        if self.front_end.macro.role != "front_end" or (self.neuron and self.neuron.role != "neuron"):
            raise NetlistError("a front end and a neuron changed places")

    @property
    def n_in(self) -> int:
        """Inputs without the bias row."""
        return self.cells.shape[0] - self.cells.has_bias_row

    @property
    def n_out(self) -> int:
        """Outputs."""
        return self.cells.shape[1]

    def crossbar(self, block: Block) -> Crossbar:
        """Return the crossbar of one sub-array."""
        return Crossbar(self.cells.part(block.rows, block.cols), self.wire, self.r_driver, self.cell)

    def macros(self) -> list[Macro]:
        """Return every macro its decks need."""
        return [m for m in (self.cell, self.front_end.macro, self.neuron) if m]

    def tile(self, block: Block, name: str) -> Subckt:
        """Return the subcircuit of one tile: ports ``wl_r``, then ``out_c``."""
        rows, cols = block.shape
        ports = (*(f"wl_{r}" for r in range(rows)), *(f"out_{c}" for c in range(cols)))
        call = self.front_end.macro.call()
        front_ends = Lines("\n".join(f"xf_{c} bp_{c} bn_{c} out_{c} {call}" for c in range(cols)))
        comment = (
            f"sub-array ({block.h}, {block.v}): rows {block.rows.start} to {block.rows.stop - 1}, "
            f"columns {block.cols.start} to {block.cols.stop - 1} of the matrix"
        )
        return Subckt(name, ports, (self.crossbar(block), front_ends), comment)

    def parts(self, index: int) -> LayerParts:
        """Return the tiles and the top-level lines of the layer, for a network deck.

        Input nodes are ``a<index>_<row>`` (bias node ``bias``), sums ``s<index>_<col>``, outputs ``a<index+1>_<col>``.
        """
        return LayerParts(self, index)


@dataclass(frozen=True)
class LayerParts:
    """The text of one layer inside a network deck."""

    layer: Layer
    index: int

    def tiles(self) -> Iterator[Part]:
        """Yield the tile subcircuits."""
        for block in self.layer.partition.blocks():
            yield self.layer.tile(block, f"tile_{self._id(block)}")

    def chunks(self) -> Iterator[str]:
        """Yield the instances: tiles, ties, neurons."""
        yield f"* layer {self.index}: {self.layer.partition.n_h} x {self.layer.partition.n_v} sub-arrays\n"
        for block in self.layer.partition.blocks():
            yield self._instance(block)
        if self.layer.neuron:
            yield from self._neurons(self.layer.neuron)

    def front_end_sources(self) -> list[str]:
        """Return the devices whose current the front ends draw from the supply."""
        macro = self.layer.front_end.macro
        return [
            name
            for block in self.layer.partition.blocks()
            for c in range(block.shape[1])
            for name in macro.source_names(f"xt_{self._id(block)}.xf_{c}")
        ]

    def neuron_sources(self) -> list[str]:
        """Return the devices whose current the neurons draw from the supply."""
        if not self.layer.neuron:
            return []
        return [n for c in range(self.layer.n_out) for n in self.layer.neuron.source_names(f"xn_{self.index}_{c}")]

    def _id(self, block: Block) -> str:
        return f"{self.index}_{block.h}_{block.v}"

    def _instance(self, block: Block) -> str:
        tag, (_, n_cols) = self._id(block), block.shape
        inputs = [self._input(row) for row in range(block.rows.start, block.rows.stop)]
        outs = [f"o_{tag}_{c}" for c in range(n_cols)]
        first, tie = block.cols.start, self.layer.r_tie
        ties = "".join(f"rt_{tag}_{c} {out} s{self.index}_{first + c} {spice(tie)}\n" for c, out in enumerate(outs))
        return fold([f"xt_{tag}", *inputs, *outs, f"tile_{tag}"]) + ties

    def _input(self, row: int) -> str:
        return "bias" if row == self.layer.n_in else f"a{self.index}_{row}"

    def _neurons(self, neuron: Macro) -> Iterator[str]:
        i, call = self.index, neuron.call()
        yield "".join(f"xn_{i}_{c} s{i}_{c} a{i + 1}_{c} {call}\n" for c in range(self.layer.n_out))
