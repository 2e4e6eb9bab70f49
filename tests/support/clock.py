"""A clock for code that takes one: time passes only when a test says so."""

from __future__ import annotations


class Clock:
    """Called, it gives `now`, in seconds, which the test sets."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
