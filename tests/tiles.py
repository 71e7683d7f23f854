"""A small current-mode tile with all its periphery, and what an exact operator says of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aimc_spice.device import Device
from aimc_spice.device.mapping import map_weights
from aimc_spice.netlist.adcs.ideal import IdealAdc
from aimc_spice.netlist.inputs import MultiLevel
from aimc_spice.netlist.readout import OpAmp, dynamic_tia, integrator
from aimc_spice.netlist.tiles.current import CurrentTileCircuit
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.operator import tile_operator
from aimc_spice.surrogate.ports import linear_ports

WIRE = Wire(2.0, 3.0, 2e-16, 2e-16)
OPAMP = OpAmp(gain=1e5, gbw=5e9)
R_F, R_1, C_INT, V_READ, R_DRIVER = 1e4, 1e3, 8e-13, 0.2, 50.0


def cells(n_rows=8, n_cols=8, seed=0):
    weights = np.random.default_rng(seed).uniform(-1, 1, (n_rows, n_cols))
    return map_weights(weights, Device(1e-4, 1e-6), n_levels=None, zero="off", w_max=1.0)


def tile(**changes):
    """Return a tile whose converters are ideal, 8 bits from -0.8 V to 0.8 V."""
    front_end = dynamic_tia(r_f=R_F, r_1=R_1, opamp=OPAMP).macro
    plain = CurrentTileCircuit(
        cells(),
        WIRE,
        front_end,
        IdealAdc(8, -0.8, 0.8, t_conv=2e-9),
        MultiLevel(4, "none"),
        t_int=15e-9,
        v_read=V_READ,
        r_driver=R_DRIVER,
    )
    return replace(plain, **changes)


def integrating(**changes):
    """Return the same with integrators, which are reset between operations."""
    return tile(
        front_end=integrator(c_int=C_INT, r_1=R_1, opamp=OPAMP, r_on=200.0), t_hold=2e-9, t_idle=3e-9, **changes
    )


def matrix(circuit):
    """Return what the columns give for inputs of one [V]: the exact operator with the front end's own ports."""
    ports = linear_ports(dynamic_tia(r_f=R_F, r_1=R_1, opamp=OPAMP).linear)
    return circuit.v_read * tile_operator(circuit.cells.g_pos, circuit.cells.g_neg, circuit.wire, ports, R_DRIVER)
