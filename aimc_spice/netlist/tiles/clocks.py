"""What moves the switches of a tile? Sources where they are ideal; of transistors inverters that take their energy.

One idea: a clock that starts at ``<node>d`` goes through two inverters, the second as large as its load asks; the node
between them is the complement. It knows no schedule.
"""

from __future__ import annotations

from aimc_spice.units import spice

_FAN_OUT = 4.0
_GATES = 3.5  # widths of gates in an inverter of width one


def buffers(node: str, vdd: str, load: float) -> str:
    """Return the inverters from ``<node>d`` through ``<node>b`` to `node`; `load`: width of all gates on it [m].

    Needs ``netlists/adcs/gates.cir`` and the wrappers of a process; supply at the node `vdd`.
    """
    size = spice(max(1e-6, load / (_GATES * _FAN_OUT)))
    pairs = ((f"{node}d", f"{node}b"), (f"{node}b", node))
    return "".join(f"x{out} {into} {out} {vdd} 0 inverter u={size}\n" for into, out in pairs)
