"""Every digital score that a network of the zoo states, computed again by onnxruntime from the committed file."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from aimc_spice.workloads import zoo
from aimc_spice.workloads.language.bert import minilm_folder, read_bert
from aimc_spice.workloads.language.wordpiece import WordPiece


def session_of(source):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def outputs(session, x, batch=500):
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: x[k : k + batch]})[0] for k in range(0, len(x), batch)])


@pytest.mark.zoo_data
@pytest.mark.parametrize("name", zoo.shipped())
def test_the_stated_score(name):
    entry = zoo.load(name)
    x, y = entry.test()
    found = entry.metric(outputs(session_of(entry.path.read_bytes()), x), y)
    one_sample = 1.5 / len(x)  # a tie may be broken by another order of sums
    assert found == pytest.approx(entry.digital_score, abs=one_sample if entry.metric.name == "accuracy" else 1e-4)


@pytest.mark.zoo_data
@pytest.mark.minilm
def test_the_stated_score_of_minilm():
    """The full validation part; sentences of like length go together, so that little padding is computed."""
    entry = zoo.load("minilm_sst2")
    x, y = entry.test()
    lengths = (x != 0).sum(axis=1)
    order, session = np.argsort(lengths, kind="stable"), session_of(entry.model.SerializeToString())
    parts = [order[k : k + 32] for k in range(0, len(order), 32)]
    logits = np.concatenate([outputs(session, x[part, : lengths[part].max()]) for part in parts])
    assert entry.metric(logits, y[order]) == pytest.approx(entry.digital_score, abs=1.5 / len(y))


@pytest.mark.minilm
def test_sentence_similarities_are_the_published_ones():
    """The example on the front page of the sentence-transformers documentation, four decimals."""
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    eye = np.eye(384, dtype=np.float32), np.zeros(384, np.float32)
    session = session_of(read_bert(minilm_folder(), head=eye).SerializeToString())
    mean = outputs(session, WordPiece.read(minilm_folder() / "vocab.txt").encode_all(texts))
    unit = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    wanted = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    assert unit @ unit.T == pytest.approx(np.array(wanted), abs=6e-5)
