"""What is a surrogate of a tile with any cells, and how does a calibration use it?

One idea: a *family* is fitted once for a kind of tile, programs any conductances into matrices, and answers batches::

    circuit  = TileCircuit(wire, front_end, v_read, r_driver, macro)   decks.py; macro None: resistors
    cell     = fit_cell(macro, g_range, v_max, pool, store)            laws/fit.py: the law of one cell, from ngspice
    kind     = circuit.kind(cell)
    train    = circuit.simulate([(cells, x), …], pool, store)          ngspice; any sizes
    choice   = choose(kind, train, held_out)                           choose.py: every family, its error and cost
    family   = choice.chosen.family                                    or RowFamily.theory(kind), which needs no decks
    interval = conformal(family, others, level=0.9)                    interval.py: how far to trust it
    tile     = family.program(g_pos, g_neg)                            (…, n_rows, n_cols) [S], any size
    y        = tile(x)                                                 x (…, batch, n_rows) in [-1, 1]; y [V]
    width    = interval.bound(tile)                                    [V], of every column
    save_family(family, path)                                          files.py

`Circuit` is what ngspice (or `newton`) said of one tile. A family keeps itself in arrays (`arrays`, `of_arrays`), see
`files`. It knows no converters, no noise and no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import FitError, ShapeError
from aimc_spice.netlist.wire import Wire
from aimc_spice.surrogate.base import Box, Fit, measure
from aimc_spice.surrogate.laws.separate import SeparatedLaw
from aimc_spice.surrogate.operator import LinearPorts

Array = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]
RELATIVE = Box(-1.0, 1.0, "")


@dataclass(frozen=True)
class TileKind:
    """All that is common to tiles of one kind, whatever their size and conductances.

    Parameters
    ----------
    wire : Wire
        Segment values.
    ports : LinearPorts
        The front end.
    v_read : float
        Word-line voltage of x = 1 [V].
    r_driver : float
        [Ω].
    law : SeparatedLaw
        Of the cells; ``separate(LinearLaw(), …)`` for resistors.
    """

    wire: Wire
    ports: LinearPorts
    v_read: float
    r_driver: float
    law: SeparatedLaw


@dataclass(frozen=True)
class Circuit:
    """One simulated tile.

    Parameters
    ----------
    g_pos, g_neg : ndarray, shape (n_rows, n_cols)
        Parameter g of the cells [S]; in charge mode their capacitance [F].
    x : ndarray, shape (n_vectors, n_rows)
        Inputs in [-1, 1].
    y : ndarray, shape (n_vectors, n_cols)
        Outputs [V].
    digest : str
        SHA-256 of the deck.
    simulator : str
        Who judged.
    """

    g_pos: Array
    g_neg: Array
    x: Array
    y: Array
    digest: str
    simulator: str

    def __post_init__(self) -> None:
        n_rows, n_cols = self.g_pos.shape
        wanted = (self.g_pos.shape, (len(self.x), n_rows), (len(self.x), n_cols))
        got = (self.g_neg.shape, self.x.shape, self.y.shape)
        if got != wanted:
            raise ShapeError(f"circuit: got g_neg, x, y of {got}, wanted {wanted}")


class Programmed(Protocol):
    """A tile with its conductances."""

    @property
    def scale(self) -> Array:
        """Typical output of each column [V], (…, n_cols); see `column_scale`."""
        ...

    def __call__(self, x: Array, *, extrapolate: bool = False) -> Array:
        """Return outputs (…, batch, n_cols) [V] of inputs (…, batch, n_rows) in [-1, 1].

        Raises
        ------
        ShapeError, OutsideValidity
            Wrong number of rows; an input beyond ±1, unless `extrapolate`.
        """
        ...


class Programmer(Protocol):
    """Whatever turns the cells of a tile into a programmed tile: a family, or the closed form of charge mode."""

    name: ClassVar[str]

    def program(self, g_pos: Array, g_neg: Array) -> Programmed:
        """Prepare one tile (n_rows, n_cols) or several (n_tiles, n_rows, n_cols) of cells [S], in charge mode [F]."""
        ...


class Family(Programmer, Protocol):
    """A kind of model, fitted to conductances [S]."""

    @property
    def kind(self) -> TileKind:
        """The kind of tile it was fitted for."""
        ...

    @classmethod
    def fit(cls, kind: TileKind, circuits: Sequence[Circuit]) -> Self:
        """Fit to circuits; raises `FitError` where they are too few."""
        ...

    def flops(self, n_rows: int, n_cols: int) -> float:
        """Floating-point operations of one matrix-vector product."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return its coefficients."""
        ...

    @classmethod
    def of_arrays(cls, kind: TileKind, arrays: Arrays) -> Self:
        """Rebuild it from `arrays`."""
        ...


def evaluate(family: Programmer, circuits: Sequence[Circuit], fitted_on: Sequence[Circuit] = ()) -> Fit:
    """Measure a family on circuits that it was not fitted on; errors [V], full scale over all of them."""
    if not circuits:
        raise FitError("evaluation: got no circuits", hint="hold at least one deck out")
    got = [family.program(c.g_pos, c.g_neg)(c.x).ravel() for c in circuits]
    wanted = np.concatenate([c.y.ravel() for c in circuits])
    fitted, held_out = (tuple(c.digest for c in some) for some in (fitted_on, circuits))
    return measure(np.concatenate(got), wanted, fitted, held_out, circuits[0].simulator)


def column_scale(matrix: Array) -> Array:
    """Return the typical output of each column (…, n_cols) of matrices (…, n_rows, n_cols).

    The 2-norm of the column, but at least a tenth of the tile's mean: a column of zero weights errs like the others.
    """
    norms = np.linalg.norm(matrix, axis=-2)
    mean = np.sqrt(np.mean(norms**2, axis=-1, keepdims=True))
    return np.asarray(np.where(mean > 0, np.maximum(norms, 0.1 * mean), 1.0))


def checked(x: Array, n_rows: int, *, extrapolate: bool) -> Array:
    """Return the inputs; raises as `Programmed` says."""
    if x.ndim < 2 or x.shape[-1] != n_rows:
        raise ShapeError(f"tile: got inputs {x.shape}, wanted (…, batch, {n_rows})")
    RELATIVE.check(x, "inputs", extrapolate=extrapolate)
    return x
