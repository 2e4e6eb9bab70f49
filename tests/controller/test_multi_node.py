"""Replicas over several nodes before a real API server that knows LeaderWorkerSet's own CRD.

Its controller does not run here: what it would report is written in its place. On GPUs nothing of this ran.
"""

from __future__ import annotations

import pytest

from fairlead_operator.kube.resources import DEPLOYMENT, LEADER_WORKER_SETS, MODEL_DEPLOYMENT
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import Object, eventually

pytestmark = pytest.mark.apiserver

GROUP = "tiny-group"
TWO_NODES: Object = {
    "engine": {"nodes": 2, "args": ["--max-num-seqs=8"]},
    "accelerator": {"resourceName": "nvidia.com/gpu", "count": 8},
    "scheduling": {"topologySpreadConstraints": [{"topologyKey": "topology.kubernetes.io/zone"}]},
}


async def group(cluster: ModelNamespace) -> Object:
    found = await eventually("the LeaderWorkerSet", lambda: cluster.find(LEADER_WORKER_SETS, GROUP))
    assert found is not None
    return found


async def test_the_api_server_stores_a_leader_worker_set_as_rendered(
    lws_crd: str, cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create(**TWO_NODES, replicas=2)
    spec = (await group(cluster))["spec"]
    shape = spec["leaderWorkerTemplate"]
    leader, worker = (shape[kind]["spec"]["containers"][0] for kind in ("leaderTemplate", "workerTemplate"))
    assert (spec["replicas"], shape["size"]) == (2, 2)
    assert "--headless" in worker["args"]
    assert "--headless" not in leader["args"]
    assert await cluster.find(DEPLOYMENT) is None


async def test_an_unchanged_leader_worker_set_causes_no_write(
    lws_crd: str, cluster: ModelNamespace, operator: OperatorProcess, start_operator: Start
) -> None:
    """Defaults that the API server adds to the two pod templates are no difference."""
    await cluster.create(**TWO_NODES)
    await group(cluster)

    async def reported() -> bool:
        body = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
        condition = [item["message"] for item in body.get("status", {}).get("conditions", [])]
        return "0 of 1 replicas ready" in condition

    # An API that was installed a moment ago may not be watched yet: then it is looked at once a minute.
    await eventually("the state of the group", reported, within=120)
    await operator.quiet()
    assert await operator.stop() == 0
    before = (await group(cluster))["metadata"]["resourceVersion"]
    again = start_operator()
    await again.quiet()
    assert await again.writes() == 0
    assert (await group(cluster))["metadata"]["resourceVersion"] == before


async def test_a_model_changed_to_one_node_becomes_a_deployment(
    lws_crd: str, cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create(**TWO_NODES)
    await group(cluster)
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"engine": {"nodes": 1}}})
    await cluster.await_child(DEPLOYMENT)

    async def gone() -> bool:
        return await cluster.find(LEADER_WORKER_SETS, GROUP) is None

    await eventually("the end of the group", gone)


async def test_without_the_leader_worker_set_crd_the_status_names_it_as_missing(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create(**TWO_NODES)
    condition = await cluster.await_condition("Ready", "False", "ApiNotServed")
    assert "LeaderWorkerSet" in condition["message"]
    assert await cluster.find(DEPLOYMENT) is None
