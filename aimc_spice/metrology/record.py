"""What did a converter do, one row a conversion, and on which evidence does it rest?

One idea: everything a run learns about a converter is its conversions (input, code, time, energy by block) plus the
digests of their decks; all other results are computed from such a `Record`. It measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aimc_spice.errors import ShapeError
from aimc_spice.metrology.levels import Array, Codes, Sweep
from aimc_spice.netlist.adcs.base import Conversions


@dataclass(frozen=True)
class Record:
    """Conversions of one converter.

    Parameters
    ----------
    inputs : ndarray, shape (n,)
        [V, A or C].
    codes : ndarray of int, shape (n,)
        What came out.
    previous : ndarray of int, shape (n,)
        The code of the conversion before it in its deck, which its energy may depend on; -1 for the first.
    t_conv : ndarray, shape (n,)
        [s]; zeros for a circuit without a clock.
    energy : mapping of str to ndarray, shape (n,)
        By block [J]; empty where supplies are ideal.
    decks : tuple of str
        SHA-256 of the decks.
    simulator : str
        Who ran them.
    wall_s : float
        Time the simulator took, all workers together [s].
    """

    inputs: Array
    codes: Codes
    previous: Codes
    t_conv: Array
    energy: Mapping[str, Array]
    decks: tuple[str, ...]
    simulator: str
    wall_s: float

    def __post_init__(self) -> None:
        shapes = {a.shape for a in (self.inputs, self.codes, self.previous, self.t_conv, *self.energy.values())}
        if shapes != {(len(self.inputs),)}:
            raise ShapeError(f"record: got shapes {sorted(shapes)}, wanted one (n,)")

    @classmethod
    def of(cls, inputs: Array, found: Conversions, deck: str, simulator: str, wall_s: float) -> Record:
        """Record the conversions of one deck."""
        previous = np.concatenate([[-1], found.codes[:-1]]).astype(np.int64)
        return cls(inputs, found.codes, previous, found.t_conv, dict(found.energy), (deck,), simulator, wall_s)

    @classmethod
    def joined(cls, records: list[Record]) -> Record:
        """Return several records of one converter as one."""
        first = records[0]

        def all_of(name: str) -> Array:
            return np.concatenate([getattr(one, name) for one in records])

        return cls(
            all_of("inputs"),
            np.concatenate([one.codes for one in records]),
            np.concatenate([one.previous for one in records]),
            all_of("t_conv"),
            {block: np.concatenate([one.energy[block] for one in records]) for block in first.energy},
            tuple(dict.fromkeys(deck for one in records for deck in one.decks)),
            first.simulator,
            sum(one.wall_s for one in records),
        )

    @property
    def sweep(self) -> Sweep:
        """Inputs and codes in rising order of the input."""
        return Sweep.of(self.inputs, self.codes)

    @property
    def e_conv(self) -> Array:
        """Energy of every conversion, all blocks [J]; zeros where supplies are ideal."""
        return np.sum(list(self.energy.values()), axis=0) if self.energy else np.zeros(len(self.inputs))
