"""The operator as a process before a real API server: what users and other controllers see of it."""

from __future__ import annotations

import json

import pytest

from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.kube.resources import (
    CHILDREN,
    DEPLOYMENT,
    EVENT,
    LEASE,
    MODEL_DEPLOYMENT,
    POD,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    Resource,
)
from fairlead_operator.objects import controller_of
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import ControlPlane, eventually

pytestmark = pytest.mark.apiserver

# The garbage collector of a fresh control plane looks for new kinds of owners every 30 s only.
_COLLECTED_SECONDS = 120


async def test_a_created_model_gets_its_children_and_becomes_ready(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, control_plane: ControlPlane
) -> None:
    await cluster.create()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    assert sorted(await cluster.versions()) == [
        "ConfigMap/tiny-gateway",
        "Deployment/tiny",
        "ModelDeployment/tiny",
        "NetworkPolicy/tiny",
        "Service/tiny",
        "ServiceAccount/tiny",
    ]
    control_plane.kubectl(
        "wait", "-n", cluster.namespace, "mdep/tiny", "--for=condition=Ready", "--timeout=30s"
    )
    row = control_plane.kubectl("get", "-n", cluster.namespace, "fairlead", "--no-headers").split()
    assert row[1:5] == ["True", "Ready", "1", "1"]


async def test_the_status_reports_url_served_models_replicas_and_the_start(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet
) -> None:
    await cluster.create(model={"source": "hf://a/b", "servedName": "b", "aliases": ["c"]})
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    status = (await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny"))["status"]
    assert status["url"] == f"http://tiny.{cluster.namespace}.svc/v1"
    assert status["servedModels"] == ["b", "c"]
    assert (status["replicas"], status["readyReplicas"], status["observedGeneration"]) == (1, 1, 1)
    assert status["startup"]["pod"] == (await node.pod())["metadata"]["name"]


async def test_changed_and_deleted_children_are_restored(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create()
    service, deployment = await cluster.await_child(SERVICE), await cluster.await_child(DEPLOYMENT)
    await cluster.kube.delete(service)
    await cluster.kube.patch(DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"replicas": 7}})

    async def repaired() -> bool:
        again, live = await cluster.find(SERVICE), await cluster.find(DEPLOYMENT)
        assert live is not None
        new = again is not None and again["metadata"]["uid"] != service["metadata"]["uid"]
        changed = live["metadata"]["generation"] > deployment["metadata"]["generation"]
        return new and changed and live["spec"]["replicas"] == 1

    await eventually("the repair", repaired)


async def test_kubectl_scale_changes_the_replicas(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, control_plane: ControlPlane
) -> None:
    await cluster.create()
    await cluster.await_child(DEPLOYMENT)
    control_plane.kubectl("scale", "-n", cluster.namespace, "modeldeployment/tiny", "--replicas=3")

    async def scaled() -> bool:
        status = (await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")).get("status", {})
        return len(await node.pods()) == 3 and status.get("replicas") == 3

    await eventually("three pods", scaled)
    scale = json.loads(
        control_plane.kubectl(
            "get",
            "--raw",
            f"/apis/fairlead.dev/v1alpha1/namespaces/{cluster.namespace}/modeldeployments/tiny/scale",
        )
    )
    assert scale["status"] == {
        "replicas": 3,
        "selector": f"app.kubernetes.io/component=engine,{MODEL_LABEL}=tiny",
    }


async def test_a_disruption_budget_exists_only_with_at_least_two_replicas(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create(replicas=2)
    await cluster.await_child(POD_DISRUPTION_BUDGET)
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"replicas": 1}})

    async def gone() -> bool:
        return await cluster.find(POD_DISRUPTION_BUDGET) is None

    await eventually("the end of the budget", gone)


async def test_children_orphaned_while_no_operator_ran_are_deleted(
    cluster: ModelNamespace, operator: OperatorProcess, start_operator: Start
) -> None:
    await cluster.create(replicas=2)
    await cluster.await_child(POD_DISRUPTION_BUDGET)
    assert await operator.stop() == 0
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"replicas": 1}})
    start_operator("operator-1")

    async def gone() -> bool:
        return await cluster.find(POD_DISRUPTION_BUDGET) is None

    await eventually("the end of the budget", gone)


async def test_an_unowned_disruption_budget_is_left_alone(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    theirs = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "tiny"},
        "spec": {"maxUnavailable": 3, "selector": {"matchLabels": {"theirs": "yes"}}},
    }
    before = await cluster.kube.create(POD_DISRUPTION_BUDGET, cluster.namespace, theirs)
    await cluster.create(replicas=2)
    condition = await cluster.await_condition("Stalled", "True", "NameConflict")
    assert "PodDisruptionBudget/tiny" in condition["message"]
    after = await cluster.find(POD_DISRUPTION_BUDGET)
    assert after is not None
    assert after["spec"] == before["spec"]


