"""What goes into a network, and how many samples at once? Inputs are checked by name, shape and value.

One idea: the first axis of every input is the batch; a chunk is what keeps the largest value of a step within a bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetworkError
from aimc_spice.network.graph import Network, Step, Values

_CHUNK_BYTES = 1 << 27  # of the largest value of a step, when a run chooses its chunk


def feeds_of(network: Network, x: NDArray[Any] | Values) -> Values:
    """Check inputs against the network's ports and give them their type.

    Raises
    ------
    NetworkError
        Names, ranks or sizes that do not fit; values that are not finite.
    """
    given = x if isinstance(x, dict) else {network.inputs[0].name: x}
    wanted = [port.name for port in network.inputs]
    if set(given) != set(wanted):
        raise NetworkError(f"inputs: got {', '.join(given)}, wanted {', '.join(wanted)}", where=network.name)
    feeds = {}
    for port in network.inputs:
        value = np.asarray(given[port.name]).astype(port.dtype, copy=False)
        fits = value.ndim == len(port.shape) and all(
            isinstance(want, str) or want == got for want, got in zip(port.shape[1:], value.shape[1:], strict=True)
        )
        if not fits:
            raise NetworkError(
                f"input {port.name}: got the shape {value.shape}, wanted {port.shape}", where=network.name
            )
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise NetworkError(f"input {port.name} has values that are not finite", where=network.name)
        feeds[port.name] = value
    if len({len(v) for v in feeds.values()}) != 1 or not len(next(iter(feeds.values()))):
        raise NetworkError("inputs have batches of different length, or none at all", where=network.name)
    return feeds


def chunk_of(network: Network, n: int, sample_bytes: int) -> int:
    """Return how many of `n` samples are run at once: what the file fixes, or what keeps memory bounded."""
    fixed = {port.shape[0] for port in network.inputs if isinstance(port.shape[0], int)}
    if not fixed:
        return max(1, _CHUNK_BYTES // max(8 * sample_bytes, 1))
    size = max(fixed)
    if n % size:
        raise NetworkError(
            f"the network is fixed to batches of {size}, got {n} samples", hint="export with a free first axis"
        )
    return size


def sample_bytes_of(network: Network, feeds: Values) -> int:
    """Return the memory of the largest value of a step, for one sample."""
    largest = 1

    def watch(_step: Step, _inputs: list[Any], outputs: list[Any]) -> None:
        nonlocal largest
        largest = max([largest, *(v.nbytes for v in outputs if isinstance(v, np.ndarray))])

    fixed = max((port.shape[0] for port in network.inputs if isinstance(port.shape[0], int)), default=1)
    network.run({name: value[:fixed] for name, value in feeds.items()}, watch=watch)
    return -(-largest // fixed)
