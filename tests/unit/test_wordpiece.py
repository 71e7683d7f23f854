"""Tokens judged by BERT's published examples and, where MiniLM's files are there, by the `tokenizers` package."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from aimc_spice.errors import DataError
from aimc_spice.workloads.language.bert import minilm_folder
from aimc_spice.workloads.language.sst2 import sst2
from aimc_spice.workloads.language.wordpiece import WordPiece, words

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
PIECES = [*SPECIAL, "want", "##want", "##ed", "wa", "un", "runn", "##ing", ","]
SMALL = WordPiece({piece: number for number, piece in enumerate(PIECES)})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("UNwant\u00e9d,running", ["un", "##want", "##ed", ",", "runn", "##ing"]),
        ("unwanted running", ["un", "##want", "##ed", "runn", "##ing"]),
        ("unwantedX running", ["[UNK]", "runn", "##ing"]),
        ("", []),
    ],
)
def test_the_published_examples(text, wanted):
    """tokenization_test.py of google-research/bert."""
    assert [PIECES[number] for number in SMALL.encode(text)] == ["[CLS]", *wanted, "[SEP]"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (" \tHeLLo!how  \n Are yoU?  ", ["hello", "!", "how", "are", "you", "?"]),
        ("H\u00e9llo", ["hello"]),
        ("ah\u535a\u63a8zz", ["ah", "\u535a", "\u63a8", "zz"]),
    ],
)
def test_the_published_examples_of_words(text, wanted):
    assert list(words(text)) == wanted


def test_long_texts_are_cut_and_short_ones_padded():
    found = SMALL.encode_all(["want " * 9, "want"], n_tokens=5)
    assert found.tolist() == [[2, 4, 4, 4, 3], [2, 4, 3, 0, 0]]


def test_a_vocabulary_without_its_marks_is_refused(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\nwant\n")
    with pytest.raises(DataError, match=r"missing \[CLS\], \[SEP\]"):
        WordPiece.read(tmp_path / "vocab.txt")


@pytest.fixture(scope="module")
def pair():
    judge = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    judge.no_padding()
    judge.no_truncation()
    return WordPiece.read(minilm_folder() / "vocab.txt"), judge


BLOCKS = st.characters(min_codepoint=0, max_codepoint=0x24F) | st.sampled_from(
    "—“”…βΣςжйئ北京かカ한İıﬁ½²€😀\u200b\u3000"
)


@pytest.mark.minilm
@given(st.text(BLOCKS | st.sampled_from("aeinst ,.'-"), max_size=60))
def test_any_text_as_the_tokenizers_package(pair, text):
    ours, judge = pair
    assert ours.encode(text) == judge.encode(text).ids


@pytest.mark.minilm
@pytest.mark.zoo_data
def test_every_test_sentence_as_the_tokenizers_package(pair):
    ours, judge = pair
    texts = sst2()["test"][0]
    assert [ours.encode(text) for text in texts] == [found.ids for found in judge.encode_batch(texts)]
