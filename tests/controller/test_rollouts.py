"""Rollouts and shrinking before the real API server and the real Deployment and ReplicaSet controllers."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.api.names import DELETION_COST
from fairlead_operator.kube.resources import DEPLOYMENT, MODEL_DEPLOYMENT
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.gateways import running_gateways
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import Object, eventually

pytestmark = pytest.mark.apiserver

NO_ROOM = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."


async def change(cluster: ModelNamespace, **spec: Any) -> None:
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": spec})


async def new_pod(node: FakeKubelet, former: set[str]) -> Object:
    async def found() -> Object | None:
        return next((pod for pod in await node.pods() if pod["metadata"]["name"] not in former), None)

    pod = await eventually("the new pod", found)
    assert pod is not None
    return pod


async def names(node: FakeKubelet) -> set[str]:
    return {pod["metadata"]["name"] for pod in await node.pods()}


@pytest.mark.parametrize("before", ["Auto", "Surge"])
async def test_a_deployment_can_change_its_strategy_to_recreate_and_back(
    cluster: ModelNamespace, operator: OperatorProcess, before: str
) -> None:
    def is_type(kind: str) -> Any:
        async def probe() -> bool:
            live = await cluster.find(DEPLOYMENT)
            return live is not None and live["spec"]["strategy"]["type"] == kind

        return probe

    await cluster.create(rollout={"strategy": before})
    await eventually("the first strategy", is_type("RollingUpdate"))
    await change(cluster, rollout={"strategy": "Recreate"})
    await eventually("Recreate", is_type("Recreate"))
    await change(cluster, rollout={"strategy": before})
    await eventually("the first strategy again", is_type("RollingUpdate"))


async def test_a_rollout_without_room_drains_an_old_pod_and_completes(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet
) -> None:
    await cluster.create(replicas=2, rollout={"surgePatienceSeconds": 1})
    await eventually("two pods", lambda: two(node))
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    former = await names(node)
    await change(cluster, engine={"maxModelLen": 512})
    refused = await new_pod(node, former)
    await node.refuse(refused, NO_ROOM)
    condition = await cluster.await_condition("CapacityAvailable", "False", "DrainThenReplace")
    assert "Insufficient nvidia.com/gpu" in condition["message"]

    async def replaced() -> bool:
        # The node gives each new pod the room of the one that went.
        await node.ready()
        body = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
        ready = next(item for item in body["status"]["conditions"] if item["type"] == "Ready")
        return ready["status"] == "True" and not former & await names(node)

    await eventually("two new pods that serve", replaced)


async def test_a_scale_down_removes_the_pod_with_the_fewest_requests(
    cluster: ModelNamespace, start_operator: Start, node: FakeKubelet
) -> None:
    async with running_gateways({"127.0.0.2": 5, "127.0.0.3": 0}) as gateways:
        start_operator(settings={"FAIRLEAD_ADMIN_PORT": str(gateways.port)})
        await cluster.create(replicas=2)
        await eventually("two pods", lambda: two(node))
        await node.ready(list(gateways.loads))
        await cluster.await_condition("Ready", "True", "Ready")
        busy = next(pod for pod in await node.pods() if pod["status"]["podIP"] == "127.0.0.2")
        await change(cluster, replicas=1)

        async def shrunk() -> list[Object]:
            left = await node.pods()
            return left if len(left) == 1 else []

        (left,) = await eventually("the end of one pod", shrunk)
        assert left["metadata"]["name"] == busy["metadata"]["name"]
        assert left["metadata"]["annotations"][DELETION_COST] == "5"


async def two(node: FakeKubelet) -> bool:
    return len(await node.pods()) == 2
