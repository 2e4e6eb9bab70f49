"""When there is a PodDisruptionBudget and a NetworkPolicy, and what they let happen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fairlead_operator.render.children import render_children
from tests.plan.builders import model
from tests.render.cases import SETTINGS

Object = dict[str, Any]
ADMIN = {"port": 8001, "protocol": "TCP"}


def rendered(kind: str, *, settings: Any = SETTINGS, **spec: Any) -> list[Object]:
    return [child for child in render_children(model(**spec), settings) if child["kind"] == kind]


def test_only_several_replicas_have_a_disruption_budget() -> None:
    assert rendered("PodDisruptionBudget", replicas=0) == []
    assert rendered("PodDisruptionBudget", replicas=1) == []
    (budget,) = rendered("PodDisruptionBudget", replicas=2)
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_deployment_stays_the_last_child() -> None:
    assert render_children(model(replicas=2), SETTINGS)[-1]["kind"] == "Deployment"


def test_the_api_port_is_open_to_all() -> None:
    (policy,) = rendered("NetworkPolicy")
    (rule,) = [rule for rule in policy["spec"]["ingress"] if "from" not in rule]
    assert rule["ports"] == [{"port": 8000, "protocol": "TCP"}]


def test_the_admin_port_is_open_to_the_operator_and_to_monitoring_namespaces_only() -> None:
    (policy,) = rendered("NetworkPolicy")
    (rule,) = [rule for rule in policy["spec"]["ingress"] if ADMIN in rule["ports"]]
    operator, monitoring = rule["from"]
    assert operator["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "fairlead-system"}
    assert operator["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "fairlead"}
    assert monitoring == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}


def test_what_pods_send_is_not_restricted() -> None:
    (policy,) = rendered("NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress"]


def test_the_pods_of_a_replica_on_several_nodes_reach_each_other_on_every_port() -> None:
    accelerator = {"resourceName": "nvidia.com/gpu"}
    (policy,) = rendered("NetworkPolicy", accelerator=accelerator, engine={"nodes": 2})
    (among,) = [rule for rule in policy["spec"]["ingress"] if "ports" not in rule]
    assert among["from"] == [{"podSelector": policy["spec"]["podSelector"]}]


def test_the_protection_covers_every_pod_of_the_model() -> None:
    labels = model().labels.items()
    (budget,), (policy,) = rendered("PodDisruptionBudget", replicas=2), rendered("NetworkPolicy")
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels


def test_the_policy_can_be_left_to_others() -> None:
    assert rendered("NetworkPolicy", settings=replace(SETTINGS, admin_clients=None)) == []
