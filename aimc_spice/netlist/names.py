"""How are 10⁷ names kept without 10⁷ Python strings?

One idea: the names of a block are one piece of bytes, split only when somebody asks; the names of a flat circuit
are those blocks plus the path of each instance, glued together on demand as ngspice writes them (node ``x1.n3``,
element ``e.x1.x2.e1``). It knows nothing of circuits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import overload

import numpy as np


@dataclass(frozen=True)
class Names:
    """Names of one block: `packed` bytes with a newline before, between and after them."""

    packed: bytes
    count: int

    @classmethod
    def pack(cls, names: Iterable[str]) -> Names:
        """Pack names, none of which holds a newline."""
        return cls.joined(["\n".join(block) for block in [list(names)] if block])

    @classmethod
    def joined(cls, blocks: list[str]) -> Names:
        """Pack blocks of newline-separated names."""
        packed = "\n".join(["", *blocks, ""]).encode() if blocks else b"\n"
        return cls(packed, packed.count(b"\n") - 1)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[str]:
        return iter(self.packed.decode().split("\n")[1:-1])

    def __getitem__(self, index: int) -> str:
        return self.packed[self._breaks[index] + 1 : self._breaks[index + 1]].decode()

    @cached_property
    def _breaks(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.flatnonzero(np.frombuffer(self.packed, dtype=np.uint8) == ord("\n"))

    def find(self, name: str) -> int:
        """Return the place of a name, -1 where it is missing."""
        at = self.packed.find(f"\n{name}\n".encode())
        return self.packed.count(b"\n", 0, at) if at >= 0 else -1

    @classmethod
    def merged(cls, parts: Iterable[Names]) -> Names:
        """Put the names of several blocks one after the other."""
        held = list(parts)
        return cls(b"\n" + b"".join(part.packed[1:] for part in held), sum(map(len, held)))

    def repeated(self) -> list[str]:
        """Return the names that occur more than once."""
        if len(set(self)) == self.count:
            return []
        seen: set[str] = set()
        return list(dict.fromkeys(name for name in self if name in seen or seen.add(name)))  # type: ignore[func-returns-value]


@dataclass(frozen=True)
class Place:
    """Where a block of a flat circuit sits: all instances that one line group of one subcircuit creates.

    Parameters
    ----------
    parent : Place, optional
        The place whose body holds the instance lines; None for the top level.
    labels : Names
        Names of the instance lines in the parent's body.
    """

    parent: Place | None = None
    labels: Names = Names(b"\n", 0)

    @property
    def top(self) -> Place:
        """The place around this one that lies directly in the top level; this one where it does."""
        place = self
        while place.parent and place.parent.parent:
            place = place.parent
        return place

    def path(self, instance: int) -> str:
        """Return the path of an instance, such as ``x1.x2``; "" at the top level."""
        if self.parent is None:
            return ""
        outer, line = divmod(instance, len(self.labels))
        prefix = self.parent.path(outer)
        return f"{prefix}.{self.labels[line]}" if prefix else self.labels[line]

    def locate(self, name: str) -> tuple[int, str] | None:
        """Split a flat name into the instance number here and the local name; None where it lies elsewhere."""
        if self.parent is None:
            return 0, name
        outer = self.parent.locate(name)
        if outer is None:
            return None
        head, dot, rest = outer[1].partition(".")
        line = self.labels.find(head) if dot else -1
        return (outer[0] * len(self.labels) + line, rest) if line >= 0 else None


class FlatNames(Sequence[str]):
    """Names of a flat circuit, made on demand.

    Parameters
    ----------
    blocks : list of (Place, int, Names)
        Place, number of instances there, local names; in the order of the flat arrays.
    lettered : bool
        Elements (``e.x1.e1``) rather than nodes (``x1.n1``).
    """

    def __init__(self, blocks: list[tuple[Place, int, Names]], *, lettered: bool) -> None:
        self._blocks, self._lettered = [block for block in blocks if len(block[2])], lettered
        self._starts = np.cumsum([0, *(n * len(names) for _, n, names in self._blocks)]).tolist()

    def __len__(self) -> int:
        return int(self._starts[-1])

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        """Return one name, or a list of names."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        block = bisect_right(self._starts, index) - 1
        place, _, names = self._blocks[block]
        instance, row = divmod(index - self._starts[block], len(names))
        return self._full(place.path(instance), names[row])

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(map(self._block, self._blocks))

    def _block(self, block: tuple[Place, int, Names]) -> Iterator[str]:
        place, n, names = block
        local = list(names)
        return (self._full(path, name) for path in map(place.path, range(n)) for name in local)

    def _full(self, path: str, name: str) -> str:
        if not path:
            return name
        return f"{name[0]}.{path}.{name}" if self._lettered else f"{path}.{name}"

    def find(self, name: str) -> int:
        """Return the place of a flat name, -1 where it is missing."""
        if self._lettered and name[1:2] == "." and "." in name[2:]:
            name = name[2:]
        for top, inside in self._by_top:
            if top.locate(name):
                for block in inside:
                    place, _, names = self._blocks[block]
                    found = place.locate(name)
                    row = names.find(found[1]) if found else -1
                    if found and row >= 0:
                        return int(self._starts[block] + found[0] * len(names) + row)
        return -1

    @cached_property
    def _by_top(self) -> list[tuple[Place, list[int]]]:
        tops: dict[int, tuple[Place, list[int]]] = {}
        for block, (place, _, _) in enumerate(self._blocks):
            tops.setdefault(id(place.top), (place.top, []))[1].append(block)
        return list(tops.values())
