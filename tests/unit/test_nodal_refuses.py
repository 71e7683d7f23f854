from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from aimc_spice.errors import MeasurementFailed, NetlistError, NotConverged
from aimc_spice.netlist.base import DcSweep, Transient
from aimc_spice.simulate.base import Simulator
from aimc_spice.simulate.nodal import NodalSimulator
from decks import DIVIDER, deck


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("d9 a 0 dm\n.model dm d", "d9 is a device"),
        ("x9 out 0 s\n.subckt s p q\nm9 p q 0 0 nm\n.model nm nmos\n.ends", r"m\.x9\.m9 is a device"),
        ("b9 a 0 v=v(out)**2", "b9 is not linear"),
        ("b9 a 0 v=pwl(v(out),0,0,1,1)", "b9 is not linear"),  # v(out) is not fixed by a source
        ("b9 a 0 v=pwl(v(in),0,0,0,1)", "rise"),
        ("e9 a 0 vol='2*v(out)'", "e9 is not linear"),
        ("r9 a 0 0", "r9 is 0 Ω"),
        (".ic v(out)=1", "starts from the operating point"),
        ("x9 a nosuch", "nosuch is not defined"),
    ],
)
def test_what_is_not_linear_is_named(line, says):
    with pytest.raises(NetlistError, match=says) as caught:
        NodalSimulator().run(deck(f"{DIVIDER}\n{line}"), label="layer 3")
    assert "layer 3" in caught.value.where


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("c9 out loose 1p", "1 nodes have no DC path to ground, first loose"),
        ("i9 0 loose 1", "first loose"),
        ("v9 in 0 2", "v9 closes a loop"),
        ("e9 x 0 y 0 1\ne8 y 0 x 0 1", "singular"),
        ("r9 z 0 1\ng9 z 0 z 0 -1", "singular"),
    ],
)
def test_no_operating_point(line, says):
    with pytest.raises(NotConverged, match=says):
        NodalSimulator().run(deck(f"{DIVIDER}\n{line}"))


@pytest.mark.parametrize("probe", ["v(nosuch)", "i(r1)", "i(nosuch)", "p(out)", "v(out"])
def test_probes_that_are_not_there(probe):
    with pytest.raises(MeasurementFailed, match="probe"):
        NodalSimulator().run(deck(probes=(probe,)))


def test_values_beyond_the_bound_are_a_failure():
    with pytest.raises(MeasurementFailed, match=r"v\(out\) is 0.75"):
        NodalSimulator().run(deck(bound=0.5))


def test_unknown_sweep_sources_and_analyses():
    with pytest.raises(NetlistError, match="no source vnone"):
        NodalSimulator().run(deck(analysis=DcSweep("vnone", 3)))

    @dataclass(frozen=True)
    class Noise:
        card: str = ".noise v(out) v1 lin 1 1 1"
        n_points: int | None = None

    with pytest.raises(NetlistError, match=r"no analysis \.noise"):
        NodalSimulator().run(deck(analysis=Noise()))


def test_a_source_the_judge_cannot_follow_in_time():
    with pytest.raises(NetlistError, match="sffm"):
        NodalSimulator().run(deck("v1 out 0 sffm(0 1 1 1 1)\nr1 out 0 1", Transient(1e-9, 1e-8)))


def test_a_transient_that_never_settles_numerically():
    body = "v1 out 0 sin(0 1 1e15)\nr1 out 0 1\nc1 out 0 1"
    with pytest.raises(NotConverged, match="512 steps"):
        NodalSimulator().run(deck(body, Transient(1e-9, 2e-9), ("i(v1)",)))


def test_it_keeps_the_contract_of_a_simulator():
    simulator: Simulator = NodalSimulator()
    asked = deck(probes=("v(out)", "v(in,out)", "i(v1)", "V(IN)"))
    found = simulator.run(asked)
    simulator.close()
    assert found.axis_name == "vector"
    assert found.deck_digest == asked.digest()
    assert "nodal" in found.simulator
    np.testing.assert_allclose(found.stack(asked.probes), [[0.75, 0.25, -2.5e-4, 1.0]], rtol=1e-15)
