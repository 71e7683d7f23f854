"""User's own subcircuits: what is accepted, what is refused."""

import pytest

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.library import diff_amp, sigmoid_neuron, tia
from aimc_spice.netlist.macro import Macro, definitions

FRONT_END = ".subckt mine p n out params: r_f=1e3\nr1 p 0 1\nr2 n 0 1\ne1 out 0 p n {r_f}\n.ends\n"


def test_file_of_a_user_is_instantiated_with_its_parameters(tmp_path):
    path = tmp_path / "mine.cir"
    path.write_text(FRONT_END)
    assert Macro.from_file(path, "mine", "front_end", r_f=2e3).call() == "mine r_f=2.0e+03"


def test_too_few_ports_are_refused():
    with pytest.raises(NetlistError, match=r"got 2 ports \(p out\), wanted 3 for a front_end: p n out"):
        Macro("front_end", "mine", ".subckt mine p out\n.ends\n")


def test_unknown_parameter_is_refused_and_the_known_listed():
    with pytest.raises(NetlistError, match=r"no parameter gain(.|\n)*its parameters are: r_f"):
        Macro("front_end", "mine", FRONT_END, {"gain": 2.0})


def test_missing_subcircuit_is_refused_and_the_present_listed():
    with pytest.raises(NetlistError, match=r"no subcircuit other(.|\n)*it has: mine"):
        Macro("front_end", "other", FRONT_END)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(NetlistError, match="cannot read the subcircuit file"):
        Macro.from_file(tmp_path / "none.cir", "mine", "front_end")


def test_cell_without_a_conductance_parameter_is_refused():
    with pytest.raises(NetlistError, match="no parameter g"):
        Macro("cell", "c", ".subckt c a b\nr1 a b 1\n.ends\n")


def test_pyspice_subcircuit_is_taken():
    class Fake:  # PySpice is imported in one file of the package alone; its objects are known by their text
        def __str__(self):
            return FRONT_END

    assert Macro.from_pyspice(Fake(), "front_end").name == "mine"


def test_shared_helpers_are_written_once():
    text = definitions([diff_amp(gain=30).macro, tia(r_f=1e3).macro, sigmoid_neuron()]).text
    assert text.count(".subckt opamp_linear") == 1
