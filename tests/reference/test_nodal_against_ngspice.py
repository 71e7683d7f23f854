"""Judge: ngspice, on random hierarchical linear circuits; the nodal solver must say the same."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.netlist.base import DcSweep, Deck, Lines, Netlist, Transient
from aimc_spice.netlist.parse import parse_netlist
from aimc_spice.netlist.rules import check_rules
from aimc_spice.share import share
from aimc_spice.simulate import open_simulator
from aimc_spice.simulate.nodal import NodalSimulator
from decks import deck

pytestmark = pytest.mark.ngspice

REL_LINEAR = 1e-9  # reason: asked for; with pivrel=0.1 measured below 1e-12
ABS_TRANSIENT = 2e-4  # reason: ngspice's trapezoidal steps are bounded by t_step only, error (t_step/τ)²/12 and corners
FRONT_ENDS = "".join(share("netlists", "frontends", f"{name}.cir").read_text() for name in ("opamp", "tia", "diff_amp"))


@pytest.fixture(scope="module")
def ngspice(tmp_path_factory):
    opened = open_simulator("shared", timeout_s=60, runs_dir=tmp_path_factory.mktemp("runs"))
    yield opened
    opened.close()


def agree(ngspice, asked):
    check_rules(parse_netlist(asked.chunks()))
    wanted, found = ngspice.run(asked).stack(asked.probes), NodalSimulator().run(asked).stack(asked.probes)
    is_current = np.array([probe.startswith("i(") for probe in asked.probes])
    for kind in (is_current, ~is_current):
        if np.any(kind):
            small = 1e-3 * REL_LINEAR * np.max(np.abs(wanted[:, kind]))
            np.testing.assert_allclose(found[:, kind], wanted[:, kind], rtol=REL_LINEAR, atol=small)


def table(rng, n_vectors):
    return ",".join(f"{k},{v!r}" for k, v in enumerate(rng.uniform(-0.4, 0.4, n_vectors).tolist()))


def random_body(rng, nodes, calls):
    """Lines of resistors, controlled sources and instances between `nodes`, every node with a way to ground."""

    def pick(n):
        return " ".join(rng.choice(nodes, n, replace=False))

    lines = [f"rz{i} {node} 0 {10 ** rng.uniform(2, 5)!r}" for i, node in enumerate(nodes)]
    lines += [f"r{i} {pick(2)} {{{10 ** rng.uniform(-3, 5)!r}*scale}}" for i in range(2 * len(nodes))]
    lines += [f"e{i} s{i} 0 {pick(2)} {rng.uniform(-0.5, 0.5)!r}\nre{i} s{i} {pick(1)} 1k" for i in range(2)]
    lines += [f"g{i} {pick(2)} {pick(2)} {rng.uniform(-1e-6, 1e-6)!r}" for i in range(2)]
    lines += [f"i1 {pick(2)} {rng.uniform(-1e-4, 1e-4)!r}", f"lx lx1 {pick(1)} 1n\nrlx lx1 0 5meg", f"cx {pick(2)} 1p"]
    lines += [f"v1 va 0 {rng.uniform(-1, 1)!r}\nrva va {pick(1)} 2.2k"]
    return lines + [f"x{i} {pick(3)} {name} scale={rng.uniform(0.5, 2)!r}" for i, name in enumerate(calls)]


@pytest.mark.parametrize("seed", range(6))
def test_random_hierarchies(ngspice, seed):
    rng = np.random.default_rng(seed)
    ports, inner = ["p", "q", "r"], ["p", "q", "r", "m1", "m2"]
    levels = [f".subckt s0 {' '.join(ports)} params: scale=1\n" + "\n".join(random_body(rng, inner, [])) + "\n.ends s0"]
    for level in (1, 2):
        body = "\n".join(random_body(rng, inner, [f"s{level - 1}"] * 2))
        levels.append(f".subckt s{level} {' '.join(ports)} scale={{1+1}}\n{body}\n.ends")
    top = [".param scale=0.75", *random_body(rng, ["a", "b", "c", "d"], ["s2", "s1"])]
    top += [f"vctl ctl 0 0\nbt in 0 v=pwl(v(ctl),{table(rng, 4)})\nrin in a 1k"]
    probes = ("v(a)", "v(b)", "v(x0.m1)", "v(x0.x1.x0.m2)", "i(bt)", "i(v.x0.x1.v1)", "i(e.x1.x0.e1)", "i(l.x1.lx)")
    netlist = Netlist("random", (Lines("\n".join(levels)),), (Lines("\n".join(top)),))
    agree(ngspice, Deck(netlist, DcSweep("vctl", 4), probes, options=("klu", "pivrel=0.1")))


@pytest.mark.parametrize("front_end", ["tia r_f=2k", "tia gain=1e4 r_1=50", "diff_amp", "diff_amp r_f=1e4 gain=1e4"])
def test_crossbars_with_front_ends_tied_by_milliohms(ngspice, front_end):
    rng, n = np.random.default_rng(7), 12
    sides = [(i, side) for i in range(n) for side in "pn"]
    tile = [f"rg{s}{i} w{i} {s}{i} {rng.uniform(5e3, 15e3)!r}\nrw{s}{i} {s}{i} {s}{i + 1} 13.8" for i, s in sides]
    definition = f"{FRONT_ENDS}\n.subckt tile {' '.join(f'w{i}' for i in range(n))} out\n"
    definition += "\n".join(tile) + f"\nxf p{n} n{n} out {front_end}\n.ends"
    body = ["vctl ctl 0 0"] + [f"bin{i} w{i} 0 v=pwl(v(ctl),{table(rng, 3)})" for i in range(n)]
    inputs = [" ".join(f"w{(i + 3 * k) % n}" for i in range(n)) for k in range(2)]
    body += [f"xt{k} {inputs[k]} o{k} tile\nrt{k} o{k} s 1e-3" for k in range(2)]
    probes = ("v(s)", "v(o0)", "v(xt0.p3)", "i(bin2)", "i(e.xt0.xf.x1.e1)")
    netlist = Netlist("crossbars", (Lines(definition),), (Lines("\n".join(body)),))
    agree(ngspice, Deck(netlist, DcSweep("vctl", 3), probes, options=("klu", "pivrel=0.1")))


def test_wires_with_capacitance_settle_alike(ngspice):
    n = 10
    body = "v1 n0 0 pwl(0 0 10p 0.8 200p 0.8 210p 0.1)\n" + "\n".join(
        f"r{i} n{i} n{i + 1} 100\nc{i} n{i + 1} 0 5e-15\nrg{i} n{i + 1} b 15e3" for i in range(n)
    )
    body = f"{FRONT_ENDS}{body}\nrb b 0 50\ncb b 0 1e-14\nx1 b 0 out diff_amp r_f=2e3\ncl out b 1e-15\n"
    probes = ("v(n5)", "v(b)", "v(out)", f"v(n{n})")
    asked = deck(body, Transient(2e-13, 4e-10), probes, options=("klu", "reltol=1e-5"))
    wanted, found = ngspice.run(asked), NodalSimulator().run(asked)
    for probe in probes:
        at = np.interp(found.axis, wanted.axis, wanted.signals[probe])
        np.testing.assert_allclose(found.signals[probe], at, atol=ABS_TRANSIENT * np.max(np.abs(at)))
