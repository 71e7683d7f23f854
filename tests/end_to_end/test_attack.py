"""What a careless or hostile user types ends in one clear error (exit code 2), no traceback and no wrong number."""

import os

import numpy as np
import pytest
from typer.testing import CliRunner

from aimc_spice.cli import app
from aimc_spice.workloads import NetworkWeights, Workload

STUDY = """
name = "small"
data = "{folder}/data.npz"
weights = "{folder}/weights.npz"
front_end = "diff_amp"
vdd = "0.8 V"

[device]
use = "sot_mram_5k_15k"

[wire]
use = "finfet14"

[front_ends.diff_amp]
kind = "diff_amp"
gain = [30, 10]

[spice]
n_images = 2
workers = 1

[spice.transient]
t_step = "2 ps"
t_stop = "0.2 ns"

[[choices]]
name = "whole"
n_h = [1, 1]
n_v = [1, 1]
"""
DIVIDER = "divider\nv1 in 0 1\nr1 in out 1k\nr2 out 0 3k\n.save v(out)\n.op\n.end\n"
OWN_NEURON = '[neuron]\nkind = "subckt"\nfile = "mine.cir"\nname = "mine"\n[spice]'
OWN_FRONT_END = 'kind = "subckt"\nfile = "mine.cir"\nname = "mine"'
OWN_CELL = '[cell]\nfile = "mine.cir"\nname = "mine"\n[spice]'


@pytest.fixture
def study(tmp_path):
    rng = np.random.default_rng(5)
    w = [rng.choice([-1.0, 1.0], shape) for shape in ((8, 4), (4, 3))]
    b = [rng.choice([-1.0, 1.0], n) for n in (4, 3)]
    NetworkWeights(tuple(w), tuple(b)).save(tmp_path / "weights.npz")
    x = rng.integers(0, 2, (12, 8)).astype(bool)
    y = rng.integers(0, 3, 12)
    Workload("random", x, y, x, y).save(tmp_path / "data.npz")
    path = tmp_path / "study.toml"
    path.write_text(STUDY.format(folder=tmp_path))
    return path


@pytest.fixture
def divider(tmp_path):
    path = tmp_path / "divider.cir"
    path.write_text(DIVIDER)
    return path


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def edited(study, old, new):
    text = study.read_text()
    assert old in text
    study.write_text(text.replace(old, new, 1))
    return study


def refused(done, *messages):
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    for message in messages:
        assert message in done.output
    return done


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('vdd = "0.8 V"', 'vdd = "0 V"', "vdd: got 0 V, wanted above 0 V"),
        ('vdd = "0.8 V"', 'vdd = "-1 V"', "vdd: got -1 V, wanted above 0 V"),
        ('vdd = "0.8 V"', 'r_driver = "-3 Ω"', "r_driver: got -3 Ω, wanted at least 0 Ω"),
        ('vdd = "0.8 V"', "within = nan", "within: got nan, wanted a finite number"),
        ('vdd = "0.8 V"', "within = -1", "within: got -1, wanted at least 0"),
        ("gain = [30, 10]", "gain = [0, 10]", "gain.0: got 0, wanted above 0"),
        ("gain = [30, 10]", "gain = [-30, 10]", "gain.0: got -30, wanted above 0"),
        ("gain = [30, 10]", "gain = [30, 10, 5]", "gain has 3 entries, the network has 2 layers"),
        ("gain = [30, 10]", "gain = [inf, 10]", "gain.0: got inf, wanted a finite number"),
        ("gain = [30, 10]", 'gain = [30, 10]\nr_in = "0 Ω"', "r_in: got 0 Ω, wanted above 0 Ω"),
        ("gain = [30, 10]", 'gain = [30, 10]\nr_f = "-5 Ω"', "r_f: got -5 Ω, wanted above 0 Ω"),
        ("gain = [30, 10]", "gain = [30, 10]\na_0 = 0", "a_0: got 0, wanted above 0"),
        ("gain = [30, 10]", 'gain = [30, 10]\nswing = "-1 V"', "swing: got -1 V, wanted above 0 V"),
        ("[spice]", "[neuron]\nslope = 0\n[spice]", "slope: got 0, wanted above 0"),
        ("[spice]", '[periphery]\narea_per_line = "-1 m²"\n[spice]', "area_per_line: got -1 m²"),
        ('t_stop = "0.2 ns"', 't_stop = "0 s"', "t_stop: got 0 s, wanted above 0 s"),
        ('t_step = "2 ps"', 't_step = "-2 ps"', "t_step: got -2 ps, wanted above 0 s"),
        ('t_step = "2 ps"', 't_step = "2 us"', "t_step = 2 us is not below t_stop = 200 ps"),
        ('t_step = "2 ps"', 't_rise = "1 ns"', "t_rise = 1 ns is not below t_stop = 200 ps"),
        ('t_step = "2 ps"', 't_rise = "0 s"', "t_rise: got 0 s, wanted above 0 s"),
        ('t_step = "2 ps"', "settled_within = 0", "settled_within: got 0, wanted above 0"),
        ("workers = 1", 'timeout = "-5 s"', "timeout: got -5 s, wanted above 0 s"),
        ("workers = 1", "workers = 100000", "spice.workers"),
        ("workers = 1", "seed = -1", "spice.seed"),
        ('name = "small"', 'name = "../../evil"', "wanted the name of a folder"),
        ('name = "small"', 'name = "/nowhere/evil"', "wanted the name of a folder"),
        ('name = "small"', 'name = ".."', "wanted the name of a folder"),
        ('name = "small"', 'name = ""', "wanted 1 to 100 printable characters"),
        ('name = "small"', f'name = "{"x" * 300}"', "wanted 1 to 100 printable characters"),
        ('name = "small"', 'name = "a\\u0000b"', "wanted 1 to 100 printable characters"),
        ('name = "whole"', 'name = "a\\n.end"', "wanted 1 to 100 printable characters"),
    ],
)
def test_value_out_of_range_is_named_with_its_place_and_unit(study, old, new, message):
    refused(run("sweep", edited(study, old, new), "--out", study.parent / "out"), message)
    assert not (study.parent / "out").exists()


