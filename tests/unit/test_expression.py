from __future__ import annotations

import numpy as np
import pytest

from aimc_spice.errors import NetlistError
from aimc_spice.netlist.expression import compile_expression, number, parameter, quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1k", 1e3),
        ("1meg", 1e6),
        ("1M", 1e-3),
        ("1F", 1e-15),
        ("10pF", 1e-11),
        ("4.7", 4.7),
        (".5u", 5e-7),
        ("-2.e-3", -2e-3),
        ("1e3k", 1e6),
        ("1mil", 25.4e-6),
        ("2a", 2e-18),
        ("5volts", 5.0),
    ],
)
def test_suffixes_are_those_of_spice(text, value):
    assert number(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["", "k", "1_0", "nan", "inf", "1k2", "0x10", "--1", "{1}"])
def test_what_is_no_number(text):
    assert number(text) is None


@pytest.mark.parametrize(  # each right side is what ngspice 46 gives
    ("text", "value"),
    [
        ("-2**2+10", 6.0),
        ("2*-2**2+20", 28.0),
        ("2**3**2", 64.0),
        ("2^3", 8.0),
        ("log(100)", 4.605170185988092),
        ("12/2/3-1-0.5", 0.5),
        ("two>1 ? 5 : 6", 5.0),
        ("max(1,2,3)", 3.0),
        ("min(4,2*1k)", 4.0),
        ("100+(-2)**3", 108.0),
        ("100+pow(-2,3)", 92.0),
        ("100+2--3", 105.0),
        ("100+5%3", 102.0),
        ("100*-3+1000", 700.0),
        ("sqr(3)+nint(2.6)+int(2.6)+sgn(-3)+pwr(-2,2)+pow(2,3)", 25.0),
        ("sqrt(two*8)*exp(0)", 4.0),
        ("( two + 1 ) * ( two - 1 )", 3.0),
    ],
)
def test_expressions_have_the_values_ngspice_gives_them(text, value):
    assert compile_expression(text).evaluate({"two": np.float64(2.0)}.__getitem__) == pytest.approx(value, rel=1e-14)


def test_one_evaluation_serves_many_instances():
    g = np.array([1e-6, 2e-6])
    np.testing.assert_allclose(compile_expression("1/g").evaluate(lambda _: g), [1e6, 5e5])


@pytest.mark.parametrize(
    "text", ["1+", "(1", "1)", "a b", "f(1)", "min(", "pow(1)", "1$2", "__import__('os')", "a.__class__()", ""]
)
def test_malformed_expressions_are_refused(text):
    with pytest.raises(NetlistError):
        compile_expression(text)


def test_too_deep_an_expression_is_refused():
    with pytest.raises(NetlistError, match="deep"):
        compile_expression("(" * 5000 + "1" + ")" * 5000)


@pytest.mark.parametrize("text", ["1/a", "log(a)", "sqrt(a-1)", "exp(1000)"])
def test_what_is_not_finite_is_refused_with_its_parameters(text):
    with pytest.raises(NetlistError, match="not finite"):
        compile_expression(text).evaluate(lambda _: np.float64(0.0))


def test_braces_may_be_missing_for_parameters_only():
    assert parameter("2*3").evaluate(lambda _: 0.0) == 6.0
    assert quantity("'2*3'").evaluate(lambda _: 0.0) == 6.0
    with pytest.raises(NetlistError, match="neither"):
        quantity("2*3")
