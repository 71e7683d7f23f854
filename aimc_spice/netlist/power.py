"""How does a deck say what power its circuit draws, whatever its size?

One idea: the deck adds the powers up itself and shows two sums as node voltages. Saving the current of every amplifier
instead makes ngspice compare each saved name with all names of the deck: of 121 s of a step deck with 5,500 of them
93 s went there.

For a source k, read through a current-controlled source::

    f_k: i_k -> 1 V an A      b_k adds  v · i_k  of a drive to ``p_drives``,  |i_k|  of a supply to ``i_supply``
"""

from __future__ import annotations

from collections.abc import Iterable

from aimc_spice.netlist.base import Lines

P_DRIVES, I_SUPPLY = "v(p_drives)", "v(i_supply)"
"""Probes: power that the driving sources deliver (1 V a watt); sum of the magnitudes of supply currents (1 V an A)."""


def power_meters(drives: Iterable[tuple[str, str]], supplies: Iterable[str]) -> Lines:
    """Return the elements that make the nodes of `P_DRIVES` and `I_SUPPLY`.

    Parameters
    ----------
    drives : iterable of (str, str)
        Sources to ground that deliver power, and their nodes.
    supplies : iterable of str
        Devices whose current counts by its magnitude, by their names in the flat circuit, such as ``e.xt.x1.e1``.
    """
    lines = ["* power meters", "rp_drives p_drives 0 1", "ri_supply i_supply 0 1"]
    for k, (source, node) in enumerate(drives):
        lines += [*_current(f"d{k}", source, -1), f"bd{k}_meter 0 p_drives i=v({node})*v(d{k}_meter)"]
    for k, source in enumerate(supplies):
        lines += [*_current(f"s{k}", source, 1), f"bs{k}_meter 0 i_supply i=abs(v(s{k}_meter))"]
    return Lines("\n".join(lines))


def _current(name: str, source: str, gain: int) -> list[str]:
    """Elements that show the current of a source as the voltage of a node, 1 V an A."""
    return [f"f{name}_meter 0 {name}_meter {source} {gain}", f"r{name}_meter {name}_meter 0 1"]
