"""How does a sentence become the token numbers that BERT models read?

The published recipe (Devlin et al., arXiv 1810.04805, uncased): clean, lower case, no accents; split at blanks and
punctuation; then the longest known pieces from the left, "##" before those that continue a word.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DataError

_LONGEST_WORD = 100  # characters; longer ones are unknown
_BLANKS = frozenset("\t\n\r")
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


@dataclass(frozen=True)
class WordPiece:
    """A vocabulary and what turns text into its numbers.

    Parameters
    ----------
    numbers : dict
        Number of each piece; holds ``[PAD]`` as 0, ``[UNK]``, ``[CLS]`` and ``[SEP]``.
    """

    numbers: dict[str, int]

    def __post_init__(self) -> None:
        missing = [piece for piece in ("[PAD]", "[UNK]", "[CLS]", "[SEP]") if piece not in self.numbers]
        if missing or self.numbers["[PAD]"] != 0:
            raise DataError(f"vocabulary: missing {', '.join(missing) or 'nothing, but [PAD] is not number 0'}")

    @classmethod
    def read(cls, path: Path) -> WordPiece:
        """Read a vocabulary: one piece a line, counted from 0."""
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as bad:
            raise DataError(f"{path} is no vocabulary", cause=str(bad)) from bad
        return cls({piece: number for number, piece in enumerate(lines) if piece})

    def encode(self, text: str, n_tokens: int = 512) -> list[int]:
        """Return the numbers of a text between ``[CLS]`` and ``[SEP]``, cut to `n_tokens`."""
        body = [number for word in words(text) for number in self._pieces(word)]
        return [self.numbers["[CLS]"], *body[: n_tokens - 2], self.numbers["[SEP]"]]

    def encode_all(self, texts: Sequence[str], n_tokens: int = 512) -> NDArray[np.int64]:
        """Return the numbers of many texts, zeros behind the shorter ones, shape (n, longest)."""
        rows = [self.encode(text, n_tokens) for text in texts]
        result = np.zeros((len(rows), max(map(len, rows))), np.int64)
        for row, numbers in zip(result, rows, strict=True):
            row[: len(numbers)] = numbers
        return result

    def _pieces(self, word: str) -> list[int]:
        found: list[int] = []
        at = 0
        while at < len(word):
            end = self._longest(word, at)
            if end is None or len(word) > _LONGEST_WORD:
                return [self.numbers["[UNK]"]]
            found.append(self.numbers[("##" if at else "") + word[at:end]])
            at = end
        return found

    def _longest(self, word: str, at: int) -> int | None:
        """Return where the longest known piece that starts at `at` ends."""
        mark = "##" if at else ""
        return next((end for end in range(len(word), at, -1) if mark + word[at:end] in self.numbers), None)


def words(text: str) -> Iterator[str]:
    """Yield the words of a text, cleaned, in lower case and without accents; each punctuation mark is a word."""
    for chunk in _plain(text).split(" "):
        for is_mark, group in groupby(chunk, key=_is_punctuation):
            letters = list(group)
            yield from letters if is_mark else ["".join(letters)]


def _plain(text: str) -> str:
    spaced = "".join(_spaced(c) for c in text if c in _BLANKS or not _is_control(c))
    bare = "".join(c for c in unicodedata.normalize("NFD", spaced) if unicodedata.category(c) != "Mn")
    return "".join(c.lower() for c in bare)  # one by one: the published code knows no final sigma


def _spaced(c: str) -> str:
    if c.isspace():
        return " "
    return f" {c} " if any(low <= ord(c) <= high for low, high in _IDEOGRAPHS) else c


def _is_control(c: str) -> bool:
    return c in "\0\ufffd" or unicodedata.category(c).startswith("C")


def _is_punctuation(c: str) -> bool:
    return c in _ASCII_PUNCTUATION or unicodedata.category(c).startswith("P")
