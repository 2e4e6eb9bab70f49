"""The autoscaler before a real API server: held requests, load, losses and restarts, and what is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import DEPLOYMENT, EVENT, MODEL_DEPLOYMENT, SERVICE
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.demand import (
    GATEWAY_ADDRESSES,
    Demand,
    create_router_pod,
    running_demand,
)
from tests.controller.demand import SERVICE as ROUTER
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import Object, eventually

pytestmark = pytest.mark.apiserver

# Decides fast and at once, so that a test need not wait for windows that are not its subject.
QUICK = {
    "pollingIntervalSeconds": 1,
    "cooldownSeconds": 0,
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
}
# More waiting requests than any allowed number of replicas is through with before a new one is ready.
MANY = 100_000
StartScaling = Callable[..., OperatorProcess]


@pytest.fixture
async def demand(kube: KubeClient, namespace: str) -> AsyncIterator[Demand]:
    async with running_demand() as running:
        await create_router_pod(kube, namespace)
        yield running


@pytest.fixture
def start(start_operator: Start, demand: Demand) -> StartScaling:
    settings = {"FAIRLEAD_ADMIN_PORT": str(demand.port), "FAIRLEAD_ROUTER_SERVICE": ROUTER}
    return lambda name="operator-0": start_operator(name, settings=settings)


def scaling(least: int, most: int = 4, **more: Any) -> Object:
    return {"autoscaling": {"minReplicas": least, "maxReplicas": most, **QUICK, **more}}


async def replicas(cluster: ModelNamespace) -> int | None:
    live = await cluster.find(DEPLOYMENT)
    return live["spec"]["replicas"] if live else None


async def await_replicas(cluster: ModelNamespace, number: int) -> None:
    async def reached() -> bool:
        return await replicas(cluster) == number

    await eventually(f"{number} replicas", reached)


async def status(cluster: ModelNamespace) -> Object:
    body = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
    found: Object = body.get("status", {})
    return found


async def await_decisions(operator: OperatorProcess, more: int) -> None:
    """Waits until the operator has decided so many times more."""
    before = await operator.metric("autoscaler_decisions_total")

    async def decided() -> bool:
        return await operator.metric("autoscaler_decisions_total") >= before + more

    await eventually(f"{more} decisions", decided)


async def serve(cluster: ModelNamespace, node: FakeKubelet, number: int) -> None:
    """The node runs as many pods, each with a gateway."""

    async def there() -> bool:
        return len(await node.pods()) == number

    await eventually(f"{number} pods", there)
    await node.ready(GATEWAY_ADDRESSES[:number])
    await cluster.await_condition("Ready", "True", "Ready")


def model(cluster: ModelNamespace) -> str:
    return f"{cluster.namespace}/tiny"


async def test_the_first_held_request_starts_a_replica_before_the_next_poll(
    cluster: ModelNamespace, start: StartScaling, demand: Demand
) -> None:
    start()
    # Far beyond what the test waits for, so only being woken can do it.
    await cluster.create(**scaling(0, pollingIntervalSeconds=300))
    await await_replicas(cluster, 0)
    demand.set_figures(model(cluster), queued=1, arrivals=1)
    await await_replicas(cluster, 1)


async def test_the_last_replica_of_an_idle_model_is_removed(
    cluster: ModelNamespace, start: StartScaling, demand: Demand
) -> None:
    start()
    await cluster.create(**scaling(0))
    await await_replicas(cluster, 0)
    demand.set_figures(model(cluster), queued=1, arrivals=1)
    await await_replicas(cluster, 1)
    demand.set_figures(model(cluster), queued=0)
    await await_replicas(cluster, 0)

    async def reported() -> bool:
        written = (await status(cluster))["autoscaling"]
        return (written["desiredReplicas"], written["reason"]) == (0, "Idle")

    await eventually("the last decision in the status", reported)
    reasons = [event["reason"] for event in await cluster.kube.list(EVENT, cluster.namespace)]
    assert {"ScaledUp", "ScaledDown"} <= set(reasons)


async def test_with_external_scaling_at_zero_a_held_request_starts_a_replica_and_spec_replicas_stays(
    cluster: ModelNamespace, start: StartScaling, demand: Demand
) -> None:
    start()
    rules = scaling(0, mode="External", pollingIntervalSeconds=300)
    await cluster.create(**rules, replicas=0)
    await await_replicas(cluster, 0)
    demand.set_figures(model(cluster), queued=1, arrivals=1)
    await await_replicas(cluster, 1)
    body = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
    assert body["spec"]["replicas"] == 0


async def test_the_service_points_to_the_router_only_while_the_model_can_be_at_zero(
    cluster: ModelNamespace, start: StartScaling
) -> None:
    start()
    await cluster.create(**scaling(1))
    service = await cluster.await_child(SERVICE)
    assert service["spec"]["type"] == "ClusterIP"

    async def change(least: int) -> None:
        rules = {"autoscaling": {"minReplicas": least}}
        await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": rules})

    async def led() -> bool:
        spec = ((await cluster.find(SERVICE)) or {})["spec"]
        return spec.get("externalName") == ROUTER.removesuffix(":80") and "selector" not in spec

    async def direct() -> bool:
        spec = ((await cluster.find(SERVICE)) or {})["spec"]
        return spec["type"] == "ClusterIP" and "externalName" not in spec and bool(spec.get("clusterIP"))

    await change(0)
    await eventually("the way through the router", led)
    pods = await cluster.find(SERVICE, "tiny-pods")
    assert pods is not None
    assert (pods["spec"]["clusterIP"], pods["metadata"]["labels"]["fairlead.dev/model"]) == ("None", "tiny")
    await change(1)
    await eventually("the direct way", direct)

    async def gone() -> bool:
        return await cluster.find(SERVICE, "tiny-pods") is None

    await eventually("the end of the pods' Service", gone)


async def test_load_adds_replicas_and_the_idlest_pod_is_removed_first(
    cluster: ModelNamespace, start: StartScaling, demand: Demand, node: FakeKubelet
) -> None:
    operator = start()
    await cluster.create(**scaling(1, 2))
    await serve(cluster, node, 1)
    demand.set_figures(model(cluster), queued=MANY)
    await await_replicas(cluster, 2)
    await serve(cluster, node, 2)
    busy = {pod["status"]["podIP"]: pod["metadata"]["name"] for pod in await node.pods()}

    demand.loads = {GATEWAY_ADDRESSES[0]: 1, GATEWAY_ADDRESSES[1]: 0}
    demand.set_figures(model(cluster), queued=0, inFlight=1)
    await await_replicas(cluster, 1)

    async def one() -> bool:
        return len(await node.pods()) == 1

    await eventually("one pod", one)
    assert [pod["metadata"]["name"] for pod in await node.pods()] == [busy[GATEWAY_ADDRESSES[0]]]
    assert await operator.metric("autoscaler_desired_replicas") == 1


async def endpoints(cluster: ModelNamespace) -> dict[str, str]:
    """The state of each pod, as routers read it."""
    return {entry["pod"]: entry["state"] for entry in (await status(cluster)).get("endpoints") or []}


async def two_of_which_one_is_too_many(
    cluster: ModelNamespace, operator: OperatorProcess, demand: Demand, node: FakeKubelet
) -> str:
    """Two pods, of which the one with a single request drains; its name."""
    await cluster.create(**scaling(1, 2))
    await serve(cluster, node, 1)
    demand.set_figures(model(cluster), queued=MANY)
    await await_replicas(cluster, 2)
    await serve(cluster, node, 2)
    demand.loads = {GATEWAY_ADDRESSES[0]: 2, GATEWAY_ADDRESSES[1]: 1}
    await await_decisions(operator, 2)
    names = {pod["status"]["podIP"]: str(pod["metadata"]["name"]) for pod in await node.pods()}
    idlest = names[GATEWAY_ADDRESSES[1]]
    demand.set_figures(model(cluster), queued=0, inFlight=3)

    async def drains() -> bool:
        return (await endpoints(cluster)).get(idlest) == "Draining"

    await eventually("a pod that gets nothing new", drains)
    return idlest


async def test_a_surplus_pod_is_deleted_after_its_requests_finished(
    cluster: ModelNamespace, start: StartScaling, demand: Demand, node: FakeKubelet
) -> None:
    operator = start()
    going = await two_of_which_one_is_too_many(cluster, operator, demand, node)
    await await_decisions(operator, 5)
    assert await replicas(cluster) == 2
    demand.loads = {GATEWAY_ADDRESSES[0]: 2}
    demand.set_figures(model(cluster), inFlight=2)
    await await_replicas(cluster, 1)

    async def gone() -> bool:
        return going not in {pod["metadata"]["name"] for pod in await node.pods()}

    await eventually("the end of the pod that was released", gone)


async def test_a_draining_pod_is_called_back_when_the_demand_returns(
    cluster: ModelNamespace, start: StartScaling, demand: Demand, node: FakeKubelet
) -> None:
    operator = start()
    going = await two_of_which_one_is_too_many(cluster, operator, demand, node)
    pods = {pod["metadata"]["uid"] for pod in await node.pods()}
    demand.set_figures(model(cluster), queued=MANY)

    async def serves() -> bool:
        return (await endpoints(cluster)).get(going) == "Ready"

    await eventually("the pod serving again", serves)
    assert await replicas(cluster) == 2
    assert {pod["metadata"]["uid"] for pod in await node.pods()} == pods


async def test_cold_starts_of_another_image_are_ignored_once_the_present_one_was_measured(
    cluster: ModelNamespace, start: StartScaling, node: FakeKubelet
) -> None:
    await cluster.create(**scaling(1, 1))
    learned = {"coldStarts": [[0, 600, "another image"]]}
    before = {"desiredReplicas": 1, "reason": "Demand", "learned": learned}
    await cluster.kube.patch_status(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"autoscaling": before})
    operator = start()

    async def expected() -> float:
        return await operator.metric("autoscaler_cold_start_seconds")

    # Only a pod that was seen before it was ready is learned from.
    await await_decisions(operator, 2)
    assert await expected() == 600
    await serve(cluster, node, 1)

    async def fast() -> bool:
        return 0 < await expected() < 100

    await eventually("the start of this image alone to count", fast)


async def test_an_operator_restart_under_load_changes_no_replicas(
    cluster: ModelNamespace, start: StartScaling, demand: Demand, node: FakeKubelet
) -> None:
    first = start()
    await cluster.create(**scaling(1, 3, behavior={}, unschedulablePods=2))
    await serve(cluster, node, 1)
    demand.set_figures(model(cluster), queued=MANY)
    await await_replicas(cluster, 3)
    demand.loads = dict.fromkeys(GATEWAY_ADDRESSES, 8)
    await serve(cluster, node, 3)
    before = await cluster.find(DEPLOYMENT)
    assert before is not None
    assert await first.stop() == 0

    # So little is left that the first one would have begun to take replicas away.
    demand.set_figures(model(cluster), queued=0, inFlight=1)
    demand.loads = {GATEWAY_ADDRESSES[0]: 1}
    second = start("operator-1")
    await eventually("the second operator", second.ready)
    await await_decisions(second, 5)
    after = await cluster.find(DEPLOYMENT)
    assert after is not None
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert (await status(cluster))["autoscaling"]["desiredReplicas"] == 3


async def test_without_an_answer_from_the_router_no_replica_is_removed(
    cluster: ModelNamespace, start: StartScaling, demand: Demand
) -> None:
    demand.silent = True
    operator = start()
    await cluster.create(**scaling(0))
    await await_replicas(cluster, 0)
    await cluster.await_condition("ScalingActive", "False", "MetricsMissing")
    demand.silent = False
    demand.set_figures(model(cluster), queued=1)
    await await_replicas(cluster, 1)
    demand.silent = True
    demand.set_figures(model(cluster), queued=0)
    blind = r'autoscaler_decisions_total\{.*reason="MetricsMissing"'
    before = await operator.metric(blind)

    async def decided_blindly() -> bool:
        return await operator.metric(blind) >= before + 2

    await eventually("decisions without a word from the router", decided_blindly)
    assert await replicas(cluster) == 1


async def test_a_decision_that_changes_nothing_causes_no_write(
    cluster: ModelNamespace, start: StartScaling, demand: Demand, node: FakeKubelet
) -> None:
    operator = start()
    await cluster.create(**scaling(1, maxConcurrency=10))
    await serve(cluster, node, 1)
    demand.loads = {GATEWAY_ADDRESSES[0]: 2}
    demand.set_figures(model(cluster), inFlight=2, arrivals=2)
    await await_decisions(operator, 3)
    await operator.quiet()
    before, versions = await operator.writes(), await cluster.versions()
    for load in (3, 2, 4):
        demand.loads = {GATEWAY_ADDRESSES[0]: load}
        demand.set_figures(model(cluster), inFlight=load, arrivals=load)
        await await_decisions(operator, 2)
    assert await operator.writes() == before
    assert await cluster.versions() == versions


async def test_without_free_nodes_only_one_pod_waits_however_many_are_needed(
    cluster: ModelNamespace, start: StartScaling, demand: Demand, node: FakeKubelet
) -> None:
    operator = start()
    await cluster.create(**scaling(1, 4))
    await serve(cluster, node, 1)
    first = {pod["metadata"]["name"] for pod in await node.pods()}
    demand.set_figures(model(cluster), queued=MANY)
    await await_replicas(cluster, 2)

    async def second() -> Object | None:
        return next((pod for pod in await node.pods() if pod["metadata"]["name"] not in first), None)

    pod = await eventually("the second pod", second)
    assert pod is not None
    await node.refuse(pod, "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
    await cluster.await_condition("ScalingLimited", "True", "InsufficientCapacity")
    condition = await cluster.await_condition("CapacityAvailable", "False", "InsufficientResources")
    assert "nvidia.com/gpu" in condition["message"]
    await await_decisions(operator, 5)
    assert await replicas(cluster) == 2

    # Room has come.
    await node.ready(GATEWAY_ADDRESSES[:2])
    await await_replicas(cluster, 3)
