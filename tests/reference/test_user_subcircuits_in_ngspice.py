"""Judge: ngspice and the nodal solver, on subcircuits that a user brings: SPICE text, a file, a PySpice object."""

import numpy as np
import pytest
from PySpice.Spice.Netlist import SubCircuit

from aimc_spice.device import Device, map_weights
from aimc_spice.errors import FitError
from aimc_spice.netlist.layer import Layer
from aimc_spice.netlist.library import FrontEnd, sigmoid_neuron
from aimc_spice.netlist.macro import Macro
from aimc_spice.netlist.network import AnalogNetwork
from aimc_spice.netlist.partition import Partition
from aimc_spice.netlist.wire import Wire
from aimc_spice.share import share
from aimc_spice.simulate import BatchSimulator
from aimc_spice.surrogate.layer import effective_matrix

pytestmark = pytest.mark.ngspice
VOLTS = 0.4 * np.random.default_rng(0).random((5, 9))
CELLS = map_weights(np.random.default_rng(1).choice([-1, 1], (9, 4)), Device(1e-4, 1e-5))


class Amplifier(SubCircuit):
    NODES = ("p", "n", "out")

    def __init__(self):
        super().__init__("amplifier", *self.NODES)
        self.R(1, "p", self.gnd, 500)
        self.R(2, "n", self.gnd, 500)
        self.VCVS("e", "out", self.gnd, "p", "n", voltage_gain=30)


def layer(front_end, **more):
    return Layer(CELLS, Partition(9, 4, 2, 1), Wire(5.0, 5.0), FrontEnd(front_end, front_end), **more)


def sums(built, tmp_path):
    network = AnalogNetwork((built,), v_bias=0.0)
    found = BatchSimulator(tmp_path / "runs", timeout_s=60).run(network.deck(VOLTS))
    return found.stack([f"v({node})" for node in network.sums(0)])


def test_pyspice_front_end_gets_its_operator(tmp_path):
    built = layer(Macro.from_pyspice(Amplifier(), "front_end"), neuron=sigmoid_neuron())
    np.testing.assert_allclose(VOLTS @ effective_matrix(built), sums(built, tmp_path), atol=1e-12)


def test_cell_from_a_file_stands_in_for_the_resistor(tmp_path):
    """The sinh cell draws more than its small-signal conductance, and exactly that at small voltages."""
    text = share("netlists", "cells", "sinh.cir")
    front_end = Macro.from_pyspice(Amplifier(), "front_end")
    soft = sums(layer(front_end, cell=Macro.from_file(text, "sinh_cell", "cell", v0=1e3)), tmp_path)
    hard = sums(layer(front_end, cell=Macro.from_file(text, "sinh_cell", "cell", v0=0.2)), tmp_path)
    np.testing.assert_allclose(soft, VOLTS @ effective_matrix(layer(front_end)), atol=1e-7)
    assert np.abs(hard - soft).max() > 0.05 * np.abs(soft).max()


def test_operator_of_a_nonlinear_cell_is_refused():
    sinh = Macro.from_file(share("netlists", "cells", "sinh.cir"), "sinh_cell", "cell")
    with pytest.raises(FitError, match="cell sinh_cell is not linear"):
        effective_matrix(layer(Macro.from_pyspice(Amplifier(), "front_end"), cell=sinh))


def test_linear_cell_of_a_user_has_the_operator_of_a_resistor():
    front_end = Macro.from_pyspice(Amplifier(), "front_end")
    own = Macro("cell", "own", ".subckt own a b params: g=1\nr1 a m {0.5/g}\nr2 m b {0.5/g}\n.ends\n")
    np.testing.assert_array_equal(effective_matrix(layer(front_end, cell=own)), effective_matrix(layer(front_end)))
    half = Macro("cell", "half", ".subckt half a b params: g=1\nr1 a b {2/g}\n.ends\n")
    with pytest.raises(FitError, match="draws 50 uA at port a with 1 V on port a, wanted 100 uA"):
        effective_matrix(layer(front_end, cell=half))
