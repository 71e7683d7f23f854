"""Does a 32 × 32 tile give the same codes with front ends, samplers and multiplexers of transistors as by equations?

Converters are of transistors in both decks (with ``--quick`` by equations); codes are compared as they come, nothing is
corrected. A step is 28 mV, or 0.3 µA, of 6 bits. One input vector; the range is used to about two thirds.
Words pick some, as in ``python benchmarks/tile_fronts.py --quick integrator``; else ``--quick`` has only the fast ones.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from tile_deck import Case, case, compare, simulate

from aimc_spice.netlist.adcs.base import Level
from aimc_spice.netlist.adcs.cco import cco
from aimc_spice.netlist.adcs.current_column import CcoColumn, DualSlopeColumn
from aimc_spice.netlist.adcs.dual_slope import dual_slope
from aimc_spice.netlist.adcs.mos import generic
from aimc_spice.netlist.adcs.sar_charge import sar_charge
from aimc_spice.netlist.adcs.sar_column import SarColumn
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.inputs import PulseWidth
from aimc_spice.netlist.readout import OpAmp, conveyor, current_conveyor, integrator, sample_hold
from aimc_spice.netlist.readout_mos import (
    mos_conveyor,
    mos_current_conveyor,
    mos_integrator,
    mos_sample_hold,
    mos_tia,
)
from aimc_spice.netlist.tiles.current import CurrentTileCircuit

QUICK = ["TIA", "conveyor of currents"]
MOS, V_REF, R = generic("g180", Corner()), 0.9, 1e4
COPY, I_0 = 0.1, 1e-5  # lines of 0.1 mA are full scale
C_INT, MOS_OPAMP = 1e-11, OpAmp(3e3, 6.5e8)  # of `mos_integrator` into a capacitor


def plain(level: Level) -> Case:
    """Return the tile with a TIA by equations and a SAR a column; time for a TIA of transistors to settle."""
    one = case(32, SarColumn(sar_charge(6, level)), "", R)
    assert isinstance(one.circuit, CurrentTileCircuit)
    return replace(one, circuit=replace(one.circuit, t_int=8e-8))


def pairs(level: Level) -> dict[str, tuple[CurrentTileCircuit, CurrentTileCircuit]]:
    """Return the same tile with a block by equations and of transistors."""
    tia = plain(level).circuit
    assert isinstance(tia, CurrentTileCircuit)
    conveys = replace(tia, front_end=conveyor(r_z=R, r_x=0.1, c_z=1.6e-13, v_ref=V_REF).macro)
    shared = replace(tia, n_shared=8, sampler=sample_hold(), t_hold=1e-9)
    adds = replace(
        tia,
        front_end=integrator(c_int=C_INT, r_1=2e3, opamp=MOS_OPAMP, r_on=100.0, v_ref=V_REF),
        encoding=PulseWidth(4),
        t_int=1e-7,
        t_hold=4e-9,
        t_idle=1.5e-8,
    )
    found = {
        "TIA": (tia, replace(tia, front_end=mos_tia(MOS, r_f=R))),
        "conveyor": (conveys, replace(conveys, front_end=mos_conveyor(MOS, r_z=R, c_z=1.6e-13))),
        "samplers and multiplexers, 8:1": (shared, replace(shared, sampler=mos_sample_hold(MOS), t_hold=1e-8)),
        "integrator": (adds, replace(adds, front_end=mos_integrator(MOS, c_int=C_INT, w=2e-5))),
    }
    for name, adc in {
        "dual slopes": DualSlopeColumn(dual_slope(6, level)),
        "oscillators": CcoColumn(cco(6, level)),
    }.items():
        one = replace(tia, adc=adc, v_ref=0.0, t_int=2e-8, front_end=current_conveyor(i_0=I_0, r_x=0.1, copy=COPY))
        other = replace(one, v_ref=V_REF, front_end=mos_current_conveyor(MOS, i_0=I_0, copy=COPY))
        found[f"conveyor of currents before {name}"] = one, other
    return found


def told(one: Case) -> np.ndarray:
    """Simulate one case, print what it took and return its codes."""
    found, seconds = simulate(one)
    energy = ", ".join(f"{block} {values.mean():.3g} J" for block, values in found.energy.items())
    print(f"{one.name}: t_mvm {found.t_mvm:.4g} s, e_mvm {found.e_mvm:.3g} J ({energy}), {seconds:.0f} s of ngspice")
    return found.codes


def main() -> None:
    """Print the claims."""
    level: Level = "behavioural" if "--quick" in sys.argv else "transistor"
    wanted = [word for word in sys.argv[1:] if not word.startswith("--")] or (QUICK if "--quick" in sys.argv else [""])
    one = plain(level)
    for name, circuits in pairs(level).items():
        if not any(name.startswith(word) for word in wanted):
            continue
        by, of = (
            told(replace(one, name=f"{name} {kind}", circuit=circuit))
            for kind, circuit in zip(("by equations", "of transistors"), circuits, strict=True)
        )
        print(f"codes {by.min()} to {by.max()}, {np.mean(by != of):.1%} differ")
        what = f"{name} of transistors, 32 x 32, converters {level}"
        compare(what, by, of, 1.0, "the same tile, the block by equations")


if __name__ == "__main__":
    main()
