"""How are the numbers read that ngspice leaves in a binary rawfile?

One idea: a rawfile is a text header, then points as rows of doubles; the header's promise ("No. Points: 0", or more
points than bytes) is checked against the bytes, since a killed ngspice leaves a header and keeps quiet. Names are
brought to one form here, so that every back end says ``v(node)`` and ``i(source)``. It does not judge values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import MeasurementFailed

Values = NDArray[np.float64] | NDArray[np.complex128]

AXES = frozenset({"time", "frequency", "v-sweep", "i-sweep", "temp-sweep", "res-sweep"})
_KINDS = {
    "Operating Point": "op",
    "DC transfer characteristic": "dc",
    "Transient Analysis": "tran",
    "AC Analysis": "ac",
}
_WRAPPED_AXIS = re.compile(r"[vi]\(([vi]|temp|res)-sweep\)")


@dataclass(frozen=True)
class Plot:
    """One plot of a rawfile or of libngspice.

    Parameters
    ----------
    kind : str
        "op", "dc", "tran", "ac", or ngspice's own name of another kind of analysis.
    names : tuple of str
        Names in one form (see `canonical`), axis first where there is one.
    values : ndarray, shape (n_points, n_names)
        Real or complex, in V, A, s.
    """

    kind: str
    names: tuple[str, ...]
    values: Values

    def column(self, name: str) -> Values | None:
        """Return the values of one name, shape (n_points,), or None where the plot has no such name."""
        return self.values[:, self._place[name]] if name in self._place else None

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: column for column, name in enumerate(self.names)}


def canonical(name: str) -> str:
    """Bring a vector name to the form of a probe: ``v1#branch`` → ``i(v1)``, ``Out`` → ``v(out)``, ``time`` stays."""
    low = name.strip().lower()
    if _WRAPPED_AXIS.fullmatch(low):
        return low[2:-1]
    if low.startswith(("v(", "i(")) and low.endswith(")"):
        inner = low[2:-1]
        return inner if inner.startswith("@") else low
    if low.endswith("#branch"):
        return f"i({low.removesuffix('#branch')})"
    return low if low in AXES or low.startswith("@") else f"v({low})"


def read_plots(source: bytes | Path) -> tuple[Plot, ...]:
    """Read all plots of a binary rawfile.

    Parameters
    ----------
    source : bytes or Path
        The content, or where it lies.

    Returns
    -------
    tuple of Plot
        In the order of the file; each has at least one point.

    Raises
    ------
    MeasurementFailed
        No file, no header, an ASCII rawfile, no points, or fewer bytes than the header promises.
    """
    content, where = _load(source)
    plots, start = [], 0
    while content[start:].strip():
        plot, start = _one(content, start, where)
        plots.append(plot)
    if not plots:
        raise MeasurementFailed("the rawfile is empty", where=where, hint=_HINT)
    return tuple(plots)


_HINT = "ngspice was stopped or found no analysis: read its log"


def _load(source: bytes | Path) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        return source, f"{len(source)} bytes"
    try:
        return source.read_bytes(), str(source)
    except OSError as bad:
        raise MeasurementFailed("ngspice left no rawfile", where=str(source), cause=str(bad), hint=_HINT) from bad


def _one(content: bytes, start: int, where: str) -> tuple[Plot, int]:
    marker = b"Binary:\n"
    found = content.find(marker, start)
    if found < 0:
        raise MeasurementFailed("the rawfile has no binary data", where=where, hint=_HINT)
    header = content[start:found].decode("utf-8", errors="replace")
    kind, is_complex, names, n_points = _header(header, where)
    if n_points == 0:
        raise MeasurementFailed(f"the rawfile holds 0 points ({kind})", where=where, hint=_HINT)
    dtype = np.dtype("<c16" if is_complex else "<f8")
    begin = found + len(marker)
    wanted = n_points * len(names) * dtype.itemsize
    got = min(len(content) - begin, wanted)
    if got < wanted:
        raise MeasurementFailed(
            f"the rawfile is cut short: got {got} bytes of data, wanted {wanted} ({n_points} points)",
            where=where,
            hint=_HINT,
        )
    flat = np.frombuffer(content, dtype=dtype, count=n_points * len(names), offset=begin)
    return Plot(kind, names, flat.reshape(n_points, len(names))), begin + wanted


def _header(text: str, where: str) -> tuple[str, bool, tuple[str, ...], int]:
    pairs: list[tuple[str, str]] = re.findall(r"^([A-Z][\w. ]*?):[ \t]*(.*?)\s*$", text, re.MULTILINE)
    fields = dict(pairs)
    try:
        n_names, n_points = int(fields["No. Variables"]), int(fields["No. Points"])
        rows = text.split("Variables:\n", 1)[1].splitlines()[:n_names]
        names = tuple(canonical(row.split()[1]) for row in rows)
        kind = _KINDS.get(fields["Plotname"], fields["Plotname"])
        return kind, "complex" in fields["Flags"], _complete(names, n_names), n_points
    except (KeyError, IndexError, ValueError) as bad:
        raise MeasurementFailed("the rawfile has a damaged header", where=where, cause=repr(bad), hint=_HINT) from bad


def _complete(names: tuple[str, ...], n_names: int) -> tuple[str, ...]:
    if len(names) != n_names:
        raise ValueError(f"{len(names)} names of {n_names}")
    return names
