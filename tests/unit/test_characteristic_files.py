"""Characteristics and populations come back from their files bit for bit; damage and other formats are named."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from aimc_spice.errors import DatasetError
from aimc_spice.metrology.characteristic import Characteristic, static_spectrum
from aimc_spice.metrology.kickback import KickBack
from aimc_spice.metrology.levels import Defect
from aimc_spice.metrology.linearity import Linearity
from aimc_spice.metrology.noise import Noise
from aimc_spice.metrology.population import Population
from aimc_spice.metrology.record import Record
from aimc_spice.netlist.driven import Corner
from converters import bowed


def characteristic(seed=None):
    rng = np.random.default_rng(seed or 0)
    defects = (Defect("missing codes", "1 of them: 6"),)
    line = Linearity(bowed(4, 0.3 * rng.random()), 0.0, 1.0, "V", 1 / 1024, 50, defects)
    x = np.linspace(0, 1, 50)
    energy = {"logic": rng.random(50), "dac": rng.random(50)}
    record = Record(x, line.convert(x), line.convert(x), 1e-9 * rng.random(50), energy, ("ab", "cd"), "nobody", 1.5)
    return Characteristic(
        "x 4 bit",
        Corner("ss", 398.15, 0.9),
        seed,
        line,
        record,
        static_spectrum(line),
        Noise(1, 2, 3),
        KickBack(1e-15, 2e-15, 1e-3),
    )


def population():
    ones = [characteristic(seed) for seed in (1, 2, 4)]
    levels = np.stack([one.linearity.levels for one in ones])
    figures, seeds = tuple(one.figures for one in ones), np.array([1, 2, 4])
    return Population("x", Corner(), seeds, levels, figures, {3: "stuck"}, 0.0, 1.0, "V", 1e-3, "nobody")


def test_a_characteristic_comes_back(tmp_path):
    one = characteristic(7)
    one.save(tmp_path / "one.nc")
    back = Characteristic.load(tmp_path / "one.nc")
    assert back.figures == one.figures
    assert (back.name, back.corner, back.seed, back.noise) == (one.name, one.corner, one.seed, one.noise)
    assert back.kick_back == one.kick_back
    assert back.linearity.defects == one.linearity.defects
    assert (back.record.decks, back.record.simulator) == (one.record.decks, one.record.simulator)
    np.testing.assert_array_equal(back.record.codes, one.record.codes)
    for block, values in one.record.energy.items():
        np.testing.assert_array_equal(back.record.energy[block], values)


def test_units_are_in_the_file(tmp_path):
    characteristic().save(tmp_path / "one.nc")
    with xr.open_dataset(tmp_path / "one.nc", engine="h5netcdf") as data:
        assert {name: data[name].attrs["units"] for name in ("level", "inl", "t_conv", "energy")} == {
            "level": "V",
            "inl": "LSB",
            "t_conv": "s",
            "energy": "J",
        }


def test_a_population_comes_back(tmp_path):
    one = population()
    one.save(tmp_path / "many.nc")
    back = Population.load(tmp_path / "many.nc")
    np.testing.assert_array_equal(back.levels, one.levels)
    np.testing.assert_array_equal(back.seeds, one.seeds)
    assert (back.figures, back.failures, back.corner) == (one.figures, one.failures, one.corner)


@pytest.mark.parametrize("kind", [Characteristic, Population])
def test_damage_and_other_formats_are_named(tmp_path, kind):
    path = tmp_path / "one.nc"
    (characteristic() if kind is Characteristic else population()).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="holds no readable"):
        kind.load(path)
    path.write_bytes(whole)
    with xr.open_dataset(path, engine="h5netcdf") as data:
        old = data.load()
    old.attrs["format"] = 0
    old.to_netcdf(path, engine="h5netcdf")
    with pytest.raises(DatasetError, match="has format 0, this version reads 1"):
        kind.load(path)
