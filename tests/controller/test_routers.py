"""Routers are followed by long polls: who begins to wait is heard of at once, also after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast

import pytest

from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.child_index import Key
from fairlead_operator.controller.demand_documents import RouterFigures
from fairlead_operator.controller.routers import Routers
from fairlead_operator.kube.client import KubeClient
from tests.controller.demand import ROUTER_ADDRESS, Demand, running_demand
from tests.kube.support import Object

TINY = ("demo", "tiny")


class Pods:
    """The part of the client that finds routers."""

    def __init__(self) -> None:
        pod = {"metadata": {"uid": "uid-1"}, "status": {"podIP": ROUTER_ADDRESS, "phase": "Running"}}
        self.found: list[Object] = [pod]

    async def list(self, *_: Any, **__: Any) -> list[Object]:
        return self.found


class Following:
    """Routers that are followed, and who was woken."""

    def __init__(self, routers: Routers, demand: Demand) -> None:
        self.routers, self.demand = routers, demand
        self.woken: asyncio.Queue[Key] = asyncio.Queue()

    async def reported(self, model: str) -> None:
        """Returns when the router has told of a model."""
        async with asyncio.timeout(20):
            while not any(model in report.demand.models for report in self.routers.reports.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.fixture
async def following() -> AsyncIterator[Following]:
    async with running_demand() as demand:
        admin = AdminClient(demand.port)
        routers = Routers(cast(KubeClient, Pods()), "fairlead-system", admin)
        found = Following(routers, demand)
        demand.tell("demo/tiny", queued=0, arrivals=5)
        task = asyncio.create_task(routers.run(found.woken.put_nowait))
        yield found
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await admin.close()


async def test_the_first_request_that_waits_wakes_and_the_next_does_not(following: Following) -> None:
    await following.reported("demo/tiny")
    following.demand.tell("demo/tiny", queued=1)
    following.demand.tell("demo/other", queued=1)
    async with asyncio.timeout(20):
        woken = {await following.woken.get(), await following.woken.get()}
    assert woken == {TINY, ("demo", "other")}
    following.demand.tell("demo/tiny", queued=2)
    following.demand.tell("demo/third", queued=1)
    async with asyncio.timeout(20):
        assert await following.woken.get() == ("demo", "third")


async def test_what_a_router_holds_after_its_restart_wakes_again(following: Following) -> None:
    following.demand.tell("demo/tiny", queued=1)
    async with asyncio.timeout(20):
        assert await following.woken.get() == TINY
        following.demand.boot = "router-2"
        assert await following.woken.get() == TINY


async def test_a_router_that_does_not_answer_any_more_is_taken_by_its_last_word(following: Following) -> None:
    following.demand.tell("demo/tiny", queued=3)
    async with asyncio.timeout(20):
        await following.woken.get()
    following.demand.silent = True
    told = following.routers.told(TINY)
    assert told is not None
    assert [(boot, figures.queued) for boot, figures in told.values()] == [("router-1", 3)]


async def test_of_a_model_that_no_router_knows_nothing_is_held(following: Following) -> None:
    await following.reported("demo/tiny")
    assert following.routers.told(("demo", "unknown")) == {"uid-1": ("router-1", RouterFigures())}


async def test_before_any_answer_nothing_is_known() -> None:
    routers = Routers(cast(KubeClient, Pods()), "fairlead-system", AdminClient(1))
    assert routers.told(TINY) is None
    assert not routers.begun
