"""How is the graph of a network trained, reproducibly and so that a stop loses little?

Cross-entropy, one cycle of the learning rate (Smith, arXiv 1708.07120), AdamW or SGD with Nesterov momentum. Every
epoch draws from its own named streams and ends in a checkpoint: a run that was stopped goes on as if it had not been.
The last epoch is the result; the test set is never seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.adapt.backend import torch
from aimc_spice.adapt.torch_graph import TorchGraph
from aimc_spice.errors import ConfigError, DataError
from aimc_spice.rng import stream

Array = NDArray[Any]
Epoch = Callable[[np.random.Generator], tuple[Array, Array]]
Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class FitPlan:
    """Settings of a training run.

    Parameters
    ----------
    seed : int
        Of the order, the augmentation and the weight noise.
    epochs, batch : int
        Passes over the training part; samples per step.
    learning_rate : float
        The highest of the cycle.
    optimiser : str
        "adamw", or "sgd" (Nesterov momentum 0.9).
    weight_decay : float
        On arrays with two axes or more.
    label_smoothing : float
        Share of the target that is spread over all classes.
    weight_noise : float
        See `TorchGraph.forward`.
    low_precision : bool
        See `TorchGraph.forward`.
    """

    seed: int = 0
    epochs: int = 10
    batch: int = 128
    learning_rate: float = 2e-3
    optimiser: str = "adamw"
    weight_decay: float = 1e-2
    label_smoothing: float = 0.0
    weight_noise: float = 0.0
    low_precision: bool = False

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch) < 1 or self.learning_rate <= 0 or self.weight_noise < 0:
            raise ConfigError(f"got {self}, wanted epochs, batch >= 1, learning_rate > 0 and weight_noise >= 0")
        if self.optimiser not in {"adamw", "sgd"}:
            raise ConfigError(f"optimiser: got {self.optimiser!r}, known are adamw, sgd")


class Fit:
    """A training run under way.

    Parameters
    ----------
    graph : TorchGraph
        Trained in place.
    plan : FitPlan
        Settings.
    n_samples : int
        Of one epoch.
    """

    def __init__(self, graph: TorchGraph, plan: FitPlan, n_samples: int) -> None:
        torch.set_num_threads(1)  # sums in one order: the same seed gives the same bits on any number of cores
        self.graph, self.plan = graph, plan
        self.epoch, self.cpu_seconds = 0, 0.0
        self._optimiser = _optimiser(graph, plan)
        steps = plan.epochs * -(-n_samples // plan.batch)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, plan.learning_rate, total_steps=steps, pct_start=0.25, cycle_momentum=False
        )

    def run(self, data: Epoch, progress: Progress, checkpoint: Path | None = None) -> None:
        """Train what is left of the epochs; `data` gives the samples of one epoch, `progress` hears epoch and loss."""
        if checkpoint is not None and checkpoint.exists():
            self._resume(checkpoint)
        while self.epoch < self.plan.epochs:
            start = time.process_time()
            loss = self._one_epoch(data)
            self.epoch += 1
            self.cpu_seconds += time.process_time() - start
            if checkpoint is not None:
                self._keep(checkpoint)
            progress(self.epoch, loss)

    def _one_epoch(self, data: Epoch) -> float:
        rng = stream(self.plan.seed, "adapt", "fit", self.epoch)
        noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
        x, y = data(rng)
        order = rng.permutation(len(x))
        parts = [order[start : start + self.plan.batch] for start in range(0, len(x), self.plan.batch)]
        return float(np.mean([self._learn(x[part], y[part], noise) for part in parts]))

    def _learn(self, x: Array, y: Array, noise: Any) -> float:
        plan = self.plan
        given = {"weight_noise": plan.weight_noise, "generator": noise, "low_precision": plan.low_precision}
        logits = self.graph.forward(tensor(x), training=True, **given)
        flat = logits.float().flatten(0, -2), tensor(y).flatten()
        loss = torch.nn.functional.cross_entropy(*flat, label_smoothing=plan.label_smoothing)
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.graph.parameters.values(), 1.0)
        self._optimiser.step()
        self._schedule.step()
        return float(loss.item())

    def _keep(self, path: Path) -> None:
        """Write the state of the run; the file is whole or not there."""
        state = {
            "plan": asdict(self.plan),
            "epoch": self.epoch,
            "cpu_seconds": self.cpu_seconds,
            "arrays": {**self.graph.parameters, **self.graph.statistics},
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
        }
        part = path.with_name(f"{path.name}.part")
        torch.save(state, part)
        part.replace(path)

    def _resume(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        if state["plan"] != asdict(self.plan):
            raise DataError(f"{path} belongs to another plan: {state['plan']}", hint="remove it, or name another file")
        with torch.no_grad():
            for name, values in {**self.graph.parameters, **self.graph.statistics}.items():
                values.copy_(state["arrays"][name])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self.epoch, self.cpu_seconds = state["epoch"], state["cpu_seconds"]


def predict(graph: TorchGraph, x: Array, batch: int = 500) -> NDArray[np.float32]:
    """Return the outputs of a graph for all samples, in float32 and in batches."""
    torch.set_num_threads(1)
    with torch.no_grad():
        parts = [graph.forward(tensor(x[k : k + batch])).numpy() for k in range(0, len(x), batch)]
    return np.concatenate(parts)


def tensor(x: Array) -> Any:
    """Return samples as a tensor: images with the channels last in memory, which convolutions like better."""
    result = torch.from_numpy(np.require(x, requirements=["C", "W"]))
    return result.contiguous(memory_format=torch.channels_last) if result.ndim == 4 else result


def _optimiser(graph: TorchGraph, plan: FitPlan) -> Any:
    decayed = [p for p in graph.parameters.values() if p.ndim > 1]
    free = [p for p in graph.parameters.values() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": free, "weight_decay": 0.0}]
    if plan.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=plan.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=plan.learning_rate, betas=(0.9, 0.98))
