"""What is a rectangular piece of a crossbar to the rest of the circuit? Couplings between its terminals, nothing else.

One idea: keep the couplings, never the diagonal. A piece of crossbar has no path to ground, so its reduced admittance
is a Laplacian: row sums are zero, and the positive conductances ``c[a, b]`` between terminals say everything.
Eliminating node p is the star–mesh rule, all of whose terms are positive::

    c[a, b]  +=  c[a, p] c[p, b] / Σ_q c[p, q]

Nothing is ever subtracted, so every coupling keeps its relative accuracy, whatever the ratio of wire to cell
conductance (O'Cinneide, Numer. Math. 65, 1993, proves it for the same elimination of Markov chains). Hence an ideal
wire may be written as a huge conductance. Conductances to ground are couplings to one more terminal, which all pieces
share and which is never eliminated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from numpy.typing import NDArray

from aimc_spice.errors import FitError

Array = NDArray[Any]
WL_NEAR, BL_NEAR, BL_FAR, WL_FAR, GROUND = range(5)
Ends = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Block:
    """Equal pieces of crossbar.

    Parameters
    ----------
    c : ndarray, shape (n_tiles, n_up, n_along, t, t)
        Couplings [S] of a grid of n_up × n_along pieces, symmetric, the diagonal zero.
    ends : tuple of int
        Number of terminals at the near ends of the word lines, the near and the far ends of the bit lines, the far
        ends of the word lines, and one or none for ground, in this order in `c`.
    up, along : slice
        Which pieces of the grid are meant.
    """

    c: Array
    ends: Ends
    up: slice = field(default_factory=partial(slice, None))
    along: slice = field(default_factory=partial(slice, None))

    @property
    def pieces(self) -> Array:
        """The couplings of the pieces that are meant."""
        return self.c[:, self.up, self.along, ...]

    def part(self, end: int) -> slice:
        """Return where the terminals of one end are."""
        start = sum(self.ends[:end])
        return slice(start, start + self.ends[end])


def namespace(array: Array) -> Any:
    """Return the library of an array; of torch tensors, which do not know theirs, by `array_api_compat`."""
    if hasattr(array, "__array_namespace__"):
        return array.__array_namespace__()
    try:
        from array_api_compat import array_namespace  # noqa: PLC0415  optional

        return array_namespace(array)
    except (ImportError, TypeError) as bad:
        kind = f"{type(array).__module__}.{type(array).__name__}"
        raise FitError(f"operator: {kind} follows no array API", hint="torch: pip install array-api-compat") from bad


def alike(array: Array) -> dict[str, Any]:
    """Return what a new array needs to go with another: its type and device."""
    return {"dtype": array.dtype, "device": array.device}
