"""A limited amplifier between vectors that are far apart. Judge: its own limit, and the linear circuit below it."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.netlist.bench import front_end_deck
from aimc_spice.netlist.library import diff_amp, tia
from aimc_spice.simulate import SimulatorPool
from aimc_spice.simulate.nodal import NodalSimulator

pytestmark = pytest.mark.ngspice
SWING = 0.8


@pytest.mark.parametrize("front_end", [diff_amp(gain=10, swing=SWING), tia(r_f=1e4, swing=SWING)], ids=["diff", "tia"])
def test_clamped_output_stays_within_its_swing_after_a_large_step(front_end):
    """The amplifier's input moves by microvolts: with all in one source ngspice took 1.2 V for converged."""
    rng = np.random.default_rng(0)
    lines = rng.uniform(0.3, 0.5, (60, 1)) + rng.uniform(-0.08, 0.08, (60, 2))
    deck = front_end_deck(front_end.macro, lines, 200.0)
    with SimulatorPool(1) as pool:
        out = dict(pool.run_many([("", deck)]))[0].signals["v(out)"]
    assert np.abs(out).max() <= SWING * (1 + 1e-3)  # reltol of ngspice
    linear = NodalSimulator().run(front_end_deck(front_end.linear, lines, 200.0)).signals["v(out)"]
    wanted = np.clip(linear, -SWING, SWING)
    assert np.count_nonzero(np.abs(linear) > 1.2 * SWING) > 5
    assert np.abs(out - wanted).max() < 0.02 * SWING  # ngspice's reltol, and the knee at a loop gain of 1e6 / 11