def test_labels_beyond_the_outputs_do_not_score_zero_silently(study):
    x, y = np.zeros((3, 8), bool), np.array([0, 1, 9])
    Workload("ten", x, y, x, y).save(study.parent / "data.npz")
    refused(run("evaluate", study, "--out", study.parent / "out"), "3 outputs", "ten has 10 classes")


@pytest.mark.parametrize("command", ["simulate", "netlist", "report"])
@pytest.mark.parametrize("where", ["folder", "file"])
def test_output_that_cannot_be_written_is_no_traceback(study, divider, command, where):
    (study.parent / "file").write_text("in the way")
    target = study.parent if where == "folder" else study.parent / "file" / "out.nc"
    table = study.parent / "table.csv"
    if command == "report":
        table.write_text("no table")
    source = {"simulate": divider, "netlist": study, "report": table}[command]
    more = ("--backend", "nodal") if command == "simulate" else ()
    refused(run(command, source, "--out", target, *more))
    assert (study.parent / "file").read_text() == "in the way"
    assert not list(study.parent.glob("*.part"))


def test_waveforms_go_to_a_folder_that_is_not_there_yet(divider, tmp_path):
    target = tmp_path / "new folder" / "w.nc"
    done = run("simulate", divider, "--backend", "nodal", "--out", target)
    assert done.exit_code == 0, done.output
    assert target.exists()


@pytest.mark.ngspice
def test_surrogate_of_a_choice_with_a_slash_stays_in_the_results(study):
    done = run("evaluate", edited(study, 'name = "whole"', 'name = "1/2 ../x"'), "--out", study.parent / "out")
    assert done.exit_code == 0, done.output
    assert [p.parent.name for p in (study.parent / "out").rglob("surrogate*.npz")] == ["small"]


def test_empty_table_is_no_traceback(tmp_path):
    for text in ("", "choice,front_end\n"):
        (tmp_path / "sweep.csv").write_text(text)
        refused(run("report", tmp_path / "sweep.csv", "--out", tmp_path / "x.png"), "has no rows")


def test_help_shows_the_unit_of_the_time_limit():
    assert "Time limit in seconds" in " ".join(run("simulate", "--help").output.split())


@pytest.mark.parametrize("limit", ["-1", "0"])
def test_time_limit_must_be_above_zero(divider, limit):
    refused(run("simulate", divider, "--timeout", limit))


def test_save_all_says_what_to_write_instead(divider):
    refused(
        run("simulate", edited(divider, "v(out)", "all"), "--backend", "nodal"), "got 'all'", "v(node) or i(source)"
    )


@pytest.mark.ngspice
def test_keep_leaves_the_run_folder_of_a_good_run(divider, tmp_path):
    more = ("--out", tmp_path / "w.nc", "--runs", tmp_path / "runs")
    assert run("simulate", divider, "--backend", "batch", "--keep", *more).exit_code == 0
    assert [path.name for path in tmp_path.glob("runs/*/deck.cir")] == ["deck.cir"]
    refused(run("simulate", divider, "--backend", "nodal", "--keep", *more), "--backend batch")


