"""Which command made the networks of the zoo? This one: ``python -m aimc_spice.workloads.train NAME``.

Trains by the recipe, folds batch normalisations into convolutions, rounds to half precision, and only then looks at
the test set, once, to record the score. A run that is stopped goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from onnx import ModelProto

from aimc_spice.adapt.fit import Fit, FitPlan, predict
from aimc_spice.adapt.torch_graph import TorchGraph
from aimc_spice.workloads.language import sentiment
from aimc_spice.workloads.metrics import METRICS
from aimc_spice.workloads.models import folded, halved, save_model, widened
from aimc_spice.workloads.recipes import RECIPES, Recipe, recipe
from aimc_spice.workloads.task import Task


def run(arguments: Sequence[str]) -> None:
    """Train a network of the zoo and write its ONNX file, or the head of the pretrained one."""
    if arguments[0] == sentiment.NAME:
        sentiment.train_head(arguments[1:])
        return
    options = parser().parse_args(arguments)
    made = recipe(options.name)
    plan, task = _plan(options, made), made.task()
    fit = Fit(TorchGraph(made.graph(plan.seed)), plan, len(task.x_train))
    out = options.out or Path(f"{options.name}.onnx")
    checkpoint = out.with_suffix(".checkpoint")
    fit.run(lambda rng: made.vary(task, rng), _show, checkpoint)
    model = widened(halved(folded(fit.graph.trained())))
    about = _about(options.name, made, task, plan) | {"cpu_seconds": round(fit.cpu_seconds)}
    score = digital_score(model, task, made.metric)
    save_model(model, out, about | {"digital_score": score})
    checkpoint.unlink()
    print(f"{made.metric} {score:.4f} on {len(task.x_test)} test samples, wrote {out}")


def digital_score(model: ModelProto, task: Task, metric: str) -> float:
    """Return the score of a model in float32 on the whole test part."""
    return METRICS[metric](predict(TorchGraph(model), task.x_test), task.y_test)


def _plan(options: argparse.Namespace, made: Recipe) -> FitPlan:
    names = "seed", "epochs", "weight_noise"
    return replace(made.plan, **{name: value for name in names if (value := getattr(options, name)) is not None})


def _about(name: str, made: Recipe, task: Task, plan: FitPlan) -> dict[str, Any]:
    changed = [f"--{k.replace('_', '-')} {v}" for k, v in asdict(plan).items() if asdict(made.plan)[k] != v]
    return {
        "name": name,
        "title": made.title,
        "data": task.name,
        "metric": made.metric,
        "n_test": len(task.x_test),
        "plan": asdict(plan),
        "command": " ".join(["python -m aimc_spice.workloads.train", name, *changed]),
    }


def _show(epoch: int, loss: float) -> None:
    print(f"epoch {epoch:4d}  loss {loss:.4f}", flush=True)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="python -m aimc_spice.workloads.train", description="Train a zoo network.")
    made.add_argument("name", help=", ".join([*RECIPES, sentiment.NAME]))
    made.add_argument("--seed", type=int, help="default: 0")
    made.add_argument("--epochs", type=int, help="default: the full recipe")
    made.add_argument("--weight-noise", type=float, help="deviation, relative to a layer's largest weight")
    made.add_argument("--out", type=Path, help="the .onnx file to write; default: NAME.onnx here")
    return made
