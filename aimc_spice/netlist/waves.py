"""What does a time-dependent source put out: ``pwl(…)``, ``pulse(…)``, ``sin(…)``?

One idea: the arguments are kept as an array, the shape is a small function of time. Other shapes (``exp``, ``am``,
noise) are kept by name, so that a circuit can be read and checked, and refused when a value is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import NetlistError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Wave:
    """A source function and its arguments, SI.

    Parameters
    ----------
    function : str
        ``"pwl"``, ``"pulse"``, ``"sin"`` or another name ngspice knows.
    arguments : ndarray, shape (n,)
        As written in the deck.
    tail : str
        What follows the closing parenthesis (``r=0``), not interpreted.
    """

    function: str
    arguments: Array
    tail: str = ""

    def at(self, time: Array) -> Array:
        """Return the value [V or A] at each time [s].

        Raises
        ------
        NetlistError
            A shape that is not known here, or malformed arguments.
        """
        if self.function not in _SHAPES or self.tail:
            raise NetlistError(
                f"source function {self.function}(…) {self.tail}".rstrip() + " has no value here",
                hint=f"known, without options: {', '.join(sorted(_SHAPES))}",
            )
        return _SHAPES[self.function](self.arguments, np.asarray(time, dtype=np.float64))

    def initial(self) -> float:
        """Return the value [V or A] at time zero; the first argument where the shape is not known here."""
        if self.function == "pwl":
            return float(_pwl(self.arguments, np.zeros(1))[0])
        try:
            return float(self.at(np.zeros(1))[0])
        except NetlistError:
            return float(self.arguments[0]) if len(self.arguments) else 0.0


def _pwl(arguments: Array, time: Array) -> Array:
    if len(arguments) < 2 or len(arguments) % 2 or np.any(np.diff(arguments[::2]) <= 0):
        raise NetlistError("pwl(…) wants pairs of time and value, times rising")
    return np.asarray(np.interp(time, arguments[::2], arguments[1::2]))


def _pulse(arguments: Array, time: Array) -> Array:
    if len(arguments) < 6 or np.any(arguments[3:5] <= 0):
        raise NetlistError("pulse(…) wants v1 v2 delay rise fall width [period], rise and fall above zero")
    low, high, delay, rise, fall, width = arguments[:6]
    local = time - delay
    if len(arguments) > 6:
        local = np.where(local > 0, np.mod(local, arguments[6]), local)
    return np.asarray(np.interp(local, np.cumsum([0.0, rise, width, fall]), [low, high, high, low]))


def _sin(arguments: Array, time: Array) -> Array:
    if not 3 <= len(arguments) <= 5:
        raise NetlistError("sin(…) wants offset amplitude frequency [delay [damping]]")
    offset, amplitude, frequency, delay, damping = np.pad(arguments, (0, 5 - len(arguments)))
    local = np.maximum(time - delay, 0.0)
    value: Array = offset + amplitude * np.exp(-damping * local) * np.sin(2 * np.pi * frequency * local)
    return value


_SHAPES: Mapping[str, Callable[[Array, Array], Array]] = {"pwl": _pwl, "pulse": _pulse, "sin": _sin}
