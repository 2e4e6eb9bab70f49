"""Nodes are listed when a pod is unschedulable and the operator may list them; or the status reports it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from fairlead_operator.bounds import NODES, NODES_SECONDS
from fairlead_operator.controller.nodes import NodeReader
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import ForbiddenError, KubeError, UnavailableError
from fairlead_operator.kube.resources import NODE, Resource
from fairlead_operator.plan.scheduling.nodes import Nodes
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import ControlPlane, Object

GPU = "nvidia.com/gpu"
REFUSED = f"0/2 nodes are available: 1 Insufficient {GPU}, 1 node(s) had untolerated taint(s)."


@pytest.fixture
async def gpu_node(kube: KubeClient, control_plane: ControlPlane) -> AsyncIterator[str]:
    """A node with two accelerators and a taint."""
    name = "accelerated-1"
    body: Object = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    await kube.create(NODE, None, body)
    now = "2026-01-01T00:00:00Z"
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}
    amounts = {"cpu": "8", "memory": "32Gi", GPU: "2"}
    status = {"conditions": [ready], "capacity": amounts, "allocatable": amounts}
    await kube.patch_status(NODE, "", name, status)
    # In place of the taint that every new node has until its kubelet reports.
    taint = {"key": "team", "value": "ml", "effect": "NoSchedule"}
    await kube.patch(NODE, "", name, {"spec": {"taints": [taint]}})
    yield name
    with suppress(KubeError):
        control_plane.kubectl("delete", "node", name)


@pytest.mark.apiserver
async def test_the_taint_of_the_only_node_with_accelerators_is_named_with_its_toleration(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, gpu_node: str
) -> None:
    await cluster.create(accelerator={"resourceName": GPU})
    await node.cannot_schedule(REFUSED)
    condition = await cluster.await_condition("Ready", "False", "UntoleratedTaint")
    assert f"node {gpu_node} has {GPU} and has the taint team=ml:NoSchedule" in condition["message"]
    assert '{key: "team", operator: Equal, value: "ml", effect: NoSchedule}' in condition["message"]


@pytest.mark.apiserver
async def test_a_request_larger_than_every_node_is_reported_with_its_amounts(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, gpu_node: str
) -> None:
    await cluster.create(accelerator={"resourceName": GPU, "count": 5})
    await node.cannot_schedule(REFUSED)
    condition = await cluster.await_condition("CapacityAvailable", "False", "NodesTooSmall")
    assert f"asks for 5 {GPU}; the largest node, {gpu_node}, has 2 {GPU}" in condition["message"]


@pytest.mark.apiserver
async def test_an_operator_without_node_access_reports_it_and_does_not_list_nodes(
    cluster: ModelNamespace, start_operator: Start, node: FakeKubelet, gpu_node: str
) -> None:
    operator = start_operator(settings={"FAIRLEAD_READ_NODES": "false"})
    await cluster.create(accelerator={"resourceName": GPU})
    await node.cannot_schedule(REFUSED)
    condition = await cluster.await_condition("Ready", "False", "InsufficientResources")
    assert "nodes were not looked at: the operator is set up without the right" in condition["message"]
    assert await operator.metric('kind="Node"') == 0


class Api:
    """An API server that only lists nodes; counts how often."""

    def __init__(self, answer: list[Object] | KubeError) -> None:
        self.answer = answer
        self.asked = 0

    async def list(self, resource: Resource, namespace: str | None, **more: Any) -> list[Object]:
        assert (resource, namespace, more["most"]) == (NODE, None, NODES)
        self.asked += 1
        if isinstance(self.answer, KubeError):
            raise self.answer
        keep: Callable[[Object], Object] = more["keep"]
        return [keep(item) for item in self.answer]


def reader(api: Api, clock: Callable[[], float] = lambda: 0.0) -> NodeReader:
    return NodeReader(api, clock=clock)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ForbiddenError("no", 403), "the operator has not the right to list them"),
        (UnavailableError("away"), "the API server did not list them"),
    ],
)
async def test_nodes_that_cannot_be_read_are_unknown_and_not_absent(error: KubeError, why: str) -> None:
    assert await reader(Api(error)).read() == Nodes(unread=why)


async def test_an_incomplete_list_of_nodes_leads_to_no_conclusion() -> None:
    found = await reader(Api([{"metadata": {"name": str(number)}} for number in range(NODES)])).read()
    assert (found.seen, found.unread) == ((), f"there are {NODES} or more")


async def test_nodes_are_listed_again_only_after_the_cache_time() -> None:
    now, api = 0.0, Api([{"metadata": {"name": "a"}}])
    nodes = reader(api, lambda: now)
    assert await nodes.read() == await nodes.read()
    assert api.asked == 1
    now = NODES_SECONDS
    await nodes.read()
    assert api.asked == 2
