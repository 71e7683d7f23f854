"""A user's own converter, described by its ports alone, is measured by ngspice; what does not fit is named."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from aimc_spice.build.converter import builder_of, measurements_of, open_converter
from aimc_spice.cli import app
from aimc_spice.dataset import Store
from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import ConfigError, MeasurementFailed, NetlistError
from aimc_spice.metrology.characterise import Case, characterise
from aimc_spice.metrology.characteristic import Characteristic
from aimc_spice.netlist.driven import Corner
from aimc_spice.simulate import SimulatorPool
from aimc_spice.surrogate.readout_archive import load_readout

CODE = """bcount c gnd v=u(x-1)+u(x-2)+u(x-3)+u(x-4)+u(x-5)+u(x-6)+u(x-7)
bb2 b2 gnd v=v(vdd)*u(v(c)-3.5)
bb1 b1 gnd v=v(vdd)*u(v(c)-4*u(v(c)-3.5)-1.5)
bb0 b0 gnd v=v(vdd)*u(v(c)-4*u(v(c)-3.5)-2*u(v(c)-4*u(v(c)-3.5)-1.5)-0.5)
rload vdd gnd 1e6
"""
STATIC = f".subckt mine vin b0 b1 b2 vdd gnd\n{CODE.replace('x', '8*v(vin)')}.ends\n"
DIFFERENTIAL = f".subckt mine vp vn b0 b1 b2 vdd gnd\n{CODE.replace('x', '4+8*v(vp,vn)')}.ends\n"
CURRENT = f".subckt mine iin b0 b1 b2 vdd gnd\n{CODE.replace('x', '8*v(iin)')}rin iin gnd 1e3\n.ends\n"
CLOCKED = f""".subckt mine VIN b0 b1 b2 go ready vdd gnd params: cd=10e-12
{CODE.replace("x", "8*v(vin)")}rd go d 1e3
cd d gnd {{cd}}
bready ready gnd v=v(vdd)*u(v(d)-0.5*v(vdd))
.ends
"""
TOML = """name = "mine"
kind = "subckt"
[subckt]
file = "mine.cir"
name = "mine"
input = "vin"
bits = ["b0", "b1", "b2"]
supplies = { vdd = "1 V" }
ground = ["gnd"]
low = "0 V"
high = "1 V"
"""
WINDOW = 'start = "go"\ndone = "ready"\nt_window = "200 ns"\nt_start = "100 ns"\n'


def write(folder, text, toml):
    (folder / "mine.cir").write_text(text)
    path = folder / "mine.toml"
    path.write_text(toml)
    return path


@pytest.fixture
def measured(tmp_path):
    def run(text, toml):
        config = open_converter(write(tmp_path, text, toml))
        with SimulatorPool(1) as pool:
            case = Case(builder_of(config)(Corner(), None))
            bench = Bench(pool, Store(tmp_path / "store"))
            (one,) = characterise({"mine": case}, bench, measurements_of(config)).values()
        if not isinstance(one, Characteristic):
            raise one
        return one

    return run


@pytest.mark.ngspice
@pytest.mark.parametrize(
    ("text", "toml"),
    [
        (STATIC, TOML),
        (
            DIFFERENTIAL,
            TOML.replace('"vin"', '"vp"\ninput_n = "vn"\ncommon_mode = "0.4 V"')
            .replace('"0 V"', '"-0.5 V"')
            .replace('high = "1 V"', 'high = "0.5 V"'),
        ),
        (
            CURRENT,
            TOML.replace('"vin"', '"iin"')
            .replace('"0 V"', '"0 A"')
            .replace('high = "1 V"', 'high = "1 mA"\nquantity = "A"'),
        ),
    ],
    ids=["voltage", "differential", "current"],
)
def test_static(measured, text, toml):
    one = measured(text, toml)
    assert one.linearity.max_inl_lsb() <= 0.01
    assert abs(one.linearity.offset_lsb()) <= 1 / 128
    assert one.linearity.defects == ()


@pytest.mark.ngspice
def test_clocked_with_time_and_energy(measured):
    one = measured(CLOCKED, TOML + WINDOW + 't_step = "0.2 ns"\n[measure]\nn_sine = 0\nresolution = "0.125"\n')
    assert one.linearity.max_inl_lsb() <= 1 / 8
    # the flag follows start through 1 kΩ and 10 pF; the edge of start takes 0.4 ns
    np.testing.assert_allclose(one.record.t_conv, 10e-9 * np.log(2), atol=0.5e-9)
    # 1 uA from 1 V for 200 ns, in the resistor
    np.testing.assert_allclose(one.record.energy["vdd"], 200e-15, rtol=1e-3)


@pytest.mark.ngspice
def test_one_that_never_finishes(measured):
    with pytest.raises(MeasurementFailed, match=r"conversions never finished, first number 0 \(input [-.0-9e]+ m?V\)"):
        measured(CLOCKED, TOML + WINDOW + "params = { cd = 1e-9 }\n[measure]\nn_sine = 0\n")


@pytest.mark.ngspice
def test_bits_of_a_lower_supply_are_named_with_the_limits_and_no_time_of_a_sweep(measured):
    half = STATIC.replace("bb0 b0 gnd v=v(vdd)*u", "bb0 b0 gnd v=0.5*v(vdd)*u")
    with pytest.raises(MeasurementFailed, match=r"\(input [-.0-9]+ m?V\) is at 500 mV: neither high nor low") as bad:
        measured(half, TOML)
    assert bad.value.cause == "of logic at 1 V, low is below 0.2 and high above 0.8 of it"
    assert "v_logic" in bad.value.hint


def test_ports_that_do_not_match_are_listed_both(tmp_path):
    path = write(tmp_path, STATIC, TOML.replace("vdd =", "avdd ="))
    with pytest.raises(NetlistError, match="named: vin b0 b1 b2 avdd gnd; subcircuit: vin b0 b1 b2 vdd gnd") as bad:
        builder_of(open_converter(path))
    assert bad.value.hint == "not a port: avdd; not named: vdd"


def test_what_a_file_may_not_say(tmp_path):
    for toml, text in (
        (TOML.replace('high = "1 V"', 'high = "-1 V"'), "low = 0 V is not below high = -1 V"),
        (TOML.replace('"subckt"', '"flash"', 1), "belong together"),
        (TOML.replace('low = "0 V"', "low = 0"), "subckt.low"),
        (TOML + "gain = 3\n", "subckt: unknown key gain"),
    ):
        with pytest.raises(ConfigError, match=text):
            open_converter(write(tmp_path, STATIC, toml))
    with pytest.raises(NetlistError, match="needs t_window"):
        builder_of(open_converter(write(tmp_path, CLOCKED, TOML + 'start = "go"\ndone = "ready"\n')))
    with pytest.raises(NetlistError, match=r"has the card \.control"):
        builder_of(open_converter(write(tmp_path, STATIC + ".control\n", TOML)))
    unknown = TOML.replace('kind = "subckt"', 'kind = "sigma"').split("[subckt]")[0]
    with pytest.raises(ConfigError, match="'sigma'"):
        builder_of(open_converter(write(tmp_path, STATIC, unknown)))


@pytest.mark.ngspice
def test_the_command_writes_everything_and_says_what_is_missed(tmp_path):
    path = write(tmp_path, STATIC, TOML + "[spec]\nmin_enob_bits = 4\n")
    done = CliRunner().invoke(app, ["calibrate", "adc", str(path), "-o", str(tmp_path)])
    assert done.exit_code == 1, done.output
    assert "misses tt 300.15 K x1: enob_bits: got 2.9" in done.output
    folder = tmp_path / "mine"
    assert Characteristic.load(folder / "tt_300.15K_x1.nc").figures.inl_lsb <= 0.01
    assert load_readout(folder / "readout.npz").error_lsb <= 0.1  # two inputs of 256 within half a bracket of a level
    assert (folder / "converter.png").stat().st_size > 10_000


@pytest.mark.ngspice
def test_a_converter_that_falls_ends_the_command_with_its_name(tmp_path):
    falls = STATIC.replace("+u(8*v(vin)-5)", "-u(8*v(vin)-5)+2*u(8*v(vin)-5.5)")
    done = CliRunner().invoke(app, ["calibrate", "adc", str(write(tmp_path, falls, TOML)), "-o", str(tmp_path)])
    assert done.exit_code == 2
    assert "NotMonotonic: not monotonic" in done.output
    assert (tmp_path / "mine/converter.png").exists()  # the evidence
