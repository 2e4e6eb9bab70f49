"""Who writes which fields, as the API server records it: the operator has no conflict with a tool for GitOps.

docs/gitops.md has the table.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_operator.api.names import FIELD_MANAGER
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from tests.controller.cluster import ModelNamespace
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.gitops.status import verdict
from tests.kube.support import ControlPlane, manifest
from tests.support.control_plane import ControlPlaneError

pytestmark = pytest.mark.apiserver

Object = dict[str, Any]
TOOL = "argocd-controller"
CHILDREN = "deployment,service,serviceaccount,configmap,networkpolicy"


def apply(plane: ControlPlane, namespace: str, body: Object, manager: str = TOOL) -> None:
    """Applies on the server's side, as Argo CD and Flux do; a conflict is an error."""
    flags = ("--server-side", f"--field-manager={manager}", "--namespace", namespace)
    plane.kubectl("apply", *flags, "-f", "-", input=json.dumps(body))


def read(plane: ControlPlane, namespace: str, *what: str) -> Object:
    """Objects with their managers."""
    flags = ("--namespace", namespace, "--show-managed-fields", "--output=json")
    found: Object = json.loads(plane.kubectl("get", *what, *flags))
    return found


def writers(body: Object) -> set[tuple[str, str, str]]:
    """(manager, operation, subresource) of everyone who owns fields of an object."""
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", ""))
        for entry in body["metadata"]["managedFields"]
    }


def owned(body: Object, manager: str) -> set[str]:
    """The top-level fields of which a manager owns some."""
    entries = [entry for entry in body["metadata"]["managedFields"] if entry["manager"] == manager]
    return {field.removeprefix("f:") for entry in entries for field in entry["fieldsV1"]}


async def test_the_operator_owns_the_status_of_a_model_and_the_tool_the_rest(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, control_plane: ControlPlane
) -> None:
    labelled = manifest()
    labelled["metadata"]["labels"] = {"team": "a"}
    apply(control_plane, cluster.namespace, labelled)
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    model = read(control_plane, cluster.namespace, "modeldeployments.fairlead.dev/tiny")
    assert writers(model) == {(TOOL, "Apply", ""), (FIELD_MANAGER, "Update", "status")}
    assert (owned(model, TOOL), owned(model, FIELD_MANAGER)) == ({"metadata", "spec"}, {"status"})
    # The next version of the manifest conflicts with nothing, and another tool's would.
    apply(control_plane, cluster.namespace, manifest(replicas=2))
    again = read(control_plane, cluster.namespace, "modeldeployments.fairlead.dev/tiny")
    assert (again["spec"]["replicas"], again["metadata"].get("labels")) == (2, None)
    with pytest.raises(ControlPlaneError, match=r"conflict with \"argocd-controller\".*: \.spec\.replicas"):
        apply(control_plane, cluster.namespace, manifest(replicas=3), manager="another")


async def test_the_operator_owns_what_it_renders_of_every_child(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, control_plane: ControlPlane
) -> None:
    await cluster.create()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    selector = "--selector=fairlead.dev/model=tiny"
    children = read(control_plane, cluster.namespace, CHILDREN, selector)["items"]
    assert len(children) == len(CHILDREN.split(","))
    for child in children:
        kind, found = child["kind"], writers(child)
        assert (FIELD_MANAGER, "Apply", "") in found, kind
        others = {writer for writer in found if writer[0] != FIELD_MANAGER}
        allowed = {"kube-controller-manager"} if kind == "Deployment" else set()
        assert {manager for manager, _, _ in others} <= allowed, kind


async def test_a_model_that_no_operator_has_seen_yet_is_awaited(
    cluster: ModelNamespace, control_plane: ControlPlane
) -> None:
    stored = await cluster.create()
    assert stored["status"]["observedGeneration"] == 0
    found = verdict(stored)
    assert (found.kstatus, found.argo) == ("InProgress", "Progressing")


async def test_a_reconciled_model_is_healthy_and_a_changed_one_is_awaited_at_once(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet
) -> None:
    await cluster.create()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    body = await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny")
    assert (verdict(body).kstatus, verdict(body).argo) == ("Current", "Healthy")
    change = {"spec": {"replicas": 2}}
    changed = await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", change)
    assert (verdict(changed).kstatus, verdict(changed).argo) == ("InProgress", "Progressing")
