"""Small decks that several tests use."""

from __future__ import annotations

from aimc_spice.netlist.base import Analysis, Deck, Lines, Netlist, OperatingPoint, Transient

DIVIDER = "v1 in 0 1\nr1 in out 1e3\nr2 out 0 3e3"
ENDLESS = Transient(1e-12, 1e-1)  # 10¹¹ points
SINE = "v1 out 0 sin(0 1 1e9)\nr1 out 0 1"


def deck(
    body: str = DIVIDER,
    analysis: Analysis | None = None,
    probes: tuple[str, ...] = ("v(out)",),
    title: str = "test",
    **options,
) -> Deck:
    return Deck(Netlist(title, (), (Lines(body),)), analysis or OperatingPoint(), probes, **options)
