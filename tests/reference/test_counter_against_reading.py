"""Judge: a counter of flip-flops in the deck, against the codes that are read from the comparator's edge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aimc_spice.netlist.adcs.blocks import adc_text
from aimc_spice.netlist.adcs.ramp import ramp
from aimc_spice.netlist.adcs.windows import read_codes
from aimc_spice.netlist.base import Lines
from aimc_spice.simulate import open_simulator

pytestmark = pytest.mark.ngspice
BITS = [f"b{k}" for k in range(8)]


def counted(converter, inputs):
    """The converter's own deck with a clock, and a counter that the comparator stops."""
    slots, deck = converter.slots, converter.deck(inputs)
    t, first = converter.t_clk, slots.t_reset + converter.t_delay + converter.t_clk
    clock = f"vclk clk 0 pulse(0 1.8 {first} 1e-11 1e-11 {t / 2} {t})"
    gate = f"vgate gate 0 pulse(0 1.8 {first - t / 4} 1e-11 1e-11 {slots.t_slot - first} {slots.t_slot})"
    both = "bclk run_clk 0 v=v(gate)>0.9 ? v(clk) : 0"
    lines = "\n".join([clock, gate, both, f"xcount run_clk trip halt {' '.join(BITS)} counter8"])
    circuit = replace(
        deck.netlist,
        definitions=(*deck.netlist.definitions, Lines(adc_text("counter"))),
        body=(*deck.netlist.body, Lines(lines)),
    )
    return replace(deck, netlist=circuit, probes=(*deck.probes, *(f"v({bit})" for bit in BITS)))


@pytest.mark.parametrize("level", ["behavioural", "transistor"])
def test_flip_flops_count_what_is_read(level):
    """Slots of a whole number of clock periods; inputs clear of the levels, where a gate's delay may decide."""
    converter = ramp(5, level)
    converter = replace(converter, t_reset=2 * converter.t_clk - converter.t_delay)
    lsb = (converter.high - converter.low) / 32
    inputs = converter.low + lsb * (np.array([3, 11, 30]) + 0.5)
    with open_simulator("shared", timeout_s=60) as simulator:
        found = simulator.run(counted(converter, inputs))
    ends = converter.slots.edges(len(inputs))[1:] - 1e-9
    bits = np.stack([found.signals[f"v({bit})"] for bit in BITS])
    codes = read_codes(found.axis, bits, ends, inputs, 1.8, where="counter")
    assert codes.tolist() == converter.read(inputs, found.axis, found.signals).codes.tolist()
