"""Routers are followed by long polls: a held request is noticed immediately, also after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast

import pytest

from fairlead_contract.demand import RouterFigures
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.child_index import Key
from fairlead_operator.controller.routers import Routers
from fairlead_operator.kube.client import KubeClient
from tests.controller.demand import ROUTER_ADDRESS, Demand, running_demand
from tests.kube.support import Object

TINY = ("demo", "tiny")
SELECTOR = "app.kubernetes.io/component=router"


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
        """Returns when the router has reported a model."""
        async with asyncio.timeout(20):
            while not any(model in report.demand.models for report in self.routers.reports.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.fixture
async def following() -> AsyncIterator[Following]:
    async with running_demand() as demand:
        admin = AdminClient(demand.port)
        routers = Routers(cast(KubeClient, Pods()), "fairlead-system", SELECTOR, admin)
        found = Following(routers, demand)
        demand.set_figures("demo/tiny", queued=0, arrivals=5)
        task = asyncio.create_task(routers.run(found.woken.put_nowait))
        yield found
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await admin.close()


async def test_only_the_first_held_request_wakes_the_autoscaler(following: Following) -> None:
    await following.reported("demo/tiny")
    following.demand.set_figures("demo/tiny", queued=1)
    following.demand.set_figures("demo/other", queued=1)
    async with asyncio.timeout(20):
        woken = {await following.woken.get(), await following.woken.get()}
    assert woken == {TINY, ("demo", "other")}
    following.demand.set_figures("demo/tiny", queued=2)
    following.demand.set_figures("demo/third", queued=1)
    async with asyncio.timeout(20):
        assert await following.woken.get() == ("demo", "third")


async def test_requests_held_by_a_restarted_router_wake_the_autoscaler_again(following: Following) -> None:
    following.demand.set_figures("demo/tiny", queued=1)
    async with asyncio.timeout(20):
        assert await following.woken.get() == TINY
        following.demand.boot = "router-2"
        assert await following.woken.get() == TINY


async def test_the_last_answer_of_a_silent_router_still_counts(following: Following) -> None:
    following.demand.set_figures("demo/tiny", queued=3)
    async with asyncio.timeout(20):
        await following.woken.get()
    following.demand.silent = True
    figures_by_router = following.routers.figures_of(TINY)
    assert figures_by_router is not None
    assert [(boot, figures.queued) for boot, figures in figures_by_router.values()] == [("router-1", 3)]


async def test_a_model_unknown_to_every_router_has_no_held_requests(following: Following) -> None:
    await following.reported("demo/tiny")
    assert following.routers.figures_of(("demo", "unknown")) == {"uid-1": ("router-1", RouterFigures())}


async def test_before_the_first_router_answer_the_demand_is_unknown() -> None:
    routers = Routers(cast(KubeClient, Pods()), "fairlead-system", SELECTOR, AdminClient(1))
    assert routers.figures_of(TINY) is None
    assert not routers.begun
