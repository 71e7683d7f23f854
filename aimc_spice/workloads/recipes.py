"""How was each network of the zoo trained? One line each: graph, data, settings, and how samples are varied.

Settings follow common practice for each kind of network; none was chosen by its test score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from aimc_spice.adapt.augment import masked, mirrored, moved
from aimc_spice.adapt.fit import FitPlan
from aimc_spice.errors import DataError
from aimc_spice.workloads.graphs.images import mlp, resnet20, small_cnn
from aimc_spice.workloads.graphs.speech import ds_cnn, gru
from aimc_spice.workloads.graphs.text import gpt
from aimc_spice.workloads.images import cifar10, fashion, mnist_grey
from aimc_spice.workloads.shakespeare import split_text, tiny_shakespeare, windows
from aimc_spice.workloads.speech import spoken_digits
from aimc_spice.workloads.task import Task

Array = NDArray[Any]
Samples = tuple[Array, Array]


@dataclass(frozen=True)
class Recipe:
    """What it takes to make a network of the zoo.

    Parameters
    ----------
    graph : callable
        Gives the untrained model for a seed.
    task : callable
        Reads the data.
    metric : str
        A key of `metrics.METRICS`.
    plan : FitPlan
        Settings of the training.
    vary : callable
        Gives the samples of one epoch, from a task and a random generator.
    title : str
        One line for people.
    """

    graph: Callable[[int], ModelProto]
    task: Callable[[], Task]
    metric: str
    plan: FitPlan
    vary: Callable[[Task, np.random.Generator], Samples]
    title: str


def _mnist(task: Task, rng: np.random.Generator) -> Samples:
    images = task.x_train.reshape(-1, 1, 20, 20)
    return moved(images, (1, 1), rng).reshape(-1, 400), task.y_train


def _fashion(task: Task, rng: np.random.Generator) -> Samples:
    return mirrored(moved(task.x_train, (1, 1), rng), rng), task.y_train


def _cifar(task: Task, rng: np.random.Generator) -> Samples:
    return mirrored(moved(task.x_train, (4, 4), rng), rng), task.y_train


def _speech(task: Task, rng: np.random.Generator) -> Samples:
    return masked(moved(task.x_train, (6, 0), rng), 8, 2, rng), task.y_train


def _text(task: Task, rng: np.random.Generator) -> Samples:
    """Cut the text anew, from another first character."""
    n_tokens = task.x_train.shape[1]
    return windows(split_text()[0][int(rng.integers(n_tokens)) :], n_tokens)


RECIPES = {
    "mnist_mlp": Recipe(
        lambda seed: mlp(seed=seed),
        mnist_grey,
        "accuracy",
        FitPlan(epochs=30, batch=128, learning_rate=3e-3, weight_noise=0.03),
        _mnist,
        "MLP 400-120-84-10 on the central 20×20 pixels of MNIST",
    ),
    "fashion_cnn": Recipe(
        lambda seed: small_cnn(seed=seed),
        fashion,
        "accuracy",
        FitPlan(epochs=10, batch=128, learning_rate=4e-3, weight_noise=0.02, low_precision=True),
        _fashion,
        "three-convolution CNN on Fashion-MNIST",
    ),
    "speech_ds_cnn": Recipe(
        lambda seed: ds_cnn(seed=seed),
        spoken_digits,
        "accuracy",
        FitPlan(epochs=40, batch=50, learning_rate=4e-3, label_smoothing=0.05, weight_noise=0.02),
        _speech,
        "DS-CNN-S on the Free Spoken Digit Dataset",
    ),
    "speech_gru": Recipe(
        lambda seed: gru(seed=seed),
        spoken_digits,
        "accuracy",
        FitPlan(epochs=40, batch=50, learning_rate=1e-2, label_smoothing=0.05, weight_noise=0.02),
        _speech,
        "GRU of 64 states on the Free Spoken Digit Dataset",
    ),
    "shakespeare_gpt": Recipe(
        lambda seed: gpt(seed=seed),
        tiny_shakespeare,
        "perplexity",
        FitPlan(epochs=10, batch=32, learning_rate=3e-3, weight_decay=0.1, weight_noise=0.01, low_precision=True),
        _text,
        "character-level GPT on Tiny Shakespeare",
    ),
    "cifar_resnet20": Recipe(
        lambda seed: resnet20(seed=seed),
        cifar10,
        "accuracy",
        FitPlan(
            epochs=24,
            batch=128,
            learning_rate=0.3,
            optimiser="sgd",
            weight_decay=5e-4,
            label_smoothing=0.1,
            weight_noise=0.01,
            low_precision=True,
        ),
        _cifar,
        "ResNet-20 on 20,000 images of CIFAR-10",
    ),
}


def recipe(name: str) -> Recipe:
    """Return the recipe of a network; an unknown name raises `DataError` and lists the known ones."""
    if name not in RECIPES:
        raise DataError(f"network: got the unknown name {name!r}, known are {', '.join(RECIPES)}")
    return RECIPES[name]
