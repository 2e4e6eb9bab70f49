"""Writes are limited: a burst at once, then a steady rate."""

from __future__ import annotations

import pytest

from fairlead_operator.kube.ratelimit import TokenBucket


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    bucket = TokenBucket(rate=10, burst=2, clock=lambda: 0.0)
    assert [bucket.reserve() for _ in range(4)] == pytest.approx([0, 0, 0.1, 0.2])


def test_an_idle_bucket_fills_up_to_the_burst_only() -> None:
    now = 0.0
    bucket = TokenBucket(rate=10, burst=2, clock=lambda: now)
    bucket.reserve()
    now = 100.0
    assert [bucket.reserve() for _ in range(3)] == pytest.approx([0, 0, 0.1])


def test_an_overloaded_server_is_asked_half_as_often_and_not_at_all_for_as_long_as_it_says() -> None:
    bucket = TokenBucket(rate=10, burst=10, clock=lambda: 0.0)
    bucket.slow_down(seconds=3)
    assert [bucket.reserve() for _ in range(3)] == pytest.approx([3.2, 3.4, 3.6])


def test_many_refusals_at_once_are_one_sign_of_overload() -> None:
    bucket = TokenBucket(rate=10, burst=10, clock=lambda: 0.0)
    for _ in range(20):
        bucket.slow_down()
    assert [bucket.reserve() for _ in range(2)] == pytest.approx([0.2, 0.4])


def test_a_lasting_overload_does_not_stop_the_writes() -> None:
    now = 0.0
    bucket = TokenBucket(rate=10, burst=10, clock=lambda: now)
    for _ in range(100):
        now += 1.0
        bucket.slow_down()
    assert bucket.reserve() <= 5


def test_the_pace_recovers_up_to_its_bound() -> None:
    now = 0.0
    bucket = TokenBucket(rate=10, burst=1, clock=lambda: now)
    bucket.slow_down()
    now = 1000.0
    assert [bucket.reserve() for _ in range(3)] == pytest.approx([0, 0.1, 0.2])
