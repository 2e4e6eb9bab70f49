"""Slots are shared: no namespace holds all of them, and every waiting namespace gets a turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fairlead_operator.controller.fair_semaphore import FairSlots


class Holder:
    """Requests of namespaces that hold their slots until the test releases them."""

    def __init__(self, slots: FairSlots) -> None:
        self._slots = slots
        self._ends: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._holding: list[asyncio.Event] = []
        self.placed: list[str] = []

    async def ask(self, namespace: str, count: int = 1) -> None:
        """So many requests more; returns when each has a place or waits."""
        for _ in range(count):
            end = asyncio.Event()
            self._ends.append(end)
            self._tasks.append(asyncio.create_task(self._hold(namespace, end)))
        await self.turn()

    async def release(self, number: int) -> None:
        """The request of this number is over."""
        self._ends[number].set()
        await self.turn()

    async def finish(self) -> None:
        """The request is over that has had its place for the longest time."""
        self._holding.pop(0).set()
        await self.turn()

    async def cancel(self, number: int) -> None:
        """The caller of the request gives up."""
        self._tasks[number].cancel()
        await self.turn()

    async def close(self) -> None:
        """Ends all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def turn(self) -> None:
        """Lets every task go as far as it can."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def _hold(self, namespace: str, end: asyncio.Event) -> None:
        async with self._slots.place(namespace):
            self.placed.append(namespace)
            self._holding.append(end)
            await end.wait()


@asynccontextmanager
async def holding(total: int, share: int) -> AsyncIterator[Holder]:
    holder = Holder(FairSlots(total, share))
    yield holder
    await holder.close()


async def test_one_namespace_holds_at_most_its_share_of_slots() -> None:
    async with holding(total=4, share=2) as holder:
        await holder.ask("a", 10)
        assert holder.placed == ["a", "a"]
        await holder.ask("b")
        assert holder.placed == ["a", "a", "b"]


async def test_all_namespaces_together_hold_at_most_the_total_of_slots() -> None:
    async with holding(total=3, share=2) as holder:
        for namespace in "abcd":
            await holder.ask(namespace)
        assert holder.placed == ["a", "b", "c"]


async def test_a_freed_slot_goes_to_the_namespaces_in_turn() -> None:
    async with holding(total=2, share=2) as holder:
        await holder.ask("a", 20)
        await holder.ask("b", 2)
        await holder.ask("c", 2)
        for _ in range(6):
            await holder.finish()
        assert "".join(holder.placed) == "aaabcabc"


async def test_a_slot_is_released_when_its_request_ends_or_is_cancelled() -> None:
    async with holding(total=1, share=1) as holder:
        await holder.ask("a")
        await holder.ask("b")
        await holder.cancel(0)
        assert holder.placed == ["a", "b"]
        await holder.release(1)
        await holder.ask("c")
        assert holder.placed == ["a", "b", "c"]


async def test_a_cancelled_waiter_is_skipped() -> None:
    async with holding(total=1, share=1) as holder:
        for namespace in "abc":
            await holder.ask(namespace)
        await holder.cancel(1)
        await holder.release(0)
        assert holder.placed == ["a", "c"]


async def test_no_slot_is_ever_lost() -> None:
    async with holding(total=3, share=2) as holder:
        for number in range(50):
            await holder.ask("abc"[number % 3], 2)
            await (holder.cancel if number % 2 else holder.release)(2 * number)
            await holder.cancel(2 * number + 1)
        before = len(holder.placed)
        await holder.close()
        for namespace in "xyz":
            await holder.ask(namespace)
        assert holder.placed[before:] == ["x", "y", "z"]
