"""The work queue: keys of models that need a look.

A key is in the queue at most once however many events name it; a key that is added while it is being worked
on comes again afterwards, and never runs twice at the same time. Failures come back with a growing delay.

A change of a model comes as a burst of events, most of them echoes of our own writes. So a key that was
worked on a moment ago rests until that moment is over, while one that was left alone is worked on at once.
What somebody waits for with a request in hand, the first replica of a model, neither rests nor queues up.

Keys of one group, the models of one namespace, share one place in the order: however many keys a group has,
the others have their turn after each of them.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K")

_FIRST_BACKOFF_SECONDS = 1.0
_LONGEST_BACKOFF_SECONDS = 300.0
# Longer than a Deployment takes to become a ReplicaSet and its pods, shorter than a person notices.
_REST_SECONDS = 0.5


class WorkQueue(Generic[K]):
    """A queue of keys for one event loop."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float], float] = lambda seconds: seconds * random.uniform(0.8, 1.2),  # noqa: S311
        rest_seconds: float = _REST_SECONDS,
        group: Callable[[K], Hashable] = lambda key: None,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._group = group
        self._waiting: dict[K, float] = {}
        # The keys that wait, by group; the groups in the order of their next turn.
        self._turns: dict[Hashable, dict[K, None]] = {}
        self._working: dict[K, float] = {}
        self._again: set[K] = set()
        self._urgent: dict[K, None] = {}
        self._timers: dict[K, tuple[float, asyncio.TimerHandle]] = {}
        self._failures: dict[K, int] = {}
        self._rest_seconds = rest_seconds
        self._resting: dict[K, float] = {}
        self._held: set[K] = set()
        self._wake = asyncio.Event()

    def add(self, key: K, urgent: bool = False) -> None:
        """Asks for a look at a key: as soon as possible, or after its rest. An urgent one comes before all
        others and does not rest.
        """
        if urgent:
            self._urgent[key] = None
        if key in self._working:
            self._again.add(key)
        elif urgent:
            self._put(key)
        elif key not in self._waiting:
            rest = self._resting.get(key, 0.0) - self._clock()
            if rest > 0:
                self._held.add(key)
                self.add_after(key, rest)
            else:
                self._put(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Asks for a look after some time; an earlier request stands."""
        due = self._clock() + seconds
        planned = self._timers.get(key)
        if key in self._waiting or (planned and planned[0] <= due):
            return
        self._cancel_timer(key)
        handle = asyncio.get_running_loop().call_later(seconds, self._put, key)
        self._timers[key] = (due, handle)

    async def get(self) -> K:
        """The next key, which is being worked on until `done`."""
        while not self._waiting:
            self._wake.clear()
            await self._wake.wait()
        key = next((key for key in self._urgent if key in self._waiting), None) or self._next()
        self._urgent.pop(key, None)
        self._take_turn(key)
        self._working[key] = self._waiting.pop(key)
        return key

    def done(self, key: K) -> None:
        """The work on a key has ended and its rest begins; if it was added meanwhile it comes again."""
        del self._working[key]
        now = self._clock()
        # Ordered by time, since each is put in anew.
        self._resting.pop(key, None)
        self._resting[key] = now + self._rest_seconds
        while (first := next(iter(self._resting))) != key and self._resting[first] <= now:
            del self._resting[first]
        if key in self._again:
            self._again.discard(key)
            self.add(key, urgent=key in self._urgent)

    def waited_seconds(self, key: K) -> float:
        """How long a key that was just given to a worker has waited."""
        return self._clock() - self._working[key]

    def retry(self, key: K, at_least: float = 0.0) -> float:
        """Plans another attempt after a failure and returns its delay in seconds: 1 s, doubling up to 5
        min.
        """
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(_FIRST_BACKOFF_SECONDS * 2 ** min(failures - 1, 16), _LONGEST_BACKOFF_SECONDS)
        delay = max(self._jitter(delay), at_least)
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """The key is well: its next failure starts with the shortest delay."""
        self._failures.pop(key, None)

    @property
    def depth(self) -> int:
        """Keys that wait for a worker, or for the end of their rest."""
        return len(self._waiting) + len(self._held)

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest key that waits or is being worked on, 0 if none."""
        times = [*self._waiting.values(), *self._working.values()]
        return self._clock() - min(times) if times else 0.0

    def _put(self, key: K) -> None:
        self._cancel_timer(key)
        self._held.discard(key)
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting[key] = self._clock()
            self._turns.setdefault(self._group(key), {})[key] = None
            self._wake.set()

    def _next(self) -> K:
        """The key that waits longest in the group whose turn it is."""
        return next(iter(next(iter(self._turns.values()))))

    def _take_turn(self, key: K) -> None:
        """Takes a key out of its group, whose next turn is after all others'."""
        group = self._group(key)
        keys = self._turns.pop(group)
        del keys[key]
        if keys:
            self._turns[group] = keys

    def _cancel_timer(self, key: K) -> None:
        planned = self._timers.pop(key, None)
        if planned:
            planned[1].cancel()
