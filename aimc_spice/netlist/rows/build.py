"""From which files do the blocks of drivers come, by equations or with transistors?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Level
from aimc_spice.netlist.adcs.blocks import adc_text
from aimc_spice.netlist.adcs.mos import Process, generic, subcircuits
from aimc_spice.netlist.base import Lines, Part
from aimc_spice.netlist.driven import Corner
from aimc_spice.share import share
from aimc_spice.units import show, spice


@dataclass(frozen=True)
class Build:
    """At which level the blocks of drivers are written, and with whose transistors.

    Parameters
    ----------
    level : {"behavioural", "transistor"}
        By equations, or with transistors.
    process : Process, optional
        Transistors; its supply is that of the logic at both levels. Default: generic, tt.
    """

    level: Level = "behavioural"
    process: Process | None = None

    @property
    def mos(self) -> bool:
        """Whether there are transistors."""
        return self.level == "transistor"

    @property
    def transistors(self) -> Process:
        """The process."""
        return self.process or generic("g180", Corner())

    @property
    def v_dd(self) -> float:
        """Supply [V]."""
        return self.transistors.vdd

    def named(self, block: str) -> str:
        """Return the name of a block's subcircuit."""
        return f"{block}_mos" if self.mos else block

    def call(
        self, block: str, *, both: Mapping[str, float], equations: Mapping[str, float], mos: Mapping[str, float]
    ) -> str:
        """Return what follows the nodes of an instance: name and parameters, of both levels and of this one."""
        values = {**both, **(mos if self.mos else equations)}
        return " ".join([self.named(block), *(f"{key}={spice(value)}" for key, value in values.items())])

    def definitions(self, *blocks: str, more: Sequence[str] = ()) -> tuple[Part, ...]:
        """Return the files of some blocks of ``netlists/drivers``; with transistors their models, gates and `more`."""
        texts = [driver_text(self.named(block)) for block in blocks]
        return tuple(map(Lines, [self.transistors.text, adc_text("gates"), *more, *texts] if self.mos else texts))

    def check_rails(self, what: str, *levels: float) -> None:
        """Refuse levels [V] that transistors cannot pass on."""
        if self.mos and not (min(levels) >= 0 and max(levels) <= self.v_dd):
            got = ", ".join(show(v, "V") for v in levels)
            raise NetlistError(
                f"{what} of transistors: got levels of {got}, wanted them from 0 V to {show(self.v_dd, 'V')}",
                hint="less v_read, or another resting voltage (v_ref in current mode, v_rest in charge mode)",
            )


def driver_text(*names: str) -> str:
    """Return files of ``netlists/drivers``."""
    return "\n".join(share("netlists", "drivers", f"{name}.cir").read_text(encoding="utf-8") for name in names)


def flip_flop_text(*, mos: bool) -> str:
    """Return the flip-flop of one level."""
    return subcircuits(adc_text("flip_flop"))["flip_flop" if mos else "flip_flop_b"]
