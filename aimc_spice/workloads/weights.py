"""How are network weights kept in a file, those of the toolkit and those that users bring?

One `.npz` per network: ``w0, b0, w1, b1, …``, optionally ``scale`` and a JSON text ``about``. Every file passes the
same checks. It evaluates nothing.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import DataError, ShapeError

Array = NDArray[np.float64]
_SHIPPED = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class NetworkWeights:
    """Weights of a multilayer perceptron.

    Parameters
    ----------
    weights : tuple of ndarray, shapes (n_in, n_out)
        One matrix per layer, rows are inputs; ``y = x @ w``.
    biases : tuple of ndarray, shapes (n_out,)
        One row per layer, driven by vdd.
    scale : ndarray, shape (n_layers,), optional
        Read-out gain of each layer for one unit of weight [V/V]; None where the read-out circuit fixes it.
    about : mapping
        Provenance: seed, command, read-out, partitioning, digital accuracy. Anything JSON can hold.

    Raises
    ------
    ShapeError, DataError
        Layers that do not chain; values that are not finite; scales that are not above zero.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    scale: Array | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("weights", "biases"):
            object.__setattr__(self, name, tuple(_frozen(a) for a in getattr(self, name)))
        if self.scale is not None:
            object.__setattr__(self, "scale", _frozen(self.scale))
        _check_chain(self.weights, self.biases)
        _check_scale(self.scale, len(self.weights))
        for name, arrays in (("w", self.weights), ("b", self.biases)):
            for layer, values in enumerate(arrays):
                _check_finite(f"{name}{layer}", values)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons per layer, inputs first: (400, 120, 84, 10)."""
        return (self.weights[0].shape[0], *(w.shape[1] for w in self.weights))

    @property
    def is_binary(self) -> bool:
        """Whether every weight and bias is -1 or +1."""
        return all(bool(np.all(np.abs(a) == 1)) for a in (*self.weights, *self.biases))

    def with_bias_rows(self) -> tuple[Array, ...]:
        """Return per layer the matrix with the biases as its last row, shape (n_in + 1, n_out)."""
        return tuple(np.vstack([w, b]) for w, b in zip(self.weights, self.biases, strict=True))

    def save(self, path: Path) -> None:
        """Write to a compressed NumPy archive (.npz); whole small numbers take one byte each."""
        arrays: dict[str, Any] = {f"w{k}": _compact(w) for k, w in enumerate(self.weights)}
        arrays |= {f"b{k}": _compact(b) for k, b in enumerate(self.biases)}
        if self.scale is not None:
            arrays["scale"] = self.scale
        about = np.array(json.dumps(dict(self.about), sort_keys=True))
        with Path(path).open("wb") as file:
            np.savez_compressed(file, about=about, **arrays)

    @classmethod
    def load(cls, path: Path) -> NetworkWeights:
        """Read a weight file.

        Parameters
        ----------
        path : Path
            An ``.npz`` archive with the keys ``w0, b0, w1, b1, …`` and optionally ``scale`` and ``about``.

        Raises
        ------
        DataError
            No such file, not an archive, a missing key, or values that are not finite numbers.
        ShapeError
            Layers that do not chain.
        """
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as data:
                return cls._from_keys({key: data[key] for key in data.files}, str(path))
        except (OSError, ValueError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as bad:
            raise DataError(
                f"{path} is no weight file",
                cause=str(bad),
                hint="write one with NetworkWeights(...).save(path), or np.savez with keys w0, b0, w1, b1, …",
            ) from bad
        except (DataError, ShapeError) as bad:
            raise type(bad)(bad.what, where=str(path), cause=bad.cause, hint=bad.hint) from bad

    @classmethod
    def _from_keys(cls, data: dict[str, Any], where: str) -> NetworkWeights:
        n_layers = sum(key[0] == "w" and key[1:].isdigit() for key in data)
        wanted = [f"{kind}{k}" for k in range(max(n_layers, 1)) for kind in "wb"]
        missing = [key for key in wanted if key not in data]
        if missing:
            raise DataError(
                f"weight file: got the keys {', '.join(sorted(data)) or 'none'}, missing {', '.join(missing)}",
                where=where,
                hint="keys are w0, b0, w1, b1, … without gaps, one pair per layer",
            )
        weights, biases = (tuple(data[f"{kind}{k}"] for k in range(n_layers)) for kind in "wb")
        about = json.loads(str(data["about"])) if "about" in data else {}
        if not isinstance(about, dict):
            raise DataError(f"about: got {about!r}, wanted a JSON object", where=where)
        return cls(weights, biases, data.get("scale"), about)


def shipped_weights() -> dict[str, Path]:
    """Return the weight files that come with the package, by name."""
    return {path.stem: path for path in sorted(_SHIPPED.glob("*.npz"))}


def load_shipped(name: str) -> NetworkWeights:
    """Load a weight file that comes with the package; an unknown name raises `DataError` and lists the known ones."""
    known = shipped_weights()
    if name not in known:
        raise DataError(f"weights: got the unknown name {name!r}, known are {', '.join(known) or 'none'}")
    return NetworkWeights.load(known[name])


def _frozen(values: Any) -> Array:
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return copy


def _compact(values: Array) -> NDArray[Any]:
    whole = np.all(values == np.round(values)) and np.all(np.abs(values) <= 127)
    return values.astype(np.int8) if whole else values


def _check_chain(weights: tuple[Array, ...], biases: tuple[Array, ...]) -> None:
    if not weights or len(weights) != len(biases):
        raise ShapeError(f"weights: got {len(weights)} matrices and {len(biases)} bias rows, wanted one pair per layer")
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        if w.ndim != 2 or 0 in w.shape or b.shape != w.shape[1:]:
            raise ShapeError(f"layer {k}: got w{k} {w.shape} and b{k} {b.shape}, wanted (n_in, n_out) and (n_out,)")
        if k and w.shape[0] != weights[k - 1].shape[1]:
            raise ShapeError(
                f"layer {k}: got {w.shape[0]} inputs, wanted {weights[k - 1].shape[1]}, the outputs of layer {k - 1}"
            )


def _check_scale(scale: Array | None, n_layers: int) -> None:
    if scale is None:
        return
    if scale.shape != (n_layers,):
        raise ShapeError(f"scale: got shape {scale.shape}, wanted ({n_layers},), one read-out gain [V/V] per layer")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise DataError(f"scale: got {scale.tolist()} V/V, wanted finite values above zero")


def _check_finite(name: str, values: Array) -> None:
    if not np.isfinite(values).all():
        raise DataError(f"{name}: {np.count_nonzero(~np.isfinite(values))} of {values.size} values are not finite")