def test_study_with_a_byte_order_mark_is_read(study, tmp_path):
    study.write_bytes(b"\xef\xbb\xbf" + study.read_bytes())
    done = run("netlist", study, "--out", tmp_path / "n.cir")
    assert done.exit_code == 0, done.output


def test_printed_command_can_be_pasted_where_paths_have_blanks(study, tmp_path):
    done = run("netlist", study, "--out", tmp_path / "my deck.cir", "--images", 500)
    assert f"ngspice -b -r 'my deck.raw' '{tmp_path / 'my deck.cir'}'" in done.output.replace("\n", "")
    assert "12 input vectors" in done.output


def test_continuous_weights_can_be_asked_for_in_a_study(study, tmp_path):
    w = (np.linspace(-1, 1, 32).reshape(8, 4), np.linspace(-1, 1, 12).reshape(4, 3))
    NetworkWeights(w, (np.zeros(4), np.zeros(3))).save(tmp_path / "weights.npz")
    edited(study, "[wire]", 'n_levels = "continuous"\n[wire]')
    done = run("netlist", study, "--out", tmp_path / "n.cir")
    assert done.exit_code == 0, done.output
    cells = {line.split()[3] for line in (tmp_path / "n.cir").read_text().splitlines() if line.startswith("rgp_")}
    assert len(cells) > 10


@pytest.mark.ngspice
@pytest.mark.parametrize("where", ["beside", "inside"])
def test_control_section_in_an_own_subcircuit_runs_nothing(study, where, monkeypatch):
    monkeypatch.chdir(study.parent)
    script = f".control\nshell touch {study.parent}/pwned\n.endc\n"
    body = "r1 p 0 100\nr2 n 0 100\ne1 out 0 p n 30\n"
    text = f".subckt mine p n out\n{body}{script if where == 'inside' else ''}.ends\n"
    (study.parent / "mine.cir").write_text(text + (script if where == "beside" else ""))
    edited(study, 'kind = "diff_amp"\ngain = [30, 10]', OWN_FRONT_END)
    refused(run("sweep", study, "--out", study.parent / "out"), ".control", "mine")
    assert not (study.parent / "pwned").exists()


def test_own_subcircuit_file_that_is_no_text_is_refused(study):
    (study.parent / "mine.cir").write_bytes(os.urandom(16) + b"\xff\xfe")
    edited(study, 'kind = "diff_amp"\ngain = [30, 10]', OWN_FRONT_END)
    refused(run("netlist", study, "--out", study.parent / "n.cir"), "cannot read the subcircuit file")


@pytest.mark.ngspice
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("r1 in 0 1k\nb1 out 0 v=0.8/(1+exp(15*v(in)))", "loads its input"),
        ("b1 x 0 v=0.8/(1+exp(15*v(in)))\nr1 x out 500", "sags under a load"),
    ],
)
def test_neuron_that_loads_or_sags_is_not_taken_for_a_curve(study, body, message):
    (study.parent / "mine.cir").write_text(f".subckt mine in out\n{body}\n.ends\n")
    edited(study, "[spice]", OWN_NEURON)
    refused(run("evaluate", study, "--out", study.parent / "out"), message, "neuron mine")


def test_cell_that_leaks_to_ground_is_not_taken_for_a_conductance(study):
    text = ".subckt mine a b params: g=1e-4\nr1 a b {1/g}\nr2 b 0 1k\n.ends\n"
    (study.parent / "mine.cir").write_text(text)
    edited(study, "[spice]", OWN_CELL)
    refused(run("evaluate", study, "--out", study.parent / "out"), "cell mine", "1.2 mA")


@pytest.mark.ngspice
def test_choice_that_does_not_settle_is_named(study):
    edited(study, 't_step = "2 ps"', 't_step = "20 ps"\nsettled_within = 1e-12')
    done = refused(run("sweep", study, "--out", study.parent / "out"), "not settled", "whole")
    assert "raise t_stop" in done.output


@pytest.mark.ngspice
def test_one_choice_that_fails_does_not_cost_the_table_of_the_others(study):
    """The first choice alone has a transient, which does not settle."""
    edited(study, 't_step = "2 ps"', 't_step = "20 ps"\nsettled_within = 1e-12')
    study.write_text(study.read_text() + '[[choices]]\nname = "cut"\nn_h = [2, 1]\nn_v = [1, 1]\ntransient = false\n')
    out = study.parent / "out"
    refused(run("sweep", study, "--out", out), "1 of 2 choices have no row: whole", "not settled")
    assert [line.split(",")[0] for line in next(out.glob("*/sweep.csv")).read_text().splitlines()[1:]] == ["cut"]
