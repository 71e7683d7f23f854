"""Judge: the onnx package's own node tests, for operators with code of ours: mapped on tiles, or a fast path."""

import importlib
import warnings

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx.backend.test.case import node

from aimc_spice.network.graph import read_onnx
from aimc_spice.network.lower import MAPPED
from aimc_spice.network.options import Options
from aimc_spice.network.prepare import prepare
from aimc_spice.network.recurrent import RECURRENT
from network_models import IdealTile

FAST = ("MaxPool", "AveragePool", "GlobalAveragePool", "Softmax", "LayerNormalization", "Gelu", "Erf")
"""The rest is run by the onnx package itself."""


FILES = {"MaxPool": "maxpool", "AveragePool": "averagepool", "GlobalAveragePool": "globalaveragepool"}
FILES |= {"LayerNormalization": "layernormalization"}


@pytest.fixture(scope="module")
def of():
    """The cases of each operator; importing a file of the package makes them."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of their data overflow on purpose
        for op in (*FAST, *MAPPED):
            node._NodeTestCases.clear()
            importlib.import_module(f"{node.__name__}.{FILES.get(op, op.lower())}")
            found[op] = [case for case in node._NodeTestCases if not case.name.endswith("_expanded")]
    return found


def check(case, run):
    for inputs, outputs in case.data_sets:
        found = run(read_onnx(case.model), inputs)
        for got, wanted in zip(found, outputs):
            np.testing.assert_allclose(got, wanted, rtol=max(case.rtol, 1e-4), atol=1e-5, err_msg=case.name)


def digitally(network, inputs):
    return network.run(dict(zip((p.name for p in network.inputs), inputs)))


@pytest.mark.parametrize("op", [*FAST, *MAPPED])
def test_digital(of, op):
    assert of[op]
    for case in of[op]:
        check(case, digitally)


def on_tiles(case, moving):
    """Run a case with every input but one constant, on exact tiles."""
    (inputs, outputs), *_ = case.data_sets
    model = type(case.model)()
    model.CopyFrom(case.model)
    for port, value in zip(list(model.graph.input), inputs):
        if port.name != model.graph.input[moving].name:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), port.name))
    x = inputs[moving]
    prepared = prepare(read_onnx(model), IdealTile(1024, 1024), None, x, Options(dac_bits=None))
    found = prepared.run(x, chunk=len(x)) if x.ndim else None
    return found, outputs[0]


@pytest.mark.parametrize(("op", "moving"), [("Conv", 0), ("Gemm", 0), ("MatMul", 0), ("MatMul", 1)])
def test_on_tiles(of, op, moving):
    done = 0
    for case in of[op]:
        shapes = [np.shape(v) for v in case.data_sets[0][0]]
        if op == "MatMul" and len(shapes[1 - moving]) != 2:
            continue  # a constant vector or stack of matrices is refused by name, see test_network_refuses
        if op == "Gemm" and (any(a.name == "transA" for a in case.model.graph.node[0].attribute)):
            continue  # refused as well
        if op == "Gemm" and len(shapes) > 2 and np.prod(shapes[2]) not in {1, shapes[1][0], shapes[1][1]}:
            continue  # a bias for every sample is refused as well
        found, wanted = on_tiles(case, moving)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5, err_msg=case.name)
        done += 1
    assert done >= {"Conv": 5, "Gemm": 4, "MatMul": 1}[op]


@pytest.mark.parametrize("op", RECURRENT)
def test_recurrent_on_tiles(of, op):
    """Every case and every output; samples come first, as in all networks here, so that time can be cut nowhere."""
    for case in of[op]:
        (inputs, outputs), *_ = case.data_sets
        model, x = samples_first(case.model, inputs)
        prepared = prepare(read_onnx(model), IdealTile(8, 8), None, x, Options(dac_bits=None))
        assert {name.rsplit("/", 1)[1] for name in prepared.layers} >= {"W", "R"}
        found = prepared.network.run({prepared.network.inputs[0].name: x}, prepared.replaced(0, 0, len(x)))
        assert len(found) == len(outputs)
        for got, wanted in zip(found, outputs):
            np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5, err_msg=case.name)


def samples_first(given, inputs):
    """The case with its weights, lengths and states constant; a transpose brings time to the front where it belongs."""
    model = type(given)()
    model.CopyFrom(given)
    (node,) = model.graph.node
    name, x = model.graph.input[0].name, inputs[0]
    for port, value in zip(list(model.graph.input)[1:], inputs[1:]):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), port.name))
    if not any(a.name == "layout" and a.i for a in node.attribute):
        turned = helper.make_node("Transpose", [name], ["in_turn"], perm=[1, 0, 2])
        node.input[0] = "in_turn"
        model.graph.node.insert(0, turned)
        x = np.ascontiguousarray(np.swapaxes(x, 0, 1))
        model.graph.input[0].CopyFrom(helper.make_tensor_value_info(name, 1, x.shape))
    return model, x
