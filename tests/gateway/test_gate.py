"""Admission: what is counted, who goes next, when nothing is left."""

from __future__ import annotations

import asyncio

import pytest

from fairlead_gateway.admission.gate import Gate


async def hold(gate: Gate, entered: list[int], number: int, leave: asyncio.Event) -> None:
    async with gate.enter():
        entered.append(number)
        await leave.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_without_a_limit_everybody_runs() -> None:
    gate, leave = Gate(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(hold(gate, [], number, leave))
        await settle()
        assert (gate.running, gate.waiting) == (5, 0)
        leave.set()
    assert gate.running == 0


async def test_those_who_wait_enter_in_order_of_arrival() -> None:
    gate, entered = Gate(limit=1), list[int]()
    leaves = [asyncio.Event() for _ in range(3)]
    async with asyncio.TaskGroup() as group:
        for number, leave in enumerate(leaves):
            group.create_task(hold(gate, entered, number, leave))
        await settle()
        assert (entered, gate.waiting) == ([0], 2)
        for leave in leaves:
            leave.set()
    assert entered == [0, 1, 2]


@pytest.mark.parametrize("handed_over", [False, True])
async def test_who_leaves_while_waiting_takes_no_place(handed_over: bool) -> None:
    gate, leave = Gate(limit=1), asyncio.Event()
    first = asyncio.create_task(hold(gate, [], 0, leave))
    await settle()
    second = asyncio.create_task(hold(gate, [], 1, leave))
    await settle()
    if handed_over:
        leave.set()
        await first
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    leave.set()
    await first

    await asyncio.wait_for(gate.wait_idle(), 5)
    assert (gate.running, gate.waiting) == (0, 0)


async def test_idle_waits_for_those_who_run_and_those_who_wait() -> None:
    gate, leave = Gate(limit=1), asyncio.Event()
    tasks = [asyncio.create_task(hold(gate, [], number, leave)) for number in range(2)]
    await settle()
    idle = asyncio.create_task(gate.wait_idle())
    await settle()
    assert not idle.done()

    leave.set()
    await asyncio.gather(*tasks)
    await asyncio.wait_for(idle, 5)
