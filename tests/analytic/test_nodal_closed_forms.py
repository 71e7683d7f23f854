"""The nodal judge against closed forms and exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from aimc_spice.netlist.base import DcSweep, Transient
from aimc_spice.netlist.parse import parse_netlist
from aimc_spice.share import share
from aimc_spice.simulate.mna import Factorised, equations
from aimc_spice.simulate.nodal import NodalSimulator
from aimc_spice.simulate.stimulus import Stimulus
from decks import deck

REL_EXACT = 1e-14  # reason: refined solutions lose a few roundings at most
REL_TRANSIENT = 1e-6  # reason: the judge halves its steps until probes change by less


def run(*args, **options):
    return NodalSimulator().run(deck(*args, **options))


@pytest.mark.parametrize(("r1", "r2"), [(1e3, 3e3), (1e-3, 1e6), (5e6, 7.0), (1e-3, 1e12)])
def test_divider(r1, r2):
    found = run(f"v1 in 0 0.7\nr1 in out {r1!r}\nr2 out 0 {r2!r}", probes=("v(out)", "i(v1)"))
    assert found.signals["v(out)"] == pytest.approx(0.7 * r2 / (r1 + r2), rel=REL_EXACT)
    assert found.signals["i(v1)"] == pytest.approx(-0.7 / (r1 + r2), rel=REL_EXACT)


def test_r_2r_ladder_is_a_binary_converter():
    n = 10
    lines = ["r0 n0 0 2e3"] + [f"rl{i} n{i} n{i + 1} 1e3" for i in range(n - 1)]
    lines += [f"rb{i} n{i} b{i} 2e3\nvb{i} b{i} 0 {0.5 * (i % 3 == 0)}" for i in range(n)]
    wanted = sum(0.5 * (i % 3 == 0) * 2.0**i for i in range(n)) / 2**n
    assert run("\n".join(lines), probes=(f"v(n{n - 1})",)).signals[f"v(n{n - 1})"] == pytest.approx(wanted, rel=1e-14)


def test_uniform_ladder_follows_the_hyperbolic_cosine():
    n, r, g = 50, 13.8, 1e-4
    body = "v1 n0 0 1\n" + "\n".join(f"rs{i} n{i} n{i + 1} {r}\nrp{i} n{i + 1} 0 {1 / g!r}" for i in range(n))
    theta = 2 * np.arcsinh(np.sqrt(r * g) / 2)  # v_k of the discrete line with an open end
    wanted = np.cosh((n + 0.5 - np.arange(n + 1)) * theta) / np.cosh((n + 0.5) * theta)
    found = run(body, probes=tuple(f"v(n{k})" for k in range(n + 1)))
    np.testing.assert_allclose(list(found.signals.values()), wanted[:, None], rtol=1e-13)


def exact(circuit):
    """Solve R, V, E circuits with rational numbers: node voltages, then currents of V and E."""
    t, n = circuit.tables, circuit.n_nodes
    size = n + len(t["v"]) + len(t["e"])
    rows = [[Fraction(0)] * (size + 1) for _ in range(size)]

    def stamp(row, plus, minus, value):
        rows[row][plus] += value
        rows[row][minus] -= value

    for (a, b), ohms in zip(t["r"].nodes.tolist(), t["r"].values.tolist(), strict=True):
        stamp(a, a, b, 1 / Fraction(ohms))
        stamp(b, b, a, 1 / Fraction(ohms))
    sources = [(row, volts, None) for row, volts in zip(t["v"].nodes.tolist(), t["v"].values.tolist(), strict=True)]
    sources += [
        (row[:2], gain, row[2:]) for row, gain in zip(t["e"].nodes.tolist(), t["e"].values.tolist(), strict=True)
    ]
    for branch, ((a, b), value, control) in enumerate(sources, n):
        rows[a][branch] += 1
        rows[b][branch] -= 1
        stamp(branch, a, b, Fraction(1))
        if control:
            stamp(branch, *control, -Fraction(value))
        else:
            rows[branch][size] = Fraction(value)
    return [0.0, *solved([[*row[1:]] for row in rows[1:]])]


def solved(rows):
    """Gauss-Jordan on an augmented matrix."""
    for k in range(len(rows)):
        pivot = next(i for i in range(k, len(rows)) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(len(rows)):
            if i != k and rows[i][k]:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [float(row[-1]) for row in rows]


def test_small_conductances_survive_beside_milliohm_ties_and_high_gain():
    """Cells of 15 kΩ, ties of 1 mΩ, op-amps of gain 1e6: 1e-9 of error without refinement, 1e-15 with."""
    rng = np.random.default_rng(1)
    text = "".join(share("netlists", "frontends", f"{n}.cir").read_text() for n in ("opamp", "tia", "diff_amp"))
    lines = [f"v{i} w{i} 0 {v!r}" for i, v in enumerate(rng.uniform(-0.4, 0.4, 4).tolist())]
    lines += [
        f"rg{s}{i} w{i} {s}{i} {rng.uniform(5e3, 3e4)!r}\nrw{s}{i} {s}{i} {s}{i + 1} 13.8"
        for i in range(4)
        for s in "pn"
    ]
    lines += [
        "x1 p4 n4 o1 tia\nx2 p4 n4 o2 diff_amp\nr1 o1 s 1e-3\nr2 o1 q 1e-3\nr3 o2 t 1e-3\nr4 s 0 1e3\nr5 s q 1e-3"
    ]
    asked = deck(text + "\n".join(lines))
    circuit = parse_netlist(asked.chunks())
    stimulus = Stimulus(circuit)
    factorised = Factorised(equations(circuit, stimulus))
    wanted, found = np.array(exact(circuit)), factorised.solve(stimulus.steady())[:, 0]
    np.testing.assert_allclose(found, wanted, rtol=REL_EXACT)
    rough = factorised.rough((factorised.eq.inject @ stimulus.steady()).astype(float))[:, 0]
    assert np.max(np.abs(rough[1:] / wanted[1:] - 1)) > 1e-12


def test_virtual_ground_of_an_inverting_amplifier():
    a, r1, rf, v = Fraction(10**6), Fraction(15000), Fraction(2000), Fraction(3, 8)
    out = -v * rf / (r1 + (r1 + rf) / a)
    body = "v1 in 0 0.375\nr1 in n 15e3\nrf n o 2e3\ne1 o 0 0 n 1e6\nrt o out 1e-3\nrl out 0 1e12\nrt2 o x 1e-3"
    found = run(body, probes=("v(o)", "v(n)", "v(x)", "i(e1)"))
    assert found.signals["v(o)"] == pytest.approx(float(out), rel=REL_EXACT)
    assert found.signals["v(n)"] == pytest.approx(float(-out / a), rel=REL_EXACT)
    assert found.signals["v(x)"] == pytest.approx(float(out), rel=REL_EXACT)
    branch = (-out / a - out) / rf - out / (Fraction(1e-3) + 10**12)
    assert found.signals["i(e1)"] == pytest.approx(float(branch), rel=REL_EXACT)


def test_every_vector_of_a_sweep():
    values = np.random.default_rng(0).uniform(-0.4, 0.4, 200)
    knots = ",".join(f"{k},{v!r}" for k, v in enumerate(values.tolist()))
    body = f"vctl ctl 0 0\nb1 in 0 v=pwl(v(ctl),{knots})\nr1 in out 1e3\nr2 out 0 3e3"
    found = run(body, DcSweep("vctl", 200), ("v(out)", "i(b1)", "v(ctl)"))
    np.testing.assert_allclose(found.signals["v(out)"], 0.75 * values, rtol=REL_EXACT)
    np.testing.assert_allclose(found.signals["i(b1)"], -values / 4e3, rtol=REL_EXACT)
    np.testing.assert_array_equal(found.signals["v(ctl)"], found.axis)


def test_rc_answers_a_ramp():
    tau, rise = 1e-9, 1e-10
    found = run(f"v1 in 0 pwl(0 0 {rise} 1)\nr1 in out 1e3\nc1 out 0 1e-12", Transient(1e-10, 5e-9))
    t = found.axis

    def ramp(t):
        return np.where(t > 0, (t - tau * -np.expm1(-np.maximum(t, 0) / tau)) / rise, 0.0)

    np.testing.assert_allclose(found.signals["v(out)"], ramp(t) - ramp(t - rise), atol=2 * REL_TRANSIENT)
    assert found.axis_name == "time"
    assert t[-1] == pytest.approx(5e-9)


def test_lc_rings_at_its_frequency_and_keeps_its_energy():
    body = "i1 0 a pwl(0 1e-3 1e-15 0)\nl1 a 0 1e-6\nc1 a 0 1e-12\nr1 a 0 1e9"
    found = run(body, Transient(1e-10, 1e-8), ("v(a)", "i(l1)"))
    t = found.axis[1:]
    np.testing.assert_allclose(found.signals["i(l1)"][1:], 1e-3 * np.cos(t / 1e-9), atol=1e-8)
    np.testing.assert_allclose(found.signals["v(a)"][1:], -np.sin(t / 1e-9), atol=1e-5)


def test_a_charged_ladder_settles_to_its_operating_point():
    n = 20
    wires = "\n".join(f"r{i} n{i} n{i + 1} 10\nc{i} n{i + 1} 0 1e-15\nrg{i} n{i + 1} 0 15e3" for i in range(n))
    steady = run(f"v1 n0 0 0.4\n{wires}", probes=(f"v(n{n})",)).signals[f"v(n{n})"]
    moving = run(f"v1 n0 0 pwl(0 0 1e-12 0.4)\n{wires}", Transient(1e-11, 1e-10), (f"v(n{n})",))
    assert moving.signals[f"v(n{n})"][0] == 0.0
    assert moving.signals[f"v(n{n})"][-1] == pytest.approx(steady[0], rel=1e-9)


@pytest.mark.parametrize("volt", [0.3, 0.8, 0.123456])
@pytest.mark.parametrize("chain", [(3.3, 7.7, 11.1), (1e3, 1e10, 2.2)])
def test_circuit_without_any_current_is_not_called_singular(volt, chain):
    """A chain that ends in a capacitor carries nothing; the rounding of nothing is no correction."""
    resistors = "\n".join(f"r{k} n{k} n{k + 1} {r!r}\nc{k} n{k + 1} 0 1e-12" for k, r in enumerate(chain))
    found = run(f"v1 n0 0 {volt!r}\n{resistors}", probes=("v(n3)", "i(v1)"))
    assert found.signals["v(n3)"] == pytest.approx(volt, rel=REL_EXACT)
    assert abs(found.signals["i(v1)"][0]) < 1e-15
