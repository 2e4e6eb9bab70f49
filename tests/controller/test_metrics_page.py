"""The operator's page of metrics, as Prometheus scrapes it from the leader and from a standby replica."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.demand import GATEWAY_ADDRESSES, Demand, create_router_pod, running_demand
from tests.controller.demand import SERVICE as ROUTER
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import ControlPlane, eventually
from tests.support.metric_tables import documented, served
from tests.support.metrics import samples, total

pytestmark = pytest.mark.apiserver

GPU = "nvidia.com/gpu"
SPEC: Any = {
    "accelerator": {"resourceName": GPU, "count": 2},
    "autoscaling": {"minReplicas": 1, "maxReplicas": 1, "pollingIntervalSeconds": 1},
}
CRASH = '{"reason": "EngineCrashed", "message": "Worker proc died", "exitCode": 1}'


@pytest.fixture
async def demand(kube: KubeClient, namespace: str) -> AsyncIterator[Demand]:
    async with running_demand() as running:
        await create_router_pod(kube, namespace)
        yield running


async def of_models(operator: OperatorProcess) -> set[str]:
    """The metrics that have a model."""
    return {sample.name for sample in samples(await operator.metrics()) if "model" in sample.labels}


async def test_the_leaders_page_is_as_documented_and_a_deleted_model_leaves_it(
    cluster: ModelNamespace,
    start_operator: Start,
    demand: Demand,
    node: FakeKubelet,
    control_plane: ControlPlane,
    namespace: str,
) -> None:
    settings = {"FAIRLEAD_ADMIN_PORT": str(demand.port), "FAIRLEAD_ROUTER_SERVICE": ROUTER}
    leader = start_operator(settings=settings)
    await eventually("the leader", leader.ready)
    standby = start_operator("operator-1", settings=settings)
    await cluster.create(**SPEC)
    await node.starting(await node.pod(), GATEWAY_ADDRESSES[0])
    await eventually("the pod's report", lambda: leader.metric("operator_gateway_requests_total"))
    await node.crashed_and_ready_again(CRASH)
    await cluster.await_condition("Ready", "True", "Ready")

    await eventually("the autoscaler", lambda: leader.metric("autoscaler_decisions_total"))
    await eventually("the crash", lambda: leader.metric("model_failures_total"))
    assert served(await leader.metrics(), "fairlead_") == documented("Operator")
    labels = {"namespace": namespace, "model": "tiny"}
    page = await leader.metrics()
    ready = {"type": "Ready", "status": "True", "reason": "Ready"}
    assert total(page, "fairlead_model_condition", **labels, **ready) == 1
    assert total(page, "fairlead_model_condition", **labels, type="Ready") == 1
    assert total(page, "fairlead_model_replicas", **labels, state="ready") == 1

    async def counting() -> bool:
        seconds = "fairlead_model_accelerator_seconds_total"
        return total(await leader.metrics(), seconds, **labels, resource=GPU) > 0

    await eventually("accelerator-seconds", counting)
    assert await eventually("the standby replica", standby.ready)
    assert await of_models(standby) == set()

    control_plane.kubectl("delete", MODEL_DEPLOYMENT.plural, "tiny", "-n", namespace)

    async def gone() -> bool:
        return await of_models(leader) == set()

    await eventually("the end of the model's series", gone)
