"""The operator as a process, and a tenant who does what the API server lets them to harm it: objects that are
nested without end, pods that only have a model's label, gateways that were replaced.
"""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.bounds import OBJECT_BYTES, SPEC_BYTES
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import CONFIG_MAP, DEPLOYMENT, MODEL_DEPLOYMENT, POD
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.hostile_pod import TRANSPORT, demands, running_pods
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import ControlPlane, Object, eventually

pytestmark = pytest.mark.apiserver

OURS, STRANGERS, VICTIM = "127.0.0.5", "127.0.0.6", "127.0.0.7"
# The API server takes 10,000, Python's parser 1,000.
NESTING = 5000
DEEP = '{"a":' * NESTING + "1" + "}" * NESTING


def nest_status(plane: ControlPlane, namespace: str, name: str) -> None:
    """Writes a status that no Python program can parse."""
    status = f'{{"status": {{"autoscaling": {{"desiredReplicas": 1, "learned": {DEEP}}}}}}}'
    plane.kubectl(
        *(
            "patch",
            "modeldeployment",
            name,
            "-n",
            namespace,
            "--subresource=status",
            "--type=merge",
            "-p",
            status,
        )
    )


def nest_spec(plane: ControlPlane, namespace: str, name: str) -> None:
    """Writes such a spec."""
    spec = f'{{"spec": {{"podTemplate": {{"spec": {{"containers": [{{"name": "x", "env": {DEEP}}}]}}}}}}}}'
    plane.kubectl("patch", "modeldeployment", name, "-n", namespace, "--type=merge", "-p", spec)


@pytest.mark.parametrize("nest", [nest_status, nest_spec])
async def test_an_unparsable_object_does_not_stop_other_models(
    cluster: ModelNamespace, control_plane: ControlPlane, start_operator: Start, nest: Any
) -> None:
    await cluster.create("deep")
    nest(control_plane, cluster.namespace, "deep")
    # It is there when the operator starts, and it changes while the operator runs.
    operator = start_operator()
    await cluster.create()
    await cluster.await_child(DEPLOYMENT)
    nest(control_plane, cluster.namespace, "deep")
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"replicas": 2}})

    async def scaled() -> bool:
        live = await cluster.find(DEPLOYMENT)
        return bool(live and live["spec"]["replicas"] == 2)

    await eventually("the other model", scaled)
    assert await operator.ready()


async def test_the_client_lists_and_reads_unparsable_objects(
    cluster: ModelNamespace, control_plane: ControlPlane, kube: KubeClient
) -> None:
    await cluster.create()
    await cluster.create("deep")
    nest_status(control_plane, cluster.namespace, "deep")
    assert sorted(await kube.names(MODEL_DEPLOYMENT, cluster.namespace)) == [
        (cluster.namespace, "deep"),
        (cluster.namespace, "tiny"),
    ]
    assert len(await kube.list(MODEL_DEPLOYMENT, cluster.namespace)) == 2
    body = await kube.get(MODEL_DEPLOYMENT, cluster.namespace, "deep")
    assert body["spec"]["model"]["source"]


