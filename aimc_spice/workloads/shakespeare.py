"""How does Tiny Shakespeare become what the character-level GPT reads?

The 65 characters in order of their code are the vocabulary; the first 90 % of the text train, the last 10 % test, cut
into windows that do not overlap. Every character of a window is predicted from those before it in the same window.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aimc_spice.workloads.files import DataFile, read
from aimc_spice.workloads.task import Task

TEXT = DataFile(
    "tinyshakespeare.txt",
    "6fb458f1232090904fb40fe944165e91",
    "shakespeare",
    origin="it is data/tinyshakespeare/input.txt of github.com/karpathy/char-rnn",
)
TRAIN_SHARE = 0.9


def tiny_shakespeare(n_tokens: int = 128) -> Task:
    """Return 7,842 + 871 windows of 128 character numbers, and for each character the one that follows."""
    train, test = split_text()
    return Task("tiny_shakespeare", *windows(train, n_tokens), *windows(test, n_tokens))


def split_text() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the character numbers of the training and of the test part."""
    text = read(TEXT).decode("ascii")
    number = {c: k for k, c in enumerate(sorted(set(text)))}
    ids = np.array([number[c] for c in text], np.int64)
    cut = int(TRAIN_SHARE * len(ids))
    return ids[:cut], ids[cut:]


def windows(ids: NDArray[np.int64], n_tokens: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (x, y), shapes (n, n_tokens): neighbouring windows, and the same moved by one character."""
    n = (len(ids) - 1) // n_tokens
    x, y = (ids[k : k + n * n_tokens].reshape(n, n_tokens).copy() for k in (0, 1))
    return x, y
