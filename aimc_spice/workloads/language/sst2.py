"""Which sentences does the sentiment task have? The Stanford Sentiment Treebank in the form of GLUE (SST-2).

60,614 phrases to train a head, 6,735 to choose its settings, and the 872 sentences of the published development part
to score it. Socher et al., 2013; Wang et al., arXiv 1804.07461.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DataError
from aimc_spice.workloads.files import DataFile, is_there, read
from aimc_spice.workloads.published import GLUE_ORIGIN, glue_sentences

SST2 = DataFile(
    "sst2.tsv",
    "6dc4b2585ebab69f0234d6533a953ee2",
    "sst2",
    origin="the table has the columns split (train, valid, test), label and sentence, from GLUE's SST-2; "
    f"it is no published file; {GLUE_ORIGIN}",
)
Part = tuple[list[str], NDArray[np.int64]]


def sst2() -> dict[str, Part]:
    """Return (sentences, labels: 0 negative, 1 positive) of the parts "train", "valid" and "test"."""
    published = None if is_there(SST2) else glue_sentences()
    rows = _stored() if published is None else published
    return {part: _part(rows, part) for part in ("train", "valid", "test")}


def _stored() -> list[list[str]]:
    rows = [line.split("\t") for line in read(SST2).decode("utf-8").split("\n")[1:] if line]
    if any(len(row) != 3 for row in rows):
        raise DataError("sst2.tsv: got rows with other than 3 columns")
    return rows


def _part(rows: list[list[str]], part: str) -> Part:
    own = [row for row in rows if row[0] == part]
    return [row[2] for row in own], np.array([row[1] for row in own], np.int64)
