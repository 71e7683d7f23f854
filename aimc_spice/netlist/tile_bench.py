"""Which circuit characterises one tile alone, before its converters?

One idea: one sub-array of a layer, inputs open, as a `Driven` circuit, so that the planner can ask it for DC vectors or
steps.
"""

from __future__ import annotations

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Lines, Netlist
from aimc_spice.netlist.driven import Driven
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.macro import definitions
from aimc_spice.netlist.partition import Block


def tile_driven(layer: Layer, title: str, block: Block | None = None, *, step: bool = False) -> Driven:
    """Return a tile with inputs ``in_r`` and probes ``v(out_c)``.

    Parameters
    ----------
    layer : Layer
        Where the tile belongs.
    title : str
        First line of its decks.
    block : Block, optional
        Which sub-array; needed where the layer has several.
    step : bool
        For transients: Gear integration, and the currents of the inputs, ``i(vin_r)``, for the energy.
    """
    blocks = [block] if block else list(layer.partition.blocks())
    if len(blocks) != 1:
        raise NetlistError(f"tile bench: the layer has {len(blocks)} sub-arrays", hint="say which: block=")
    n_rows, n_cols = blocks[0].shape
    nodes, outs = (tuple(f"{name}_{k}" for k in range(n)) for name, n in (("in", n_rows), ("out", n_cols)))
    instance = Lines(" ".join(["xt", *nodes, *outs, "tile"]))
    netlist = Netlist(title, (definitions(layer.macros()), layer.tile(blocks[0], "tile")), (instance,))
    probes = tuple(f"v({out})" for out in outs)
    if not step:
        return Driven(netlist, nodes, probes)
    currents = tuple(f"i(vin_{r})" for r in range(n_rows))
    return Driven(netlist, nodes, (*probes, *currents), (*DEFAULT_OPTIONS, "method=gear"))
