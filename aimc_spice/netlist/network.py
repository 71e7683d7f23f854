"""How does a whole fully-analog network become one deck, and one tile a deck of its own?

One idea: layers are chained by node names (``a0_*`` inputs, ``s0_*`` sums, ``a1_*`` outputs of layer 0, …), so the deck
of the network is the concatenation of its layers. Pure: it returns decks, it runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.netlist.base import Deck, Lines, Netlist
from aimc_spice.netlist.drive import Drive, dc_vectors, step
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.macro import definitions
from aimc_spice.netlist.partition import Block
from aimc_spice.netlist.power import I_SUPPLY, P_DRIVES, power_meters
from aimc_spice.units import spice


@dataclass(frozen=True)
class AnalogNetwork:
    """A chain of layers driven by voltages, the bias rows by `v_bias`.

    Parameters
    ----------
    layers : tuple of Layer
        Outputs of one are the inputs of the next; every layer but the last needs a neuron.
    v_bias : float
        Voltage of the bias rows [V].
    """

    layers: tuple[Layer, ...]
    v_bias: float

    def __post_init__(self) -> None:
        for i, (left, right) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            if left.n_out != right.n_in:
                raise ShapeError(f"layer {i} has {left.n_out} outputs, layer {i + 1} wants {right.n_in} inputs")
            if left.neuron is None:
                raise NetlistError(f"layer {i} has no neuron to drive layer {i + 1}")

    @property
    def outputs(self) -> tuple[str, ...]:
        """Output nodes: behind the last neurons, or the last sums where there are none."""
        last, index = self.layers[-1], len(self.layers)
        name = f"a{index}_" if last.neuron else f"s{index - 1}_"
        return tuple(f"{name}{c}" for c in range(last.n_out))

    def sums(self, index: int) -> tuple[str, ...]:
        """Nodes at which layer `index` adds up its partitions (the neurons' inputs)."""
        return tuple(f"s{index}_{c}" for c in range(self.layers[index].n_out))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Input nodes, without the bias."""
        return tuple(f"a0_{r}" for r in range(self.layers[0].n_in))

    def deck(self, vectors: ArrayLike, *, title: str = "analog network", power: bool = False) -> Deck:
        """Return the DC deck of many input vectors.

        Parameters
        ----------
        vectors : array_like, shape (n_vectors, n_in)
            Input voltages [V].
        title : str
            First line of the deck.
        power : bool
            Also meter the power (`P_DRIVES`, `I_SUPPLY`).
        """
        return self._deck(dc_vectors(self.inputs, vectors), title, power=power)

    def step_deck(
        self, vector: ArrayLike, *, t_rise: float, t_step: float, t_stop: float, title: str = "analog network, step"
    ) -> Deck:
        """Return the transient deck of one input step: outputs, and the power for the energy.

        It asks for Gear integration: the trapezoidal rule zig-zags around femtosecond time constants of segments.
        """
        drive = step(self.inputs, vector, t_rise=t_rise, t_step=t_step, t_stop=t_stop)
        deck = self._deck(drive, title, power=True)
        probes = (*(f"v({node})" for node in self.outputs), P_DRIVES, I_SUPPLY)
        return replace(deck, probes=probes, options=(*deck.options, "method=gear"))

    def supplies(self) -> tuple[str, ...]:
        """Return the devices of front ends and neurons whose current comes from the supply."""
        parts = [layer.parts(i) for i, layer in enumerate(self.layers)]
        return tuple(name for p in parts for name in (*p.front_end_sources(), *p.neuron_sources()))

    def _deck(self, drive: Drive, title: str, *, power: bool) -> Deck:
        parts = [layer.parts(i) for i, layer in enumerate(self.layers)]
        tiles = [tile for part in parts for tile in part.tiles()]
        macros = definitions(macro for layer in self.layers for macro in layer.macros())
        bias = Lines(f"vbias bias 0 {spice(self.v_bias)}")
        probes = [f"v({node})" for i in range(len(parts)) for node in self.sums(i)]
        probes += [f"v({node})" for node in self.outputs if f"v({node})" not in probes]
        meters = []
        if power:
            drives = [*zip(drive.sources, self.inputs, strict=True), ("vbias", "bias")]
            meters.append(power_meters(drives, self.supplies()))
            probes += [P_DRIVES, I_SUPPLY]
        netlist = Netlist(title, (macros, *tiles), (drive.lines, bias, *parts, *meters))
        return Deck(netlist, drive.analysis, tuple(probes))


def tile_deck(layer: Layer, block: Block, vectors: ArrayLike, *, title: str = "tile") -> Deck:
    """Return the DC deck of one tile alone.

    Parameters
    ----------
    layer : Layer
        Where the tile belongs.
    block : Block
        Which sub-array.
    vectors : array_like, shape (n_vectors, n_rows of the block)
        Word-line voltages [V], the bias row's included.

    Returns
    -------
    Deck
        Probes ``v(out_c)``, one a column.
    """
    n_rows, n_cols = block.shape
    nodes = [f"in_{r}" for r in range(n_rows)]
    drive = dc_vectors(nodes, np.asarray(vectors, dtype=np.float64))
    outs = [f"out_{c}" for c in range(n_cols)]
    tile = layer.tile(block, "tile")
    instance = Lines(" ".join(["xt", *nodes, *outs, "tile"]))
    netlist = Netlist(title, (definitions(layer.macros()), tile), (drive.lines, instance))
    return Deck(netlist, drive.analysis, tuple(f"v({out})" for out in outs))
