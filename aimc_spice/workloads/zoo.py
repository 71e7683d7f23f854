"""Which trained networks come along, each with its data, its metric and its digital score?

One call, `load(name)`, whatever the network is: a perceptron, CNNs, or transformers. Every network is plain ONNX with
one input, one output and a symbolic batch length N. Its data are read when they are asked for, so that a network can
be looked at without them. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from aimc_spice.errors import DataError
from aimc_spice.rng import stream
from aimc_spice.workloads.language.sentiment import NAME as MINILM
from aimc_spice.workloads.language.sentiment import minilm_sst2, sentiment
from aimc_spice.workloads.metrics import METRICS, Metric
from aimc_spice.workloads.models import about_model, load_model
from aimc_spice.workloads.models import n_parameters as count
from aimc_spice.workloads.recipes import RECIPES
from aimc_spice.workloads.task import Task

NAMES = (*RECIPES, MINILM)
_WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class ZooEntry:
    """A trained network and what belongs to it.

    Parameters
    ----------
    name : str
        In the zoo.
    model : ModelProto
        Opset 20, float32 arrays; input (N, …), output (N, n_classes) or (N, T, n_classes).
    path : Path or None
        The committed file; None where the network is built from an installed package.
    about : mapping
        How it was trained: title, data, metric, plan, command, digital score.
    read_task : callable
        Reads the data.
    """

    name: str
    model: ModelProto
    path: Path | None
    about: Mapping[str, Any]
    read_task: Callable[[], Task]

    @cached_property
    def task(self) -> Task:
        """The data; `DataError` says what is missing and where it was looked for."""
        return self.read_task()

    @property
    def title(self) -> str:
        """One line for people."""
        return str(self.about["title"])

    @property
    def metric(self) -> Metric:
        """Scores outputs against targets; knows its name and whether more is better."""
        return METRICS[self.about["metric"]]

    @property
    def digital_score(self) -> float:
        """The metric on the whole test part in float32, recorded when the network was trained."""
        return float(self.about["digital_score"])

    @property
    def n_parameters(self) -> int:
        """Numbers in the network's arrays."""
        return count(self.model)

    def test(self, n: int | None = None) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the first `n` test samples and targets, all of them for None."""
        return self.task.x_test[:n], self.task.y_test[:n]

    def calibration(self, n: int = 256, seed: int = 0) -> NDArray[Any]:
        """Return `n` samples of the training part, to set ranges by: the test part is not for that."""
        order = stream(seed, "workloads", "calibration", self.name).permutation(len(self.task.x_train))
        return self.task.x_train[np.sort(order[:n])]


def shipped() -> dict[str, Path]:
    """Return the committed files of trained networks, by name."""
    return {name: path for name in RECIPES if (path := _WEIGHTS / f"{name}.onnx").exists()}


def load(name: str) -> ZooEntry:
    """Return a network of the zoo.

    Parameters
    ----------
    name : str
        One of `NAMES`.

    Raises
    ------
    DataError
        An unknown name (the known ones are listed); a weight file or package that is missing (with how to get it).
    """
    if name not in NAMES:
        raise DataError(f"zoo: got the unknown name {name!r}, known are {', '.join(NAMES)}")
    if name == MINILM:
        model, about = minilm_sst2()
        return ZooEntry(name, model, None, about, sentiment)
    path = shipped().get(name)
    if path is None:
        raise DataError(
            f"{name}.onnx is missing in {_WEIGHTS}",
            hint=f"python -m aimc_spice.workloads.train {name} trains it; then put it there",
        )
    model = load_model(path)
    return ZooEntry(name, model, path, about_model(model), RECIPES[name].task)
