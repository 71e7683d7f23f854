"""Any law, any voltages: derivatives are those of the current, samples are met, separation keeps the current."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimc_spice.errors import FitError
from aimc_spice.surrogate.laws.base import LinearLaw, Sweep
from aimc_spice.surrogate.laws.polynomial import fit_polynomial
from aimc_spice.surrogate.laws.separate import separate
from aimc_spice.surrogate.laws.sinh import SinhLaw, fit_sinh
from aimc_spice.surrogate.laws.table import fit_table

V, RANGE = 0.3, (1e-6, 1e-4)
R_ON = 2e3


def series(v, v_b, g):
    """A resistor in series with a channel that is better at low port b: i / g, exact and smooth."""
    r = R_ON * (1 + v_b) * (1 + 0.3 * v)
    return v / (1 + g * r)


def sweep(shape=series, v_b=(0.0,)):
    v_b = np.array(v_b)
    v, g = np.linspace(-V, V, 81), np.geomspace(*RANGE, 17)
    return Sweep(v, v_b, g, shape(v[:, None, None], v_b[:, None], g))


V_B = np.linspace(-0.1, 0.1, 5)
LAWS = {
    "linear": LinearLaw(),
    "sinh": SinhLaw(0.1, 1.3),
    "polynomial": fit_polynomial(sweep()),
    "polynomial, v_b": fit_polynomial(sweep(v_b=V_B)),
    "table": fit_table(sweep()),
    "table, v_b": fit_table(sweep(v_b=V_B)),
}
voltages = st.floats(-0.9 * V, 0.9 * V)
conductances = st.floats(np.log(RANGE[0]), np.log(RANGE[1])).map(np.exp)


@pytest.mark.parametrize("name", LAWS)
@given(v=voltages, v_b=st.floats(-0.09, 0.09), g=conductances)
def test_derivatives_are_those_of_the_current(name, v, v_b, g):
    law, g = LAWS[name], np.array([[g]])
    a, b, h = np.array([[v + v_b]]), np.array([[v_b]]), 1e-6
    _, by_a, by_b = law.current(a, b, g)
    slope_a = (law.current(a + h, b, g)[0] - law.current(a - h, b, g)[0]) / (2 * h)
    slope_b = (law.current(a, b + h, g)[0] - law.current(a, b - h, g)[0]) / (2 * h)
    np.testing.assert_allclose([by_a, by_b], [slope_a, slope_b], rtol=0, atol=2e-4 * float(g[0, 0]))


@pytest.mark.parametrize("name", [name for name in LAWS if name[0] in "pt"])
@given(v=voltages, v_b=st.floats(-0.09, 0.09), g=conductances)
def test_a_smooth_cell_is_met_between_the_samples(name, v, v_b, g):
    v_b = v_b if "v_b" in name else 0.0
    got = LAWS[name].current(np.array([[v + v_b]]), np.array([[v_b]]), np.array([[g]]))[0][0, 0]
    assert got / g == pytest.approx(series(v, v_b, g), abs=2e-5 * V)


@given(v0=st.floats(0.03, 3.0), s=st.floats(0.2, 3.0))
def test_a_sinh_is_found_again(v0, s):
    found = fit_sinh(sweep(lambda v, v_b, g: s * v0 * np.sinh(v / v0) + 0 * v_b * g))
    v, g = np.linspace(-V, V, 7)[None], np.array([[1e-5]])
    wanted = SinhLaw(v0, s).current(v, 0 * v, g)[0]
    np.testing.assert_allclose(found.current(v, 0 * v, g)[0], wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("name", LAWS)
@given(v=voltages, g=conductances)
def test_separated_is_the_law(name, v, g):
    law = separate(LAWS[name], RANGE, V)
    g, u = np.array([[g]]), np.array([[v / V]])
    got = law.curve(u) + u + sum(law.pattern(k, g) * mode(u) for k, mode in enumerate(law.modes))
    wanted = LAWS[name].current(V * u, 0 * u, g)[0]
    np.testing.assert_allclose(V * law.gamma(g) * got, wanted, rtol=0, atol=2e-4 * V * RANGE[1])


@given(v=st.floats(-3, 3))
def test_tables_rise_everywhere_and_go_on_straight(v):
    _, by_a, _ = LAWS["table"].current(np.array([[v]]), np.zeros((1, 1)), np.array([[3e-5]]))
    assert by_a > 0


def test_a_falling_table_is_refused():
    with pytest.raises(FitError, match="the current falls from"):
        fit_table(sweep(lambda v, v_b, g: v - 30 * v**3 + 0 * v_b * g))
