"""Which errors can a caller see, and what does each one tell?

One tree; every message says what failed, where, got versus wanted with units, and what to try::

    AimcSpiceError
    ├── ConfigError            a setting, a file or an option is wrong
    │   └── UnitError          a quantity has no unit, the wrong unit or a SPICE trap such as "1M"
    ├── DataError              a data or weight file is missing, damaged or of the wrong shape
    ├── ShapeError             an array has the wrong shape
    ├── DeviceError            a conductance or weight lies outside what the device can hold
    ├── NetlistError           a circuit is malformed: found before any simulation
    ├── SimulationError        ngspice did not give a trustworthy result
    │   ├── SimulatorNotFound  no usable ngspice on this machine
    │   ├── SimulatorCrashed   the simulator process died
    │   ├── OutOfMemory        a job took more memory than it may
    │   ├── DeckRejected       ngspice did not accept the deck
    │   ├── NotConverged       no operating point, singular matrix, or a time step that became too small
    │   ├── MeasurementFailed  a probe is missing, not finite, out of bounds, or points are missing
    │   └── SimulationTimeout  the time limit passed
    ├── ConverterError         a converter ran, but does not do what a converter must
    │   ├── ConverterStuck     one code over the whole ramp
    │   ├── ConverterSaturated the codes at an end never appear
    │   ├── NotMonotonic       a code falls where the input rises
    │   └── MissingCodes       codes between others never appear
    ├── NetworkError           a neural network cannot be read, mapped on tiles or run
    ├── DatasetError           stored results are damaged or do not fit together
    ├── FitError               a surrogate cannot be fitted to the given data
    └── OutsideValidity        a surrogate was asked beyond the box it was fitted in

This file holds no logic beyond laying out a message.
"""

from __future__ import annotations


class AimcSpiceError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    what : str
        What failed, got versus wanted, with units.
    where : str, optional
        The layer, partition, file or line.
    cause : str, optional
        What the simulator or the system said.
    hint : str, optional
        What to try next.
    """

    def __init__(self, what: str, *, where: str = "", cause: str = "", hint: str = "") -> None:
        self.what, self.where, self.cause, self.hint = what, where, cause, hint
        rows = [("where", where), ("cause", cause), ("try", hint)]
        super().__init__("\n".join([what, *(f"  {label:<6} {text}" for label, text in rows if text)]))

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the parts when an error crosses a process boundary."""
        return _rebuild, (type(self), self.what, self.where, self.cause, self.hint)


def _rebuild(kind: type[AimcSpiceError], what: str, where: str, cause: str, hint: str) -> AimcSpiceError:
    return kind(what, where=where, cause=cause, hint=hint)


class ConfigError(AimcSpiceError):
    """A setting, a file or an option is wrong."""


class UnitError(ConfigError):
    """A quantity has no unit, the wrong unit or an ambiguous one."""


class DataError(AimcSpiceError):
    """A data or weight file is missing, damaged or of the wrong shape."""


class ShapeError(AimcSpiceError):
    """An array has the wrong shape."""


class DeviceError(AimcSpiceError):
    """A conductance or weight lies outside what the device can hold."""


class NetlistError(AimcSpiceError):
    """A circuit is malformed: found before any simulation."""


class SimulationError(AimcSpiceError):
    """The simulator did not give a trustworthy result."""


class SimulatorNotFound(SimulationError):
    """No usable ngspice on this machine."""


class SimulatorCrashed(SimulationError):
    """The simulator process died."""


class OutOfMemory(SimulationError):
    """A job took more memory than it may."""


class DeckRejected(SimulationError):
    """The simulator did not accept the deck."""


class NotConverged(SimulationError):
    """No operating point, a singular matrix, or a time step that became too small."""


class MeasurementFailed(SimulationError):
    """A probe is missing, not finite or out of bounds, or points are missing."""


class SimulationTimeout(SimulationError):
    """The time limit passed."""


class ConverterError(AimcSpiceError):
    """A converter ran, but does not do what a converter must."""


class ConverterStuck(ConverterError):
    """One code over the whole ramp."""


class ConverterSaturated(ConverterError):
    """The codes at an end never appear."""


class NotMonotonic(ConverterError):
    """A code falls where the input rises."""


class MissingCodes(ConverterError):
    """Codes between others never appear."""


class NetworkError(AimcSpiceError):
    """A neural network cannot be read, mapped on tiles or run."""


class DatasetError(AimcSpiceError):
    """Stored results are damaged or do not fit together."""


class FitError(AimcSpiceError):
    """A surrogate cannot be fitted to the given data."""


class OutsideValidity(AimcSpiceError):
    """A surrogate was asked beyond the box it was fitted in."""
