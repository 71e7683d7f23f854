"""ngspice's own error in time is known: an RC line has a closed form, and the stated doubt covers what is left."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench
from aimc_spice.flows.step_halving import LEVELS, Answer, Limit, limits
from aimc_spice.netlist.base import Lines, Netlist
from aimc_spice.netlist.driven import Driven
from aimc_spice.simulate import SimulatorPool

RISE, TAU, STOP = 5e-11, 2e-10, 4e-9


def closed_form(t):
    """1 kΩ and 0.2 pF behind a ramp to 1 V."""

    def ramp(t):
        return np.where(t > 0, (t - TAU * (1 - np.exp(-np.maximum(t, 0) / TAU))) / RISE, 0.0)

    return ramp(t) - ramp(t - RISE)


@pytest.mark.ngspice
def test_the_limit_is_nearer_than_the_finest_simulation_and_its_doubt_is_honest(tmp_path):
    def deck(_, level):
        netlist = Netlist("RC", (), (Lines("r1 in out 1000\nc1 out 0 0.2e-12"),))
        driven = Driven(netlist, ("in",), ("v(out)",), level.options)
        return driven.steps([[1.0]], t_rise=RISE, t_step=STOP / level.n_steps, t_stop=STOP)

    def read(_, waves):
        return Answer(waves.axis, waves.stack(["v(out)"]), 0.0, waves.deck_digest)

    with SimulatorPool(1) as pool:
        bench = Bench(pool, Store(tmp_path))
        rough, fine = (limits(["RC"], deck, read, bench, good)[0] for good in (1e-2, 2e-5))
    for found in (rough, fine):
        lacks, left = (np.abs(one.outs[:, 0] - closed_form(one.t)).max() for one in (found.finest, found.answer))
        assert left < lacks
        assert lacks < 3 * found.doubt
    assert fine.doubt < 2e-5 < rough.doubt
    assert fine.answer.latency(0.005) == pytest.approx(
        RISE / 2 + TAU * np.log(200), rel=2e-3
    )  # the ramp delays by half


def test_a_quadratic_error_vanishes_in_the_limit():
    t = np.linspace(0, 1, 201)
    coarse, fine = (Answer(t, (1 - np.exp(-5 * t) + e * t**2)[:, None], 1 + e, "") for e in (4e-3, 1e-3))
    found = Limit.of(coarse, fine)
    np.testing.assert_allclose(found.answer.outs[:, 0], 1 - np.exp(-5 * t), atol=1e-12)
    assert found.answer.work == pytest.approx(1)
    assert found.doubt == pytest.approx(1e-3, rel=0.02)
    assert all(b.n_steps == 2 * a.n_steps for a, b in pairwise(LEVELS))
