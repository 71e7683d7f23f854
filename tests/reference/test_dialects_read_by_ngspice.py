"""Other languages. Judge: ngspice, which reads the HSPICE text and must give what it gives for its own."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.device import Device
from aimc_spice.device.base import ConductanceMap
from aimc_spice.errors import NetlistError, SimulatorNotFound
from aimc_spice.netlist.base import Deck, Lines, Netlist
from aimc_spice.netlist.dialects import write_dialect
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import sigmoid_neuron, tia
from aimc_spice.netlist.network import AnalogNetwork
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.wire import Wire
from aimc_spice.simulate import WorkerSimulator
from aimc_spice.simulate.xyce import XyceSimulator
from decks import deck


def network() -> AnalogNetwork:
    g = np.random.default_rng(0).uniform(1e-6, 1e-4, (2, 4, 3))
    cells = ConductanceMap(g[0], g[1], Device(1e-4, 1e-6))
    layer = Layer(cells, Partition(4, 3, 2, 1), Wire(1.0, 1.0), tia(r_f=1e4, swing=0.8), sigmoid_neuron())
    return AnalogNetwork((layer,), 0.8)


def body_of(text: str) -> str:
    """What an ngspice deck of the same circuit may hold: no title, no cards of the analysis."""
    dropped = (".print", ".dc", ".end\n", ".option", "vop_aimc")
    lines = [line for line in text.splitlines(keepends=True)[1:] if not line.startswith(dropped)]
    return "".join(lines)


@pytest.mark.ngspice
def test_ngspice_reads_the_hspice_text_of_a_network():
    mine = network().deck(np.random.default_rng(1).uniform(0, 0.8, (1, network().layers[0].n_in)))
    text = "".join(write_dialect(mine, "hspice"))
    assert "{" not in text
    theirs = Deck(Netlist("hspice", (), (Lines(body_of(text)),)), mine.analysis, mine.probes)
    with WorkerSimulator(timeout_s=60) as simulator:
        one, other = simulator.run(mine), simulator.run(theirs)
    for probe in mine.probes:
        assert other.signals[probe] == pytest.approx(one.signals[probe], rel=1e-9, abs=1e-12)


def test_every_dialect_keeps_every_element():
    vectors = np.random.default_rng(1).uniform(0, 0.8, (3, network().layers[0].n_in))
    mine = network().deck(vectors, power=True)
    elements = sum(line[:1].isalpha() for line in mine.text().splitlines())
    for dialect in ("xyce", "hspice", "spectre"):
        text = "".join(write_dialect(mine, dialect))
        lines = [line for line in text.splitlines() if line[:1].isalpha() and not line.startswith("simulator")]
        assert len(lines) == elements
        assert text.endswith(".dc vctl 0 2 1\n.end\n")


def test_xyce_text():
    one = deck("bin_0 in 0 v=pwl(v(ctl),0,1,1,2)\nx1 in out amp gain=2\nb2 out 0 i={2}*v(in)", probes=("i(v.x1.v1)",))
    text = "".join(write_dialect(one, "xyce"))
    assert "bin_0 in 0 V={TABLE(V(ctl),0,1,1,2)}" in text
    assert "x1 in out amp PARAMS: gain=2" in text
    assert "b2 out 0 I={(2)*v(in)}" in text
    assert ".PRINT dc I(x1:v1)" in text
    assert "* ngspice option without counterpart: pivrel=0.1" in text


def test_hspice_and_spectre_text():
    one = deck("bin_0 in 0 v=pwl(v(ctl),0,1,1,2)", probes=("i(bin_0)", "v(x1.n)"), options=("klu", "reltol=1e-4"))
    text = "".join(write_dialect(one, "spectre"))
    assert text.startswith("// test\nsimulator lang=spice\n")
    assert "ebin_0 in 0 pwl(1) ctl 0 delta=1e-9 0,1 1,2" in text
    assert ".print dc i(ebin_0) v(x1.n)" in text
    assert ".option reltol=1e-4" in text


def test_power_meters_read_the_same_devices_in_every_dialect():
    mine = network().deck(np.zeros((2, 4)), power=True)
    xyce, hspice = ("".join(write_dialect(mine, dialect)) for dialect in ("xyce", "hspice"))
    assert "fs0_meter 0 s0_meter b.xt_0_0_0.xf_0.x1.b1 1" in mine.text()
    assert "Bfs0_meter 0 s0_meter I={1*I(xt_0_0_0:xf_0:x1:b1)}" in xyce
    assert "Bfd0_meter 0 d0_meter I={-1*I(bin_0)}" in xyce
    assert "gfs0_meter 0 s0_meter cur='1*i(xt_0_0_0.xf_0.x1.eb1)'" in hspice
    assert "gfd0_meter 0 d0_meter cur='-1*i(ebin_0)'" in hspice
    assert "cur='1*i(xn_0_0.eb1)'" in hspice
    assert all("vbias -1" in text for text in (mine.text(), xyce, hspice))


def test_an_unknown_dialect_names_the_known_ones():
    with pytest.raises(NetlistError, match="known: ngspice, xyce, hspice, spectre"):
        list(write_dialect(deck(), "eldo"))


XYCE = r"""#!/usr/bin/env python3
import struct, sys
assert sys.argv[1] == "-r" and ".PRINT dc V(out)" in open(sys.argv[3]).read()
head = "Title: t\nDate: d\nPlotname: DC transfer characteristic\nFlags: real\nNo. Variables: 2\nNo. Points: 1\n"
head += "Variables:\n\t0\tsweep\tvoltage\n\t1\tV(OUT)\tvoltage\nBinary:\n"
open(sys.argv[2], "wb").write(head.encode() + struct.pack("<2d", 0.0, 0.75))
"""


def test_the_runner_reads_what_a_stand_in_for_xyce_leaves(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SimulatorNotFound, match="no Xyce"):
        XyceSimulator(tmp_path / "runs")
    program = tmp_path / "Xyce"
    program.write_text(XYCE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert XyceSimulator(tmp_path / "runs").run(deck()).signals["v(out)"] == 0.75
