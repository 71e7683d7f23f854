"""How does MiniLM-L6 answer a question of sentiment? A linear head on its mean feature, trained on SST-2.

MiniLM itself stays as published and is never stored here; the head is a small committed file. Its strength of
regularisation is chosen on the part "valid"; the part "test" is used once, for the score.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from aimc_spice.adapt.fit import predict
from aimc_spice.adapt.torch_graph import TorchGraph
from aimc_spice.errors import DataError
from aimc_spice.workloads.language.bert import minilm_folder, read_bert
from aimc_spice.workloads.language.sst2 import sst2
from aimc_spice.workloads.language.wordpiece import WordPiece
from aimc_spice.workloads.metrics import METRICS
from aimc_spice.workloads.task import Task

NAME = "minilm_sst2"
HEAD = Path(__file__).parents[1] / "weights" / "heads" / f"{NAME}.npz"
_STRENGTHS = (0.1, 1.0, 10.0, 100.0)  # inverse regularisation
_CALIBRATION = 1000  # training sentences that a task holds; all 60,614 are longer than anything needs
Array = NDArray[Any]


def minilm_sst2(head: Path = HEAD) -> tuple[ModelProto, dict[str, Any]]:
    """Return MiniLM-L6 with its sentiment head (tokens (N, T) → logits (N, 2)), and how the head was made."""
    folder = minilm_folder()
    try:
        with np.load(head, allow_pickle=False) as data:
            w, b, about = data["w"], data["b"], json.loads(str(data["about"]))
    except (OSError, KeyError, ValueError) as bad:
        raise DataError(f"{head} is no head", cause=str(bad)) from bad
    return read_bert(folder, head=(w, b)), about


def sentiment() -> Task:
    """Return SST-2 as token numbers: the first 1,000 phrases of "train", and all 872 sentences of "test"."""
    parts, pieces = sst2(), WordPiece.read(minilm_folder() / "vocab.txt")
    texts = parts["train"][0][:_CALIBRATION], parts["test"][0]
    both = pieces.encode_all([*texts[0], *texts[1]])
    n = len(texts[0])
    return Task("sst2", both[:n].copy(), parts["train"][1][:n], both[n:].copy(), parts["test"][1])


def train_head(arguments: Sequence[str]) -> None:
    """Train the head and write its file."""
    options = _parser().parse_args(arguments)
    parts, pieces = sst2(), WordPiece.read(minilm_folder() / "vocab.txt")
    graph = TorchGraph(read_bert(minilm_folder(), head=_average()))
    features = {part: _features(graph, pieces, texts[: options.phrases]) for part, (texts, _) in parts.items()}
    labels = {part: y[: options.phrases] for part, (_, y) in parts.items()}
    strength, (w, b) = _best(features, labels)
    about = {
        "name": NAME,
        "title": "MiniLM-L6 with a linear head on SST-2",
        "data": "sst2",
        "metric": "accuracy",
        "n_test": len(labels["test"]),
        "n_train": len(labels["train"]),
        "inverse_regularisation": strength,
        "command": " ".join(["python -m aimc_spice.workloads.train", NAME, "--phrases", str(options.phrases)]),
        "digital_score": METRICS["accuracy"](features["test"] @ w + b, labels["test"]),
    }
    with options.out.open("wb") as file:
        np.savez(file, w=w, b=b, about=np.array(json.dumps(about, sort_keys=True)))
    print(f"accuracy {about['digital_score']:.4f} on {about['n_test']} test sentences, wrote {options.out}")


def _best(features: dict[str, Array], labels: dict[str, Array]) -> tuple[float, tuple[Array, Array]]:
    heads = {c: _head(features["train"], labels["train"], c) for c in _STRENGTHS}
    scores = {c: METRICS["accuracy"](features["valid"] @ w + b, labels["valid"]) for c, (w, b) in heads.items()}
    best = max(scores, key=lambda c: scores[c])
    return best, heads[best]


def _head(features: Array, labels: Array, strength: float) -> tuple[Array, Array]:
    """Return w (d, 2) and b (2,), half of the log odds for either class."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  slow to import, wanted here alone

    found = LogisticRegression(C=strength, max_iter=1000).fit(features, labels)
    sign = np.array([-0.5, 0.5])
    return (found.coef_[0][:, None] * sign).astype(np.float32), (found.intercept_[0] * sign).astype(np.float32)


def _average() -> tuple[Array, Array]:
    """Return a head that leaves the mean feature as it is."""
    return np.eye(384, dtype=np.float32), np.zeros(384, np.float32)


def _features(graph: TorchGraph, pieces: WordPiece, texts: Sequence[str]) -> Array:
    """Return the mean feature of every text, shape (n, 384); texts of equal length go together."""
    rows = [pieces.encode(text) for text in texts]
    lengths = np.array([len(row) for row in rows])
    result = np.empty((len(rows), 384), np.float32)
    for length in np.unique(lengths):
        own = np.flatnonzero(lengths == length)
        result[own] = predict(graph, np.array([rows[k] for k in own], np.int64), batch=64)
    return result


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=f"python -m aimc_spice.workloads.train {NAME}", description="Train the head.")
    made.add_argument("--phrases", type=int, default=60614, help="of each part; fewer is quicker")
    made.add_argument("--out", type=Path, default=Path(HEAD.name), help="the .npz file to write")
    return made
