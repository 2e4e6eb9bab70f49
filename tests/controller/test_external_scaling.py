"""Mode External: Kubernetes' own HorizontalPodAutoscaler writes /scale, and the operator follows."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.kube.resources import DEPLOYMENT, MODEL_DEPLOYMENT, Resource
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.demand import SERVICE, create_router_pod, running_demand
from tests.controller.metrics_api import METRIC, running_metrics_api
from tests.controller.node import FakeKubelet
from tests.kube.support import Object, eventually
from tests.support.control_plane import ControlPlane

pytestmark = pytest.mark.apiserver

HPA = Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
# It knows a resource that was installed after its own start only when it has looked again, and then acts in
# turns of 15 s.
TURNS_SECONDS = 150.0
AUTOSCALER: Object = {
    "metadata": {"name": "tiny"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "fairlead.dev/v1alpha1", "kind": "ModelDeployment", "name": "tiny"},
        "minReplicas": 1,
        "maxReplicas": 4,
        "metrics": [
            {
                "type": "External",
                "external": {
                    "metric": {"name": METRIC},
                    "target": {"type": "AverageValue", "averageValue": "10"},
                },
            }
        ],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
    },
}


async def test_a_real_hpa_scales_the_model_through_its_scale_subresource(
    cluster: ModelNamespace, start_operator: Start, node: FakeKubelet, control_plane: ControlPlane
) -> None:
    async with running_demand() as demand, running_metrics_api(control_plane, cluster.namespace) as metrics:
        await create_router_pod(cluster.kube, cluster.namespace)
        settings = {"FAIRLEAD_ADMIN_PORT": str(demand.port), "FAIRLEAD_ROUTER_SERVICE": SERVICE}
        start_operator(settings=settings)
        rules = {"mode": "External", "minReplicas": 1, "maxReplicas": 4, "pollingIntervalSeconds": 1}
        await cluster.create(autoscaling=rules)

        def scaled_to(number: int) -> Any:
            async def probe() -> bool:
                live = await cluster.find(DEPLOYMENT)
                return live is not None and live["spec"]["replicas"] == number == len(await node.pods())

            return probe

        await eventually("the first pod", scaled_to(1))
        metrics.value = 25
        await cluster.kube.create(HPA, cluster.namespace, AUTOSCALER)
        await eventually("three pods for 25 requests", scaled_to(3), TURNS_SECONDS)
        metrics.value = 9
        await eventually("one pod for 9 requests", scaled_to(1), TURNS_SECONDS)
        await cluster.await_condition("ScalingActive", "False", "ScaledExternally")

    body = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
    assert body["spec"]["replicas"] == body["status"]["desiredReplicas"] == 1
    assert body["status"]["autoscaling"]["message"]
    writers = {
        entry["manager"] for entry in body["metadata"]["managedFields"] if "f:spec" in entry["fieldsV1"]
    }
    assert "fairlead-operator" not in writers
