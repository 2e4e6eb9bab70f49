"""Counters: how far one rose between two readings."""

from __future__ import annotations


def rise(before: float, now: float) -> float:
    """How much was counted in between. One that fell has begun anew, as Prometheus reads it."""
    return now - before if now >= before else now
