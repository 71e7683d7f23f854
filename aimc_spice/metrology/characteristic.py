"""What is known about one converter after it was measured, and how is it kept?

One idea: a `Characteristic` is what a measurement leaves: linearity, every conversion, spectrum, noise, conditions and
evidence, in one netCDF file with units; every figure of merit is computed from it. It measures nothing (see
`characterise`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from aimc_spice.errors import DatasetError
from aimc_spice.metrology.kickback import KickBack
from aimc_spice.metrology.levels import Defect
from aimc_spice.metrology.linearity import Linearity
from aimc_spice.metrology.noise import Noise
from aimc_spice.metrology.record import Record
from aimc_spice.metrology.sine import SineTest, Spectrum, spectrum
from aimc_spice.metrology.spec import Figures
from aimc_spice.metrology.whole import written_whole
from aimc_spice.netlist.driven import Corner

FORMAT = 1
_STATIC_SAMPLES = 8192  # of the sine by which levels alone are judged


@dataclass(frozen=True)
class Characteristic:
    """One converter, measured.

    Parameters
    ----------
    name : str
        Type, level and bits.
    corner : Corner
        Conditions.
    seed : int or None
        Of its mismatch; None is nominal.
    linearity : Linearity
        Static transfer.
    record : Record
        All conversions of the static test, with times and energies.
    spectrum : Spectrum or None
        Of the sine test, where it was asked for.
    noise : Noise or None
        Input-referred, where it was asked for.
    kick_back : KickBack or None
        Disturbance of the input, where it was asked for.
    """

    name: str
    corner: Corner
    seed: int | None
    linearity: Linearity
    record: Record
    spectrum: Spectrum | None = None
    noise: Noise | None = None
    kick_back: KickBack | None = None

    @property
    def is_stuck(self) -> bool:
        """Whether one code stands over the whole ramp: there are no figures then."""
        return any(defect.name == "stuck" for defect in self.linearity.defects)

    @property
    def figures(self) -> Figures:
        """The figures of merit; ENOB by the sine test, or by the levels alone where there was none."""
        line, record = self.linearity, self.record
        return Figures(
            line.max_inl_lsb(),
            line.max_dnl_lsb(),
            line.offset_lsb(),
            line.gain_error(),
            self.spectrum.enob_bits if self.spectrum else static_spectrum(line).enob_bits,
            line.is_monotonic,
            float(record.t_conv.max()),
            float(record.e_conv.mean()),
        )

    def raise_defects(self, allow: tuple[str, ...] = ()) -> None:
        """Raise the first defect that is not allowed, as the `ConverterError` of its name."""
        for defect in self.linearity.defects:
            if defect.name not in allow:
                raise defect.error(
                    f"{self.name}, {self.corner.name}" + ("" if self.seed is None else f", seed {self.seed}")
                )

    def save(self, path: Path) -> None:
        """Write to netCDF, whole or not at all."""
        line, record, unit = self.linearity, self.record, self.linearity.unit
        data = xr.Dataset(
            {
                "level": ("code_above", line.levels, {"units": unit}),
                "inl": ("code_above", line.inl_lsb(), {"units": "LSB", "reference": "endpoint"}),
                "input": ("conversion", record.inputs, {"units": unit}),
                "code": ("conversion", record.codes, {"units": "1"}),
                "previous": ("conversion", record.previous, {"units": "1"}),
                "t_conv": ("conversion", record.t_conv, {"units": "s"}),
            },
            {"code_above": np.arange(1, len(line.levels) + 1)},
            {"format": FORMAT, "about": json.dumps(self._about())},
        )
        if record.energy:
            table = np.stack(list(record.energy.values()))
            data["energy"] = (("block", "conversion"), table, {"units": "J"})
            data = data.assign_coords(block=list(record.energy))
        if self.spectrum:
            data["power"] = ("bin", self.spectrum.power, {"units": "1", "of": "the carrier's power"})
        written_whole(path, lambda target: data.to_netcdf(target, engine="h5netcdf"))

    @classmethod
    def load(cls, path: Path) -> Characteristic:
        """Read what `save` wrote; raises `DatasetError` where it is damaged or of another format."""
        try:
            with xr.open_dataset(path, engine="h5netcdf") as data:
                if int(data.attrs["format"]) != FORMAT:
                    raise DatasetError(
                        f"{path} has format {data.attrs['format']}, this version reads {FORMAT}", hint="measure again"
                    )
                return _characteristic(data.load(), json.loads(data.attrs["about"]))
        except (OSError, KeyError, ValueError, TypeError) as bad:
            raise DatasetError(
                f"{path} holds no readable characteristic", cause=str(bad), hint="measure again"
            ) from bad

    def _about(self) -> dict[str, Any]:
        line, record, waves = self.linearity, self.record, self.spectrum
        return {
            "name": self.name,
            "corner": asdict(self.corner),
            "seed": self.seed,
            "linearity": {
                "low": line.low,
                "high": line.high,
                "unit": line.unit,
                "resolution": line.resolution,
                "n_conversions": line.n_conversions,
            },
            "defects": [asdict(defect) for defect in line.defects],
            "record": {"decks": record.decks, "simulator": record.simulator, "wall_s": record.wall_s},
            "spectrum": waves
            and {"periods": waves.periods, "n_samples": waves.n_samples, "of_full_scale": waves.of_full_scale},
            "noise": self.noise and asdict(self.noise),
            "kick_back": self.kick_back and asdict(self.kick_back),
        }


def static_spectrum(line: Linearity) -> Spectrum:
    """Return the spectrum that the levels alone give, without noise: a full-scale sine in numbers."""
    test = SineTest.full_scale(_STATIC_SAMPLES, line.low, line.high)
    return spectrum(line.convert(test.inputs), test, line.high - line.low)


def _characteristic(data: xr.Dataset, about: dict[str, Any]) -> Characteristic:
    defects = tuple(Defect(**defect) for defect in about["defects"])
    line = Linearity(data["level"].values, **about["linearity"], defects=defects)
    energy = {}
    if "energy" in data:
        energy = dict(zip(map(str, data["block"].values), data["energy"].values, strict=True))
    evidence = about["record"]
    record = Record(
        data["input"].values,
        data["code"].values.astype(np.int64),
        data["previous"].values.astype(np.int64),
        data["t_conv"].values,
        energy,
        tuple(evidence["decks"]),
        evidence["simulator"],
        evidence["wall_s"],
    )
    waves = Spectrum(data["power"].values, **about["spectrum"]) if about["spectrum"] else None
    noise = Noise(**about["noise"]) if about["noise"] else None
    kick = KickBack(**about["kick_back"]) if about["kick_back"] else None
    return Characteristic(about["name"], Corner(**about["corner"]), about["seed"], line, record, waves, noise, kick)
