"""Bursts: when one is on, and whether it will last."""

from __future__ import annotations

import pytest

from fairlead_operator.autoscale.arrivals import Bursts


def after(durations: list[float], age: float, later: float) -> float:
    return Bursts(durations).persistence(age, later)


def test_twice_the_usual_rate_is_a_burst() -> None:
    surges = Bursts()
    surges.observe(0, 10.0, 10.0)
    assert surges.age(0) == 0
    surges.observe(5, 20.0, 10.0)
    surges.observe(25, 20.0, 10.0)
    assert surges.age(25) == pytest.approx(27.5)


def test_a_few_requests_after_silence_are_not_a_burst() -> None:
    surges = Bursts()
    surges.observe(0, 2 / 15, 0.0)
    assert surges.age(0) == 0


def test_a_burst_ends_when_most_of_its_rate_is_gone_and_its_duration_is_recorded() -> None:
    surges = Bursts()
    surges.observe(0, 30.0, 10.0)
    surges.observe(40, 20.0, 11.0)
    assert surges.age(40)
    surges.observe(60, 14.0, 11.0)
    assert surges.age(60) == 0
    assert surges.durations == (67.5,)


def test_a_burst_ends_when_its_rate_has_become_usual() -> None:
    surges = Bursts()
    surges.observe(0, 30.0, 10.0)
    surges.observe(700, 30.0, 30.0)
    assert surges.age(700) == 0


def test_an_older_burst_is_likelier_to_last() -> None:
    chances = [after([], age, 120) for age in (5, 30, 120, 600)]
    assert chances == sorted(chances)
    assert chances[1] == pytest.approx(0.5)


def test_past_short_bursts_reduce_the_chance_that_a_burst_lasts() -> None:
    short = [40.0 + i for i in range(20)]
    chances = [after(short[:count], 30, 120) for count in (0, 1, 3, 10, 20)]
    assert chances == sorted(chances, reverse=True)
    assert chances[2] == pytest.approx(chances[0] / 2)
    assert chances[-1] < 0.1


def test_past_long_bursts_raise_the_chance_that_a_burst_lasts() -> None:
    assert after([900.0] * 20, 30, 120) > 0.9 > after([], 30, 120)


def test_a_burst_longer_than_all_past_ones_is_judged_by_its_age() -> None:
    assert after([45.0] * 20, 60, 120) == after([], 60, 120)


@pytest.mark.parametrize("durations", [[], [45.0] * 12, [20.0, 300.0] * 8])
def test_the_expected_share_of_a_burst_is_between_the_chances_at_both_ends(durations: list[float]) -> None:
    surges = Bursts(durations)
    mean = surges.mean_persistence(20, 100)
    assert surges.persistence(20, 100) <= mean <= 1


def test_the_last_50_burst_durations_are_kept() -> None:
    surges = Bursts([1.0] * 50)
    surges.observe(0, 30.0, 10.0)
    surges.observe(60, 10.0, 10.0)
    assert surges.durations == (*[1.0] * 49, 67.5)
