"""Who runs, who waits, and in which order."""

from __future__ import annotations

import asyncio

import pytest

from fairlead_gateway.admission.concurrency_limiter import ConcurrencyLimiter
from fairlead_gateway.contract.errors import ApiError


class Request:
    """A request that remembers the order in which all of them were admitted."""

    def __init__(self, name: str, owner: str = "", log: list[str] | None = None) -> None:
        self.name, self.owner = name, owner
        self._log = log if log is not None else []

    def admitted(self) -> None:
        self._log.append(self.name)


def test_a_request_below_the_concurrency_limit_runs_immediately() -> None:
    limiter = ConcurrencyLimiter(running_limit=1)
    assert limiter.enter(Request("a"))
    assert (limiter.running, limiter.waiting) == (1, 0)


def test_a_request_above_the_concurrency_limit_waits_until_a_slot_is_released() -> None:
    log: list[str] = []
    limiter = ConcurrencyLimiter(running_limit=1)
    limiter.enter(Request("a", log=log))
    assert not limiter.enter(Request("b", log=log))

    limiter.leave(1.0)

    assert log == ["b"]
    assert (limiter.running, limiter.waiting) == (1, 0)


def test_requests_of_one_owner_run_in_order_of_arrival() -> None:
    log: list[str] = []
    limiter = ConcurrencyLimiter(running_limit=1)
    for name in ("a", "b", "c"):
        limiter.enter(Request(name, log=log))
    limiter.leave(1.0)
    limiter.leave(1.0)
    assert log == ["b", "c"]


def test_owners_take_turns_so_that_a_flood_of_one_does_not_starve_another() -> None:
    log: list[str] = []
    limiter = ConcurrencyLimiter(running_limit=1)
    limiter.enter(Request("running"))
    for number in range(3):
        limiter.enter(Request(f"flood{number}", "flood", log))
    limiter.enter(Request("other", "other", log))
    for _ in range(4):
        limiter.leave(1.0)
    assert log == ["flood0", "other", "flood1", "flood2"]


def test_a_new_request_never_overtakes_a_waiting_one() -> None:
    limiter = ConcurrencyLimiter(running_limit=2)
    limiter.enter(Request("a"))
    limiter.enter(Request("b"))
    limiter.enter(Request("c"))
    limiter.running_limit = 3
    assert not limiter.enter(Request("d"))


def test_raising_the_limit_admits_waiting_requests() -> None:
    log: list[str] = []
    limiter = ConcurrencyLimiter(running_limit=1)
    for name in ("a", "b", "c"):
        limiter.enter(Request(name, log=log))
    limiter.running_limit = 3
    limiter.admit()
    assert log == ["b", "c"]


def test_a_request_beyond_the_queue_limit_is_refused_with_retry_after() -> None:
    limiter = ConcurrencyLimiter(running_limit=1, queue_limit=1)
    limiter.enter(Request("a"))
    limiter.enter(Request("b"))

    with pytest.raises(ApiError) as refused:
        limiter.enter(Request("c"))

    assert (refused.value.status, refused.value.code) == (429, "rate_limit_exceeded")
    assert int(refused.value.headers["retry-after"]) > 0


def test_retry_after_grows_with_the_request_duration_and_stays_within_what_clients_accept() -> None:
    limiter = ConcurrencyLimiter(running_limit=1)
    limiter.enter(Request("a"))
    short = limiter.retry_after()
    for _ in range(100):
        limiter.enter(Request("b"))
        limiter.leave(3600.0)
    assert short < limiter.retry_after() <= 120


def test_a_withdrawn_request_is_not_admitted() -> None:
    log: list[str] = []
    limiter = ConcurrencyLimiter(running_limit=1)
    limiter.enter(Request("a"))
    gone, waiting = Request("gone", log=log), Request("waiting", log=log)
    limiter.enter(gone)
    limiter.enter(waiting)
    limiter.withdraw(gone)
    limiter.leave(1.0)
    assert log == ["waiting"]


async def test_wait_idle_returns_when_no_request_runs_or_waits() -> None:
    limiter = ConcurrencyLimiter(running_limit=1)
    limiter.enter(Request("a"))
    limiter.enter(Request("b"))
    idle = asyncio.ensure_future(limiter.wait_idle())
    limiter.leave(1.0)
    await asyncio.sleep(0)
    assert not idle.done()
    limiter.leave(1.0)
    await asyncio.wait_for(idle, 30)


async def test_a_limiter_without_requests_is_idle() -> None:
    await asyncio.wait_for(ConcurrencyLimiter().wait_idle(), 30)
