"""The commands that write and run a whole tile, on a small tile file; ngspice against the exact operator."""

import pytest
from typer.testing import CliRunner

from aimc_spice import cli

SMALL = """
name = "small"
mode = "{mode}"
n_rows = 8
n_cols = 8
v_read = "0.2 V"
r_driver = "50 Ω"
t_rise = "50 ps"
t_int = "15 ns"

[wire]
r_wire_wl = "1 Ω"
r_wire_bl = "1 Ω"
c_wire_wl = "0.2 fF"
c_wire_bl = "0.2 fF"

[readout]
n_bits = 6
low = "-0.5 V"
high = "0.5 V"
"""
CURRENT = """
[device]
g_on = "100 uS"
g_off = "1 uS"
n_levels = "continuous"
zero = "off"

[front_end]
kind = "tia"
r_f = "8 kΩ"
r_1 = "1 kΩ"
a_0 = 1e5
"""
CHARGE = """
[capacitor]
c_on = "8 fF"
c_top = "0.5 fF"
"""


@pytest.fixture
def files(tmp_path):
    for mode, cells in (("current", CURRENT), ("charge", CHARGE)):
        (tmp_path / f"{mode}.toml").write_text(SMALL.format(mode=mode) + cells, encoding="utf-8")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli.app, ["tile", *map(str, arguments)])


def test_a_deck_is_written(files):
    out = files / "tile.cir"
    done = run("deck", files / "current.toml", "--converter", "sar", "--share", 4, "--out", out)
    assert done.exit_code == 0, done.output
    text = out.read_text(encoding="utf-8")
    assert text.count("\nxf_") == 8  # front ends
    assert [f"\nxadc_{a} " in text for a in range(3)] == [True, True, False]  # converters
    assert text.rstrip().endswith(".end")


@pytest.mark.ngspice
@pytest.mark.parametrize(
    "options",
    [
        ("current.toml",),
        ("current.toml", "--converter", "ramp", "--reduced"),
        ("current.toml", "--converter", "flash", "--bits", "4"),
        ("current.toml", "--converter", "cco"),
        ("current.toml", "--converter", "dual_slope"),
        ("current.toml", "--front-end-level", "transistor"),
        ("current.toml", "--converter", "cco", "--front-end-level", "transistor"),
        ("current.toml", "--converter", "flash", "--bits", "4", "--front-end-level", "transistor"),
        ("charge.toml", "--converter", "sar"),
        ("charge.toml", "--converter", "ramp"),
        ("charge.toml", "--converter", "sar", "--share", "4"),
        ("current.toml", "--converter", "sar", "--drivers", "r2r"),
        ("current.toml", "--converter", "sar", "--drivers", "pwm", "--input-bits", "2"),
        ("current.toml", "--drivers", "serial", "--input-bits", "2", "--seed", "1"),
        ("charge.toml", "--converter", "sar", "--drivers", "r2r", "--driver-level", "transistor", "--input-bits", "2"),
    ],
)
def test_a_tile_runs_and_is_judged(files, options):
    done = run("run", files / options[0], *options[1:])
    assert done.exit_code == 0, done.output
    assert "codes: 0.00% differ" in done.output
    assert "time of a product" in done.output
    assert "array" in done.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("current.toml", "--converter", "zap"), "ideal, flash, ramp, sar, cco, dual_slope"),
        (("current.toml", "--level", "zap"), "known: behavioural, transistor"),
        (("charge.toml",), "--converter ramp, sar"),
        (("charge.toml", "--converter", "sar", "--share", "3"), "8 columns cannot share converters by 3"),
        (("charge.toml", "--converter", "sar", "--reduced"), "cell by cell"),
        (("charge.toml", "--converter", "flash", "--share", "2"), "--converter ramp, sar"),
        (("current.toml", "--converter", "cco", "--share", "2"), "neither held nor shared"),
        (("current.toml", "--share", "3"), "cannot share"),
        (("current.toml", "--drivers", "zap"), "--drivers ideal, r2r, pwm, serial"),
        (("charge.toml", "--converter", "sar", "--drivers", "pwm"), "--drivers ideal, r2r, serial"),
        (("current.toml", "--drivers", "r2r", "--driver-level", "zap"), "known: behavioural, transistor"),
        (("current.toml", "--drivers", "pwm"), "need integrators"),
        (("current.toml", "--drivers", "r2r", "--driver-level", "transistor"), "wanted them from 0 V"),
        (("current.toml", "--front-end-level", "zap"), "known: behavioural, transistor"),
        (
            ("current.toml", "--converter", "ramp", "--drivers", "pwm", "--front-end-level", "transistor"),
            "rest at 0.9 V, the converters' range is centred at 0.5 V",
        ),
        (("charge.toml", "--converter", "sar", "--front-end-level", "transistor"), "no front ends"),
    ],
)
def test_what_does_not_fit_is_said(files, options, says):
    done = run("deck", files / options[0], *options[1:], "--out", files / "no.cir")
    assert done.exit_code == 2
    assert says in done.output


@pytest.mark.ngspice
def test_converters_that_saturate_are_counted(files):
    text = (files / "current.toml").read_text(encoding="utf-8").replace("8 kΩ", "80 kΩ")
    (files / "hot.toml").write_text(text, encoding="utf-8")
    done = run("run", files / "hot.toml", "--converter", "ramp")
    assert done.exit_code == 0, done.output
    assert "codes are at an end of the range" in done.output


@pytest.mark.ngspice
def test_a_tile_all_of_transistors_is_within_a_step(files):
    """Drivers, front ends and converters of one process in one deck, its models once."""
    text = (files / "current.toml").read_text(encoding="utf-8").replace("= 8\n", "= 4\n")
    (files / "four.toml").write_text(text, encoding="utf-8")
    levels = [f"--{what}level=transistor" for what in ("", "front-end-", "driver-")]
    done = run("run", files / "four.toml", "--converter", "sar", "--bits", "4", "--drivers", "r2r", *levels)
    assert done.exit_code == 0, done.output
    assert "by at most 1\n" in done.output or "by at most 0\n" in done.output
    assert all(block in done.output for block in ("driver logic", "dac ladders", "front_end", "adc comparator"))
