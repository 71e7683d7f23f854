"""How does a quantity get from text to an SI number and into a SPICE deck?

TOML values are quoted with their unit (``g_on = "100 uS"``); inside Python every number is an SI base-unit
float; decks get plain numbers (``1.0e-04``), never SPICE suffixes, because ``1M`` is *milli* there.
This is the only file that knows SI prefixes; suffixes in a SPICE text are read by `netlist.expression`. It does not
convert between systems of units.
"""

from __future__ import annotations

import math

from quantiphy import InvalidNumber, Quantity

from aimc_spice.errors import UnitError

_SYNONYMS = {"ohm": "Ω", "Ohm": "Ω", "ohms": "Ω", "\u2126": "Ω"}
_SPICE_TRAPS = {"meg", "mil"}


def parse(text: str, unit: str, *, name: str = "value") -> float:
    """Read a quantity with its unit, such as ``"100 uS"``.

    Parameters
    ----------
    text : str
        Number, optional SI prefix, unit. The unit may be omitted only where `unit` is "" (a pure number).
    unit : str
        The unit wanted: "Ω", "S", "F", "V", "A", "s", "m", "Hz", "W", "Ω·m", "Ω·m²", "F/m" or "".
    name : str
        What the quantity is called, for the error message.

    Returns
    -------
    float
        The value in SI base units, finite.

    Raises
    ------
    UnitError
        A bare number, another unit, a SPICE suffix ("1M", "1Meg") or something that is no number.
    """
    if not isinstance(text, str):
        raise _wrong(name, repr(text), unit, "a bare number has no unit")
    compact = text.strip()
    try:
        quantity = Quantity(compact, ignore_sf=unit in {"", "K"})  # "K" is a prefix to quantiphy
    except InvalidNumber as bad:
        raise _wrong(name, repr(text), unit, str(bad)) from bad
    number, got = float(quantity), quantity.units
    if unit and not got:
        trap = " (in SPICE M means milli)" if compact.endswith("M") else ""
        raise _wrong(name, repr(text), unit, f"the unit is missing{trap}")
    if got.lower() in _SPICE_TRAPS or _plain(got) != _plain(unit):
        raise _wrong(name, repr(text), unit, f"got the unit {got!r}")
    if not math.isfinite(number):
        raise _wrong(name, repr(text), unit, "the value is not finite")
    return number


def _plain(unit: str) -> str:
    unit = unit.replace("*", "·").replace("^2", "²").replace(" ", "")
    return "·".join(_SYNONYMS.get(part, part) for part in unit.split("·"))


def _wrong(name: str, got: str, unit: str, cause: str) -> UnitError:
    example = f'"1.5 {unit}"' if unit else '"1.5"'
    return UnitError(
        f"{name}: got {got}, wanted a quantity in {unit or 'no unit'}",
        cause=cause,
        hint=f"write the number in quotes with its unit, for example {name} = {example}",
    )


def show(value: float, unit: str, digits: int = 4) -> str:
    """Write a number for a person: ``show(1e-4, "S")`` gives ``"100 uS"``."""
    return Quantity(value, unit).render(prec=digits - 1, strip_zeros=True)


def spice(value: float) -> str:
    """Write a number for a deck: shortest text that reads back bit for bit, without suffix."""
    return f"{value:.1e}" if float(f"{value:.1e}") == value else repr(float(value))
