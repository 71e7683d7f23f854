"""Whatever an encoding does in between, an ideal circuit gives ``x @ g``; its waveforms carry what they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimc_spice.errors import NetlistError, ShapeError
from aimc_spice.netlist.base import Netlist
from aimc_spice.netlist.drivers import Windows, voltages
from aimc_spice.netlist.inputs import BitSerial, MultiLevel, PulseWidth, ladder_levels
from aimc_spice.netlist.parse import parse_netlist

KINDS = [MultiLevel, PulseWidth, BitSerial]
shapes = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3))


@given(st.sampled_from(KINDS), st.integers(1, 8), shapes, st.booleans(), st.integers(0, 2**32 - 1))
def test_planes_of_an_ideal_circuit_give_the_product(kind, n_bits, shape, signed, seed):
    batch, n_rows, n_cols = shape
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1 if signed else 0, 1, (batch, n_rows))
    g = rng.integers(-9, 10, (n_rows, n_cols)).astype(float)
    encoding = kind(n_bits, "phases" if signed else "none")
    planes = encoding.planes(x)
    assert planes.combine(planes.levels @ g) == pytest.approx(encoding.quantise(x) @ g, rel=1e-12, abs=1e-12)
    assert np.abs(encoding.quantise(x) - x).max() <= 0.5 / encoding.top + 1e-12
    if kind is not MultiLevel:
        assert planes.levels.min() >= 0  # one polarity of voltage is enough


@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_bit_planes_are_bits_and_exact(n_bits, seed):
    top = 2**n_bits - 1
    k = np.random.default_rng(seed).integers(-top, top + 1, (3, 5))
    planes = BitSerial(n_bits).planes(k / top)
    assert set(np.unique(planes.levels)) <= {0.0, 1.0}
    eye = np.eye(5)
    assert np.array_equal(np.rint(planes.combine(planes.levels @ eye) * top), k)


def test_bipolar_voltages_need_one_phase():
    planes = MultiLevel(4, "none").planes([[-1.0, 0.2]])
    assert planes.levels.shape == (1, 1, 2)
    assert planes.levels.min() == -1


@given(st.sampled_from(KINDS), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_areas_of_the_waveforms_are_the_levels(kind, n_bits, seed):
    x = np.random.default_rng(seed).uniform(-1, 1, (2, 3))
    planes = kind(n_bits).planes(x)
    windows = Windows(t_rise=1e-10, t_on=1e-8, t_window=1.2e-8, t_first=1e-9)
    text = voltages(["a", "b", "c"], planes, windows, v_read=0.2, v_ref=0.4)
    circuit = parse_netlist(Netlist("inputs", (), (text,)).chunks())
    edges = np.append(windows.starts(len(planes.sequence())), 1.0)
    for row in range(3):
        assert areas(circuit, row, edges) == pytest.approx(planes.sequence()[:, row] * 0.2 * 1e-8, abs=1e-16)


def areas(circuit, row, edges):
    wave = circuit.waves["v"].get(circuit.tables["v"].names.find(f"vin_{row}"))
    if wave is None:
        return np.zeros(len(edges) - 1)
    t, v = wave.arguments[::2], wave.arguments[1::2] - 0.4
    pieces = np.diff(t) * (v[1:] + v[:-1]) / 2
    return np.bincount(np.searchsorted(edges, (t[1:] + t[:-1]) / 2), pieces, len(edges))[1:]


@given(st.integers(1, 8))
def test_an_ideal_ladder_has_equal_steps(n_bits):
    levels, r_out = ladder_levels(np.full(n_bits, 2e4), np.full(n_bits, 1e4), 1e4)
    assert levels == pytest.approx(np.arange(2**n_bits) / 2**n_bits, abs=1e-14)
    assert r_out == pytest.approx(1e4)


def test_what_cannot_be_encoded_is_refused():
    with pytest.raises(ShapeError, match="phases"):
        BitSerial(4, "none").planes([[-0.5]])
    with pytest.raises(ShapeError, match=r"\[-1, 1\]"):
        MultiLevel(4).planes([[1.5]])
    with pytest.raises(NetlistError, match="bits"):
        PulseWidth(0)
    windows = Windows(t_rise=1e-9, t_on=1e-8, t_window=2e-8)
    with pytest.raises(NetlistError, match="shorter than its edge"):
        voltages(["a"], PulseWidth(8).planes([[1 / 255]]), windows, v_read=0.2)
    with pytest.raises(ShapeError, match="rows"):
        voltages(["a"], MultiLevel(4).planes([[1.0, 0.5]]), windows, v_read=0.2)
    with pytest.raises(NetlistError, match="t_window"):
        Windows(t_rise=1e-9, t_on=1e-8, t_window=1e-8)
