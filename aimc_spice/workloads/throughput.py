"""Which network is there to time, not to score? An encoder of the size of BERT-base, with random weights."""

from __future__ import annotations

from onnx import ModelProto

from aimc_spice.workloads.graphs.text import BERT_BASE, encoder


def bert_base(n_layers: int = 12, n_tokens: int | str = 128, seed: int = 0) -> ModelProto:
    """Return an encoder; tokens (N, n_tokens), numbers 1 to 30,521, 0 for padding → features (N, n_tokens, 768).

    With all 12 layers it has 109 million parameters (440 MB), one layer 31 million, most of them the vocabulary's.
    """
    return encoder(n_layers, BERT_BASE, n_tokens=n_tokens, seed=seed, name="bert_base")
