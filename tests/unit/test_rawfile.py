"""The rawfile reader on files written here, byte by byte as the ngspice manual describes them."""

from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.errors import MeasurementFailed
from aimc_spice.simulate.rawfile import canonical, read_plots


def rawfile(names, values, *, kind="Transient Analysis", n_points=None):
    values = np.asarray(values)
    flags = "complex" if np.iscomplexobj(values) else "real"
    rows = "".join(f"\t{i}\t{name}\tvoltage\n" for i, name in enumerate(names))
    points = len(values) if n_points is None else n_points
    header = (
        f"Title: * Binary: no, a title\nDate: today\nPlotname: {kind}\nFlags: {flags}\n"
        f"No. Variables: {len(names)}\nNo. Points: {points}       \nVariables:\n{rows}Binary:\n"
    )
    return header.encode() + values.tobytes()


def test_real_values_come_back_bit_for_bit():
    values = np.random.default_rng(1).normal(size=(7, 3))
    (plot,) = read_plots(rawfile(["time", "v(out)", "i(v1)"], values))
    assert (plot.kind, plot.names) == ("tran", ("time", "v(out)", "i(v1)"))
    np.testing.assert_array_equal(plot.values, values)
    np.testing.assert_array_equal(plot.column("i(v1)"), values[:, 2])
    assert plot.column("v(in)") is None


def test_complex_values_come_back_bit_for_bit():
    values = np.array([[1 + 2j, 3 - 4j], [5j, 6]])
    (plot,) = read_plots(rawfile(["frequency", "v(out)"], values, kind="AC Analysis"))
    assert plot.kind == "ac"
    np.testing.assert_array_equal(plot.values, values)


def test_several_plots_come_in_the_order_of_the_file():
    first = rawfile(["v(a)"], [[1.0]], kind="Operating Point")
    second = rawfile(["time", "v(a)"], [[0.0, 1.0], [1.0, 2.0]])
    assert [plot.kind for plot in read_plots(first + second)] == ["op", "tran"]


def test_a_file_is_read_too(tmp_path):
    (tmp_path / "out.raw").write_bytes(rawfile(["v(a)"], [[0.25]]))
    assert read_plots(tmp_path / "out.raw")[0].column("v(a)") == 0.25


GOOD = rawfile(["time", "v(a)"], [[0.0, 1.0], [1.0, 2.0]])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (GOOD[:-1], "cut short: got 31 bytes of data, wanted 32"),
        (GOOD[:60], "no binary data"),
        (rawfile(["time", "v(a)"], np.zeros((2, 2)), n_points=0), "0 points"),
        (GOOD.replace(b"No. Variables: 2", b"No. Variables: 3"), "damaged header"),
        (GOOD.replace(b"No. Points: 2", b"No. Points: x"), "damaged header"),
        (GOOD.replace(b"Binary:", b"Values:"), "no binary data"),
        (GOOD + GOOD[:-8], "cut short"),
    ],
)
def test_a_damaged_file_is_refused(content, said):
    with pytest.raises(MeasurementFailed, match=said):
        read_plots(content)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(MeasurementFailed, match="no rawfile"):
        read_plots(tmp_path / "out.raw")


@pytest.mark.parametrize(
    ("name", "probe"),
    [
        ("V(Out)", "v(out)"),
        ("out", "v(out)"),
        ("V(1)", "v(1)"),
        ("v1#branch", "i(v1)"),
        ("e.x1.x2.e1#branch", "i(e.x1.x2.e1)"),
        ("i(e.x1.x2.e1)", "i(e.x1.x2.e1)"),
        ("x1.n3", "v(x1.n3)"),
        ("v(v-sweep)", "v-sweep"),
        ("i(i-sweep)", "i-sweep"),
        ("time", "time"),
        ("@m1[id]", "@m1[id]"),
        ("i(@m1[id])", "@m1[id]"),
    ],
)
def test_names_have_one_form(name, probe):
    assert canonical(name) == probe
