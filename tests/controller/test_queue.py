"""The work queue: each key once, never twice at a time, with growing delays after failures."""

from __future__ import annotations

import asyncio

import pytest

from fairlead_operator.controller.queue import WorkQueue
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue[str]:
    return WorkQueue(clock=clock, jitter=lambda seconds: seconds, pause_seconds=0)


async def test_a_key_added_several_times_is_processed_once(queue: WorkQueue[str]) -> None:
    for _ in range(5):
        queue.add("a")
    assert await queue.get() == "a"
    assert queue.depth == 0


async def test_keys_come_in_the_order_in_which_they_were_added(queue: WorkQueue[str]) -> None:
    for key in ("b", "a", "b", "c"):
        queue.add(key)
    assert [await queue.get() for _ in range(3)] == ["b", "a", "c"]


async def test_groups_of_keys_take_turns_however_many_keys_one_has(clock: Clock) -> None:
    queue: WorkQueue[tuple[str, int]] = WorkQueue(clock=clock, pause_seconds=0, group=lambda key: key[0])
    for number in range(100):
        queue.add(("many", number))
    for number in range(2):
        queue.add(("few", number))
    queue.add(("one", 0))
    given = [await queue.get() for _ in range(7)]
    assert given == [("many", 0), ("few", 0), ("one", 0), ("many", 1), ("few", 1), ("many", 2), ("many", 3)]


async def test_an_urgent_key_counts_as_the_turn_of_its_group(clock: Clock) -> None:
    queue: WorkQueue[tuple[str, int]] = WorkQueue(clock=clock, pause_seconds=0, group=lambda key: key[0])
    for number in range(3):
        queue.add(("many", number))
    queue.add(("one", 0))
    queue.add(("many", 2), urgent=True)
    assert [await queue.get() for _ in range(3)] == [("many", 2), ("one", 0), ("many", 0)]


async def test_a_key_added_while_it_is_processed_is_processed_again(
    queue: WorkQueue[str],
) -> None:
    queue.add("a")
    await queue.get()
    queue.add("a")
    assert queue.depth == 0
    queue.done("a")
    assert await queue.get() == "a"


async def test_adding_a_key_wakes_a_waiting_worker(queue: WorkQueue[str]) -> None:
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


async def test_a_delayed_key_is_returned_after_its_delay(queue: WorkQueue[str]) -> None:
    queue.add_after("a", 0.01)
    assert queue.depth == 0
    assert await asyncio.wait_for(queue.get(), 5) == "a"


async def test_a_key_added_by_an_event_does_not_wait_for_its_planned_reconcile(queue: WorkQueue[str]) -> None:
    queue.add_after("a", 1000)
    queue.add("a")
    assert await asyncio.wait_for(queue.get(), 5) == "a"


async def test_the_retry_delay_doubles_up_to_five_minutes(queue: WorkQueue[str]) -> None:
    delays = [queue.retry("a") for _ in range(12)]
    assert delays[:4] == [1, 2, 4, 8]
    assert delays[-1] == 300


async def test_a_success_resets_the_retry_delay(queue: WorkQueue[str]) -> None:
    queue.retry("a")
    queue.retry("a")
    queue.forget("a")
    assert queue.retry("a") == 1


async def test_a_retry_is_not_earlier_than_retry_after(queue: WorkQueue[str]) -> None:
    assert queue.retry("a", at_least=30) == 30


async def test_the_queue_reports_the_age_of_its_oldest_key(queue: WorkQueue[str], clock: Clock) -> None:
    assert queue.oldest_seconds == 0
    queue.add("a")
    clock.now = 5
    queue.add("b")
    clock.now = 7
    assert queue.oldest_seconds == 7


async def test_a_key_added_right_after_its_reconcile_waits_for_the_rest_period(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, pause_seconds=0.05)
    queue.add("a")
    queue.done(await queue.get())
    for _ in range(5):
        queue.add("a")
    queue.add("b")
    assert queue.depth == 2
    assert [await asyncio.wait_for(queue.get(), 5) for _ in range(2)] == ["b", "a"]
    assert queue.depth == 0


async def test_a_key_added_while_it_is_processed_waits_for_the_rest_period(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, pause_seconds=0.05)
    queue.add("a")
    await queue.get()
    queue.add("a")
    queue.done("a")
    queue.add("b")
    assert [await asyncio.wait_for(queue.get(), 5) for _ in range(2)] == ["b", "a"]


async def test_a_key_added_after_the_rest_period_is_returned_immediately(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, pause_seconds=10)
    queue.add("a")
    queue.done(await queue.get())
    clock.now = 10
    queue.add("a")
    assert await asyncio.wait_for(queue.get(), 5) == "a"


async def test_the_queue_reports_how_long_a_key_waited(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    clock.now = 3
    assert queue.waited_seconds(await queue.get()) == 3


async def test_an_urgent_key_is_first_and_skips_the_rest_period(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, pause_seconds=60)
    queue.add("a")
    queue.done(await queue.get())
    queue.add("b")
    queue.add("a", urgent=True)
    assert [await queue.get(), await queue.get()] == ["a", "b"]


async def test_a_key_that_becomes_urgent_while_it_is_processed_is_returned_immediately_afterwards(
    clock: Clock,
) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, pause_seconds=60)
    queue.add("a")
    await queue.get()
    queue.add("a", urgent=True)
    queue.done("a")
    assert await asyncio.wait_for(queue.get(), 5) == "a"


async def test_the_urgency_of_a_key_lasts_for_one_reconcile(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(clock=clock, pause_seconds=0)
    queue.add("a", urgent=True)
    queue.done(await queue.get())
    queue.add("b")
    queue.add("a")
    assert [await queue.get(), await queue.get()] == ["b", "a"]
