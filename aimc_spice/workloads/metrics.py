"""Which single number says how good a network's outputs are? Accuracy for classes, perplexity for text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from aimc_spice.errors import DataError, ShapeError

Array = NDArray[Any]


@dataclass(frozen=True)
class Metric:
    """A score of logits (…, n_classes) against targets (…,).

    Parameters
    ----------
    name : str
        For reports.
    higher_is_better : bool
        Whether more is better.
    of : callable
        Gives the score.
    """

    name: str
    higher_is_better: bool
    of: Callable[[Array, Array], float]

    def __call__(self, logits: Array, targets: Array) -> float:
        """Return the score; raises `ShapeError` or `DataError` where the two do not fit, or outputs are not finite."""
        if logits.shape[:-1] != targets.shape or not targets.size:
            raise ShapeError(
                f"{self.name}: got logits {logits.shape} and targets {targets.shape}, wanted (…, n_classes) and (…,)"
            )
        if not np.isfinite(logits).all():
            raise DataError(f"{self.name}: {np.count_nonzero(~np.isfinite(logits))} outputs are not finite")
        if targets.min() < 0 or targets.max() >= logits.shape[-1]:
            raise DataError(
                f"{self.name}: got targets {targets.min()} to {targets.max()}, wanted 0 to {logits.shape[-1] - 1}"
            )
        return self.of(logits, targets)


def accuracy(logits: Array, targets: Array) -> float:
    """Return the share of samples whose largest logit is the target's."""
    return float(np.mean(logits.argmax(-1) == targets))


def perplexity(logits: Array, targets: Array) -> float:
    """Return the exponential of the mean cross-entropy: 1 at best, the number of classes for blind guesses."""
    wide = logits.astype(np.float64)
    hit = np.take_along_axis(wide, targets[..., None], -1)[..., 0]
    return float(np.exp(np.mean(logsumexp(wide, axis=-1) - hit)))


METRICS = {"accuracy": Metric("accuracy", True, accuracy), "perplexity": Metric("perplexity", False, perplexity)}
