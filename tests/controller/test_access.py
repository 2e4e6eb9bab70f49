"""The rights that the operator's role must give: enough as documented, and named when one is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead_operator.kube.access import NEEDS, OPTIONAL_NEEDS
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import DEPLOYMENT, MODEL_DEPLOYMENT
from tests.controller.conftest import Start
from tests.controller.node import FakeKubelet
from tests.kube.support import ControlPlane, eventually, manifest

pytestmark = pytest.mark.apiserver

ACCOUNT = "operator"


class Account:
    """A service account with a role, and a kubeconfig that uses nothing but its token."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self._plane = plane
        self._namespace = namespace
        self._folder = folder

    def give(self, rules: list[dict[str, Any]]) -> Path:
        """Creates account, role and binding; returns the kubeconfig."""
        head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": ACCOUNT}}
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self._namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT}
        items = [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}},
            {**head, "kind": "Role", "rules": rules},
            {**head, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]},
        ]
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        self._plane.kubectl("apply", "-n", self._namespace, "-f", "-", input=listed)
        token = self._plane.kubectl("create", "token", "-n", self._namespace, ACCOUNT).strip()
        config = yaml.safe_load(self._plane.kubeconfig.read_text())
        config["users"] = [{"name": item["name"], "user": {"token": token}} for item in config["users"]]
        path = self._folder / "account.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path


@pytest.fixture
def account(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Account:
    """A service account of the test's namespace."""
    return Account(control_plane, namespace, tmp_path)


def needed() -> list[dict[str, Any]]:
    """The rules as the operator itself states them, and its Lease."""
    rules = [
        {
            "apiGroups": [resource.group],
            "resources": [f"{resource.plural}/{subresource}" if subresource else resource.plural],
            "verbs": list(verbs),
        }
        for resource, subresource, verbs in (*NEEDS, *OPTIONAL_NEEDS)
    ]
    lease = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
    return [
        *rules,
        {**lease, "verbs": ["create"]},
        {**lease, "verbs": ["get", "update"], "resourceNames": ["fairlead-operator"]},
    ]


async def test_the_documented_rbac_rights_are_sufficient(
    account: Account, start_operator: Start, kube: KubeClient, namespace: str, node: FakeKubelet
) -> None:
    operator = start_operator(kubeconfig=account.give(needed()))
    await kube.create(MODEL_DEPLOYMENT, namespace, manifest())
    await node.ready()

    async def ready() -> bool:
        body = await kube.get(MODEL_DEPLOYMENT, namespace, "tiny")
        return bool(body.get("status", {}).get("readyReplicas"))

    await eventually("a ready model", ready)
    assert await operator.metric(r'code="403"') == 0


async def test_without_the_right_to_list_nodes_the_status_reports_it(
    account: Account, start_operator: Start, kube: KubeClient, namespace: str, node: FakeKubelet
) -> None:
    start_operator(kubeconfig=account.give(needed()))
    await kube.create(MODEL_DEPLOYMENT, namespace, manifest())
    await node.cannot_schedule("0/1 nodes are available: 1 Insufficient cpu.")

    async def reported() -> str | None:
        body = await kube.get(MODEL_DEPLOYMENT, namespace, "tiny")
        conditions = body.get("status", {}).get("conditions", [])
        refused = [item["message"] for item in conditions if item["reason"] == "InsufficientResources"]
        return next(iter(refused), None)

    message = await eventually("the verdict", reported) or ""
    assert "nodes were not looked at: the operator has not the right to list them" in message


async def test_a_missing_rbac_right_stops_the_start_and_is_named(
    account: Account, start_operator: Start
) -> None:
    rules = [rule for rule in needed() if rule["resources"] != ["modeldeployments/status"]]
    operator = start_operator(kubeconfig=account.give(rules))
    assert await operator.wait() == 1
    assert "patch modeldeployments/status.fairlead.dev in namespace" in operator.log


async def test_a_write_refused_by_the_api_server_is_reported_verbatim(
    account: Account, start_operator: Start, kube: KubeClient, control_plane: ControlPlane, namespace: str
) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}}
    hard = {**quota, "spec": {"hard": {"count/deployments.apps": "0"}}}
    control_plane.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(hard))
    control_plane.kubectl(
        "wait", "-n", namespace, "resourcequota/none", "--for=jsonpath={.status.hard}", "--timeout=30s"
    )
    start_operator()
    await kube.create(MODEL_DEPLOYMENT, namespace, manifest())

    async def reported() -> str | None:
        body = await kube.get(MODEL_DEPLOYMENT, namespace, "tiny")
        conditions = body.get("status", {}).get("conditions", [])
        return next((item["message"] for item in conditions if item["reason"] == "QuotaExceeded"), None)

    assert "exceeded quota: none" in (await eventually("the refusal", reported) or "")
    assert await kube.list(DEPLOYMENT, namespace) == []