async def test_a_spec_that_is_too_large_is_refused_with_its_size(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    variables = [{"name": f"A{number}", "value": "x" * 100} for number in range(4000)]
    container = {"name": "vllm", "env": variables}
    await cluster.create(podTemplate={"spec": {"containers": [container]}})
    condition = await cluster.await_condition("Ready", "False", "InvalidSpec")
    assert f"must be at most {SPEC_BYTES}" in condition["message"]
    assert await cluster.find(DEPLOYMENT) is None


async def test_an_oversized_child_is_still_reconciled(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create()
    await cluster.await_child(DEPLOYMENT)
    junk = {f"junk-{number}": "x" * 1000 for number in range(2 * OBJECT_BYTES // 1000)}
    await cluster.kube.patch(CONFIG_MAP, cluster.namespace, "tiny-gateway", {"data": junk})
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"replicas": 2}})

    async def scaled() -> bool:
        live = await cluster.find(DEPLOYMENT)
        return bool(live and live["spec"]["replicas"] == 2)

    await eventually("the change", scaled)


async def strange_pod(cluster: ModelNamespace, name: str, address: str) -> None:
    """A pod of the tenant's own that looks like one of the model and is no part of it."""
    labels = {MODEL_LABEL: "tiny", "app.kubernetes.io/component": "engine"}
    body: Object = {
        "metadata": {"name": name, "labels": labels, "annotations": {"junk": "x" * 100_000}},
        "spec": {"containers": [{"name": "vllm", "image": "x"}]},
    }
    await cluster.kube.create(POD, cluster.namespace, body)
    running = {"state": {"running": {"startedAt": "2026-01-01T12:00:00Z"}}, "ready": True, "started": True}
    container = {"image": "x", "imageID": "", "restartCount": 0, **running}
    status = {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "initContainerStatuses": [{"name": "gateway", **container}],
        "conditions": [{"type": "Ready", "status": "False"}],
    }
    await cluster.kube.patch_status(POD, cluster.namespace, name, status)


async def test_unowned_pods_with_the_label_are_neither_queried_nor_listed(
    cluster: ModelNamespace, start_operator: Start, node: FakeKubelet
) -> None:
    async with running_pods({OURS: demands(), STRANGERS: demands()}) as (port, pods):
        for number in range(3):
            await strange_pod(cluster, f"strange-{number}", STRANGERS)
        start_operator(settings={"FAIRLEAD_ADMIN_PORT": str(port)})
        await cluster.create()
        mine = await node_pod(cluster, node)
        await node.starting(mine, OURS)

        async def asked() -> bool:
            return len(pods[OURS].hits) >= 2

        await eventually("the model's own pod to be asked", asked)
        assert pods[STRANGERS].hits == []
    body = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
    assert [entry["pod"] for entry in body["status"]["endpoints"]] == [mine["metadata"]["name"]]


async def node_pod(cluster: ModelNamespace, node: FakeKubelet) -> Object:
    """The pod that the model's Deployment made."""

    async def made() -> Object | None:
        found = [pod for pod in await node.pods() if pod["metadata"].get("ownerReferences")]
        return found[0] if found else None

    pod = await eventually("the model's own pod", made)
    assert pod is not None
    return pod


@pytest.mark.parametrize("name", ["endless body", "nothing", "silence", "gzip bomb"])
async def test_a_pod_with_a_replaced_gateway_does_not_stop_scaling_decisions(
    cluster: ModelNamespace, start_operator: Start, node: FakeKubelet, name: str
) -> None:
    rules = {"minReplicas": 1, "maxReplicas": 2, "pollingIntervalSeconds": 1}
    async with running_pods({OURS: TRANSPORT[name]}) as (port, pods):
        operator = start_operator(settings={"FAIRLEAD_ADMIN_PORT": str(port)})
        await cluster.create(autoscaling=rules)
        await node.ready([OURS])
        await cluster.await_condition("Ready", "True", "Ready")

        async def asked() -> bool:
            return len(pods[OURS].hits) >= 2

        await eventually("requests to the pod", asked)
        await more_decisions(operator)
        assert await operator.metric(r'demand_requests_total\{result="failed",source="gateway"') >= 1


async def more_decisions(operator: OperatorProcess) -> None:
    before = await operator.metric("autoscaler_decisions_total")

    async def decided() -> bool:
        return await operator.metric("autoscaler_decisions_total") >= before + 2

    await eventually("further decisions", decided)


async def test_unowned_objects_with_the_label_are_not_read(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    """Each look at a model reads its children; a tenant must not decide how many these are."""
    await cluster.create()
    await cluster.await_child(DEPLOYMENT)
    junk = 60
    for number in range(junk):
        body = {"metadata": {"name": f"junk-{number}", "labels": {MODEL_LABEL: "tiny"}}, "data": {}}
        await cluster.kube.create(CONFIG_MAP, cluster.namespace, body)
    await operator.quiet()

    async def reads() -> float:
        return await operator.metric(r'api_requests_total\{.*kind="ConfigMap",verb="GET"')

    before, reconciles = await reads(), await operator.metric("reconcile_total")
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"replicas": 2}})

    async def looked() -> bool:
        return await operator.metric("reconcile_total") > reconciles

    await eventually("another look", looked)
    await operator.quiet()
    # One look would otherwise read each of them.
    assert await reads() - before < junk
