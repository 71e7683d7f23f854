"""``calibrate`` and what it reads: wrong options and files are named before anything is simulated."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from aimc_spice import cli
from aimc_spice.errors import NetlistError
from aimc_spice.netlist.macro import Macro

CIRCUIT = ".subckt mine vin b0 b1 vdd gnd\nr1 vin gnd 1k\n.ends\n"
FILE = """
name = "mine"
kind = "subckt"
[subckt]
file = "mine.cir"
name = "mine"
input = "vin"
bits = ["b0", "b1"]
supplies = { vdd = "1 V" }
ground = ["gnd"]
low = "0 V"
high = "1 V"
"""


def calibrate(*arguments):
    return CliRunner().invoke(cli.app, ["calibrate", *map(str, arguments)])


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.cir").write_text(CIRCUIT)
    return tmp_path


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ('[params]\nt_ramp = "1 ns"\n', "params: for types of the toolkit only"),
        ('[mismatch]\na_vt = "3e-9 V·m"\n', "mismatch: for types"),
        ("[monte_carlo]\nn_samples = 10\n", "monte_carlo: for types"),
    ],
)
def test_a_table_that_a_subcircuit_would_ignore(here, table, text):
    (here / "mine.toml").write_text(FILE + table)
    done = calibrate("adc", "mine.toml")
    assert done.exit_code == 2, done.output
    assert text in done.stderr
    assert not (here / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["adc", "ramp_8", "--samples", 3], "got 3 Monte Carlo samples, wanted 0 or at least 8"),
        (["adc", "ramp_8", "--corner", "zz"], "corner 'zz' is unknown"),
        (["adc", "mine.toml", "--corner", "ss"], "the process 'ss' would change nothing"),
        (["adc", "ramp_8", "--models", "mine.cir"], "equations have no transistors"),
        (["adc", "ramp_8_transistor", "--models", "mine.cir", "--corner", "ss"], "mine.cir has no corner ss"),
        (["adc", "mine.toml", "--samples", 8], "has no mismatch to draw"),
        (["tile", "current_64", "--rows", 5000], "4096"),
        (["tile", "current_64", "--rows", 4, "--out", "mine.cir"], "mine.cir"),
    ],
)
def test_an_option_that_cannot_be_is_said_at_once(here, arguments, text):
    (here / "mine.toml").write_text(FILE)
    done = calibrate(*arguments)
    assert done.exit_code == 2, done.output
    assert text in done.stderr
    assert not list(here.glob("results/*/store/*"))


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ('param = "t_clk"\ntimes = ["1 ns", "2 ns", "3 ns"]', "ramp has no quantity 't_clk'"),
        ('param = "i_ref"\ntimes = ["1 ns", "2 ns", "3 ns"]', "over_time.param: got 'i_ref'"),
        ('param = "t_ramp"\ntimes = ["1 us", "2 us"]', "at least 3 items"),
        ('param = "t_ramp"\ntimes = ["1 us", "1 us", "2 us"]', "got 2 different times"),
        ('param = "t_ramp"\ntimes = ["1 us", "2 us", "3 us"]\nheld_out = ["4 us"]', "4 us cannot judge"),
        ('param = "t_ramp"\ntimes = ["1 us", "2 us", "3 us"]\nscaled = ["kind"]', "ramp has no quantity 'kind'"),
        ('param = "t_ramp"\ntimes = [1e-6, 2e-6, 3e-6]', "over_time.times.0"),
    ],
)
def test_times_that_cannot_be_are_said_before_anything_is_simulated(here, table, text):
    (here / "mine.toml").write_text(f'name = "mine"\nkind = "ramp"\nn_bits = 4\n[over_time]\n{table}\n')
    done = calibrate("adc", "mine.toml")
    assert done.exit_code == 2, done.output
    assert text in done.stderr
    assert not list(here.glob("results/*/store/*"))


def test_a_forgotten_ends_is_named_and_no_question_of_linearity():
    with pytest.raises(NetlistError, match=r"1 \.subckt and 0 \.ends"):
        Macro("front_end", "fe", ".subckt fe p n out\nr1 p out 1k\nr2 n out 1k\n")


def test_swapped_ports_of_a_front_end_are_named():
    with pytest.raises(NetlistError, match="got the ports out p n, a front_end has them as p n out"):
        Macro("front_end", "fe", ".subckt fe out p n\nr1 p out 1k\nr2 n out 1k\n.ends\n")
