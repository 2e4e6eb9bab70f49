"""Writes are limited: a burst, then a steady rate."""

from __future__ import annotations

import pytest

from fairlead_operator.kube.ratelimit import TokenBucket


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    bucket = TokenBucket(rate=10, burst=2, clock=lambda: 0.0)
    assert [bucket.reserve() for _ in range(4)] == pytest.approx([0, 0, 0.1, 0.2])


def test_an_idle_token_bucket_fills_only_up_to_its_burst() -> None:
    now = 0.0
    bucket = TokenBucket(rate=10, burst=2, clock=lambda: now)
    bucket.reserve()
    now = 100.0
    assert [bucket.reserve() for _ in range(3)] == pytest.approx([0, 0, 0.1])


def test_an_overloaded_server_halves_the_rate_and_its_retry_after_pauses_writes() -> None:
    bucket = TokenBucket(rate=10, burst=10, clock=lambda: 0.0)
    bucket.slow_down(seconds=3)
    assert [bucket.reserve() for _ in range(3)] == pytest.approx([3.2, 3.4, 3.6])


def test_simultaneous_429s_halve_the_rate_once() -> None:
    bucket = TokenBucket(rate=10, burst=10, clock=lambda: 0.0)
    for _ in range(20):
        bucket.slow_down()
    assert [bucket.reserve() for _ in range(2)] == pytest.approx([0.2, 0.4])


def test_a_lasting_overload_does_not_stop_writes() -> None:
    now = 0.0
    bucket = TokenBucket(rate=10, burst=10, clock=lambda: now)
    for _ in range(100):
        now += 1.0
        bucket.slow_down()
    assert bucket.reserve() <= 5


def test_the_write_rate_recovers_up_to_its_maximum() -> None:
    now = 0.0
    bucket = TokenBucket(rate=10, burst=1, clock=lambda: now)
    bucket.slow_down()
    now = 1000.0
    assert [bucket.reserve() for _ in range(3)] == pytest.approx([0, 0.1, 0.2])
