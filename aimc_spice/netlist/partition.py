"""How is one weight matrix cut over tiles?

Horizontal partitions split inputs (rows), vertical partitions split outputs (columns). It only counts; it holds no
circuit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aimc_spice.errors import NetlistError


@dataclass(frozen=True)
class Block:
    """One sub-array: its place (h, v) and the rows and columns of the matrix it holds."""

    h: int
    v: int
    rows: slice
    cols: slice

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_cols) of the sub-array."""
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start


@dataclass(frozen=True)
class Partition:
    """The cut of an (n_rows, n_cols) matrix into n_h × n_v sub-arrays of nearly equal size.

    Sizes differ by at most one and the larger ones come first; the boundaries lie within one line of the published
    formula (Amin et al., arXiv 2201.12480).
    """

    n_rows: int
    n_cols: int
    n_h: int
    n_v: int

    def __post_init__(self) -> None:
        for name, parts, whole, lines in (
            ("n_h", self.n_h, self.n_rows, "rows"),
            ("n_v", self.n_v, self.n_cols, "columns"),
        ):
            if not 1 <= parts <= whole:
                raise NetlistError(
                    f"partition: got {name} = {parts} for {whole} {lines}, wanted 1 to {whole}",
                    where=f"a {self.n_rows} x {self.n_cols} matrix, bias row included",
                )

    @classmethod
    def to_fit(cls, n_rows: int, n_cols: int, max_rows: int, max_cols: int) -> Partition:
        """Return the coarsest cut whose sub-arrays fit max_rows × max_cols."""
        return cls(n_rows, n_cols, -(-n_rows // max_rows), -(-n_cols // max_cols))

    @property
    def n_blocks(self) -> int:
        """Number of sub-arrays."""
        return self.n_h * self.n_v

    def row_bounds(self) -> list[int]:
        """First row of each horizontal partition, and the end."""
        return _bounds(self.n_rows, self.n_h)

    def col_bounds(self) -> list[int]:
        """First column of each vertical partition, and the end."""
        return _bounds(self.n_cols, self.n_v)

    def blocks(self) -> Iterator[Block]:
        """Yield every sub-array, row of tiles by row of tiles."""
        rows, cols = self.row_bounds(), self.col_bounds()
        for h in range(self.n_h):
            for v in range(self.n_v):
                yield Block(h, v, slice(rows[h], rows[h + 1]), slice(cols[v], cols[v + 1]))


def _bounds(n: int, parts: int) -> list[int]:
    size, extra = divmod(n, parts)
    return [k * size + min(k, extra) for k in range(parts + 1)]
