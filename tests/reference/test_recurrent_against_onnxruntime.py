"""Judge: onnxruntime, on recurrent cells with every attribute; exact tiles give 1e-4 of the largest output."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from aimc_spice.errors import NetworkError
from aimc_spice.network.answers import examine, layer_costs
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.mapping import Mapping
from aimc_spice.network.options import Options
from aimc_spice.network.prepare import prepare
from network_models import IdealTile, RoughReadout, model, values

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
N, T, K, H = 5, 7, 6, 9  # samples, time steps, inputs, states
PLAIN = ["Relu", "Tanh", "Sigmoid", "LeakyRelu", "HardSigmoid", "Elu", "Softsign", "Softplus"]
"""Without parameters; where Affine, ScaledTanh and ThresholdedRelu have none, onnxruntime takes 0, the standard 1."""


def cell(op, direction="forward", given=(), **attributes):
    """x (n, T, K), transposed before the cell → all its outputs side by side, samples first."""
    d, g = (2 if direction == "bidirectional" else 1), GATES[op]
    arrays = {"w": values(0, d, g * H, K, scale=0.5), "r": values(1, d, g * H, H, scale=0.4)}
    names = {"b": values(2, d, 2 * g * H, scale=0.3), "lens": np.array([7, 3, 1, 5, 6], np.int32)}
    names |= {"h0": values(3, d, N, H), "c0": values(4, d, N, H), "p": values(5, d, 3 * H, scale=0.3)}
    arrays |= {name: names[name] for name in given}
    inputs = ["turned", "w", "r", *(name if name in given else "" for name in ("b", "lens", "h0"))]
    inputs += [name if name in given else "" for name in ("c0", "p")] if op == "LSTM" else []
    outputs = ["states", "last", "memory"][: 3 if op == "LSTM" else 2]
    node = helper.make_node(op, inputs, outputs, name="cell", hidden_size=H, direction=direction, **attributes)
    make, first = helper.make_node, [N if {"lens", "h0", "c0"} & set(given) else "n", T, K]
    nodes = [make("Transpose", ["x"], ["turned"], perm=[1, 0, 2]), node]
    nodes += [make("Transpose", ["states"], ["s"], perm=[2, 0, 1, 3]), make("Flatten", ["s"], ["y0"])]
    for k, name in enumerate(outputs[1:], 1):
        nodes += [make("Transpose", [name], [f"t{k}"], perm=[1, 0, 2]), make("Flatten", [f"t{k}"], [f"y{k}"])]
    nodes.append(make("Concat", [f"y{k}" for k in range(len(outputs))], ["y"], axis=1))
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in (("x", first), ("y", None)))
    kept = [numpy_helper.from_array(v, k) for k, v in arrays.items()]
    graph = helper.make_graph(nodes, op.lower(), [x], [y], kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def wanted(model, x):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def close(found, judged):
    np.testing.assert_allclose(found, judged, rtol=0, atol=1e-4 * np.abs(judged).max())


CASES = {
    **{f"{op} {d}": (op, d, ("b", "lens", "h0"), {}) for op in GATES for d in ("forward", "reverse", "bidirectional")},
    "RNN bare": ("RNN", "forward", (), {}),
    "RNN clip": ("RNN", "forward", ("b",), {"clip": 0.5}),
    "GRU reset after": ("GRU", "bidirectional", ("b", "lens"), {"linear_before_reset": 1}),
    "GRU clip": ("GRU", "forward", ("b",), {"clip": 0.5}),
    "GRU activations": ("GRU", "forward", ("b",), {"activations": ["HardSigmoid", "Softsign"]}),
    "LSTM peepholes": ("LSTM", "bidirectional", ("b", "lens", "h0", "c0", "p"), {}),
    "LSTM clip": ("LSTM", "forward", ("b", "p"), {"clip": 0.5}),
    "LSTM coupled": ("LSTM", "forward", ("b",), {"input_forget": 1}),
    "LSTM parameters in order": (
        "LSTM", "forward", ("b",),
        {"activations": ["HardSigmoid", "Tanh", "ScaledTanh"], "activation_alpha": [0.3, 1.2],
         "activation_beta": [0.4, 0.7]},
    ),
    **{f"RNN {act}": ("RNN", "forward", ("b",), {"activations": [act]}) for act in PLAIN},
    **{
        f"RNN {act} given": (
            "RNN", "forward", ("b",), {"activations": [act], "activation_alpha": [0.7], "activation_beta": [0.2]},
        )
        for act in ("Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu")
    },
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_digital_and_on_exact_tiles(case):
    op, direction, given, attributes = CASES[case]
    model, x = cell(op, direction, given, **attributes), values(9, N, T, K)
    judged, network = wanted(model, x), read_onnx(model)
    close(network.run({"x": x})[0], judged)
    for mapping in (Mapping(), Mapping(n_rows=5, n_cols=8, signs="offset"), Mapping(bias="rows", scale="layer")):
        close(prepare(network, IdealTile(), None, x, Options(mapping=mapping, dac_bits=None)).run(x), judged)


@pytest.mark.parametrize("op", GATES)
def test_batch_does_not_matter(op):
    """Noise is of the sample and its time step."""
    x = values(9, 6, T, K)
    prepared = prepare(read_onnx(cell(op, "bidirectional", ("b",))), IdealTile(16, 16), RoughReadout(8), x)
    whole = prepared.run(x, 3)
    for chunk in (1, 4):
        np.testing.assert_array_equal(prepared.run(x, 3, chunk=chunk), whole)
    same = prepared.run(np.repeat(x[:1], 2, axis=0), 3)
    assert not np.array_equal(same[0], same[1])
    assert not np.array_equal(prepared.run(x, 4), whole)
    assert not np.array_equal(prepared.redrawn(1).run(x, 3), whole)


def test_costs_count_time_steps():
    """A GRU of 6 inputs and 9 states in 7 steps on 16 × 16: 2 tiles each for W and R; replicas do not hurry R."""
    options = Options(mapping=Mapping(replicas=4))
    network = read_onnx(cell("GRU", "forward", ("b",), linear_before_reset=1))
    prepared = prepare(network, IdealTile(16, 16), RoughReadout(8), values(9, N, T, K), options)
    w, r = layer_costs(prepared)
    assert [w.name, r.name] == ["cell/W", "cell/R"]
    assert (w.macs, r.macs) == (7 * 6 * 27, 7 * 9 * 27)
    assert (w.n_operations, r.n_operations) == (7 * 2, 7 * 2)
    assert w.latency == pytest.approx(2 * 20e-9)
    assert r.latency == pytest.approx(7 * 20e-9)


def test_layers_are_examined_and_parts_may_stay_digital():
    x = values(9, N, T, K)
    network = read_onnx(cell("GRU", "forward", ("b", "lens")))
    errors = {e.name: e for e in examine(prepare(network, IdealTile(), RoughReadout(8, 0.0, 0.0), x), x)}
    assert list(errors) == ["cell/W", "cell/R", "cell/R_h"]
    assert all(20 < e.sqnr_db < 60 and e.sqnr_running_db <= e.sqnr_db + 1 for e in errors.values())
    mixed = prepare(network, IdealTile(), RoughReadout(8), x, Options(digital=("*/R*",)))
    assert list(mixed.layers) == ["cell/W"]


def test_time_first_is_refused_before_a_batch_is_cut_through_time():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["t", "n", K])
    node = helper.make_node("RNN", ["x", "w", "r"], ["y"], name="cell", hidden_size=H)
    kept = [numpy_helper.from_array(v, k) for k, v in {"w": values(0, 1, H, K), "r": values(1, 1, H, H)}.items()]
    graph = helper.make_graph([node], "rnn", [x], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    prepared = prepare(read_onnx(model), IdealTile(), None, values(2, T, N, K))
    with pytest.raises(NetworkError, match="first axis of every input is the batch"):
        prepared.run(values(2, T, N, K))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"activations": ["Mish"]}, "activation 'Mish' is unknown"),
        ({"activations": ["Tanh", "Tanh"]}, "got 2 activations, wanted 1"),
        ({"direction": "sideways"}, "direction 'sideways'"),
        ({"direction": "bidirectional"}, "for 2 directions"),
        ({"hidden_size": 4}, "with hidden_size = 4"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(change, text):
    model = cell("RNN")
    node = model.graph.node[1]
    kept = [a for a in node.attribute if a.name not in change]
    del node.attribute[:]
    node.attribute.extend([*kept, *(helper.make_attribute(k, v) for k, v in change.items())])
    with pytest.raises(NetworkError, match=f"(?s){text}.*node cell"):
        prepare(read_onnx(model), IdealTile(), None, values(9, N, T, K))


def test_an_output_that_is_left_out_is_no_input_of_what_follows():
    """`["", "last"]` gave all states to every later node that leaves an input out, such as the minimum of a Clip."""
    make = helper.make_node
    arrays = {"w": values(0, 1, H, K), "r": values(1, 1, H, H), "most": np.float32(0.3), "first": np.array([0])}
    nodes = [
        make("Transpose", ["x"], ["turned"], perm=[1, 0, 2]),
        make("RNN", ["turned", "w", "r"], ["", "last"], name="cell", hidden_size=H),
        make("Squeeze", ["last", "first"], ["s"]),
        make("Clip", ["s", "", "most"], ["y"]),
    ]
    given, x = model(nodes, arrays, ["n", T, K]), values(9, N, T, K)
    close(read_onnx(given).run({"x": x})[0], wanted(given, x))
