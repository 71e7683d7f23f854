"""How is a binary network trained, reproducibly and without looking at the test set?

Adam on the latent weights, a cosine schedule, and the best epoch on a part of the training set that is held out.
It reads and writes no files.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.adapt.augment import shifted
from aimc_spice.adapt.backend import torch
from aimc_spice.adapt.mlp import BinaryMlp, Neuron
from aimc_spice.adapt.readout import Readout
from aimc_spice.errors import ConfigError
from aimc_spice.rng import stream

Progress = Callable[[int, float, float], None]


@dataclass(frozen=True)
class TrainPlan:
    """Settings of a training run.

    Parameters
    ----------
    seed : int
        Of the first weights, the held-out part, the order and the augmentation.
    epochs, batch : int
        Passes over the training part; images per step.
    learning_rate : float
        Of Adam on the latent weights at the start; follows half a cosine to zero.
    sharpness : float
        Factor between ``-4 slope / vdd * z`` and the logits of the cross-entropy. The ideal read-out learns its own
        scale and needs none.
    max_shift : int
        Augmentation: largest move of an image [pixels].
    held_out : float
        Share of the training set that only selects the epoch.
    update_every : int
        Steps between exact computations of a read-out with wires.
    """

    seed: int = 0
    epochs: int = 30
    batch: int = 128
    learning_rate: float = 1e-3
    sharpness: float = 1.0
    max_shift: int = 1
    held_out: float = 1 / 12
    update_every: int = 100

    def __post_init__(self) -> None:
        counts = self.epochs, self.batch, self.update_every
        if min(counts) < 1 or not 0 < self.held_out < 1 or self.max_shift < 0:
            raise ConfigError(
                f"got {self}, wanted epochs, batch, update_every >= 1, held_out in (0, 1) and max_shift >= 0"
            )


@dataclass(frozen=True)
class TrainResult:
    """The best epoch of a run.

    Parameters
    ----------
    weights : list of ndarray of int8, shapes (n_in + 1, n_out)
        -1 or +1, bias row last.
    scale : ndarray or None
        Learnt read-out gains [V/V] of the ideal read-out.
    held_out_accuracy : float
        What selected the epoch.
    epoch : int
        Counted from 1.
    """

    weights: list[NDArray[np.int8]]
    scale: NDArray[np.float64] | None
    held_out_accuracy: float
    epoch: int


def train(
    x: NDArray[Any],
    y: NDArray[np.int64],
    hidden: Sequence[int],
    readout: Readout | None,
    plan: TrainPlan,
    *,
    neuron: Neuron = Neuron(),  # noqa: B008  frozen
    progress: Progress = lambda _epoch, _loss, _accuracy: None,
) -> TrainResult:
    """Train a binary network.

    Parameters
    ----------
    x : ndarray, shape (n, n_inputs)
        Training inputs in [0, 1]; square images where the plan shifts them.
    y : ndarray of int64, shape (n,)
        Classes.
    hidden : sequence of int
        Neurons of the hidden layers.
    readout : Readout or None
        The circuit that the forward pass sees; None learns one ideal scale per layer.
    plan : TrainPlan
        Settings.
    neuron : Neuron
        Of every layer.
    progress : callable
        Told the epoch, the mean loss and the held-out accuracy after every epoch.

    Returns
    -------
    TrainResult
        The weights of the epoch with the best held-out accuracy, the latest of equals.

    Raises
    ------
    ConfigError
        PyTorch is not installed.
    """
    torch.set_num_threads(1)  # sums in one order: the same seed gives the same bits on any number of cores
    order = stream(plan.seed, "adapt", "held out").permutation(len(x))
    n_held = max(1, round(plan.held_out * len(x)))
    held, rest = order[:n_held], order[n_held:]
    model = BinaryMlp((x.shape[1], *hidden, int(y.max()) + 1), readout, neuron, plan.seed)
    step = _stepper(model, plan, len(rest))
    best = None
    for epoch in range(1, plan.epochs + 1):
        loss = _epoch(step, x[rest], y[rest], plan, epoch)
        model.update()
        accuracy = _accuracy(model, x[held], y[held])
        progress(epoch, loss, accuracy)
        if best is None or accuracy >= best.held_out_accuracy:
            best = TrainResult(model.weights(), model.scale(), accuracy, epoch)
    assert best is not None  # noqa: S101  at least one epoch
    return best


def _stepper(model: BinaryMlp, plan: TrainPlan, n: int) -> Callable[[Any, Any], float]:
    """Return the function that learns from one batch and gives its loss."""
    groups = [{"params": model.latent}, {"params": [] if model.log_scale is None else [model.log_scale]}]
    optimiser = torch.optim.Adam(groups, lr=plan.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, plan.epochs * -(-n // plan.batch))

    count = itertools.count()

    def step(images: Any, classes: Any) -> float:
        if next(count) % plan.update_every == 0:
            model.update()
        logits = -plan.sharpness * model.neuron.steepness * model.forward(images)
        loss = torch.nn.functional.cross_entropy(logits, classes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        model.clip()
        return float(loss.item())

    return step


def _epoch(
    step: Callable[[Any, Any], float], x: NDArray[Any], y: NDArray[np.int64], plan: TrainPlan, epoch: int
) -> float:
    rng = stream(plan.seed, "adapt", "epoch", epoch)
    order = rng.permutation(len(x))
    images, classes = _tensor(shifted(x, plan.max_shift, rng)[order]), torch.from_numpy(y[order])
    parts = [slice(start, start + plan.batch) for start in range(0, len(x), plan.batch)]
    return float(np.mean([step(images[part], classes[part]) for part in parts]))


def _accuracy(model: BinaryMlp, x: NDArray[Any], y: NDArray[np.int64]) -> float:
    with torch.no_grad():
        z = model.forward(_tensor(x)).numpy()
    return float(np.mean(z.argmin(axis=1) == y))  # neurons invert: the smallest z gives the largest output


def _tensor(x: NDArray[Any]) -> Any:
    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
