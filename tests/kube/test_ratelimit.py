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