async def test_a_model_with_0_replicas_is_ready_with_reason_scaledtozero(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create(replicas=0)
    await cluster.await_condition("Ready", "True", "ScaledToZero")


async def test_an_unschedulable_pod_is_reported_as_insufficientresources(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, control_plane: ControlPlane
) -> None:
    await cluster.create(accelerator={"resourceName": "nvidia.com/gpu"})
    await node.cannot_schedule("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
    condition = await cluster.await_condition("Ready", "False", "InsufficientResources")
    assert "nvidia.com/gpu" in condition["message"]
    assert "InsufficientResources" in control_plane.kubectl("get", "-n", cluster.namespace, "mdep").split()

    async def event() -> bool:
        found = await cluster.kube.list(EVENT, cluster.namespace)
        return any((item["type"], item["reason"]) == ("Warning", "InsufficientResources") for item in found)

    await eventually("the Event", event)


async def test_the_launchers_cause_is_reported_until_the_spec_is_corrected(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet
) -> None:
    await cluster.create(engine={"args": ["--no-such-flag"]})
    termination = {
        "reason": "EngineArgumentInvalid",
        "message": "unrecognized arguments: --no-such-flag",
        "exitCode": 2,
    }
    await node.engine_ended(json.dumps(termination))
    condition = await cluster.await_condition("Stalled", "True", "EngineArgumentInvalid")
    assert "unrecognized arguments: --no-such-flag" in condition["message"]
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": {"engine": {"args": []}}})
    await cluster.await_condition("Stalled", "False", "Progressing")


async def test_a_pod_above_the_quota_is_reported(cluster: ModelNamespace, operator: OperatorProcess) -> None:
    quota = Resource("v1", "ResourceQuota", "resourcequotas")
    body = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    await cluster.kube.create(quota, cluster.namespace, body)

    async def counted() -> bool:
        return "hard" in (await cluster.kube.get(quota, cluster.namespace, "none")).get("status", {})

    await eventually("the quota's own controller", counted)
    await cluster.create()
    condition = await cluster.await_condition("Ready", "False", "QuotaExceeded")
    assert "exceeded quota: none" in condition["message"]


async def test_an_unowned_object_with_a_childs_name_is_left_alone_and_named(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "tiny"},
        "spec": {"ports": [{"port": 5432}]},
    }
    before = await cluster.kube.create(SERVICE, cluster.namespace, theirs)
    await cluster.create()
    condition = await cluster.await_condition("Stalled", "True", "NameConflict")
    assert "Service/tiny" in condition["message"]
    assert await cluster.find(SERVICE) == before
    assert await cluster.find(DEPLOYMENT) is None


async def test_deletion_of_a_model_leaves_no_child(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, control_plane: ControlPlane
) -> None:
    body = await cluster.create()
    await node.pod()
    assert "finalizers" not in body["metadata"]
    control_plane.kubectl("delete", "-n", cluster.namespace, "modeldeployment/tiny")

    async def left() -> bool:
        objects = [
            item
            for resource in (*CHILDREN, POD)
            for item in await cluster.kube.list(resource, cluster.namespace, f"{MODEL_LABEL}=tiny")
        ]
        return not objects

    await eventually("the end of all children", left, within=_COLLECTED_SECONDS)


async def test_a_recreated_model_gets_its_own_children(
    cluster: ModelNamespace, operator: OperatorProcess, control_plane: ControlPlane
) -> None:
    await cluster.create()
    former = await cluster.await_child(DEPLOYMENT)
    control_plane.kubectl("delete", "-n", cluster.namespace, "modeldeployment/tiny")
    again = await cluster.create()

    async def replaced() -> bool:
        found = await cluster.find(DEPLOYMENT)
        return found is not None and controller_of(found)["uid"] == again["metadata"]["uid"]

    await eventually("a Deployment of the new model", replaced, within=_COLLECTED_SECONDS)
    assert (await cluster.await_child(DEPLOYMENT))["metadata"]["uid"] != former["metadata"]["uid"]


async def test_neither_a_steady_state_nor_an_operator_restart_causes_writes(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, start_operator: Start
) -> None:
    await cluster.create()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    await operator.quiet()
    before = await cluster.versions()
    assert await operator.stop() == 0
    again = start_operator("operator-1")
    await again.quiet()
    assert await again.writes() == 0
    assert await cluster.versions() == before


async def test_the_standby_takes_over_from_a_stopped_leader_before_the_lease_expires(
    cluster: ModelNamespace, operator: OperatorProcess, start_operator: Start
) -> None:
    await eventually("the first replica", operator.ready)
    standby = start_operator("operator-1")
    await eventually("the standby", standby.ready)
    assert (await operator.metric("_leader$"), await standby.metric("_leader$")) == (1, 0)
    assert await operator.stop() == 0
    lease = await cluster.kube.get(LEASE, cluster.namespace, "fairlead-operator")
    # Released: the first candidate may take it without waiting for its expiry.
    assert lease["spec"]["holderIdentity"] in ("", "operator-1")
    await cluster.create()
    await cluster.await_child(DEPLOYMENT)
    assert await standby.metric("_leader$") == 1
