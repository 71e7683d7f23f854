"""What replaces a converter's circuit in a network: levels, spread, noise, time and energy, measured?

One idea: a `FittedReadout` is a `Readout` whose numbers come from a `Characteristic` and a `Population`, with its error
on inputs that were not used to fit it. Time and energy are tables over the output code, because what a converter does
in a conversion follows the code; energy also has a slope within a code, for what follows the input itself (a current
that is drawn from the supply). It holds in its box, for the corner it was measured in. Files: `readout_archive`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from aimc_spice.errors import FitError, OutsideValidity
from aimc_spice.metrology.characteristic import Characteristic
from aimc_spice.metrology.population import Population
from aimc_spice.metrology.record import Record
from aimc_spice.netlist.adcs.base import RECKONED
from aimc_spice.rng import stream
from aimc_spice.surrogate.base import Array, Box, Fit
from aimc_spice.surrogate.readout import ColumnReadouts
from aimc_spice.surrogate.spread import Spread, fit_spread
from aimc_spice.units import show

_ROWS_A_WEIGHT = 2  # conversions beyond the first of their code, for each weight of the one before
_CLEAR = 1 / 8  # LSB: nearer to a level a comparator takes its time, which no table over codes can know


@dataclass(frozen=True)
class FittedReadout:
    """A population of converters as measured on their circuit.

    Parameters
    ----------
    name, corner : str
        What was measured, and where.
    levels : ndarray, shape (2**n_bits - 1,)
        Transition levels of the nominal converter [V, A or C].
    spread : Spread
        How instances differ.
    sigma_noise : float
        Input-referred noise, rms [V, A or C]: as measured, or the closed form where it was not measured.
    low, high : float
        Nominal input range [V, A or C].
    t_code : ndarray, shape (2**n_bits,)
        Time of a conversion by its code [s].
    e_code : mapping of str to ndarray, shape (2**n_bits,)
        Energy of a conversion by its code, by block, whatever came before [J].
    e_before : mapping of str to ndarray, shape (2**n_bits,)
        What the code of the conversion before adds, by block [J]; zero on average over the codes. Capacitors remember.
    box : Box
        Inputs that were measured; its unit is the converter's.
    fit, fit_time, fit_energy : Fit
        Errors on held-out conversions: of the value [V, A or C], of time [s] and energy [J], without the block that is
        reckoned; full scale is the nominal range, the mean time and the mean energy.
    energy_bias : float
        Error of the mean energy on held-out conversions, of that mean.
    e_slope : mapping of str to float
        What an input beside the middle of its code's step adds, by block [J/V, J/A or J/C]; none where left out.
    """

    name: str
    corner: str
    levels: Array
    spread: Spread
    sigma_noise: float
    low: float
    high: float
    t_code: Array
    e_code: Mapping[str, Array]
    e_before: Mapping[str, Array]
    box: Box
    fit: Fit
    fit_time: Fit
    fit_energy: Fit
    energy_bias: float = 0.0
    e_slope: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_bits(self) -> int:
        """Bits."""
        return len(self.levels).bit_length()

    @property
    def lsb(self) -> float:
        """Nominal step [V, A or C]."""
        return (self.high - self.low) / float(2**self.n_bits)

    @property
    def t_conv(self) -> float:
        """Time of a conversion, mean over all codes [s]."""
        return float(self.t_code.mean())

    @property
    def e_conv(self) -> float:
        """Energy of a conversion, mean over all codes [J]."""
        return float(sum(table.mean() for table in self.e_code.values()))

    @property
    def error_lsb(self) -> float:
        """Rms error against the circuit on held-out inputs [LSB]."""
        return self.fit.rms / self.lsb

    def nominal(self) -> ColumnReadouts:
        """Return the one converter that was measured without mismatch."""
        return ColumnReadouts(self.levels[None], self.sigma_noise, self.low, self.high)

    def sample(self, n_cols: int, seed: int, *names: str) -> ColumnReadouts:
        """Draw the converters of some columns: the same seed and names (layer, tile) give the same ones."""
        levels = self.spread.draw(n_cols, stream(seed, "readout", *names))
        return ColumnReadouts(levels, self.sigma_noise, self.low, self.high)

    def check(self, inputs: Array, *, clips: bool = True) -> None:
        """Raise `OutsideValidity` for inputs that were never converted; `clips` allows what the end codes cover.

        Beyond the box a converter that reached its end codes inside it still gives them.
        """
        if clips and self.levels[0] > self.box.low and self.levels[-1] < self.box.high:
            return
        self.box.check(inputs, self.name)

    def time_of(self, codes: NDArray[np.int64]) -> Array:
        """Return the time of each conversion [s], in the shape of `codes`."""
        return np.asarray(self.t_code[codes])

    def energy_of(
        self,
        codes: NDArray[np.int64],
        block: str | None = None,
        previous: NDArray[np.int64] | None = None,
        inputs: Array | None = None,
    ) -> Array:
        """Return the energy of each conversion [J], of one block or of all, in the shape of `codes`.

        `previous` are the codes of the conversions before; without, any may have come before. `inputs` are what was
        converted [V, A or C]; without, the middle of each code's step.
        """
        if block is not None and block not in self.e_code:
            known = ", ".join(self.e_code) or "none"
            raise OutsideValidity(f"{self.name} has no energy of {block!r}", hint=f"its blocks are: {known}")
        blocks = list(self.e_code) if block is None else [block]
        energy = sum((self.e_code[name][codes] for name in blocks), np.zeros(codes.shape))
        if previous is not None:
            energy = energy + sum((self.e_before[name][previous] for name in blocks), np.zeros(codes.shape))
        if inputs is not None:
            slope = sum(self.e_slope.get(name, 0.0) for name in blocks)
            energy = energy + slope * _beside(inputs, codes, self.levels, self.lsb)
        return np.asarray(energy)


def fit_readout(
    one: Characteristic,
    held_out: Record,
    population: Population | None = None,
    typical: Record | None = None,
    sigma_noise: float = 0.0,
) -> FittedReadout:
    """Fit a read-out to a measured converter.

    Parameters
    ----------
    one : Characteristic
        The nominal converter.
    held_out : Record
        Conversions of the same converter at other inputs: the judge.
    population : Population, optional
        Monte Carlo samples of it; without, all instances are alike.
    typical : Record, optional
        More conversions, at random inputs in random order, from which time and energy are known better.
    sigma_noise : float
        Noise where none was measured [V, A or C].

    Raises
    ------
    FitError
        The converter is stuck, or does not fit its population.
    """
    line, record = one.linearity, Record.joined([one.record, *([typical] if typical else [])])
    if bad := [defect for defect in line.defects if defect.name == "stuck"]:
        raise FitError(f"{one.name} has no levels: {bad[0].evidence}")
    if population is not None and population.levels.shape[1] != len(line.levels):
        raise FitError(f"{one.name}: its population has {population.levels.shape[1]} levels, wanted {len(line.levels)}")
    n_codes = len(line.levels) + 1
    clear = _clear_of_levels(record.inputs, line.levels, line.lsb)
    t_code = _table(record.codes[clear], record.t_conv[clear], n_codes)
    later = record.previous >= 0
    codes, before = record.codes[later], record.previous[later]
    beside = _beside(record.inputs[later], codes, line.levels, line.lsb)
    energy = {block: fit_energy(codes, before, beside, e[later], line.n_bits) for block, e in record.energy.items()}
    zero = Fit(0.0, 0.0, 1.0, 0, (), (), "")
    fitted = FittedReadout(
        one.name,
        one.corner.name,
        line.levels,
        Spread.none(line.levels) if population is None else fit_spread(population.levels),
        one.noise.sigma if one.noise and one.noise.sigma else sigma_noise,
        line.low,
        line.high,
        t_code,
        {block: found[0] for block, found in energy.items()},
        {block: found[1] for block, found in energy.items()},
        Box(float(record.inputs.min()), float(record.inputs.max()), line.unit),
        zero,
        zero,
        zero,
        e_slope={block: found[2] for block, found in energy.items()},
    )
    return judge(fitted, held_out, record.decks)


def judge(readout: FittedReadout, held_out: Record, fitted_on: tuple[str, ...]) -> FittedReadout:
    """Return a read-out with its errors on conversions that it was not fitted to; `fitted_on`: digests of its decks."""
    said = np.searchsorted(readout.levels, held_out.inputs, side="right")
    value, time = readout.lsb * (said - held_out.codes).astype(np.float64), readout.t_code[said] - held_out.t_conv
    energy, mean = _energy_error(readout, said, held_out)
    return replace(
        readout,
        fit=_fit(value, readout.high - readout.low, fitted_on, held_out),
        fit_time=_fit(time, float(held_out.t_conv.mean()), fitted_on, held_out),
        fit_energy=_fit(energy, mean, fitted_on, held_out),
        energy_bias=abs(float(energy.mean() / mean)) if mean else 0.0,
    )


def _energy_error(fitted: FittedReadout, said: NDArray[np.int64], held_out: Record) -> tuple[Array, float]:
    """Return the errors of the energy of held-out conversions and its mean [J]; of what was simulated, not reckoned."""
    steady = held_out.previous >= 0
    wanted, got = np.zeros(int(steady.sum())), np.zeros(int(steady.sum()))
    for block in [name for name in held_out.energy if name != RECKONED]:
        wanted += held_out.energy[block][steady]
        got += fitted.energy_of(said[steady], block, held_out.previous[steady], held_out.inputs[steady])
    return got - wanted, float(wanted.mean())


def fit_energy(
    codes: NDArray[np.int64], before: NDArray[np.int64], beside: Array, e: Array, n_bits: int
) -> tuple[Array, Array, float]:
    """Return what a code costs and what the one before adds, both (2**n_bits,) [J], and the slope within a code.

    A sum of the three by least squares. The code's own part is a free table. What came before is quadratic in its bits,
    because that is what an array of capacitors does: each bottom plate that moves takes its charge, and the top plate,
    left at a sum over the bits, takes it from all of them. `beside` (n,) is how far an input lies from the middle of
    its code's step [V, A or C]. Where there are too few conversions of a code to tell, nothing is added.
    """
    n_codes = 2**n_bits
    pairs = _pairs(np.arange(n_codes), n_bits)
    room = (len(codes) - len(np.unique(codes))) // _ROWS_A_WEIGHT - 1  # weights beside the slope
    if room < 0:
        return _table(codes, e, n_codes), np.zeros(n_codes), 0.0
    if pairs.shape[1] > room:
        pairs = pairs[:, :0]
    scale = np.abs(beside).max() or 1.0
    columns = (*pairs[before].T, beside / scale, e)
    within = [_left_of_means(codes, column, n_codes) for column in columns]  # what the codes do not explain
    weights = np.linalg.lstsq(np.stack(within[:-1], axis=1), within[-1])[0]
    added, slope = pairs @ weights[:-1], float(weights[-1] / scale)
    added -= added.mean()
    return _table(codes, e - added[before] - slope * beside, n_codes), added, slope


def _pairs(codes: NDArray[np.int64], n_bits: int) -> Array:
    """Return the bits of codes (n,) and their products, (n, n_bits (n_bits + 1) / 2)."""
    bits = ((codes[:, None] >> np.arange(n_bits)) & 1).astype(np.float64)
    first, second = np.triu_indices(n_bits)
    return np.asarray(bits[:, first] * bits[:, second])


def _left_of_means(codes: NDArray[np.int64], values: Array, n_codes: int) -> Array:
    count = np.maximum(np.bincount(codes, minlength=n_codes), 1)
    return np.asarray(values - (np.bincount(codes, values, n_codes) / count)[codes])


def describe(readout: FittedReadout) -> str:
    """Say in a few lines what a read-out is and how far to trust it."""
    fit, time, energy = readout.fit, readout.fit_time, readout.fit_energy
    lines = [
        f"{readout.name}, {readout.corner}",
        f"  error     {readout.error_lsb:.3f} LSB rms on {fit.n_held_out} held-out inputs ({fit.simulator})",
        "  noise     "
        + (f"{readout.sigma_noise / readout.lsb:.3f} LSB rms" if readout.sigma_noise else "none, or not measured"),
        f"  time      {show(readout.t_conv, 's')} (mean over codes), error {_percent(time)}",
        f"  energy    {show(readout.e_conv, 'J')}, error {_percent(energy)}, {readout.energy_bias:.2%} of the mean",
        f"  spread    {len(readout.spread.factors)} factors from {readout.spread.n_samples} samples",
    ]
    return "\n".join(lines)


def _percent(fit: Fit) -> str:
    return f"{100 * fit.rms_of_full_scale:.2g} % rms" if fit.full_scale > 0 else "none to speak of: all zero"


def _clear_of_levels(inputs: Array, levels: Array, lsb: float) -> NDArray[np.bool_]:
    after = np.clip(np.searchsorted(levels, inputs), 1, len(levels) - 1)
    nearest = np.minimum(np.abs(inputs - levels[after - 1]), np.abs(inputs - levels[after]))
    return np.asarray(nearest >= _CLEAR * lsb)


def _beside(inputs: Array, codes: NDArray[np.int64], levels: Array, lsb: float) -> Array:
    """Return how far inputs lie from the middle of their code's step [V, A or C]."""
    edges = np.concatenate([[levels[0] - lsb], levels, [levels[-1] + lsb]])
    return np.asarray(inputs - ((edges[1:] + edges[:-1]) / 2)[codes])


def _table(codes: NDArray[np.int64], values: Array, n_codes: int) -> Array:
    """Mean value of every code (n_codes,); codes without one are interpolated."""
    if not codes.size:
        raise FitError("time and energy: no conversion lies clear of the levels", hint="a finer ramp")
    count = np.bincount(codes, minlength=n_codes)
    total = np.bincount(codes, values, n_codes)
    seen = np.flatnonzero(count)
    return np.interp(np.arange(n_codes), seen, total[seen] / count[seen])


def _fit(error: Array, full_scale: float, fitted_on: tuple[str, ...], held_out: Record) -> Fit:
    rms = float(np.sqrt(np.mean(error**2)))
    evidence = (fitted_on, held_out.decks, held_out.simulator)
    return Fit(rms, float(np.abs(error).max()), full_scale, error.size, *evidence)
