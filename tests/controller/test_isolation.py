"""Faults and sizes of one model do not stop scaling, polls and reconciles of others."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import pytest

from fairlead_contract.demand import GatewayDemand, RouterDemand
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.autoscaled_model import lean_status, stripped_model, stripped_plan
from fairlead_operator.controller.autoscaling_loop import AutoscalingLoop
from fairlead_operator.controller.child_index import ChildIndex, Key
from fairlead_operator.controller.reconciler import Reconciler
from fairlead_operator.controller.routers import Routers
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import NotFoundError, TooLargeError
from fairlead_operator.kube.events import EventRecorder
from tests.controller.demand import gateway_demand
from tests.kube.support import Object, eventually
from tests.plan.builders import SETTINGS, PlannedNamespace, model_body, pod

SCALED: Object = {"autoscaling": {"minReplicas": 1, "maxReplicas": 3, "pollingIntervalSeconds": 1}}


class FaultyAdmin(AdminClient):
    """Has a fault with the pods of the model `bad`."""

    def __init__(self) -> None:
        super().__init__(port=1)
        self.faults = 0

    async def demands(self, pods: Iterable[Object]) -> dict[str, GatewayDemand]:
        names = [item["metadata"]["name"] for item in pods]
        if any(name.startswith("bad") for name in names):
            self.faults += 1
            raise RuntimeError("a fault")
        return {name: gateway_demand(1) for name in names}


def see(autoscaling: AutoscalingLoop, name: str) -> None:
    """A reconcile has seen this model with a pod that is ready."""
    world = PlannedNamespace(model_body(name, **SCALED))
    world.reconcile()
    ready = pod(f"{name}-1", ready=True, podIP="127.0.0.2")
    world.roll([ready])
    autoscaling.seen(world.model, (ready,), world.plan())


@asynccontextmanager
async def running(autoscaling: AutoscalingLoop) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(autoscaling.run())
    yield task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_fault_with_the_pods_of_one_model_does_not_stop_scaling_of_others() -> None:
    admin = FaultyAdmin()
    autoscaling = AutoscalingLoop(None, admin, "", lambda key, urgent: None)
    see(autoscaling, "bad")
    see(autoscaling, "good")
    async with running(autoscaling) as task:

        async def decided() -> bool:
            return admin.faults >= 2 and autoscaling.scaling(("demo", "good")) is not None

        await eventually("decisions beside a fault", decided)
        assert not task.done()
    decision = autoscaling.scaling(("demo", "good"))
    assert decision is not None
    assert decision.decision.inputs["inFlight"] == 1


class OddPods:
    """Finds routers, after some that nothing can be read of."""

    def __init__(self) -> None:
        self.found: list[Any] = [{"metadata": {}}, None]

    async def list(self, *_: Any, **__: Any) -> list[Any]:
        return self.found


class OneRouter(AdminClient):
    """A router that holds a request of one model."""

    async def router_demand(self, address: str, wait: float, cursor: int | None) -> RouterDemand | None:
        await asyncio.sleep(0)
        return RouterDemand.model_validate({"boot": "r", "cursor": 1, "models": {"demo/tiny": {"queued": 1}}})


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead_operator.controller.routers._FIND_SECONDS", 0.05)


async def test_unreadable_pods_do_not_end_the_polls_of_routers(fast: None) -> None:
    pods, woken = OddPods(), list[Key]()
    routers = Routers(
        cast(KubeClient, pods), "fairlead-system", "app.kubernetes.io/component=router", OneRouter(port=1)
    )
    task = asyncio.create_task(routers.run(woken.append))
    await asyncio.sleep(0)
    pods.found = [{"metadata": {"uid": "u"}, "status": {"podIP": "127.0.0.2", "phase": "Running"}}]

    async def heard() -> bool:
        return ("demo", "tiny") in woken

    await eventually("the router's word", heard)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_the_memory_kept_of_a_large_model_between_reconciles_is_small() -> None:
    junk = {f"junk-{number}": "x" * 1000 for number in range(300)}
    learned = {**junk, "maxRunning": 8}
    written = {"desiredReplicas": 1, "reason": "Demand", "message": "", "inputs": junk, "learned": learned}
    template = {"metadata": {"annotations": junk}}
    world = PlannedNamespace(model_body(**SCALED, podTemplate=template))
    world.body["status"] = {"autoscaling": written}
    held = stripped_model(world.model), stripped_plan(world.plan()), lean_status(written)
    assert len(pickle.dumps((world.model, world.plan()))) > 300_000
    assert len(pickle.dumps(held)) < 20_000
    assert held[2] is not None
    assert (held[2]["reason"], held[2]["learned"]["maxRunning"]) == ("Demand", 8)


class LargeModels:
    """Models that are large; each read of a large one takes until the test says so."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.end = asyncio.Event()

    async def get(self, _: Any, namespace: str, name: str, most_bytes: int) -> Object:
        if most_bytes < 1 << 20:
            raise TooLargeError("large")
        self.reads.append(name)
        await self.end.wait()
        raise NotFoundError("gone meanwhile")


async def test_models_with_large_objects_are_reconciled_one_at_a_time() -> None:
    client = LargeModels()
    kube, admin = cast(KubeClient, client), FaultyAdmin()
    autoscaling = AutoscalingLoop(None, admin, "", lambda key, urgent: None)
    reconciler = Reconciler(kube, EventRecorder(kube, "test"), admin, autoscaling, SETTINGS, ChildIndex())
    first = asyncio.create_task(reconciler.reconcile(("demo", "first")))

    async def reading() -> bool:
        return client.reads == ["first"]

    await eventually("the first one", reading)
    again = await reconciler.reconcile(("demo", "second"))
    assert again is not None
    assert client.reads == ["first"]
    client.end.set()
    assert await first is None
    assert await reconciler.reconcile(("demo", "second")) is None
    assert client.reads == ["first", "second"]
