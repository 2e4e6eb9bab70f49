"""The work queue: each key once, never twice at a time, with growing delays after failures."""

from __future__ import annotations

import asyncio

import pytest

from fairlead_operator.controller.queue import WorkQueue


class Clock:
    """A clock that stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue[str]:
    return WorkQueue(clock=clock, jitter=lambda seconds: seconds, rest_seconds=0)


async def test_a_key_that_is_added_often_is_worked_on_once(queue: WorkQueue[str]) -> None:
    for _ in range(5):
        queue.add("a")
    assert await queue.get() == "a"
    assert queue.depth == 0


async def test_keys_come_in_the_order_in_which_they_were_added(queue: WorkQueue[str]) -> None:
    for key in ("b", "a", "b", "c"):
        queue.add(key)
    assert [await queue.get() for _ in range(3)] == ["b", "a", "c"]


async def test_groups_take_turns_however_many_keys_one_has(clock: Clock) -> None:
    queue: WorkQueue[tuple[str, int]] = WorkQueue(clock=clock, rest_seconds=0, group=lambda key: key[0])
    for number in range(100):
        queue.add(("many", number))
    for number in range(2):
        queue.add(("few", number))
    queue.add(("one", 0))
    given = [await queue.get() for _ in range(7)]
    assert given == [("many", 0), ("few", 0), ("one", 0), ("many", 1), ("few", 1), ("many", 2), ("many", 3)]


async def test_an_urgent_key_uses_up_its_groups_turn(clock: Clock) -> None:
    queue: WorkQueue[tuple[str, int]] = WorkQueue(clock=clock, rest_seconds=0, group=lambda key: key[0])
    for number in range(3):
        queue.add(("many", number))
    queue.add(("one", 0))
    queue.add(("many", 2), urgent=True)
    assert [await queue.get() for _ in range(3)] == [("many", 2), ("one", 0), ("many", 0)]


async def test_a_key_that_is_added_while_being_worked_on_comes_again_afterwards(
    queue: WorkQueue[str],
) -> None:
    queue.add("a")
    await queue.get()
    queue.add("a")
    assert queue.depth == 0
    queue.done("a")
    assert await queue.get() == "a"


async def test_a_waiting_worker_is_woken(queue: WorkQueue[str]) -> None:
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    assert await asyncio.wait_for(worker, 5) == "a"


async def test_several_waiting_workers_get_one_key_each(queue: WorkQueue[str]) -> None:
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for key in ("a", "b", "c"):
        queue.add(key)
    assert sorted(await asyncio.wait_for(asyncio.gather(*workers), 5)) == ["a", "b", "c"]


async def test_a_delayed_key_comes_later(queue: WorkQueue[str]) -> None:
    queue.add_after("a", 0.01)
    assert queue.depth == 0
    assert await asyncio.wait_for(queue.get(), 5) == "a"


async def test_an_event_goes_before_a_planned_look(queue: WorkQueue[str]) -> None:
    queue.add_after("a", 1000)
    queue.add("a")
    assert await asyncio.wait_for(queue.get(), 5) == "a"


async def test_failures_wait_longer_and_longer_up_to_five_minutes(queue: WorkQueue[str]) -> None:
    delays = [queue.retry("a") for _ in range(12)]
    assert delays[:4] == [1, 2, 4, 8]
    assert delays[-1] == 300


async def test_a_success_starts_the_delays_anew(queue: WorkQueue[str]) -> None:
    queue.retry("a")
    queue.retry("a")
    queue.forget("a")
    assert queue.retry("a") == 1


async def test_the_servers_wish_for_patience_is_kept(queue: WorkQueue[str]) -> None:
    assert queue.retry("a", at_least=30) == 30


async def test_the_age_of_the_oldest_key_is_known(queue: WorkQueue[str], clock: Clock) -> None:
    assert queue.oldest_seconds == 0
    queue.add("a")
    clock.now = 5
    queue.add("b")
    clock.now = 7
    assert queue.oldest_seconds == 7


async def test_events_right_after_a_look_wait_for_the_end_of_the_keys_rest(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, rest_seconds=0.05)
    queue.add("a")
    queue.done(await queue.get())
    for _ in range(5):
        queue.add("a")
    queue.add("b")
    assert queue.depth == 2
    assert [await asyncio.wait_for(queue.get(), 5) for _ in range(2)] == ["b", "a"]
    assert queue.depth == 0


async def test_a_key_that_is_added_while_being_worked_on_rests_too(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, rest_seconds=0.05)
    queue.add("a")
    await queue.get()
    queue.add("a")
    queue.done("a")
    queue.add("b")
    assert [await asyncio.wait_for(queue.get(), 5) for _ in range(2)] == ["b", "a"]


async def test_a_key_that_was_left_alone_is_worked_on_at_once(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, rest_seconds=10)
    queue.add("a")
    queue.done(await queue.get())
    clock.now = 10
    queue.add("a")
    assert await asyncio.wait_for(queue.get(), 5) == "a"


async def test_how_long_a_key_waited_is_known(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    clock.now = 3
    assert queue.waited_seconds(await queue.get()) == 3


async def test_an_urgent_key_goes_first_and_does_not_rest(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, rest_seconds=60)
    queue.add("a")
    queue.done(await queue.get())
    queue.add("b")
    queue.add("a", urgent=True)
    assert [await queue.get(), await queue.get()] == ["a", "b"]


async def test_a_key_that_becomes_urgent_while_being_worked_on_comes_again_at_once(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, rest_seconds=60)
    queue.add("a")
    await queue.get()
    queue.add("a", urgent=True)
    queue.done("a")
    assert await asyncio.wait_for(queue.get(), 5) == "a"


async def test_a_key_is_urgent_once(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, rest_seconds=0)
    queue.add("a", urgent=True)
    queue.done(await queue.get())
    queue.add("b")
    queue.add("a")
    assert [await queue.get(), await queue.get()] == ["b", "a"]
