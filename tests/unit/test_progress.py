"""The estimate of what is left, by the clock of a test."""

import pytest

from aimc_spice.commands.progress import Pace


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def told(pace, clock, took, n_left, *, stored=False):
    clock.now += took
    return pace.left(n_left, stored=stored)


def test_a_resumed_run_does_not_say_that_zero_seconds_are_left():
    clock = Clock()
    pace = Pace(clock)
    found = [told(pace, clock, 1e-4, 1100 - k, stored=True) for k in range(1000)]
    assert set(found) == {None}  # nothing simulated yet: nothing is known
    assert told(pace, clock, 2.0, 99) == pytest.approx(2 * 99, rel=0.01)


def test_stored_results_in_between_change_nothing():
    clock = Clock()
    pace = Pace(clock)
    assert told(pace, clock, 3.0, 10) == pytest.approx(30)
    assert told(pace, clock, 1e-4, 9, stored=True) == pytest.approx(27)
    assert told(pace, clock, 1.0, 8) == pytest.approx(16)


def test_the_pace_is_that_of_the_last_simulations():
    clock = Clock()
    pace = Pace(clock)
    for n_left in range(300, 200, -1):
        told(pace, clock, 10.0, n_left)
    for n_left in range(200, 100, -1):
        left = told(pace, clock, 1.0, n_left)
    assert left == pytest.approx(101)
