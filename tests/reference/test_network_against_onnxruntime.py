"""Judge: onnxruntime, on small models; with exact tiles and converters, 1e-4 of the largest output."""

import numpy as np
import onnxruntime
import pytest

from aimc_spice.network.dac import Dac
from aimc_spice.network.graph import read_onnx
from aimc_spice.network.mapping import Mapping
from aimc_spice.network.options import Options
from aimc_spice.network.prepare import prepare
from network_models import MODELS, IdealTile, values

GOAL = 1e-4  # of the largest output: the goal of the project; measured 1e-6


def wanted(model, x):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def close(found, judged):
    np.testing.assert_allclose(found, judged, rtol=0, atol=GOAL * np.abs(judged).max())


@pytest.mark.parametrize("name", MODELS)
def test_digital(name):
    make, shape = MODELS[name]
    model, x = make(), values(50, 5, *shape)
    close(read_onnx(model).run({"x": x})[0], wanted(model, x))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "mapping",
    [
        Mapping(),
        Mapping(n_rows=16, n_cols=8),
        Mapping(signs="offset", n_rows=24, n_cols=9),
        Mapping(bias="rows", scale="layer", padding=False),
        Mapping(weight_bits=16, slice_bits=5),
    ],
    ids=["plain", "cut", "offset", "bias rows", "sliced"],
)
def test_on_exact_tiles(name, mapping):
    make, shape = MODELS[name]
    model, x = make(), values(50, 5, *shape)
    prepared = prepare(read_onnx(model), IdealTile(), None, x, Options(mapping=mapping, dac_bits=None))
    close(prepared.run(x), wanted(model, x))


@pytest.mark.parametrize("bits_per_cycle", [1, 3, 8])
@pytest.mark.parametrize("signed", [True, False])
def test_bit_serial_inputs_add_up_to_one_pulse(bits_per_cycle, signed):
    """Shift and add of the cycles gives what one pulse gives, so the tile sees the same products."""
    x = np.abs(values(3, 40, 7)) if not signed else values(3, 40, 7)
    serial, pulse = (Dac(8, 1.7, signed, bits) for bits in (bits_per_cycle, None))
    added = sum(f * serial.drive(x, c) for c, f in enumerate(serial.factors()))
    np.testing.assert_allclose(added, pulse.drive(x), rtol=0, atol=2e-7)
