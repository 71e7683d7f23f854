"""Which subcircuit files make a converter at one level, in one corner, with one draw of the mismatch?

One idea: both levels read the same plain files under ``netlists/adcs``; the behavioural subcircuits end in ``_b`` and
have the same ports. Transistors come from a `Process`, and named subcircuits get their own draws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.base import Level, Mismatch
from aimc_spice.netlist.adcs.logic import Logic, logic_of
from aimc_spice.netlist.adcs.mos import NODES, Process, generic, scattered, subcircuits
from aimc_spice.netlist.base import DEFAULT_OPTIONS, Lines
from aimc_spice.netlist.driven import Corner
from aimc_spice.share import share

_NODE = "g180"


@dataclass(frozen=True)
class Blocks:
    """Definitions of one converter.

    Parameters
    ----------
    level : {"behavioural", "transistor"}
        Which subcircuits are used.
    definitions : tuple of Lines
        Models and subcircuits.
    vdd : float
        Supply, scaled by the corner [V].
    options : tuple of str
        Of the corner.
    temp_k : float
        Temperature, for noise [K].
    """

    level: Level
    definitions: tuple[Lines, ...]
    vdd: float
    options: tuple[str, ...]
    temp_k: float = Corner.temp_k

    @property
    def logic(self) -> Logic:
        """What logic costs."""
        return logic_of(_NODE, self.vdd)

    @property
    def solver_options(self) -> tuple[str, ...]:
        """Options of a transient: the default reltol moves a transistor ramp by 3 LSB of 8 bits, 1e-4 by 0.01."""
        tight = ("reltol=1e-4",) if self.level == "transistor" else ()
        return (*DEFAULT_OPTIONS, *tight, *self.options)

    @property
    def vdd_nominal(self) -> float:
        """Supply of the node [V]: designs are made for it, whatever the corner."""
        return NODES[_NODE]

    @property
    def n_steps(self) -> int:
        """Least number of time steps of a run: equations are straight lines, transistors are not."""
        return 10 if self.level == "behavioural" else 50


def blocks(  # noqa: PLR0917  for the converters of this folder
    name: str,
    level: Level,
    corner: Corner,
    files: tuple[str, ...],
    drawn: tuple[str, ...],
    mismatch: Mismatch,
    seed: int | None,
    process: Process | None = None,
) -> Blocks:
    """Read subcircuit files and the transistors under them.

    Parameters
    ----------
    name : str
        Of the converter: names the random stream.
    level, corner : Level, Corner
        As of the converter.
    files : tuple of str
        Of ``netlists/adcs``, besides the gates.
    drawn : tuple of str
        Subcircuits whose transistors get a draw of their own.
    mismatch, seed : Mismatch, int or None
        None: nominal.
    process : Process, optional
        Transistors in the place of the generic ones; their supply counts at both levels.
    """
    if level not in {"behavioural", "transistor"}:
        raise NetlistError(f"{name}: got level {level!r}", hint="known: behavioural, transistor")
    found = {k: body for file in files for k, body in subcircuits(adc_text(file)).items()}
    wanted = {k: body for k, body in found.items() if k.endswith("_b") == (level == "behavioural")}
    text = "\n".join(wanted.values())
    if level == "behavioural":
        vdd = process.vdd if process else NODES[_NODE] * corner.vdd_scale
        return Blocks(level, (Lines(text),), vdd, corner.options, corner.temp_k)
    if seed is not None:
        drawn_text = scattered(text, {k: k for k in drawn}, mismatch, seed, name)
        text = "\n".join([*(body for k, body in wanted.items() if k not in drawn), drawn_text])
    process = process or generic(_NODE, corner)
    parts = (Lines(process.text), Lines(adc_text("gates")), Lines(text))
    return Blocks(level, parts, process.vdd, corner.options, corner.temp_k)


def adc_text(name: str) -> str:
    """Return a file of ``netlists/adcs``."""
    return share("netlists", "adcs", f"{name}.cir").read_text(encoding="utf-8")


def one_each(
    built: Blocks, subcircuit: str, instances: list[str], mismatch: Mismatch, seed: int | None
) -> tuple[Blocks, list[str]]:
    """Return definitions in which every instance has a copy with its own draw, and the names of the copies.

    Without a seed all share the original.
    """
    if seed is None:
        return built, [subcircuit] * len(instances)
    names = [f"{subcircuit}_{k}" for k in range(len(instances))]
    original = "\n".join(part.text for part in built.definitions)
    pairs = zip(instances, names, strict=True)
    copies = [scattered(original, {subcircuit: name}, mismatch, seed, instance) for instance, name in pairs]
    return replace(built, definitions=(*built.definitions, Lines("\n".join(copies)))), names
