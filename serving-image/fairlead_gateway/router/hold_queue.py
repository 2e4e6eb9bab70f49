"""Requests that wait for a place: bounded by number and bytes, the nearest deadline first."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """A request that waits. None of this changes while it does."""

    @property
    def arrived(self) -> float:
        """When it arrived, in seconds of the monotonic clock."""
        ...

    @property
    def deadline(self) -> float:
        """The end of its wait."""
        ...

    @property
    def size(self) -> int:
        """Bytes that it keeps in memory."""
        ...


W = TypeVar("W", bound=Waiting)


class HoldQueue(Generic[W]):
    """Waiting requests, by deadline, and by arrival among equals."""

    def __init__(self) -> None:
        self.bytes = 0
        self._numbers = itertools.count()
        self._heap: list[tuple[float, float, int, W]] = []
        self._members: set[W] = set()

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[W]:
        return iter(tuple(self._members))

    def push(self, item: W) -> None:
        """Lets a request wait."""
        heapq.heappush(self._heap, (item.deadline, item.arrived, next(self._numbers), item))
        self._members.add(item)
        self.bytes += item.size

    def first(self) -> W | None:
        """The next request."""
        # Removed requests are still in the heap: finding them there would cost more than skipping them here.
        while self._heap and self._heap[0][3] not in self._members:
            heapq.heappop(self._heap)
        return self._heap[0][3] if self._heap else None

    def remove(self, item: W) -> None:
        """Ends the waiting of a request that waits."""
        self._members.remove(item)
        self.bytes -= item.size
        if len(self._heap) > 2 * len(self._members) + 64:
            self._heap = [entry for entry in self._heap if entry[3] in self._members]
            heapq.heapify(self._heap)

    def oldest_seconds(self, now: float) -> float:
        """The longest wait so far; 0 if no request waits."""
        return now - min((item.arrived for item in self._members), default=now)
