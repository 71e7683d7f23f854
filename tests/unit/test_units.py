"""Quantities in text: what is read, what is refused, what goes into decks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimc_spice.errors import UnitError
from aimc_spice.units import parse, show, spice


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("100 uS", "S", 1e-4),
        ("4.7 kΩ", "Ω", 4.7e3),
        ("5 kohm", "Ω", 5e3),
        ("10 pΩ·m²", "Ω·m²", 1e-11),
        ("19 nΩ·m", "Ω·m", 1.9e-8),
        ("2", "", 2.0),
    ],
)
def test_quantity_is_read(text, unit, value):
    assert parse(text, unit) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("text", ["1M", "5", "1 nH", "1Meg", "five", "", "inf Ω", "nan Ω"])
def test_resistance_that_could_be_misread_is_refused(text):
    with pytest.raises(UnitError, match="r_f"):
        parse(text, "Ω", name="r_f")


def test_the_spice_trap_is_explained():
    with pytest.raises(UnitError, match="in SPICE M means milli"):
        parse("1M", "Ω")


def test_bare_number_is_refused():
    with pytest.raises(UnitError, match="a bare number has no unit"):
        parse(5000, "Ω")  # type: ignore[arg-type]


def test_number_for_a_person():
    assert show(1e-4, "S") == "100 uS"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_deck_number_reads_back_bit_for_bit(value):
    assert float(spice(value)) == value
    assert not spice(value).rstrip("0123456789.e+-")


def test_kelvin_is_a_unit_and_no_prefix():
    assert parse("398.15 K", "K") == 398.15
    with pytest.raises(UnitError, match="wanted a quantity in K"):
        parse("398.15", "K")
