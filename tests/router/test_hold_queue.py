"""Who waits, and who is next."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from fairlead_gateway.router.hold_queue import HoldQueue


@dataclass(eq=False)
class Request:
    arrived: float
    deadline: float
    size: int = 10


def drain(queue: HoldQueue[Request]) -> list[Request]:
    out = []
    while (item := queue.first()) is not None:
        queue.remove(item)
        out.append(item)
    return out


def test_the_hold_queue_orders_by_deadline_and_then_by_age() -> None:
    requests = [Request(2, 100), Request(1, 100), Request(3, 50)]
    queue: HoldQueue[Request] = HoldQueue()
    for request in requests:
        queue.push(request)
    assert queue.oldest_seconds(10) == 9
    assert drain(queue) == [requests[2], requests[1], requests[0]]
    assert queue.oldest_seconds(10) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans())))
def test_a_request_that_left_the_hold_queue_is_never_next(entries: list[tuple[int, int, bool]]) -> None:
    queue: HoldQueue[Request] = HoldQueue()
    staying = []
    for arrived, deadline, leaves in entries * 20:
        request = Request(arrived, deadline)
        queue.push(request)
        if leaves:
            queue.remove(request)
        else:
            staying.append(request)
    assert (len(queue), queue.bytes) == (len(staying), 10 * len(staying))
    assert sorted(map(id, queue)) == sorted(map(id, staying))
    order = [(request.deadline, request.arrived) for request in drain(queue)]
    assert order == sorted((request.deadline, request.arrived) for request in staying)
