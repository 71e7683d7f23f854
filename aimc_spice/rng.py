"""How does one seed give independent, reproducible random streams?

Every consumer names its stream; the same seed and name give the same numbers whatever else was drawn before.
It holds no global state.
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random generator of a named stream.

    Parameters
    ----------
    seed : int
        The one seed of a study.
    *names : str or int
        Who draws: for example ``stream(7, "weights", layer)``.
    """
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
