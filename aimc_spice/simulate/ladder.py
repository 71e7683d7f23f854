"""What is tried, in which order, when ngspice does not converge?

One idea: a table of steps, each a change of options or of the time step that is known to help, tried one after the
other and only for `NotConverged`; a result says which steps it took. Every try passes the same verdict as a first one.

====================  ==================================================  =========================================
step                  what changes                                        when it helps
====================  ==================================================  =========================================
gmin stepping         ``gminsteps=10 itl1=500``                           steep operating points
source stepping       ``gminsteps=0 srcsteps=20 itl1=500``                circuits with several operating points
gear                  ``method=gear maxord=2 itl4=100``, transients       ringing of the trapezoidal rule
smaller steps         ``t_step / 5``, ``itl4=100``, transients            edges that are faster than the step
tighter tolerances    ``reltol=1e-5 itl1=500 itl4=200``                   steps that stall on noise of the solution
looser tolerances     ``reltol=1e-2 abstol=1e-9 vntol=1e-5 itl1=500``     the last resort: look at ``provenance``
====================  ==================================================  =========================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from aimc_spice.errors import NotConverged
from aimc_spice.netlist.base import Deck, Transient
from aimc_spice.simulate.base import Waveforms


@dataclass(frozen=True)
class Step:
    """One thing to try.

    Parameters
    ----------
    name : str
        As results and errors call it.
    options : tuple of str
        ``.options`` that are added to the deck's; of two values for one name ngspice takes the later.
    shrink : float
        What the time step is divided by.
    transient_only : bool
        Whether it means nothing to other analyses.
    """

    name: str
    options: tuple[str, ...]
    shrink: float = 1.0
    transient_only: bool = False

    def apply(self, deck: Deck) -> Deck | None:
        """Return the changed deck; None where the step does not apply."""
        analysis = deck.analysis
        if self.transient_only and not analysis.card.lower().startswith(".tran"):
            return None
        if self.shrink != 1.0:
            if not isinstance(analysis, Transient):
                return None
            analysis = replace(analysis, t_step=analysis.t_step / self.shrink)
        return replace(deck, analysis=analysis, options=(*deck.options, *self.options))


LADDER = (
    Step("gmin stepping", ("gminsteps=10", "itl1=500")),
    Step("source stepping", ("gminsteps=0", "srcsteps=20", "itl1=500")),
    Step("gear", ("method=gear", "maxord=2", "itl4=100"), transient_only=True),
    Step("smaller steps", ("itl4=100",), shrink=5.0, transient_only=True),
    Step("tighter tolerances", ("reltol=1e-5", "itl1=500", "itl4=200")),
    Step("looser tolerances", ("reltol=1e-2", "abstol=1e-9", "vntol=1e-5", "itl1=500", "itl4=200")),
)


def climb(run: Callable[[Deck, str], Waveforms], deck: Deck, label: str, steps: Sequence[Step] = LADDER) -> Waveforms:
    """Run a deck; where it does not converge, try the steps in turn.

    Parameters
    ----------
    run : callable
        Runs (deck, label) once.
    deck : Deck
        What was asked; the result carries its digest, whichever step gave it.
    label : str
        Where the deck belongs.
    steps : sequence of Step
        Empty: no second try.

    Returns
    -------
    Waveforms
        ``provenance["retries"]`` lists the steps tried, the last of which gave the result.

    Raises
    ------
    NotConverged
        The first try's error, with the steps that did not help either.
    SimulationError
        Any other failure of the first try, at once.
    """
    try:
        return run(deck, label)
    except NotConverged as bad:
        first = bad
    tried: list[str] = []
    for step, changed in _applicable(deck, steps):
        tried.append(step.name)
        try:
            found = run(changed, f"{label or deck.netlist.title}, {step.name}")
        except NotConverged:
            continue
        notes = {**found.provenance, "retries": "; ".join(tried)}
        return replace(found, deck_digest=deck.digest(), provenance=notes)
    hint = "; ".join(part for part in (f"did not help: {', '.join(tried)}" if tried else "", first.hint) if part)
    raise NotConverged(first.what, where=first.where, cause=first.cause, hint=hint) from first


def _applicable(deck: Deck, steps: Sequence[Step]) -> Iterator[tuple[Step, Deck]]:
    for step in steps:
        if (changed := step.apply(deck)) is not None:
            yield step, changed
