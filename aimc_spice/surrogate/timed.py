"""What does a read-out give when it has less time: to integrate, to settle, to decide?

One idea: the same converter measured at several values of one time of its builder (``t_int``, ``t_in``, ``t_clk``, …);
levels, times and energies between them follow shape-preserving cubics over the logarithm of that time. Judged at a time
that was not fitted. Where nothing settles any more there are no levels: measure where the converter works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from aimc_spice.dataset.bench import Bench
from aimc_spice.errors import FitError, SimulationError
from aimc_spice.metrology.characterise import Case, Measurements, characterise
from aimc_spice.netlist.adcs.base import Converter
from aimc_spice.surrogate.base import Array, Box, Fit, measure
from aimc_spice.surrogate.calibrate_readout import calibrate_readout
from aimc_spice.surrogate.fitted import FittedReadout


@dataclass(frozen=True)
class TimedReadout:
    """A read-out as a function of one of its times.

    Parameters
    ----------
    times : ndarray, shape (m,)
        Where it was measured [s], rising.
    readouts : tuple of FittedReadout
        What was measured there.
    fit : Fit
        Error of the levels at a time between, which was left out [V, A or C].
    """

    times: Array
    readouts: tuple[FittedReadout, ...]
    fit: Fit

    def at(self, time: float) -> FittedReadout:
        """Return the read-out with this much time [s]; spread, noise and evidence are those of the nearest measured.

        Raises
        ------
        OutsideValidity
            A time that is shorter or longer than any measured.
        """
        Box(float(self.times[0]), float(self.times[-1]), "s").check(np.array([time]), "time of the read-out")
        near = self.readouts[int(np.abs(np.log(self.times / time)).argmin())]
        levels = self._between(time, [one.levels for one in self.readouts])
        spread = replace(near.spread, mean=near.spread.mean + levels - near.levels)
        e_code = {block: self._between(time, [one.e_code[block] for one in self.readouts]) for block in near.e_code}
        t_code = self._between(time, [one.t_code for one in self.readouts])
        return replace(near, levels=levels, spread=spread, t_code=t_code, e_code=e_code)

    def _between(self, time: float, values: Sequence[Array]) -> Array:
        return np.asarray(PchipInterpolator(np.log(self.times), np.stack(values))(np.log(time)))


def calibrate_over_time(
    build: Callable[[float], Converter], times: Sequence[float], bench: Bench, measurements: Measurements | None = None
) -> TimedReadout:
    """Measure a converter at several times and fit.

    Parameters
    ----------
    build : callable
        Builds the converter with a time [s].
    times : sequence of float
        Three or more [s]; the middle of the widest gap, in ratio, is measured too and judges.
    bench : Bench
        Simulators and store.
    measurements : Measurements, optional
        As of `characterise`; no sine by default.

    Raises
    ------
    FitError
        Fewer than three different times.
    SimulationError, ConverterError
        A converter could not be measured.
    """
    grid = np.unique(np.asarray(times, dtype=np.float64))
    if len(grid) < 3:
        raise FitError(f"read-out over time: got {len(grid)} different times, wanted three or more")
    widest = int(np.diff(np.log(grid)).argmax())
    judge = float(np.sqrt(grid[widest] * grid[widest + 1]))
    cases = {f"time {t:.4g} s": Case(build(t)) for t in [*grid.tolist(), judge]}
    fitted = _calibrated(cases, bench, measurements or Measurements(n_sine=0))
    held_out = fitted.pop()
    timed = TimedReadout(grid, tuple(fitted), held_out.fit)
    decks = tuple(deck for one in fitted for deck in one.fit.fitted_on)
    fit = measure(timed.at(judge).levels, held_out.levels, decks, held_out.fit.fitted_on, held_out.fit.simulator)
    return replace(timed, fit=fit)


def _calibrated(cases: Mapping[str, Case], bench: Bench, measurements: Measurements) -> list[FittedReadout]:
    fitted = []
    for name, one in characterise(cases, bench, measurements).items():
        if isinstance(one, SimulationError):
            raise one
        one.raise_defects(allow=("missing codes",))
        fitted.append(calibrate_readout(cases[name], one, bench))
    return fitted
