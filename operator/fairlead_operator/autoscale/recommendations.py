"""Stabilization: what was recommended in the last seconds, so that a short dip or peak changes nothing."""

from __future__ import annotations

LONGEST = 3600.0


class Recommendations:
    """Recommended replicas with their times."""

    def __init__(self) -> None:
        self._items: list[tuple[float, int]] = []

    def add(self, at: float, replicas: int) -> None:
        """Remember one."""
        self._items.append((at, replicas))
        if self._items[0][0] < at - LONGEST:
            self._items = [item for item in self._items if item[0] > at - LONGEST]

    def highest(self, window: float, at: float) -> int:
        """The most recommended in the last `window` seconds; 0 if nothing was."""
        return max((replicas for when, replicas in self._items if when > at - window), default=0)

    def lowest(self, window: float, at: float, now: int) -> int:
        """The least recommended in the last `window` seconds, with `now` as the latest."""
        return min((replicas for when, replicas in self._items if when > at - window), default=now)
