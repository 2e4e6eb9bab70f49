"""Rates of arrivals over windows, from a counter."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from fairlead_operator.autoscale.arrivals import Arrivals, present_rate


def counted(*readings: tuple[float, float], before: float = 0.0) -> Arrivals:
    arrivals = Arrivals(before)
    for at, counter in readings:
        arrivals.observe(at, counter)
    return arrivals


def test_the_rate_counts_arrivals_in_the_window() -> None:
    arrivals = counted((0, 100), (10, 120), (20, 160))
    assert arrivals.rate(10, 20) == pytest.approx(4.0)
    assert arrivals.rate(20, 20) == pytest.approx(3.0)


def test_a_window_that_begins_between_two_readings_gets_a_proportional_share() -> None:
    assert counted((0, 0), (10, 100)).rate(5, 10) == pytest.approx(10.0)


def test_counts_before_the_first_reading_do_not_count_for_the_rate() -> None:
    assert counted((0, 1_000_000)).rate(15, 0) == 0


def test_time_before_the_first_reading_uses_the_stored_rate() -> None:
    assert counted((0, 0), (30, 30), before=3.0).rate(60, 30) == pytest.approx(2.0)


def test_a_counter_reset_loses_no_arrivals() -> None:
    assert counted((0, 500), (10, 540), (20, 20)).rate(20, 20) == pytest.approx(3.0)


def test_a_missed_reading_loses_no_arrivals() -> None:
    assert counted((0, 0), (30, 90)).rate(15, 30) == pytest.approx(3.0)


def test_discarding_old_readings_does_not_change_the_rate() -> None:
    arrivals = Arrivals()
    for second in range(0, 5000, 5):
        arrivals.observe(second, second * 2.0)
        if second > 600:
            assert arrivals.rate(600, second) == pytest.approx(2.0)


def test_a_rising_rate_has_a_positive_trend() -> None:
    arrivals = Arrivals()
    for second in range(0, 301, 5):
        arrivals.observe(second, second**2)
    assert arrivals.trend(300, 60) == pytest.approx(2.0, rel=0.1)


def test_neither_a_steady_nor_a_falling_rate_has_a_trend() -> None:
    falling, steady = Arrivals(), Arrivals()
    for second in range(0, 301, 5):
        steady.observe(second, second * 5.0)
        falling.observe(second, second * 600.0 - second**2)
    assert steady.trend(300, 60) == falling.trend(300, 60) == 0


def history(rate: Callable[[int], float], seconds: int = 900) -> Arrivals:
    """Readings every 5 s of a counter that rises at this rate."""
    arrivals, total = Arrivals(), 0.0
    for second in range(0, seconds + 1, 5):
        arrivals.observe(second, total)
        total += 5 * rate(second)
    return arrivals


def test_recurring_bursts_have_peaks() -> None:
    recurring = history(lambda second: 20.0 if second % 150 < 60 else 1.0)
    assert 15.0 < recurring.peaks(900) <= 20.0


def test_one_rise_and_one_fall_have_no_peaks() -> None:
    assert history(lambda second: 20.0 if 400 <= second < 700 else 4.0).peaks(900) == 0


def test_a_slow_rise_has_no_peaks() -> None:
    assert history(lambda second: second / 50).peaks(900) == 0


def test_random_fluctuations_do_not_count_as_peaks() -> None:
    rng = random.Random(7)
    by_chance = history(lambda _: sum(rng.random() < 0.02 for _ in range(2500)) / 5)
    assert by_chance.peaks(900) < 0.5 * by_chance.rate(600, 900)


def test_the_last_15_seconds_count_if_they_are_statistically_significant() -> None:
    assert present_rate(4.5, 4.0) == 4.0
    assert present_rate(6.0, 4.0) == 6.0
    assert present_rate(2.0, 4.0) == 2.0
