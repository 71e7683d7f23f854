"""Where does a run leave what a person needs to look into it?

One idea: a run works in a folder of its own and the folder gets its lasting name, ``<label>-<digest>``, only when it is
kept; so two runs never share a folder, and a name always holds one whole run. It does not start ngspice.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import shlex
import shutil
from pathlib import Path

from aimc_spice.netlist.base import Deck

DECK, LOG, RAW, INIT = "deck.cir", "ngspice.log", "out.raw", ".spiceinit"
# one thread a process: the distributed spinit asks for eight; no table of thousands of node voltages in the log;
# no look at /proc/meminfo at every time point, which is half the time of a small circuit (`limits` watches the memory)
START_UP = ("set num_threads=1", "set noinit", "set no_mem_check")
_COUNTER = itertools.count()


def slug(label: str) -> str:
    """Return a label as a file name: ``layer 0, partition (0, 2)`` → ``layer-0-partition-0-2``."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", label).strip("-.")[:60] or "deck"


def write_deck(deck: Deck, path: Path) -> str:
    """Stream a deck to a file and return its digest; the text is generated once and never held whole."""
    hasher = hashlib.sha256()
    with path.open("wb") as out:
        for chunk in deck.chunks():
            data = chunk.encode()
            hasher.update(data)
            out.write(data)
    return hasher.hexdigest()


def fresh_folder(runs_dir: Path, label: str) -> Path:
    """Make a folder that no other run uses."""
    folder = runs_dir / f"{slug(label)}.{os.getpid()}-{next(_COUNTER)}"
    folder.mkdir(parents=True)
    return folder


def kept_folder(runs_dir: Path, label: str, digest: str) -> Path:
    """Return the lasting name of a run."""
    return runs_dir / f"{slug(label)}-{digest[:12]}"


def settle(folder: Path, final: Path) -> None:
    """Give a folder its lasting name; an older run of the same deck is replaced."""
    for _ in range(10):
        shutil.rmtree(final, ignore_errors=True)
        try:
            folder.rename(final)
        except OSError:  # another process settled the same deck in between
            continue
        return
    shutil.rmtree(folder, ignore_errors=True)


def keep(runs_dir: Path, label: str, deck_file: Path, digest: str, log: str) -> None:
    """Keep the deck and log of a run that had no folder of its own."""
    folder = fresh_folder(runs_dir, label)
    shutil.copyfile(deck_file, folder / DECK)
    (folder / LOG).write_text(log, encoding="utf-8")
    write_start_up(folder)
    settle(folder, kept_folder(runs_dir, label, digest))


def write_start_up(folder: Path) -> None:
    """Write the start-up file, which keeps a ``.spiceinit`` of the user's home out of the run."""
    (folder / INIT).write_text("\n".join(START_UP) + "\n", encoding="utf-8")


def by_hand(folder: Path, program: str = "ngspice") -> str:
    """Return the command line that repeats a kept run."""
    return f"cd {shlex.quote(str(folder))} && {shlex.quote(program)} -b -r {RAW} {DECK}"
