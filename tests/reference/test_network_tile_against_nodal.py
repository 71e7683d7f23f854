"""Judge: the nodal solver on the deck of a tile of a running network, with the weights and inputs that it saw: 1e-6.

The evaluator's matrices are single precision, so 1e-6 of the largest output is what can be asked; measured 2e-7. Where
products are made in whole numbers, outputs move by what `pairs` says at most.
"""

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.device import Device
from aimc_spice.device.base import ConductanceMap
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import tia
from aimc_spice.netlist.network import tile_deck
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.wire import Wire
from aimc_spice.network.analog import Group
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.mapping import Mapping
from aimc_spice.network.options import Options
from aimc_spice.network.pairs import WITHIN
from aimc_spice.network.prepare import prepare
from aimc_spice.network.trace import places_of, tile_trace
from aimc_spice.simulate.nodal import NodalSimulator
from aimc_spice.surrogate.ports import linear_ports
from aimc_spice.surrogate.tile import CurrentTile
from network_models import MODELS, RoughReadout, values

DEVICE, WIRE, FRONT_END, V_READ = Device(1e-4, 1e-6), Wire(1.0, 2.0), tia(r_f=800.0), 0.2
CHOICES = {
    "plain": Mapping(),
    "offset": Mapping(signs="offset"),
    "sliced, bias rows, as small as its part": Mapping(weight_bits=6, slice_bits=3, bias="rows", padding=False),
}


@pytest.mark.parametrize(("network", "layer"), [("mlp", "fc1"), ("cnn", "grouped"), ("transformer", "linear5")])
@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("whole", [False, True])
def test_a_tile_of_a_running_network(network, layer, choice, whole, monkeypatch):
    if not whole:
        monkeypatch.setattr(Group, "pairs", lambda *_: None)
    make, shape = MODELS[network]
    x = values(60, 6, *shape)
    tile = CurrentTile(16, 16, DEVICE, WIRE, linear_ports(FRONT_END.linear), V_READ)
    prepared = prepare(read_onnx(make()), tile, RoughReadout(), x, Options(mapping=CHOICES[choice]))
    places = places_of(prepared, layer)
    for place in (places[0], places[-1]):
        seen = tile_trace(prepared, x, layer, place, n_vectors=4)
        assert np.abs(seen.x).max() > 0.1
        judged = by_nodal(seen)[:, : seen.y.shape[1]]
        within = 1e-6 * np.abs(judged).max()
        if whole:
            within += WITHIN / np.abs(lsb_of(prepared.layers[layer], place))
        assert np.all(np.abs(seen.y - judged) <= within)


def lsb_of(layer, place):
    m, s, h, v = place
    return layer.parts[m].groups[s * len(layer.cuts[m].rows) + h].to_lsb[layer.cuts[m].cols[v]]


def by_nodal(seen):
    g_pos, g_neg = (DEVICE.g_off + np.maximum(s * seen.weights, 0) * (DEVICE.g_on - DEVICE.g_off) for s in (1, -1))
    shape = seen.weights.shape
    layer = Layer(ConductanceMap(g_pos, g_neg, DEVICE), Partition(*shape, 1, 1), WIRE, FRONT_END)
    (block,) = layer.partition.blocks()
    deck = replace(tile_deck(layer, block, V_READ * seen.x), bound=np.inf)
    return NodalSimulator().run(deck).stack(deck.probes)
