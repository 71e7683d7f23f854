"""Which command made the committed weights? This one: ``python -m aimc_spice.workloads.train --help``.

Options alone train a binary perceptron for circuits; a name first trains that network of the zoo (`train_zoo`).
It connects data, training and the weight file. The test set is only used once, to state the accuracy at the end.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from aimc_spice.adapt.mlp import Neuron
from aimc_spice.adapt.readout import DiffAmpReadout, Readout
from aimc_spice.adapt.training import TrainPlan, TrainResult, train
from aimc_spice.adapt.wired import WiredReadout
from aimc_spice.errors import AimcSpiceError
from aimc_spice.netlist.wire import Wire
from aimc_spice.workloads import train_zoo
from aimc_spice.workloads.base import Workload
from aimc_spice.workloads.digits import digits
from aimc_spice.workloads.mnist import mnist
from aimc_spice.workloads.software import SigmoidMlp, trained_readout
from aimc_spice.workloads.weights import NetworkWeights

HIDDEN = (120, 84)
_ZOO = "With a name in place of options: networks of the zoo, python -m aimc_spice.workloads.train NAME --help."
PLANS = {
    ("mnist", "ideal"): TrainPlan(epochs=60, learning_rate=2e-3),
    ("mnist", "diff_amp"): TrainPlan(epochs=60, learning_rate=2e-3, sharpness=0.3),
    ("digits", "ideal"): TrainPlan(epochs=300, batch=32),
    ("digits", "diff_amp"): TrainPlan(epochs=300, batch=32, sharpness=0.3),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, report the test accuracy and write the weight file; return the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if given and not given[0].startswith("-"):
            train_zoo.run(given)
        else:
            _run(_parser().parse_args(given), given)
    except AimcSpiceError as bad:
        print(bad, file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace, given: Sequence[str]) -> None:
    data = digits() if options.data == "digits" else mnist(download=options.download)
    readout = _readout(options)
    plan = _plan(options)
    neuron = Neuron(backward=options.backward)
    result = train(data.x_train, data.y_train, HIDDEN, readout, plan, neuron=neuron, progress=_show)
    weights = _pack(result, data, options, given)
    weights.save(options.out)
    print(f"test accuracy {weights.about['digital_accuracy']:.4f} on {len(data.x_test)} images, wrote {options.out}")


def _readout(options: argparse.Namespace) -> Readout | None:
    if options.readout == "ideal":
        return None
    wireless = DiffAmpReadout(tuple(options.n_h))
    return WiredReadout(wireless, tuple(options.n_v), Wire(*options.wire)) if options.wire else wireless


def _plan(options: argparse.Namespace) -> TrainPlan:
    plan = replace(PLANS[options.data, options.readout], seed=options.seed)
    given = {name: value for name in ("epochs", "learning_rate") if (value := getattr(options, name)) is not None}
    return replace(plan, **given)


def _pack(result: TrainResult, data: Workload, options: argparse.Namespace, given: Sequence[str]) -> NetworkWeights:
    matrices = [w.astype(np.float64) for w in result.weights]
    bare = NetworkWeights(tuple(w[:-1] for w in matrices), tuple(w[-1] for w in matrices), result.scale)
    about = {
        "data": data.name,
        "readout": options.readout,
        "n_h": list(options.n_h) if options.readout == "diff_amp" else None,
        "n_v": list(options.n_v) if options.wire else None,
        "r_wire_ohm": list(options.wire) if options.wire else None,
        "seed": options.seed,
        "command": " ".join(["python -m aimc_spice.workloads.train", *_without_out(given)]),
        "epoch": result.epoch,
        "held_out_accuracy": result.held_out_accuracy,
    }
    unscored = replace(bare, about=about)
    network = SigmoidMlp.build(unscored, trained_readout(unscored))
    return replace(bare, about=about | {"digital_accuracy": network.accuracy(data.x_test, data.y_test)})


def _without_out(given: Sequence[str]) -> list[str]:
    """Drop the output path, which says nothing about the weights."""
    at = given.index("--out")
    return [*given[:at], *given[at + 2 :]]


def _show(epoch: int, loss: float, accuracy: float) -> None:
    print(f"epoch {epoch:4d}  loss {loss:.4f}  held-out accuracy {accuracy:.4f}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aimc_spice.workloads.train", description="Train binary weights.", epilog=_ZOO
    )
    parser.add_argument("--data", choices=["mnist", "digits"], required=True)
    parser.add_argument("--readout", choices=["ideal", "diff_amp"], required=True)
    parser.add_argument("--n-h", type=int, nargs=3, default=[16, 8, 8], help="partitions per layer that training sees")
    parser.add_argument("--n-v", type=int, nargs=3, default=[8, 8, 1], help="vertical partitions; matter with --wire")
    parser.add_argument("--wire", type=float, nargs=2, metavar=("WL", "BL"), help="segment resistances [Ω] seen too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="default: the full recipe")
    parser.add_argument("--learning-rate", type=float, help="default: the full recipe")
    parser.add_argument("--backward", type=float, default=1.0, help="share of the neuron's slope that gradients see")
    parser.add_argument("--download", action="store_true", help="fetch missing data files")
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
